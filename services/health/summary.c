#include "services/health/summary.h"

#include "alarm.pb-c.h"
#include "decision.pb-c.h"
#include "libbus/base/clock.h"
#include "libbus/pbjson/pbjson.h"
#include "order.pb-c.h"
#include "services/common/json_text.h"
#include "signal.pb-c.h"
#include "trade.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static void set_text(char word[static SUMMARY_WORD_SIZE], const char *text)
{
        snprintf(word, SUMMARY_WORD_SIZE, "%s", text);
}

static void set_enum(
        char word[static SUMMARY_WORD_SIZE], const ProtobufCEnumDescriptor *descriptor, int value)
{
        char text[PBJSON_ENUM_SIZE];

        if (value)
                set_text(word, pbjson_enum(descriptor, value, text));
}

static int64_t stamp_of(const Pb__Envelope *envelope, Pb__Step step)
{
        for (size_t i = 0; i < envelope->n_stamps; i++)
                if (envelope->stamps[i]->step == step)
                        return envelope->stamps[i]->at_us;
        return 0;
}

static void apply_signal(struct summary *summary, const Pb__Signal *signal)
{
        set_text(summary->source, signal->source);
        set_text(summary->symbol, signal->symbol);
        set_enum(summary->type, &pb__alert_type__descriptor, (int)signal->type);
        set_enum(summary->signal_type, &pb__signal_type__descriptor, (int)signal->signal_type);
        set_enum(summary->direction, &pb__side__descriptor, (int)signal->direction);
        summary->received_us = signal->received_us;
}

static void apply_decision(
        struct summary *summary, const Pb__Envelope *envelope, const Pb__Decision *decision)
{
        set_text(summary->plugin, decision->plugin);
        set_enum(summary->verdict, &pb__verdict__descriptor, (int)decision->verdict);
        set_enum(summary->reason, &pb__reason__descriptor, (int)decision->reason);
        summary->decided_us = stamp_of(envelope, PB__STEP__STEP_DECIDE_END);
        if (!summary->decided_us)
                summary->decided_us = envelope->staged_us;
        summary->is_decided = true;
}

static void apply_done(
        struct summary *summary, const Pb__Envelope *envelope, const Pb__Trade *trade)
{
        summary->done_us = envelope->staged_us;
        set_text(summary->outcome, "nothing_to_close");
        set_enum(summary->outcome, &pb__order_state__descriptor, (int)trade->state);
        set_text(summary->outcome_reason, trade->reason);
}

static void apply_trade(
        struct summary *summary, const Pb__Envelope *envelope, const Pb__Trade *trade)
{
        int64_t submitted_us = stamp_of(envelope, PB__STEP__STEP_SUBMITTED);

        summary->is_ordered = true;
        if (submitted_us && (!summary->submitted_us || submitted_us < summary->submitted_us))
                summary->submitted_us = submitted_us;
        if (trade->event == PB__TRADE_EVENT__TRADE_EVENT_FILLED ||
                trade->event == PB__TRADE_EVENT__TRADE_EVENT_PARTIAL)
                summary->fills++;
        if (trade->event == PB__TRADE_EVENT__TRADE_EVENT_DONE)
                apply_done(summary, envelope, trade);
}

/* A part of the way could not take it: it goes no further there. What the executor tells counts more. */
static void apply_alarm(
        struct summary *summary, const Pb__Envelope *envelope, const Pb__Alarm *alarm)
{
        const char *service = strchr(envelope->stream, '@');

        if (strcmp(alarm->code, "quarantined") || !alarm->raised || summary->done_us || !service ||
                (strcmp(service, "@strategy-v3") && strcmp(service, "@order-executor")))
                return;
        summary->done_us = envelope->staged_us;
        set_text(summary->outcome, alarm->code);
        set_text(summary->outcome_reason, service + 1);
}

void summary_apply(struct summary *summary, const char *kind, const Pb__Envelope *envelope,
        const ProtobufCMessage *message)
{
        snprintf(summary->alert_id, sizeof(summary->alert_id), "%s", envelope->alert_id);
        summary->test |= envelope->test;
        if (!strcmp(kind, "signal"))
                apply_signal(summary, (const Pb__Signal *)message);
        else if (!strcmp(kind, "decision"))
                apply_decision(summary, envelope, (const Pb__Decision *)message);
        else if (!strcmp(kind, "order"))
                summary->is_ordered = true;
        else if (!strcmp(kind, "trade"))
                apply_trade(summary, envelope, (const Pb__Trade *)message);
        else if (!strcmp(kind, "alarm"))
                apply_alarm(summary, envelope, (const Pb__Alarm *)message);
}

/* How an alert ends that makes no order; NULL where one follows. */
static const char *end_without_order(const struct summary *summary)
{
        static const char *const ends[][2] = {
                { "ignore", "ignored" },
                { "notify", "notified" },
                { "reject", "rejected" },
                { "error", "error" },
        };

        /* A test alert goes on to the executor whatever its verdict is. */
        for (size_t i = 0; !summary->test && i < BUS_COUNT(ends); i++)
                if (!strcmp(summary->verdict, ends[i][0]))
                        return ends[i][1];
        return NULL;
}

