#include "services/umbra/decide_line.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "services/common/alert.h"
#include "services/common/decision_json.h"
#include "services/common/json_text.h"

#include <errno.h>
#include <jansson.h>

BUS_DEFINE_CLEANUP(json_freep, json_t *, json_decref);

/* The exact texts of the two members. */
struct parts {
        struct bus_bytes alert, context;
};

/*
 * Is LINE one JSON object? Whether its numbers fit anything, its escapes stand for text, and keys
 * repeat inside of the alert, is for the alert's own parser to say.
 */
static bool is_object(struct bus_bytes line)
{
        BUS_AUTOFREE char *masked = NULL;
        BUS_CLEANUP(json_freep) json_t *root = NULL;

        if (!line.size)
                return false;
        masked = json_masked(line, JSON_MASK_ALL);
        root = json_loadb(masked, line.size, JSON_ALLOW_NUL, NULL);
        return json_is_object(root);
}

static bool take(struct bus_bytes *part, struct bus_bytes value)
{
        if (part->size)
                return false; /* given twice: which one is meant? */
        *part = value;
        return true;
}

static bool split(struct bus_bytes line, struct parts *ret_parts)
{
        struct parts parts = { 0 };
        struct json_scan scan;
        struct bus_bytes name, value;

        json_scan_init(&scan, line);
        while (json_scan_next(&scan, &name, &value)) {
                if (bus_bytes_equal(name, bus_bytes_str("alert")) && !take(&parts.alert, value))
                        return false;
                if (bus_bytes_equal(name, bus_bytes_str("context")) && !take(&parts.context, value))
                        return false;
        }
        if (!parts.alert.size || parts.alert.data[0] != '{' || !parts.context.size)
                return false;
        *ret_parts = parts;
        return true;
}

/* "1000.00": digits, a point and two digits, maybe a minus. */
static bool take_amount(const json_t *context, const char *key, int64_t *ret_cents)
{
        const char *text = json_string_value(json_object_get(context, key));
        size_t size = text ? strlen(text) : 0;

        if (size < 4 || text[size - 3] != '.' || strpbrk(text, "eE"))
                return false;
        return cents_parse(text, size, ret_cents) == 0;
}

static bool take_loss(const json_t *context, const char *key, int64_t *ret_cents)
{
        return take_amount(context, key, ret_cents) && *ret_cents >= 0;
}

static bool take_count(const json_t *context, const char *key, int32_t *ret_count)
{
        const json_t *value = json_object_get(context, key);
        json_int_t count = json_integer_value(value);

        if (!json_is_integer(value) || count < 0 || count > INT32_MAX)
                return false;
        *ret_count = (int32_t)count;
        return true;
}

/* The context that TEXT is; *RET_HAS is false for null. False: it is neither. */
static bool read_context(struct bus_bytes text, struct v3_context *ret_context, bool *ret_has)
{
        BUS_CLEANUP(json_freep) json_t *root = NULL;
        struct v3_context context = { 0 };
        const char *as_of;

        *ret_has = false;
        if (bus_bytes_equal(text, bus_bytes_str("null")))
                return true;
        root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(root) || !take_amount(root, "balance", &context.balance_cents) ||
                !take_amount(root, "equity", &context.equity_cents) ||
                !take_loss(root, "daily_loss", &context.daily_loss_cents) ||
                !take_loss(root, "lifetime_loss", &context.lifetime_loss_cents) ||
                !take_count(root, "open_buy", &context.open_buy) ||
                !take_count(root, "open_sell", &context.open_sell))
                return false;
        /* The rules do not read it, so a form we do not know is no reason to stop. */
        as_of = json_string_value(json_object_get(root, "as_of"));
        if (as_of && bus_time_parse(as_of, &context.as_of_us) < 0)
                context.as_of_us = 0;
        *ret_context = context;
        *ret_has = true;
        return true;
}

static enum decide_result bad_input(struct bus_buf *answer)
{
        bus_buf_add_str(answer, "{\"verdict\":\"error\",\"reason\":\"bad_input\"}");
        return DECIDE_BAD_INPUT;
}

static enum decide_result ask(struct plugin *plugin, const struct symbols *symbols,
        const struct v3_alert *alert, const struct v3_context *context, struct bus_buf *answer,
        char error[static PLUGIN_ERROR_SIZE])
{
        const struct v3_symbol *symbol = symbols_find(symbols, alert->symbol);
        struct plugin_verdict verdict;

        plugin_decide(plugin, alert, context, NULL, &verdict);
        decision_json(
                answer, plugin_name(plugin), alert->symbol, symbol->digits, &verdict.decision);
        memcpy(error, verdict.error, PLUGIN_ERROR_SIZE);
        return verdict.decision.verdict == V3_VERDICT_ERROR ? DECIDE_PLUGIN_ERROR : DECIDE_OK;
}

enum decide_result decide_line(struct plugin *plugin, const struct symbols *symbols,
        struct bus_bytes line, struct bus_buf *answer, char error[static PLUGIN_ERROR_SIZE])
{
        BUS_CLEANUP(alert_freep) struct alert *alert = NULL;
        struct v3_context context;
        struct parts parts;
        bool has_context;

        if (!is_object(line) || !split(line, &parts) ||
                !read_context(parts.context, &context, &has_context))
                return bad_input(answer);
        if (alert_parse(parts.alert, symbols, &alert) == ALERT_REFUSED) {
                bus_buf_add_str(answer, "{\"verdict\":\"invalid\",\"errors\":");
                alert_faults_json(&alert->errors, false, answer);
                bus_buf_add_str(answer, "}");
                return DECIDE_OK;
        }
        return ask(plugin, symbols, &alert->v3, has_context ? &context : NULL, answer, error);
}
