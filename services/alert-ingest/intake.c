/*
 * An authenticated alert, from its body to its answer. All alerts that come in while a commit runs
 * are staged in the next turn and share its sync; each is answered when that has returned.
 */
#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/alert-ingest/answer.h"
#include "services/alert-ingest/ingest.h"
#include "services/common/alert_age.h"
#include "services/common/signal_codec.h"
#include "services/common/v3_names.h"

#include <inttypes.h>
#include <stdio.h>

/* An accepted alert whose commit is awaited. */
struct intake {
        struct intake *next, **link; /* in ingest->intakes */
        struct http_request *request;
        const struct auth_source *source;
        struct alert *alert;
        struct alert_key key;
        int64_t received_us, born_us;
        char alert_id[BUS_ID_SIZE];
};

/* What a claim keeps of the first alert: its id, and the hash of its body. */
struct claim_value {
        char alert_id[BUS_ID_SIZE];
        uint8_t body_hash[BUS_SHA256_SIZE];
};

static struct intake *intake_new(
        struct ingest *ingest, struct http_request *request, const struct auth_source *source)
{
        struct intake *intake = bus_new(struct intake);

        intake->request = request;
        intake->source = source;
        intake->link = &ingest->intakes;
        intake->next = ingest->intakes;
        if (intake->next)
                intake->next->link = &intake->next;
        ingest->intakes = intake;
        return intake;
}

static void intake_release(struct intake *intake)
{
        alert_free(intake->alert);
        free(intake);
}

static void intake_free(struct intake *intake)
{
        *intake->link = intake->next;
        if (intake->next)
                intake->next->link = intake->link;
        intake_release(intake);
}

void intake_free_all(struct ingest *ingest)
{
        struct intake *next;

        for (struct intake *intake = ingest->intakes; intake; intake = next) {
                next = intake->next;
                intake_release(intake);
        }
        ingest->intakes = NULL;
}

/* ---- refused ---- */

static void keep_refused(struct ingest *ingest, struct http_request *request,
        const struct auth_source *source, const char *address, const struct alert_fault *fault)
{
        struct ring_entry entry = { .at_us = http_received_us(request),
                .size = http_body_size(request),
                .body = http_body(request) };
        uint64_t count;
        int r;

        snprintf(entry.source, sizeof(entry.source), "%s", source->name);
        snprintf(entry.address, sizeof(entry.address), "%s", address);
        snprintf(entry.code, sizeof(entry.code), "%s", alert_code_name(fault->code));
        snprintf(entry.field, sizeof(entry.field), "%s", fault->field);
        r = ring_add(ingest->ring, &entry);
        if (r < 0 && throttle_pass(&ingest->ring_log, bus_mono_us(), &count))
                log_warn("refused_not_kept", "count=%" PRIu64 " error=\"%s\"", count, strerror(-r));
        if (throttle_pass(&ingest->refused_log, bus_mono_us(), &count))
                log_warn("alert_refused",
                        "source=%s address=%s code=%s field=\"%s\" size=%" PRIu64 " count=%" PRIu64,
                        source->name, address, entry.code, entry.field, entry.size, count);
        bus_metric_inc(ingest->metrics.rejected[fault->code]);
}

static void refuse_too_large(struct ingest *ingest, struct http_request *request,
        const struct auth_source *source, const char *address)
{
        struct alert_fault fault = { .code = ALERT_BODY_TOO_LARGE };
        char message[64];

        snprintf(message, sizeof(message), "a body has at most %d bytes", ALERT_BODY_MAX_BYTES);
        keep_refused(ingest, request, source, address, &fault);
        reply_error(ingest, request, OUTCOME_REJECTED, 413, alert_code_name(ALERT_BODY_TOO_LARGE),
                message);
}

static void refuse_faulty(struct ingest *ingest, struct http_request *request,
        const struct auth_source *source, const char *address, const struct alert *alert)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        bus_require(alert->errors.count);
        keep_refused(ingest, request, source, address, &alert->errors.items[0]);
        answer_rejected(&body, &alert->errors);
        reply(ingest, request, OUTCOME_REJECTED, alert_http_status(alert), &body);
}

/* ---- committed ---- */

static void stage(struct ingest *ingest, struct intake *intake);

static void answer_first(struct ingest *ingest, struct intake *intake, struct bus_pos position)
{
        const struct v3_alert *v3 = &intake->alert->v3;
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        /* Of a hundred alerts ninety-nine are pulses that lead to nothing. */
        bus_log(v3->type == V3_TYPE_PULSE ? BUS_LOG_DEBUG : BUS_LOG_INFO, "alert_accepted",
                "alert_id=%s seq=%" PRIu64 " source=%s symbol=%s signal=%s", intake->alert_id,
                position.seq, intake->source->name, v3->symbol,
                v3_signal_type_name(v3->signal_type));
        answer_accepted(&body, intake->alert_id, position.seq, &intake->alert->warnings);
        /* a test is no alert that counts */
        reply(ingest, intake->request, intake->source->test ? OUTCOME_OTHER : OUTCOME_ACCEPTED, 200,
                &body);
}

static void answer_again(
        struct ingest *ingest, struct intake *intake, const char *alert_id, struct bus_pos position)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        answer_duplicate(&body, alert_id, position.seq);
        reply(ingest, intake->request, OUTCOME_DUPLICATE, 200, &body);
}

