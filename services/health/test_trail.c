#include "services/health/summary.h"
#include "services/health/trail.h"

#include "alarm.pb-c.h"
#include "decision.pb-c.h"
#include "libbus/base/e8.h"
#include "libbus/bus/pack.h"
#include "order.pb-c.h"
#include "replay.pb-c.h"
#include "signal.pb-c.h"
#include "trade.pb-c.h"

#include <criterion/criterion.h>
#include <string.h>

#define ALERT_ID   "01M82JE45D3KG6YD6SCCBYDGNB"
#define MESSAGE_ID "01M82JE45DWX6YC5JH6QKJR9Z9"
#define T0         INT64_C(1795371600000000)

struct stamp {
        Pb__Step step;
        int64_t at_us;
};

/* Adds a message as health keeps it; a stamp of step 0 is none. */
static void add(struct trail *trail, const char *topic, const char *stream,
        const ProtobufCMessage *body, int64_t staged_us, bool test, struct stamp made)
{
        BUS_AUTOBUF struct bus_buf packed_body = BUS_BUF_INIT, packed = BUS_BUF_INIT;
        BUS_AUTOBUF struct bus_buf record_bytes = BUS_BUF_INIT;
        Pb__Position at = PB__POSITION__INIT, before = PB__POSITION__INIT;
        Pb__Stamp received = PB__STAMP__INIT, other = PB__STAMP__INIT;
        Pb__Stamp *stamps[] = { &received, &other };
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        Pb__Record record = PB__RECORD__INIT;

        bus_pack(body, &packed_body);
        at.incarnation = 7;
        at.seq = (uint64_t)(staged_us - T0) + 1;
        received.step = PB__STEP__STEP_HTTP_RECEIVED;
        received.at_us = T0;
        other.step = made.step;
        other.at_us = made.at_us;
        envelope.schema = 1;
        envelope.stream = (char *)stream;
        envelope.message_id = (char *)MESSAGE_ID;
        envelope.alert_id = (char *)ALERT_ID;
        envelope.test = test;
        envelope.staged_us = staged_us;
        envelope.position = &at;
        envelope.predecessor = &before;
        envelope.stamps = stamps;
        envelope.n_stamps = made.step ? 2 : 1;
        envelope.body = (ProtobufCBinaryData){ packed_body.size, packed_body.data };
        bus_pack(&envelope.base, &packed);
        record.topic = (char *)topic;
        record.envelope = (ProtobufCBinaryData){ packed.size, packed.data };
        bus_pack(&record.base, &record_bytes);
        cr_assert_eq(trail_add(trail, bus_buf_bytes(&record_bytes)), 0, "%s", topic);
}

static void add_signal(struct trail *trail, bool test)
{
        Pb__Signal signal = PB__SIGNAL__INIT;

        signal.source = (char *)"tv";
        signal.received_us = signal.born_us = T0;
        signal.type = PB__ALERT_TYPE__ALERT_TYPE_EXIT;
        signal.signal_type = PB__SIGNAL_TYPE__SIGNAL_TYPE_BULLISH_EXIT;
        signal.symbol = (char *)"XAUUSD";
        signal.tf = PB__TIMEFRAME__TIMEFRAME_15;
        signal.price_e8 = 265050000000;
        signal.multiplier_e8 = E8_ONE;
        signal.idempotency_key = (char *)"id:1";
        signal.raw = (ProtobufCBinaryData){ 2, (uint8_t *)"{}" };
        add(trail, "signal.v3.XAUUSD", "signal@alert-ingest", &signal.base, T0 + 100, test,
                (struct stamp){ PB__STEP__STEP_SIGNAL_PUBLISHED, T0 + 900 });
}

static void add_decision(struct trail *trail, const char *topic, const char *stream,
        Pb__Verdict verdict, Pb__Reason reason)
{
        Pb__DecisionClose close = PB__DECISION_CLOSE__INIT, *closes[] = { &close };
        Pb__Decision decision = PB__DECISION__INIT;

        close.side = PB__SIDE__SIDE_BUY;
        close.reason = PB__CLOSE_REASON__CLOSE_REASON_EXIT;
        decision.slot = (char *)"v3";
        decision.plugin = (char *)"legacy_v3";
        decision.plugin_build = (char *)"b";
        decision.config_hash = (char *)"c";
        decision.symbol = (char *)"XAUUSD";
        decision.verdict = verdict;
        decision.reason = reason;
        if (verdict == PB__VERDICT__VERDICT_EXECUTE) {
                decision.closes = closes;
                decision.n_closes = 1;
        }
        add(trail, topic, stream, &decision.base, T0 + 1500, false,
                (struct stamp){ PB__STEP__STEP_DECIDE_END, T0 + 1400 });
}

