/* The table of answers (docs/v3.md, Answers), row by row, against the real process. */
#include "services/alert-ingest/ring.h"
#include "services/alert-ingest/test_rig.h"

#define ENTRY(id, price)                                                                      \
        "{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":\"XAUUSD\"," \
        "\"direction\":\"buy\",\"tf\":\"15\",\"price\":" price ",\"consensus_score\":7" id "}"
#define EXIT(id, price)                                                                 \
        "{\"type\":\"exit_v3\",\"signal_type\":\"Bullish_Exit\",\"symbol\":\"XAUUSD\"," \
        "\"tf\":\"15\",\"price\":" price id "}"
#define ID ",\"id\":\"alert-1\""

static void expect(const struct rig_answer *answer, int status, const char *says)
{
        cr_expect_eq(answer->status, status, "%s", answer->text);
        cr_expect(strstr(answer->text, says), "\"%s\" not in %s", says, answer->text);
}

Test(answers, accepted_then_duplicate_with_the_firsts_id_and_seq)
{
        struct rig rig;
        struct rig_answer first, again, other;

        rig_init(&rig, "");
        rig_start(&rig);
        first = rig_post(&rig, "tok-tv", ENTRY("", "2650.5"));
        expect(&first, 200, "{\"status\":\"accepted\",\"alert_id\":\"");
        cr_expect(!strstr(first.text, "warnings"));
        cr_expect_eq(strlen(first.alert_id), 26);
        cr_expect_eq(first.seq, 1);

        again = rig_post(&rig, "tok-tv", ENTRY("", "2650.5"));
        expect(&again, 200, "{\"status\":\"duplicate\",\"alert_id\":\"");
        cr_expect_str_eq(again.alert_id, first.alert_id);
        cr_expect_eq(again.seq, 1);

        /* Another body is another alert, and keys are per source. */
        other = rig_post(&rig, "tok-tv", ENTRY("", "2650.6"));
        expect(&other, 200, "accepted");
        cr_expect_eq(other.seq, 2);
        other = rig_post(&rig, "tok-test", ENTRY("", "2650.5"));
        expect(&other, 200, "accepted");
        cr_expect_str_neq(other.alert_id, first.alert_id);
        rig_done(&rig);
}

Test(answers, what_is_wrong_is_said_with_its_status_and_field)
{
        static const struct {
                const char *body;
                int status;
                const char *says;
        } rows[] = {
                { "", 400, "{\"status\":\"rejected\",\"errors\":[{\"code\":\"invalid_json\"" },
                { "[]", 400, "\"code\":\"invalid_json\"" },
                { "{\"a\":1,\"a\":2}", 400, "\"code\":\"invalid_json\"" },
                { "{\"price\":{{close}}}", 400,
                        "\"code\":\"unsubstituted_placeholder\",\"field\":\"{{close}}\"" },
                { "{}", 422, "\"code\":\"missing_field\",\"field\":\"type\"" },
                { "{\"type\":\"entry_v9\"}", 422, "\"code\":\"unknown_type\",\"field\":\"type\"" },
                { ENTRY("", "0"), 422, "\"code\":\"out_of_range\",\"field\":\"price\"" },
                { ENTRY("", "\"2650\""), 422, "\"code\":\"wrong_type\",\"field\":\"price\"" },
                { ENTRY(",\"sl_price\":2700", "2650"), 422,
                        "\"code\":\"stops_wrong_side\",\"field\":\"sl_price\"" },
        };
        struct rig rig;
        struct rig_answer answer;

        rig_init(&rig, "");
        rig_start(&rig);
        for (size_t i = 0; i < BUS_COUNT(rows); i++) {
                answer = rig_post(&rig, "tok-tv", rows[i].body);
                expect(&answer, rows[i].status, rows[i].says);
        }
        answer = rig_post(&rig, "tok-tv", ENTRY(",\"colour\":1", "2650"));
        expect(&answer, 200, "\"warnings\":[{\"code\":\"unknown_field\",\"field\":\"colour\"");
        rig_done(&rig);
}

Test(answers, a_body_over_the_cap_is_413_and_one_at_the_cap_is_not)
{
        static char body[16384 + 2];
        struct rig rig;
        struct rig_answer answer;

        rig_init(&rig, "");
        rig_start(&rig);
        memset(body, ' ', sizeof(body) - 1);
        memcpy(body, RIG_PULSE, strlen(RIG_PULSE));
        answer = rig_post(&rig, "tok-tv", body);
        expect(&answer, 413, "\"code\":\"body_too_large\",\"field\":\"\"");
        body[16384] = 0;
        answer = rig_post(&rig, "tok-tv", body);
        expect(&answer, 200, "accepted");
        /* Who has no token hears nothing of sizes. */
        memset(body, ' ', sizeof(body) - 1);
        answer = rig_post(&rig, "wrong", body);
        expect(&answer, 401, "unauthorized");
        rig_done(&rig);
}