static void answer_reused(struct ingest *ingest, struct intake *intake)
{
        static const char says[] = "this id came before with another body: an id names one alert";
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;

        log_warn("id_reused", "source=%s id=\"%s\"", intake->source->name, intake->alert->id);
        answer_error(&body, "rejected", alert_code_name(ALERT_ID_REUSED), "id", says);
        reply(ingest, intake->request, OUTCOME_ID_REUSED, 409, &body);
}

/* The claim was taken. True: answered. False: the alert is staged again. */
static bool judge_duplicate(
        struct ingest *ingest, struct intake *intake, const struct bus_committed *committed)
{
        struct claim_value first;

        bus_require(committed->claim_value.size == sizeof(first));
        memcpy(&first, committed->claim_value.data, sizeof(first));
        if (!memcmp(first.body_hash, intake->key.body_hash, sizeof(first.body_hash))) {
                answer_again(ingest, intake, first.alert_id, committed->position);
                return true;
        }
        watch_reused(ingest, intake->source, intake->alert->id);
        if (intake->alert->v3.type != V3_TYPE_EXIT) {
                answer_reused(ingest, intake);
                return true;
        }
        /* An exit is not refused for its decoration: its body is its key. */
        alert_warn(intake->alert, ALERT_ID_REUSED, "id",
                "came before with another body: taken all the same, as this is an exit");
        alert_key_of_body(intake->alert, intake->received_us, &intake->key);
        stage(ingest, intake);
        return false;
}

static void on_committed(void *self, void *arg, const struct bus_committed *committed)
{
        struct ingest *ingest = self;
        struct intake *intake = arg;

        ingest->group_done++;
        ingest->group_open = false; /* what is staged from here on goes with the next commit */
        if (committed->result < 0)
                reply_unavailable(ingest, intake->request, "not_durable",
                        "cannot be made durable now: send it again");
        else if (!committed->duplicate)
                answer_first(ingest, intake, committed->position);
        else if (!judge_duplicate(ingest, intake, committed))
                return;
        intake_free(intake);
}

/* Behind the answers of one commit: how many alerts shared it. */
static void on_group(void *self, void *arg, int result)
{
        struct ingest *ingest = self;
        struct ingest_metrics *metrics = &ingest->metrics;
        double size = ingest->group_done;

        (void)arg;
        ingest->group_done = 0;
        if (result < 0 || size == 0)
                return;
        bus_metric_inc(metrics->groups);
        bus_metric_add(metrics->grouped, size);
        if (size > bus_metric_value(metrics->group_largest))
                bus_metric_set(metrics->group_largest, size);
}

/* ---- staged ---- */

static void count_in_group(struct ingest *ingest)
{
        if (!ingest->group_open)
                bus_after_commit(ingest->service, on_group, NULL);
        ingest->group_open = true;
}

static void emit(struct ingest *ingest, struct intake *intake, const ProtobufCMessage *signal)
{
        char topic[64];
        BUS_AUTOFREE char *key = bus_xasprintf("%s/%s", intake->source->name, intake->key.text);
        struct claim_value value = { { 0 }, { 0 } };
        const struct bus_out out = { .stream = "signal",
                .topic = topic,
                .body = signal,
                .alert_id = intake->alert_id,
                .test = intake->source->test,
                .stamps = { { PB__STEP__STEP_HTTP_RECEIVED, intake->received_us },
                        { PB__STEP__STEP_SIGNAL_STAGED, bus_wall_us() } } };
        const struct bus_claim claim = { .key = bus_bytes_str(key),
                .value = bus_bytes(&value, sizeof(value)),
                .expires_us = intake->key.lasting ? 0 : intake->received_us + ALERT_KEY_SHORT_US };

        snprintf(topic, sizeof(topic), "signal.v3.%s", intake->alert->v3.symbol);
        memcpy(value.alert_id, intake->alert_id, sizeof(value.alert_id));
        memcpy(value.body_hash, intake->key.body_hash, sizeof(value.body_hash));
        bus_emit_claimed(ingest->service, &out, &claim, on_committed, intake);
}

static void stage(struct ingest *ingest, struct intake *intake)
{
        struct signal_message message;
        struct v3_context context;
        const struct signal_receipt receipt = { .source = intake->source->name,
                .idempotency_key = intake->key.text,
                .received_us = intake->received_us,
                .born_us = intake->born_us };
        bool known = context_for(&ingest->context, intake->alert->v3.symbol, &context);

        signal_fill(&message, &receipt, intake->alert, known ? &context : NULL);
        if (!intake->source->test)
                notice_signal(ingest, intake->alert_id, &message.pb);
        count_in_group(ingest);
        emit(ingest, intake, &message.pb.base);
}

void intake_alert(struct ingest *ingest, struct http_request *request,
        const struct auth_source *source, const char *address)
{
        struct alert *alert;
        struct intake *intake;

        if (http_body_too_large(request)) {
                refuse_too_large(ingest, request, source, address);
                return;
        }
        if (alert_parse(http_body(request), &ingest->symbols, &alert) == ALERT_REFUSED) {
                refuse_faulty(ingest, request, source, address, alert);
                alert_free(alert);
                return;
        }
        intake = intake_new(ingest, request, source);
        intake->alert = alert;
        intake->received_us = http_received_us(request);
        intake->born_us = alert_born_us(alert, intake->received_us);
        alert_key_of(alert, intake->received_us, &intake->key);
        bus_id_new(intake->alert_id);
        watch_heard(ingest, source, alert->v3.symbol, intake->received_us);
        stage(ingest, intake);
}
