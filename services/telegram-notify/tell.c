#include "services/telegram-notify/tell.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "libbus/pbjson/pbjson.h"

#include <inttypes.h>
#include <stdio.h>

#define WORD_SIZE  64
#define LOT_DIGITS 2

static const char *const kind_names[TELL_KINDS] = {
        [TELL_ENTRY] = "entry",
        [TELL_EXIT] = "exit",
        [TELL_REVERSAL] = "reversal",
        [TELL_STOP] = "stop",
        [TELL_TARGET] = "target",
        [TELL_HAND] = "hand",
        [TELL_REJECTION] = "rejection",
        [TELL_EXPIRY] = "expiry",
        [TELL_UNKNOWN] = "unknown",
        [TELL_SETTLEMENT] = "settlement",
        [TELL_POSITION] = "position",
        [TELL_SQUEEZE] = "squeeze",
        [TELL_CAP] = "cap",
        [TELL_SWITCH] = "switch",
        [TELL_SHADOW] = "shadow",
        [TELL_ALARM] = "alarm",
        [TELL_SERVICE] = "service",
        [TELL_SUMMARY] = "summary",
};

#define TRADE_VALUES                                                                             \
        "id side volume asked symbol price alert_price stop target risk result commission swap " \
        "open_price held why plugin took ticket order retcode reason role slippage"
#define ALARM_VALUES "id code subject text service held"

const struct texts_rule tell_rules[] = {
        { "entry", TRADE_VALUES },
        { "exit", TRADE_VALUES },
        { "reversal", TRADE_VALUES },
        { "stop", TRADE_VALUES },
        { "target", TRADE_VALUES },
        { "stop_out", TRADE_VALUES },
        { "hand", TRADE_VALUES },
        { "close_partial", TRADE_VALUES },
        { "already_closed", TRADE_VALUES },
        { "nothing_to_close", TRADE_VALUES },
        { "refused", TRADE_VALUES },
        { "broker_rejected", TRADE_VALUES },
        { "expired", TRADE_VALUES },
        { "unknown", TRADE_VALUES },
        { "not_executed", TRADE_VALUES },
        { "settlement", TRADE_VALUES },
        { "adopted", TRADE_VALUES },
        { "modified", TRADE_VALUES },
        { "decision_rejected", "id plugin direction symbol reason why took" },
        { "decision_error", "id plugin symbol error" },
        { "squeeze", "id plugin symbol" },
        { "shadow", "id plugin against symbol class live_verdict live_reason shadow_verdict "
                    "shadow_reason" },
        { "cap_near", "id cap loss limit percent" },
        { "cap_hit", "id cap loss limit percent" },
        { "switched", "id command text active epoch paused killed actor because took" },
        { "switch_failed", "id command text code actor because" },
        { "alarm_critical", ALARM_VALUES },
        { "alarm", ALARM_VALUES },
        { "alarm_end", ALARM_VALUES },
        { "service_lost", ALARM_VALUES },
        { "service_back", ALARM_VALUES },
        { "summary", "since result entries exits wins losses rejections alarms balance equity" },
        { "quiet_over", "counts" },
        { "answer", "kinds word from to zone" },
        { 0 },
};

const char *tell_kind_name(enum tell_kind kind)
{
        return kind_names[kind];
}

enum tell_kind tell_kind_of(const char *name)
{
        enum tell_kind kind = 0;

        while (kind < TELL_KINDS && strcmp(kind_names[kind], name) != 0)
                kind++;
        return kind;
}

void tell_done(struct told *told)
{
        bus_buf_done(&told->html);
        bus_buf_done(&told->line);
}

void tell_frame(const Pb__Envelope *envelope, struct tell_frame *ret_frame)
{
        const char *writer = strchr(envelope->stream, '@');

        *ret_frame = (struct tell_frame){ .id = envelope->message_id,
                .alert_id = envelope->alert_id,
                .writer = writer ? writer + 1 : "",
                .at_us = envelope->staged_us };
        for (size_t i = 0; i < envelope->n_stamps; i++)
                if (envelope->stamps[i]->step == PB__STEP__STEP_REPORTED)
                        ret_frame->reported_us = envelope->stamps[i]->at_us;
}