Test(answers, a_wrong_token_a_wrong_path_and_a_wrong_method)
{
        struct rig rig;
        struct rig_answer answer;

        rig_init(&rig, "");
        rig_start(&rig);
        for (int i = 0; i < 50; i++) {
                answer = rig_post(&rig, i % 2 ? "tok-t" : "tok-tv/x", RIG_PULSE);
                expect(&answer, 401, "\"code\":\"unauthorized\"");
        }
        answer = rig_post(&rig, "", RIG_PULSE);
        expect(&answer, 401, "unauthorized");
        answer = rig_ask(&rig, "GET /webhook/tok-tv HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(&answer, 405, "Allow: POST");
        answer = rig_ask(&rig, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(&answer, 404, "not_found");
        answer = rig_ask(&rig, "POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        expect(&answer, 404, "not_found");
        answer = rig_ask(&rig, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(&answer, 200, "ok");
        answer = rig_ask(&rig, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(&answer, 200, "ok");
        /* Strangers are counted; they fill neither the log nor the ring, and tokens are in neither. */
        cr_expect_eq(rig_logged(&rig, " unauthorized "), 1);
        cr_expect_eq(rig_logged(&rig, "tok-"), 0);
        rig_done(&rig);
}

Test(answers, a_constant_id_is_refused_for_entries_and_alarmed)
{
        struct rig rig;
        struct rig_answer first, answer;
        Pb__Envelope *alarm;

        rig_init(&rig, "");
        rig_start(&rig);
        first = rig_post(&rig, "tok-tv", ENTRY(ID, "2650.5"));
        expect(&first, 200, "accepted");
        answer = rig_post(&rig, "tok-tv", ENTRY(ID, "2650.5"));
        expect(&answer, 200, "duplicate");
        cr_expect_str_eq(answer.alert_id, first.alert_id);
        for (int i = 0; i < 3; i++) {
                answer = rig_post(&rig, "tok-tv", ENTRY(ID, "2651.5"));
                expect(&answer, 409,
                        "{\"status\":\"rejected\",\"errors\":[{\"code\":\"id_reused\","
                        "\"field\":\"id\"");
        }
        cr_expect_eq(rig_stop(&rig, SIGTERM), 0);
        alarm = rig_journal(&rig, "alarm", 0);
        cr_assert(alarm);
        pb__envelope__free_unpacked(alarm, NULL);
        cr_expect_null(rig_journal(&rig, "alarm", 1), "said once");
        cr_expect_null(rig_journal(&rig, "signal", 1));
        rig_done(&rig);
}

Test(answers, an_exit_with_a_constant_id_is_taken_with_a_warning)
{
        struct rig rig;
        struct rig_answer first, second, answer;
        Pb__Envelope *message;
        Pb__Signal *signal;

        rig_init(&rig, "");
        rig_start(&rig);
        first = rig_post(&rig, "tok-tv", EXIT(ID, "2650.5"));
        expect(&first, 200, "accepted");
        second = rig_post(&rig, "tok-tv", EXIT(ID, "2651.5"));
        expect(&second, 200, "\"status\":\"accepted\"");
        expect(&second, 200, "\"warnings\":[{\"code\":\"id_reused\",\"field\":\"id\"");
        cr_expect_eq(second.seq, 2);
        answer = rig_post(&rig, "tok-tv", EXIT(ID, "2651.5"));
        expect(&answer, 200, "\"status\":\"duplicate\"");
        cr_expect_str_eq(answer.alert_id, second.alert_id);
        answer = rig_post(&rig, "tok-tv", EXIT(ID, "2650.5"));
        cr_expect_str_eq(answer.alert_id, first.alert_id);

        cr_expect_eq(rig_stop(&rig, SIGTERM), 0);
        message = rig_journal(&rig, "alarm", 0);
        cr_assert(message, "no alarm");
        pb__envelope__free_unpacked(message, NULL);
        message = rig_journal(&rig, "signal", 1);
        signal = pb__signal__unpack(NULL, message->body.len, message->body.data);
        cr_assert(signal);
        cr_expect_str_eq(message->alert_id, second.alert_id);
        cr_expect_eq(strncmp(signal->idempotency_key, "sha256:", 7), 0);
        cr_assert_eq(signal->n_warnings, 1);
        cr_expect_str_eq(signal->warnings[0]->code, "id_reused");
        pb__signal__free_unpacked(signal, NULL);
        pb__envelope__free_unpacked(message, NULL);
        rig_done(&rig);
}

Test(answers, an_accepted_alert_is_a_signal_with_its_stamps_and_marks)
{
        struct rig rig;
        struct rig_answer answer;
        Pb__Envelope *message;
        Pb__Signal *signal;

        rig_init(&rig, "");
        rig_start(&rig);
        answer = rig_post(&rig, "tok-test", RIG_PULSE);
        expect(&answer, 200, "accepted");
        rig_stop(&rig, SIGTERM);
        message = rig_journal(&rig, "signal", 0);
        cr_assert(message);
        signal = pb__signal__unpack(NULL, message->body.len, message->body.data);
        cr_assert(signal);
        cr_expect_str_eq(message->alert_id, answer.alert_id);
        cr_expect_str_neq(message->message_id, message->alert_id);
        cr_expect(message->test);
        cr_assert_geq(message->n_stamps, 2);
        cr_expect_eq(message->stamps[0]->step, PB__STEP__STEP_HTTP_RECEIVED);
        cr_expect_eq(message->stamps[1]->step, PB__STEP__STEP_SIGNAL_STAGED);
        cr_expect_leq(message->stamps[0]->at_us, message->stamps[1]->at_us);
        cr_expect_eq(message->stamps[0]->at_us, signal->received_us);
        cr_expect_eq(signal->born_us, signal->received_us);
        cr_expect_str_eq(signal->source, "test");
        cr_expect_str_eq(signal->symbol, "XAUUSD");
        cr_expect_null(signal->context);
        cr_expect_eq(signal->raw.len, strlen(RIG_PULSE));
        pb__signal__free_unpacked(signal, NULL);
        pb__envelope__free_unpacked(message, NULL);
        rig_done(&rig);
}

static void see_refused(void *arg, const struct ring_entry *entry)
{
        sprintf((char *)arg + strlen(arg), "%s:%s:%s:%s:%lu:%.*s;", entry->source, entry->address,
                entry->code, entry->field, (unsigned long)entry->size, (int)entry->body.size,
                (const char *)entry->body.data);
}

Test(answers, refused_alerts_with_a_token_are_kept_those_without_are_not)
{
        char seen[1024] = "", path[64];
        struct rig rig;

        rig_init(&rig, "");
        rig_start(&rig);
        rig_post(&rig, "tok-tv", "{}");
        rig_post(&rig, "wrong", "{\"mine\":1}");
        rig_post(&rig, "tok-test", "{\"type\":\"entry_v9\"}");
        snprintf(path, sizeof(path), "%s/alert-ingest/refused.ring", rig.folder);
        cr_assert_eq(ring_read(path, see_refused, seen), 0);
        cr_expect_str_eq(seen, "tv:127.0.0.1:missing_field:type:2:{};"
                               "test:127.0.0.1:unknown_type:type:19:{\"type\":\"entry_v9\"};");
        cr_expect_eq(rig_logged(&rig, "code=missing_field field=\"type\""), 1);
        rig_done(&rig);
}

Test(answers, an_address_off_the_list_gets_what_a_wrong_token_gets)
{
        static const char request[] = "POST /webhook/tok-tv HTTP/1.1\r\nHost: x\r\n%s"
                                      "Content-Length: 2\r\n\r\n{}";
        static const struct {
                const char *header;
                int status;
        } rows[] = {
                { "", 401 },
                { "X-Forwarded-For: 52.89.214.238\r\n", 422 },
                { "X-Forwarded-For: 52.89.214.239\r\n", 401 },
                { "X-Forwarded-For: 52.89.214.238, 9.9.9.9\r\n", 401 },
                { "X-Forwarded-For: 52.89.214.238\r\nX-Forwarded-For: 9.9.9.9\r\n", 401 },
        };
        struct rig rig;

        rig_init(&rig, "allow = 52.89.214.238\ntrusted_proxies = 127.0.0.0/8\n");
        rig_start(&rig);
        for (size_t i = 0; i < BUS_COUNT(rows); i++) {
                char text[256];
                struct rig_answer answer;

                snprintf(text, sizeof(text), request, rows[i].header);
                answer = rig_ask(&rig, text);
                cr_expect_eq(answer.status, rows[i].status, "%s", rows[i].header);
        }
        rig_done(&rig);
}
