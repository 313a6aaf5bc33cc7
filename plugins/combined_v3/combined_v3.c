/*
 * combined_v3, the successor of legacy_v3: the gates of docs/v3.md in their order, each a step that
 * lets the entry pass or names the reason. Profile "parity" decides as legacy_v3 does; profile
 * "strength" gates and sizes by the alert's strength.
 */
#include "plugins/combined_v3/rules.h"

#include "libbus/base/e8.h"
#include "umbra/plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        OPTION_PROFILE,
        OPTION_MIN_MTF_ALIGNED,
        OPTION_TIER,
};

static const struct umbra_option options[] = {
        [OPTION_PROFILE] = { "profile", UMBRA_OPTION_ENUM, "parity", 0, 0, "parity|strength",
                "parity decides as legacy_v3 does; strength gates and sizes by strength" },
        [OPTION_MIN_MTF_ALIGNED] = { "min_mtf_aligned", UMBRA_OPTION_INT, "0", 0, 4, NULL,
                "how many of 15m, 1H, 4H, 1D must agree with an entry; 0 asks for none" },
        [OPTION_TIER] = { "tier", UMBRA_OPTION_ENUM, "auto", 0, 0,
                "auto|5000|10000|25000|50000|100000",
                "pins lot, caps and fallback stops to an account size; auto goes by balance" },
};

struct combined {
        const struct v3_symbol *symbols;
        size_t symbol_count;
        enum profile profile;
        int64_t min_mtf_aligned;
        int64_t pinned_tier; /* an index, or TIER_BY_BALANCE */
};

/* One entry on its way through the gates. */
struct judgement {
        const struct combined *self;
        const struct v3_alert *alert;
        const struct v3_context *context; /* not NULL behind the first gate */
        struct entry entry;
        const struct tier *tier;
        struct budget budget;
        struct v3_decision *decision;
};

/* Lets the entry pass (0), rejects it (a v3_reason), or cannot say (-errno). */
typedef int (*gate)(struct judgement *j);

static int pass_context(struct judgement *j)
{
        int64_t pinned = j->self->pinned_tier;

        if (!j->context)
                return V3_REASON_NO_CONTEXT;
        j->entry.tier = pinned != TIER_BY_BALANCE ? (size_t)pinned
                                                  : tier_of_balance(j->context->balance_cents);
        j->tier = tier_at(j->entry.tier);
        return 0;
}

static int pass_strength(struct judgement *j)
{
        if (j->self->profile == PROFILE_PARITY)
                return 0;
        return is_strong_enough(j->alert->signal_type, j->decision->strength)
                       ? 0
                       : V3_REASON_LOW_STRENGTH;
}

static int pass_mtf(struct judgement *j)
{
        int aligned = aligned_pillars(&j->alert->mtf_trends, j->alert->direction);

        return aligned < 0 || aligned >= j->self->min_mtf_aligned ? 0 : V3_REASON_MTF_MISALIGNED;
}

static void add_leg(struct v3_decision *decision, enum v3_leg_kind kind, int64_t volume_e8)
{
        decision->legs[decision->leg_count++] = (struct v3_leg){
                .leg = kind,
                .side = decision->direction,
                .volume_e8 = volume_e8,
        };
}

static int pass_size(struct judgement *j)
{
        struct v3_decision *d = j->decision;
        int64_t route_thousandths = route_lot_thousandths(d->route), total;
        struct split split = { 0 };
        int r;

        d->base_lot_e8 = j->tier->base_lot_e8;
        d->signal_factor_e8 = j->self->profile == PROFILE_PARITY ? j->alert->multiplier_e8
                                                                 : strength_factor_e8(d->strength);
        d->route_multiplier_e8 = route_thousandths * (E8_ONE / 1000);
        r = total_lot(
                j->entry.symbol, d->base_lot_e8, d->signal_factor_e8, route_thousandths, &total);
        if (r == 0)
                r = floor_to_step(j->entry.symbol, total, &d->total_lot_e8);
        if (r == 0)
                r = split_lot(j->entry.symbol, total, &split);
        if (r < 0)
                return r;
        for (size_t i = 0; i < split.legs; i++)
                add_leg(d, i == 0 ? V3_LEG_A : V3_LEG_B, split.volume_e8);
        return split.legs ? 0 : V3_REASON_LOT_BELOW_MINIMUM;
}

