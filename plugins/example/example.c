/*
 * A first plugin, to be copied: follows every entry that brings its own stop with the smallest lot
 * there is, aims at a multiple of the stop's distance, and closes when told to. docs/plugins.md
 * walks through it.
 *
 * What it shows: decide() is a pure function of its arguments, prices are whole numbers (e8), each
 * division names its rounding, and what cannot be judged is rejected, not guessed.
 */
#include "libbus/base/e8.h"
#include "umbra/plugin.h"

#include <errno.h>
#include <string.h>

/*
 * The keys of [plugin.example]. The host reads, checks and prints them; the plugin gets the values
 * in the order of this table.
 */
enum { OPTION_REWARD };

static const struct umbra_option options[] = {
        [OPTION_REWARD] = { "reward", UMBRA_OPTION_DECIMAL, "2.0", E8_ONE / 10, 10 * E8_ONE, NULL,
                "target distance as a multiple of the stop's" },
};

static const struct v3_symbol *find_symbol(const struct umbra_settings *settings, const char *name)
{
        for (size_t i = 0; i < settings->symbol_count; i++)
                if (!strcmp(settings->symbols[i].name, name))
                        return &settings->symbols[i];
        return NULL;
}

static int answer(struct v3_decision *decision, enum v3_verdict verdict, enum v3_reason reason)
{
        decision->verdict = verdict;
        decision->reason = reason;
        return 0;
}

/* Above the price for a buy, below it for a sell: the sign of price - stop carries the side. */
static int target_of(const struct v3_alert *alert, const struct v3_symbol *symbol,
        int64_t reward_e8, int64_t *ret_target_e8)
{
        int64_t distance;
        int r;

        r = e8_muldiv(alert->price_e8 - alert->sl_e8, reward_e8, E8_ONE, E8_HALF_UP, &distance);
        if (r < 0)
                return r;
        return e8_round_to(alert->price_e8 + distance, e8_step_of_digits(symbol->digits),
                E8_HALF_UP, ret_target_e8);
}

static int enter(const struct umbra_settings *settings, const struct v3_alert *alert,
        const struct v3_context *context, struct v3_decision *decision)
{
        const struct v3_symbol *symbol = find_symbol(settings, alert->symbol);
        int64_t target;
        int r;

        if (!symbol)
                return -EINVAL; /* the host makes that a decision with verdict "error" */
        decision->direction = alert->direction;
        decision->route = 2;
        decision->routing = V3_ROUTING_DEFAULT;
        if (!context) /* nothing is known of the account yet */
                return answer(decision, V3_VERDICT_REJECT, V3_REASON_NO_CONTEXT);
        if (!alert->has_sl)
                return answer(decision, V3_VERDICT_REJECT, V3_REASON_INVALID_STOP);
        r = target_of(alert, symbol, settings->options[OPTION_REWARD].integer, &target);
        if (r < 0)
                return r;
        if (target <= 0)
                return answer(decision, V3_VERDICT_REJECT, V3_REASON_INVALID_STOP);

        decision->base_lot_e8 = decision->total_lot_e8 = symbol->lot_min_e8;
        decision->signal_factor_e8 = decision->route_multiplier_e8 = E8_ONE;
        decision->leg_count = 1;
        decision->legs[0] = (struct v3_leg){
                .leg = V3_LEG_A,
                .side = alert->direction,
                .volume_e8 = symbol->lot_min_e8,
                .sl_e8 = alert->sl_e8,
                .tp_e8 = target,
        };
        return answer(decision, V3_VERDICT_EXECUTE, V3_REASON_OK);
}

/* Exits work without a context: nothing may keep a position open. */
static int leave(const struct v3_alert *alert, struct v3_decision *decision)
{
        bool bullish = alert->signal_type == V3_SIGNAL_BULLISH_EXIT;

        decision->close_count = 1;
        decision->closes[0] = (struct v3_close){
                .side = bullish ? V3_SIDE_BUY : V3_SIDE_SELL,
                .reason = V3_CLOSE_EXIT,
        };
        return answer(decision, V3_VERDICT_EXECUTE, V3_REASON_EXIT_SIGNAL);
}

static int decide(void *self, const struct v3_alert *alert, const struct v3_context *context,
        struct v3_decision *ret_decision)
{
        switch (alert->type) {
        case V3_TYPE_ENTRY: return enter(self, alert, context, ret_decision);
        case V3_TYPE_EXIT: return leave(alert, ret_decision);
        case V3_TYPE_SQUEEZE: return answer(ret_decision, V3_VERDICT_NOTIFY, V3_REASON_SQUEEZE);
        case V3_TYPE_PULSE: return answer(ret_decision, V3_VERDICT_IGNORE, V3_REASON_TREND_PULSE);
        default: return -EINVAL;
        }
}

/* The settings live as long as the instance, so they can be the instance. */
static int create(
        const struct umbra_settings *settings, char *error, size_t error_size, void **ret_self)
{
        (void)error;
        (void)error_size;
        *ret_self = (void *)settings;
        return 0;
}

static void destroy(void *self)
{
        (void)self;
}

UMBRA_PLUGIN_EXPORT const struct umbra_plugin UMBRA_PLUGIN_SYMBOL = {
        .stamp = UMBRA_PLUGIN_STAMP,
        .name = "example",
        .version = "1.0.0",
        .capabilities = UMBRA_CAN_ENTER | UMBRA_CAN_EXIT,
        .options = options,
        .option_count = BUS_COUNT(options),
        .create = create,
        .destroy = destroy,
        .decide = decide,
};
