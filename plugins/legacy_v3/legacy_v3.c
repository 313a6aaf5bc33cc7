/*
 * legacy_v3: the incumbent. This file holds the plugin's face and the order of the gates; the rules
 * are one file each, see legacy.h.
 */
#include "libbus/base/e8.h"
#include "plugins/legacy_v3/legacy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option {
        OPTION_TIER,
        OPTION_COUNT,
};

static const struct umbra_option options[OPTION_COUNT] = {
        [OPTION_TIER] = { .key = "tier",
                .type = UMBRA_OPTION_ENUM,
                .fallback = "auto",
                .values = "auto|5000|10000|25000|50000|100000",
                .help = "account tier: by balance, or pinned (lot, caps and fallback stops)" },
};

static const struct v3_symbol *find_symbol(const struct legacy *legacy, const char *name)
{
        for (size_t i = 0; i < legacy->symbol_count; i++)
                if (!strcmp(legacy->symbols[i].name, name))
                        return &legacy->symbols[i];
        return NULL;
}

static void close_side(struct v3_decision *decision, enum v3_side side, enum v3_close_reason reason)
{
        decision->closes[decision->close_count++] = (struct v3_close){ side, reason };
}

static void decide_exit(const struct v3_alert *alert, struct v3_decision *decision)
{
        bool bullish = alert->signal_type == V3_SIGNAL_BULLISH_EXIT;

        decision->verdict = V3_VERDICT_EXECUTE;
        decision->reason = V3_REASON_EXIT_SIGNAL;
        close_side(decision, bullish ? V3_SIDE_BUY : V3_SIDE_SELL, V3_CLOSE_EXIT);
}

/* The gates that come after the context: size, stops, caps. 0, LEGACY_REJECT or -errno. */
static int pass_gates(const struct legacy_entry *entry, const struct legacy_route *route,
        struct v3_decision *decision, enum v3_reason *ret_reason)
{
        int r;

        r = legacy_size(entry, route, decision, ret_reason);
        if (r)
                return r;
        r = legacy_legs(entry, route, decision, ret_reason);
        if (r)
                return r;
        return legacy_risk(entry, decision, ret_reason);
}

/* A reject keeps what the entry is and loses what it would have done. */
static void reject(struct v3_decision *decision, enum v3_reason reason)
{
        *decision = (struct v3_decision){
                .verdict = V3_VERDICT_REJECT,
                .reason = reason,
                .direction = decision->direction,
                .strength = decision->strength,
                .route = decision->route,
                .routing = decision->routing,
                .aggressive = decision->aggressive,
        };
}

static int decide_entry(const struct legacy *legacy, const struct v3_alert *alert,
        const struct v3_context *context, struct v3_decision *decision)
{
        struct legacy_route route = legacy_route(alert);
        struct legacy_entry entry = { .alert = alert, .context = context };
        enum v3_reason reason = V3_REASON_NONE;
        int r;

        entry.symbol = find_symbol(legacy, alert->symbol);
        if (!entry.symbol)
                return -ENOENT;
        decision->direction = alert->direction;
        decision->strength = legacy_strength(alert);
        decision->route = route.number;
        decision->routing = route.routing;
        decision->aggressive = legacy_is_aggressive(alert, decision->strength);
        if (!context) {
                reject(decision, V3_REASON_NO_CONTEXT);
                return 0;
        }
        entry.tier_index = legacy_tier_index(legacy->tier, context->balance_cents);
        entry.tier = legacy_tier(entry.tier_index);

        r = pass_gates(&entry, &route, decision, &reason);
        if (r < 0)
                return r;
        if (r == LEGACY_REJECT) {
                reject(decision, reason);
                return 0;
        }
        decision->verdict = V3_VERDICT_EXECUTE;
        decision->reason = V3_REASON_OK;
        if (decision->aggressive)
                close_side(decision, alert->direction == V3_SIDE_BUY ? V3_SIDE_SELL : V3_SIDE_BUY,
                        V3_CLOSE_REVERSAL);
        return 0;
}

static int legacy_decide(void *self, const struct v3_alert *alert, const struct v3_context *context,
        struct v3_decision *ret_decision)
{
        switch (alert->type) {
        case V3_TYPE_ENTRY: return decide_entry(self, alert, context, ret_decision);
        case V3_TYPE_EXIT: decide_exit(alert, ret_decision); return 0;
        case V3_TYPE_SQUEEZE:
                ret_decision->verdict = V3_VERDICT_NOTIFY;
                ret_decision->reason = V3_REASON_SQUEEZE;
                return 0;
        case V3_TYPE_PULSE:
                ret_decision->verdict = V3_VERDICT_IGNORE;
                ret_decision->reason = V3_REASON_TREND_PULSE;
                return 0;
        default: return -EINVAL;
        }
}

static int legacy_create(
        const struct umbra_settings *settings, char *error, size_t error_size, void **ret_self)
{
        struct legacy *legacy = calloc(1, sizeof(*legacy));

        if (!legacy) {
                snprintf(error, error_size, "out of memory");
                return -ENOMEM;
        }
        legacy->symbols = settings->symbols;
        legacy->symbol_count = settings->symbol_count;
        /* The values of the option: "balance", then the tiers. */
        legacy->tier = (int)settings->options[OPTION_TIER].integer - 1;
        *ret_self = legacy;
        return 0;
}

static void legacy_destroy(void *self)
{
        free(self);
}

UMBRA_PLUGIN_EXPORT const struct umbra_plugin UMBRA_PLUGIN_SYMBOL = {
        .stamp = UMBRA_PLUGIN_STAMP,
        .name = "legacy_v3",
        .version = "1.0",
        .capabilities = UMBRA_CAN_ENTER | UMBRA_CAN_EXIT,
        .options = options,
        .option_count = OPTION_COUNT,
        .create = legacy_create,
        .destroy = legacy_destroy,
        .decide = legacy_decide,
};