static void add_trade(struct trail *trail, Pb__TradeEvent event, Pb__OrderState state,
        int64_t staged_us, struct stamp stamp)
{
        Pb__Trade trade = PB__TRADE__INIT;

        trade.event = event;
        trade.state = state;
        trade.slot = (char *)"v3";
        trade.plugin = (char *)"legacy_v3";
        trade.symbol = (char *)"XAUUSD";
        trade.reason = (char *)"";
        if (event != PB__TRADE_EVENT__TRADE_EVENT_DONE) {
                trade.role = PB__ORDER_ROLE__ORDER_ROLE_EXIT_CLOSE;
                trade.cl_ord_id = (char *)"0123456789ABCDEF";
                trade.attempt = 1;
                trade.side = PB__SIDE__SIDE_BUY;
                trade.volume_e8 = 1000000;
                trade.ticket = 5;
        }
        if (event == PB__TRADE_EVENT__TRADE_EVENT_FILLED) {
                trade.filled_e8 = trade.volume_e8;
                trade.price_e8 = 265040000000;
                trade.retcode = 10009;
        }
        add(trail, "trade.x.XAUUSD", "trade@order-executor", &trade.base, staged_us, false, stamp);
}

static const char *text(const json_t *json, const char *key)
{
        const char *value = json_string_value(json_object_get(json, key));

        return value ? value : "";
}

Test(trail, follows_an_exit_from_the_request_to_its_end)
{
        struct trail *trail = trail_new();
        json_t *json, *steps;
        int64_t last_us = 0;

        add_trade(trail, PB__TRADE_EVENT__TRADE_EVENT_DONE, PB__ORDER_STATE__ORDER_STATE_FILLED,
                T0 + 5000, (struct stamp){ 0 });
        add_trade(trail, PB__TRADE_EVENT__TRADE_EVENT_FILLED, PB__ORDER_STATE__ORDER_STATE_FILLED,
                T0 + 4000, (struct stamp){ PB__STEP__STEP_SUBMITTED, T0 + 3000 });
        add_signal(trail, false);
        add_decision(trail, "decision.v3.legacy_v3", "decision@strategy-v3",
                PB__VERDICT__VERDICT_EXECUTE, PB__REASON__REASON_EXIT_SIGNAL);
        add_decision(trail, "decision.shadow.legacy_v3", "decision.shadow@strategy-v3-shadow",
                PB__VERDICT__VERDICT_EXECUTE, PB__REASON__REASON_EXIT_SIGNAL);
        json = trail_json(trail);
        steps = json_object_get(json, "steps");

        cr_expect_str_eq(text(json, "state"), "filled");
        cr_expect(json_is_true(json_object_get(json, "final")));
        cr_expect_eq(json_integer_value(json_object_get(json, "fills")), 1);
        cr_expect_eq(json_integer_value(
                             json_object_get(json_object_get(json, "latency_us"), "submitted")),
                3000);
        cr_expect_eq(
                json_integer_value(json_object_get(json_object_get(json, "latency_us"), "durable")),
                900);
        for (size_t i = 0; i < json_array_size(steps); i++) {
                int64_t at_us =
                        json_integer_value(json_object_get(json_array_get(steps, i), "at_us"));

                cr_expect_geq(at_us, last_us);
                last_us = at_us;
        }
        cr_expect_str_eq(text(json_array_get(steps, 0), "step"), "http_received");
        cr_expect_str_eq(text(json_array_get(steps, json_array_size(steps) - 1), "step"), "done");
        cr_expect_eq(json_array_size(json_object_get(json, "trades")), 2);
        cr_expect_eq(json_array_size(json_object_get(json, "shadow")), 1);
        cr_expect_str_eq(text(json_object_get(json, "signal"), "raw"), "{}");
        json_decref(json);
        trail_free(trail);
}

