#include "services/common/decision_json.h"

#include "libbus/base/e8.h"
#include "services/common/json_text.h"
#include "services/common/v3_names.h"

#define LOT_DECIMALS    2
#define FACTOR_DECIMALS 3

/* Texts one behind the other, without printf: a replay writes decisions by the hundred thousand. */
#define ADD(buf, ...) add_all(buf, (const char *const[]){ __VA_ARGS__, NULL })

static void add_all(struct bus_buf *buf, const char *const *texts)
{
        for (; *texts; texts++)
                bus_buf_add_str(buf, *texts);
}

static const char *boolean(bool value)
{
        return value ? "true" : "false";
}

static void add_decimal(
        struct bus_buf *buf, const char *key, int64_t value_e8, unsigned int decimals)
{
        char text[E8_TEXT_SIZE];

        ADD(buf, ",\"", key, "\":\"", e8_format(value_e8, decimals, text), "\"");
}

static void add_integer(struct bus_buf *buf, const char *key, int32_t value)
{
        char text[E8_TEXT_SIZE];

        ADD(buf, ",\"", key, "\":", e8_format(value * E8_ONE, 0, text));
}

static void add_entry(struct bus_buf *buf, const struct v3_decision *decision)
{
        ADD(buf, ",\"direction\":\"", v3_side_name(decision->direction), "\"");
        add_integer(buf, "strength", decision->strength);
        add_integer(buf, "route", decision->route);
        ADD(buf, ",\"routing\":\"", v3_routing_name(decision->routing),
                "\",\"aggressive\":", boolean(decision->aggressive));
}

static void add_size(struct bus_buf *buf, const struct v3_decision *decision)
{
        char text[E8_TEXT_SIZE];

        add_decimal(buf, "base_lot", decision->base_lot_e8, LOT_DECIMALS);
        add_decimal(buf, "signal_factor", decision->signal_factor_e8, FACTOR_DECIMALS);
        add_decimal(buf, "route_multiplier", decision->route_multiplier_e8, FACTOR_DECIMALS);
        add_decimal(buf, "total_lot", decision->total_lot_e8, LOT_DECIMALS);
        ADD(buf, ",\"scaled\":", boolean(decision->scaled), ",\"expected_loss\":\"",
                cents_format(decision->expected_loss_cents, text), "\"");
}

static void add_legs(struct bus_buf *buf, const struct v3_decision *decision, unsigned int digits)
{
        bus_buf_add_str(buf, ",\"legs\":[");
        for (uint32_t i = 0; i < decision->leg_count; i++) {
                const struct v3_leg *leg = &decision->legs[i];

                ADD(buf, i ? "," : "", "{\"leg\":\"", v3_leg_name(leg->leg), "\",\"type\":\"",
                        v3_leg_type_name(leg->leg), "\",\"side\":\"", v3_side_name(leg->side),
                        "\"");
                add_decimal(buf, "volume", leg->volume_e8, LOT_DECIMALS);
                add_decimal(buf, "sl", leg->sl_e8, digits);
                add_decimal(buf, "tp", leg->tp_e8, digits);
                bus_buf_add_str(buf, "}");
        }
        bus_buf_add_str(buf, "]");
}

static void add_closes(struct bus_buf *buf, const struct v3_decision *decision)
{
        bus_buf_add_str(buf, ",\"closes\":[");
        for (uint32_t i = 0; i < decision->close_count; i++)
                ADD(buf, i ? "," : "", "{\"side\":\"", v3_side_name(decision->closes[i].side),
                        "\",\"scope\":\"symbol\",\"reason\":\"",
                        v3_close_reason_name(decision->closes[i].reason), "\"}");
        bus_buf_add_str(buf, "]");
}

void decision_json(struct bus_buf *buf, const char *plugin, const char *symbol, unsigned int digits,
        const struct v3_decision *decision)
{
        bool entry = decision->direction != V3_SIDE_NONE;
        bool acts = decision->verdict == V3_VERDICT_EXECUTE;

        ADD(buf, "{\"verdict\":\"", v3_verdict_name(decision->verdict), "\",\"reason\":\"",
                v3_reason_name(decision->reason), "\",\"plugin\":");
        json_add_string(buf, plugin);
        bus_buf_add_str(buf, ",\"symbol\":");
        json_add_string(buf, symbol);
        if (entry)
                add_entry(buf, decision);
        if (entry && acts)
                add_size(buf, decision);
        if (acts || decision->verdict == V3_VERDICT_REJECT) {
                add_legs(buf, decision, digits);
                add_closes(buf, decision);
        }
        bus_buf_add_str(buf, "}");
}