/* ---- values ---- */

void tell_fill(const struct teller *teller, const char *section, const struct texts_values *values,
        struct told *told)
{
        texts_fill(teller->texts, section, "text", values, &told->html);
        texts_fill(teller->texts, section, "line", values, &told->line);
}

static const char *price_text(
        const struct teller *teller, const char *symbol, int64_t price_e8, char *text)
{
        const struct v3_symbol *known = symbols_find(teller->symbols, symbol);

        return known ? e8_format(price_e8, known->digits, text) : e8_format_short(price_e8, text);
}

void tell_set_price(const struct teller *teller, struct texts_values *values, const char *name,
        const char *symbol, int64_t price_e8)
{
        char text[E8_TEXT_SIZE];

        texts_set(values, name, "%s", price_e8 ? price_text(teller, symbol, price_e8, text) : "");
}

void tell_set_lots(struct texts_values *values, const char *name, int64_t volume_e8)
{
        char text[E8_TEXT_SIZE];

        texts_set(values, name, "%s", volume_e8 ? e8_format(volume_e8, LOT_DIGITS, text) : "");
}

void tell_set_cents(struct texts_values *values, const char *name, int64_t cents)
{
        char text[E8_TEXT_SIZE];

        texts_set(values, name, "%s", cents_format(cents, text));
}

void tell_set_span(
        const struct teller *teller, struct texts_values *values, const char *name, int64_t span_us)
{
        static const struct {
                const char *unit;
                int64_t us, from_us; /* the unit is used from there on */
        } units[] = {
                { "d", INT64_C(86400000000), INT64_C(172800000000) },
                { "h", INT64_C(3600000000), INT64_C(7200000000) },
                { "min", 60 * BUS_US_PER_SEC, 120 * BUS_US_PER_SEC },
                { "s", BUS_US_PER_SEC, 2 * BUS_US_PER_SEC },
                { "ms", BUS_US_PER_MS, 0 },
        };
        char buffer[WORD_SIZE];
        size_t i = 0;

        if (span_us <= 0) {
                texts_set(values, name, "%s", "");
                return;
        }
        while (span_us < units[i].from_us)
                i++;
        span_us = span_us < units[i].us ? units[i].us : span_us;
        texts_set(values, name, "%" PRId64 " %s", span_us / units[i].us,
                texts_word(teller->texts, "unit", units[i].unit, buffer, sizeof(buffer)));
}

void tell_set_word(const struct teller *teller, struct texts_values *values, const char *name,
        const char *section, const char *word)
{
        char buffer[WORD_SIZE];

        texts_set(values, name, "%s",
                *word ? texts_word(teller->texts, section, word, buffer, sizeof(buffer)) : "");
}

void tell_set_enum(const struct teller *teller, struct texts_values *values, const char *name,
        const char *section, const ProtobufCEnumDescriptor *descriptor, int value)
{
        char text[PBJSON_ENUM_SIZE];

        tell_set_word(
                teller, values, name, section, value ? pbjson_enum(descriptor, value, text) : "");
}

void tell_set_why(
        const struct teller *teller, struct texts_values *values, const Pb__Decision *decision)
{
        BUS_AUTOBUF struct bus_buf why = BUS_BUF_INIT;
        char buffer[WORD_SIZE];

#define WORD(word) texts_word(teller->texts, "word", word, buffer, sizeof(buffer))
        if (decision && decision->strength)
                bus_buf_printf(&why, "%s %d", WORD("strength"), decision->strength);
        if (decision && decision->route)
                bus_buf_printf(
                        &why, "%s%s %d", why.size ? ", " : "", WORD("route"), decision->route);
        if (decision && decision->aggressive)
                bus_buf_printf(&why, "%s%s", why.size ? ", " : "", WORD("aggressive"));
        if (decision && decision->scaled)
                bus_buf_printf(&why, "%s%s", why.size ? ", " : "", WORD("scaled"));
#undef WORD
        texts_set(values, "why", "%s", bus_buf_str(&why));
}