Test(trail, says_how_an_alert_without_an_order_ends)
{
        static const struct {
                Pb__Verdict verdict;
                Pb__Reason reason;
                const char *state;
        } ends[] = {
                { PB__VERDICT__VERDICT_IGNORE, PB__REASON__REASON_TREND_PULSE, "ignored" },
                { PB__VERDICT__VERDICT_NOTIFY, PB__REASON__REASON_SQUEEZE, "notified" },
        };

        for (size_t i = 0; i < BUS_COUNT(ends); i++) {
                struct trail *trail = trail_new();
                json_t *json;

                add_signal(trail, false);
                add_decision(trail, "decision.v3.legacy_v3", "decision@strategy-v3",
                        ends[i].verdict, ends[i].reason);
                json = trail_json(trail);
                cr_expect_str_eq(text(json, "state"), ends[i].state);
                cr_expect(json_is_true(json_object_get(json, "final")));
                json_decref(json);
                trail_free(trail);
        }
}

Test(trail, waits_for_the_executor_where_an_order_follows)
{
        struct trail *trail = trail_new();
        json_t *json;

        add_signal(trail, false);
        json = trail_json(trail);
        cr_expect_str_eq(text(json, "state"), "accepted");
        json_decref(json);
        add_decision(trail, "decision.v3.legacy_v3", "decision@strategy-v3",
                PB__VERDICT__VERDICT_EXECUTE, PB__REASON__REASON_EXIT_SIGNAL);
        json = trail_json(trail);
        cr_expect_str_eq(text(json, "state"), "decided");
        cr_expect(json_is_false(json_object_get(json, "final")));
        json_decref(json);
        trail_free(trail);
}

static void add_quarantine(struct trail *trail, const char *stream, int64_t at_us)
{
        Pb__Alarm alarm = PB__ALARM__INIT;

        alarm.code = (char *)"quarantined";
        alarm.subject = (char *)"signal@alert-ingest/7.1";
        alarm.severity = PB__SEVERITY__SEVERITY_CRITICAL;
        alarm.raised = true;
        alarm.text = (char *)"set aside";
        add(trail, "alarm.quarantined", stream, &alarm.base, at_us, false, (struct stamp){ 0 });
}

Test(trail, shows_that_an_alert_was_set_aside)
{
        struct trail *trail = trail_new();
        json_t *json;

        add_signal(trail, false);
        add_quarantine(trail, "alarm@strategy-v3-shadow", T0 + 2000);
        json = trail_json(trail);
        cr_expect_str_eq(text(json, "state"), "accepted", "the shadow's trouble is its own");
        json_decref(json);
        add_quarantine(trail, "alarm@strategy-v3", T0 + 3000);
        json = trail_json(trail);
        cr_expect_str_eq(text(json, "state"), "quarantined");
        cr_expect_str_eq(text(json, "outcome_reason"), "strategy-v3");
        cr_expect(json_is_true(json_object_get(json, "final")));
        cr_expect_eq(json_array_size(json_object_get(json, "alarms")), 2);
        json_decref(json);
        trail_free(trail);
}

Test(trail, refuses_bytes_that_are_no_message)
{
        struct trail *trail = trail_new();

        cr_expect_lt(trail_add(trail, bus_bytes("\xff\xff", 2)), 0);
        cr_expect_eq(trail_count(trail), 0);
        trail_free(trail);
}

Test(summary, comes_back_from_its_json_as_it_was)
{
        struct summary summary = { .alert_id = ALERT_ID,
                .received_us = T0,
                .decided_us = T0 + 5,
                .symbol = "XAUUSD",
                .verdict = "execute",
                .is_decided = true,
                .is_ordered = true,
                .submitted_us = T0 + 9,
                .fills = 2 };
        struct summary read;
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        json_t *json = summary_json(&summary);

        cr_assert_eq(summary_read(json, &read), 0);
        cr_expect_eq(memcmp(&summary, &read, sizeof(read)), 0);
        cr_expect_eq(summary_processing_us(&read), 9);
        cr_expect_str_eq(summary_state(&read), "submitted");
        json_decref(json);
        summary_write(&summary, &text);
        json = json_loadb((const char *)text.data, text.size, 0, NULL);
        cr_assert_eq(summary_read(json, &read), 0);
        cr_expect_eq(memcmp(&summary, &read, sizeof(read)), 0);
        json_decref(json);
        json = json_object();
        cr_expect_lt(summary_read(json, &read), 0);
        json_decref(json);
}