static int pass_stops(struct judgement *j)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < j->decision->leg_count; i++) {
                struct v3_leg *leg = &j->decision->legs[i];

                r = leg->leg == V3_LEG_A ? place_leg_a(&j->entry, leg)
                                         : place_leg_b(&j->entry, leg);
        }
        return r == INVALID_STOP ? V3_REASON_INVALID_STOP : r;
}

static int pass_caps(struct judgement *j)
{
        j->budget = budget_of(j->tier, j->context);
        return j->budget.remaining_cents > 0 ? 0 : (int)j->budget.exhausted_by;
}

static int count_loss(struct judgement *j)
{
        struct v3_decision *d = j->decision;

        return expected_loss(j->entry.symbol, j->alert->price_e8, d->legs, d->leg_count,
                &d->expected_loss_cents);
}

static int pass_scaling(struct judgement *j)
{
        struct v3_decision *d = j->decision;
        int r;

        r = count_loss(j);
        if (r < 0 || d->expected_loss_cents <= j->budget.remaining_cents)
                return r;
        d->scaled = true;
        r = scale_legs(j->entry.symbol, j->budget.remaining_cents, d->expected_loss_cents, d->legs,
                &d->leg_count);
        if (r < 0)
                return r;
        return d->leg_count ? count_loss(j) : (int)j->budget.exhausted_by;
}

static const gate gates[] = {
        pass_context,
        pass_strength,
        pass_mtf,
        pass_size,
        pass_stops,
        pass_caps,
        pass_scaling,
};

static enum v3_side opposite(enum v3_side side)
{
        return side == V3_SIDE_BUY ? V3_SIDE_SELL : V3_SIDE_BUY;
}

static void add_close(struct v3_decision *decision, enum v3_side side, enum v3_close_reason reason)
{
        decision->closes[decision->close_count++] = (struct v3_close){ side, reason };
}

/* What is known of an entry whatever becomes of it. */
static struct v3_decision classified(const struct v3_alert *alert)
{
        struct route route = route_of(alert->signal_type, alert->tf);
        int32_t strength = strength_of(alert->direction, alert->consensus_score);

        return (struct v3_decision){
                .direction = alert->direction,
                .strength = strength,
                .route = route.number,
                .routing = route.routing,
                .aggressive = is_aggressive(alert->signal_type, strength),
        };
}

static void reject(
        struct v3_decision *decision, const struct v3_alert *alert, enum v3_reason reason)
{
        *decision = classified(alert);
        decision->verdict = V3_VERDICT_REJECT;
        decision->reason = reason;
}

static void execute(struct v3_decision *decision)
{
        decision->verdict = V3_VERDICT_EXECUTE;
        decision->reason = V3_REASON_OK;
        if (decision->aggressive)
                add_close(decision, opposite(decision->direction), V3_CLOSE_REVERSAL);
}

static const struct v3_symbol *symbol_of(const struct combined *self, const char *name)
{
        for (size_t i = 0; i < self->symbol_count; i++)
                if (!strcmp(self->symbols[i].name, name))
                        return &self->symbols[i];
        return NULL;
}

static bool is_entry(const struct v3_alert *alert)
{
        return alert->signal_type > V3_SIGNAL_NONE &&
               alert->signal_type <= V3_SIGNAL_SIDEWAYS_BREAKOUT &&
               (alert->direction == V3_SIDE_BUY || alert->direction == V3_SIDE_SELL) &&
               alert->tf > V3_TF_NONE && alert->tf < V3_TF_COUNT && alert->consensus_score >= 0 &&
               alert->consensus_score <= 9 && alert->price_e8 > 0;
}

