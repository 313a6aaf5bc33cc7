/*
 * The decision: what a plugin answered, as far as every plugin must agree with.
 */
#include "proto/validate.h"
#include "proto/validate/check.h"
#include "proto/validate/legs.h"

#include "decision.pb-c.h"

enum {
        STRENGTH_MAX = 9,
        ROUTE_MAX = 3, /* 0 where the alert is no entry */
};

#define FACTOR_MAX_E8 (INT64_C(1000) * 100000000) /* of sizes: no rule multiplies by more */

static bool is_executed(const Pb__Decision *decision)
{
        return decision->verdict == PB__VERDICT__VERDICT_EXECUTE;
}

static bool reason_holds(const Pb__Decision *decision)
{
        const int reason = decision->reason;

        if (!check_enum(reason, PB__REASON__REASON_VERDICT_LOST))
                return false;
        if (is_executed(decision))
                return reason == PB__REASON__REASON_OK || reason == PB__REASON__REASON_EXIT_SIGNAL;
        if (reason == PB__REASON__REASON_PLUGIN_ERROR)
                return decision->verdict == PB__VERDICT__VERDICT_ERROR;
        return true;
}

/* Whoever executes does something, and nobody else does. */
static bool verdict_holds(const Pb__Decision *decision)
{
        return check_enum(decision->verdict, PB__VERDICT__VERDICT_ERROR) &&
               is_executed(decision) == (decision->n_legs || decision->n_closes);
}

static int validate_size(const Pb__Decision *decision, const char **ret_why)
{
        const struct check checks[] = {
                { check_volume_or_none(decision->base_lot_e8), "base_lot_e8" },
                { check_range(decision->signal_factor_e8, 0, FACTOR_MAX_E8), "signal_factor_e8" },
                { check_range(decision->route_multiplier_e8, 0, FACTOR_MAX_E8),
                        "route_multiplier_e8" },
                { check_volume_or_none(decision->total_lot_e8), "total_lot_e8" },
                { check_loss(decision->expected_loss_cents), "expected_loss_cents" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}

int validate_decision(const Pb__Decision *decision, const char **ret_why)
{
        const struct legs legs = { decision->legs, decision->n_legs, decision->closes,
                decision->n_closes };
        const struct check checks[] = {
                { check_name(decision->slot), "slot" },
                { check_name_or_empty(decision->plugin), "plugin" }, /* empty: none was active */
                { decision->plugin && (*decision->plugin || !is_executed(decision)), "plugin" },
                { check_text(decision->plugin_build, 0, CHECK_HASH_MAX), "plugin_build" },
                { check_text(decision->config_hash, 0, CHECK_HASH_MAX), "config_hash" },
                { check_counter(decision->epoch), "epoch" },
                { check_symbol(decision->symbol), "symbol" },
                { verdict_holds(decision), "verdict" },
                { reason_holds(decision), "reason" },
                { check_enum_or_none(decision->direction, PB__SIDE__SIDE_SELL), "direction" },
                { check_range(decision->strength, 0, STRENGTH_MAX), "strength" },
                { check_range(decision->route, 0, ROUTE_MAX), "route" },
                { check_enum_or_none(decision->routing, PB__ROUTING__ROUTING_DEFAULT), "routing" },
                { legs_hold(&legs), "legs" },
                { legs_hold(&legs) && closes_hold(&legs), "closes" },
                { check_range(decision->decide_ns, 0, INT64_MAX), "decide_ns" },
                { check_prose(decision->error, 0, CHECK_TEXT_MAX), "error" },
        };
        int r;

        r = check_all(checks, BUS_COUNT(checks), ret_why);
        return r < 0 ? r : validate_size(decision, ret_why);
}