const char *summary_state(const struct summary *summary)
{
        const char *end = end_without_order(summary);

        if (summary->done_us)
                return summary->outcome;
        if (end)
                return end;
        if (summary->submitted_us)
                return "submitted";
        if (summary->is_ordered)
                return "ordered";
        return summary->is_decided ? "decided" : "accepted";
}

bool summary_is_final(const struct summary *summary)
{
        return summary->done_us || end_without_order(summary);
}

int64_t summary_processing_us(const struct summary *summary)
{
        int64_t end_us = summary->submitted_us;

        if (!end_us && summary_is_final(summary))
                end_us = summary->decided_us;
        return end_us && summary->received_us ? end_us - summary->received_us : -1;
}

/* What is kept of a summary and shown of it: one table for both ways. */
#define WORD(member)                                            \
        {                                                       \
#member, offsetof(struct summary, member), true \
        }
#define TIME(member)                                             \
        {                                                        \
#member, offsetof(struct summary, member), false \
        }
static const struct {
        const char *key;
        size_t offset;
        bool is_word;
} fields[] = {
        WORD(source),
        WORD(type),
        WORD(signal_type),
        WORD(symbol),
        WORD(direction),
        TIME(received_us),
        WORD(plugin),
        WORD(verdict),
        WORD(reason),
        TIME(decided_us),
        TIME(submitted_us),
        TIME(done_us),
        WORD(outcome),
        WORD(outcome_reason),
};

static void set(json_t *json, const char *key, json_t *value)
{
        json_object_set_new(json, key, value ? value : json_null());
}

json_t *summary_json(const struct summary *summary)
{
        json_t *json = json_object();
        char when[BUS_TIME_TEXT_SIZE];

        set(json, "alert_id", json_string(summary->alert_id));
        set(json, "state", json_string(summary_state(summary)));
        set(json, "final", json_boolean(summary_is_final(summary)));
        if (summary->received_us)
                set(json, "received", json_string(bus_time_format(summary->received_us, when)));
        for (size_t i = 0; i < BUS_COUNT(fields); i++) {
                const char *at = (const char *)summary + fields[i].offset;

                if (fields[i].is_word && *at)
                        set(json, fields[i].key, json_string(at));
                else if (!fields[i].is_word && *(const int64_t *)(const void *)at)
                        set(json, fields[i].key, json_integer(*(const int64_t *)(const void *)at));
        }
        set(json, "fills", json_integer(summary->fills));
        set(json, "decided", json_boolean(summary->is_decided));
        set(json, "ordered", json_boolean(summary->is_ordered));
        set(json, "test", json_boolean(summary->test));
        return json;
}

static void add_flag(struct bus_buf *text, const char *key, bool value)
{
        if (value)
                bus_buf_printf(text, ",\"%s\":true", key);
}

void summary_write(const struct summary *summary, struct bus_buf *text)
{
        bus_buf_add_str(text, "{\"alert_id\":");
        json_add_string(text, summary->alert_id);
        for (size_t i = 0; i < BUS_COUNT(fields); i++) {
                const char *at = (const char *)summary + fields[i].offset;
                int64_t number = fields[i].is_word ? 0 : *(const int64_t *)(const void *)at;

                if (fields[i].is_word && *at) {
                        bus_buf_printf(text, ",\"%s\":", fields[i].key);
                        json_add_string(text, at);
                } else if (number) {
                        bus_buf_printf(text, ",\"%s\":%" PRId64, fields[i].key, number);
                }
        }
        bus_buf_printf(text, ",\"fills\":%" PRIu32, summary->fills);
        add_flag(text, "decided", summary->is_decided);
        add_flag(text, "ordered", summary->is_ordered);
        add_flag(text, "test", summary->test);
        bus_buf_add_str(text, "}");
}

int summary_read(const json_t *json, struct summary *ret_summary)
{
        const char *alert_id = json_string_value(json_object_get(json, "alert_id"));
        struct summary summary = { 0 };

        if (!alert_id || strlen(alert_id) >= sizeof(summary.alert_id))
                return -EBADMSG;
        strcpy(summary.alert_id, alert_id);
        for (size_t i = 0; i < BUS_COUNT(fields); i++) {
                const json_t *value = json_object_get(json, fields[i].key);
                char *at = (char *)&summary + fields[i].offset;

                if (fields[i].is_word && json_is_string(value))
                        set_text(at, json_string_value(value));
                else if (!fields[i].is_word && json_is_integer(value))
                        *(int64_t *)(void *)at = json_integer_value(value);
        }
        summary.fills = (uint32_t)json_integer_value(json_object_get(json, "fills"));
        summary.is_decided = json_is_true(json_object_get(json, "decided"));
        summary.is_ordered = json_is_true(json_object_get(json, "ordered"));
        summary.test = json_is_true(json_object_get(json, "test"));
        *ret_summary = summary;
        return 0;
}