static int judge_entry(const struct combined *self, const struct v3_alert *alert,
        const struct v3_context *context, struct v3_decision *ret_decision)
{
        struct judgement j = { .self = self, .alert = alert, .context = context };
        struct v3_decision decision;
        int r = 0;

        j.entry.symbol = symbol_of(self, alert->symbol);
        if (!j.entry.symbol || !is_entry(alert))
                return -EINVAL;
        decision = classified(alert);
        j.decision = &decision;
        j.entry.alert = alert;
        j.entry.route = decision.route;

        for (size_t i = 0; r == 0 && i < BUS_COUNT(gates); i++)
                r = gates[i](&j);
        if (r < 0)
                return r;
        if (r == 0)
                execute(&decision);
        else
                reject(&decision, alert, (enum v3_reason)r);
        *ret_decision = decision;
        return 0;
}

/* An exit passes every gate: it needs no context, no price, no cap. */
static int judge_exit(const struct v3_alert *alert, struct v3_decision *ret_decision)
{
        enum v3_side side;

        switch (alert->signal_type) {
        case V3_SIGNAL_BULLISH_EXIT: side = V3_SIDE_BUY; break;
        case V3_SIGNAL_BEARISH_EXIT: side = V3_SIDE_SELL; break;
        default: return -EINVAL;
        }
        ret_decision->verdict = V3_VERDICT_EXECUTE;
        ret_decision->reason = V3_REASON_EXIT_SIGNAL;
        add_close(ret_decision, side, V3_CLOSE_EXIT);
        return 0;
}

static int decide(void *self, const struct v3_alert *alert, const struct v3_context *context,
        struct v3_decision *ret_decision)
{
        switch (alert->type) {
        case V3_TYPE_ENTRY: return judge_entry(self, alert, context, ret_decision);
        case V3_TYPE_EXIT: return judge_exit(alert, ret_decision);
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

/* What the rules divide by, or count in, must not be 0. */
static bool is_usable(const struct v3_symbol *symbol)
{
        return symbol->pip_e8 > 0 && symbol->usd_per_pip_lot_cents > 0 && symbol->lot_min_e8 > 0 &&
               symbol->lot_step_e8 > 0 && symbol->lot_max_e8 > 0;
}

static int create(
        const struct umbra_settings *settings, char *error, size_t error_size, void **ret_self)
{
        struct combined *self;

        for (size_t i = 0; i < settings->symbol_count; i++) {
                if (is_usable(&settings->symbols[i]))
                        continue;
                snprintf(error, error_size, "symbol %s: pip, pip value and lots must be above 0",
                        settings->symbols[i].name);
                return -EINVAL;
        }
        self = calloc(1, sizeof(*self));
        if (!self)
                return -ENOMEM;
        self->symbols = settings->symbols;
        self->symbol_count = settings->symbol_count;
        self->profile = (enum profile)settings->options[OPTION_PROFILE].integer;
        self->min_mtf_aligned = settings->options[OPTION_MIN_MTF_ALIGNED].integer;
        /* "auto" comes first, then the tiers in their order. */
        self->pinned_tier = settings->options[OPTION_TIER].integer + TIER_BY_BALANCE;
        *ret_self = self;
        return 0;
}

static void destroy(void *self)
{
        free(self);
}

UMBRA_PLUGIN_EXPORT const struct umbra_plugin UMBRA_PLUGIN_SYMBOL = {
        .stamp = UMBRA_PLUGIN_STAMP,
        .name = "combined_v3",
        .version = "1.0.0",
        .capabilities = UMBRA_CAN_ENTER | UMBRA_CAN_EXIT,
        .options = options,
        .option_count = BUS_COUNT(options),
        .create = create,
        .destroy = destroy,
        .decide = decide,
};
