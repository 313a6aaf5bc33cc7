/*
 * The order: the last form in which a decision is looked at before it costs money.
 */
#include "proto/validate.h"
#include "proto/validate/check.h"
#include "proto/validate/legs.h"

#include "order.pb-c.h"

static bool is_executed(const Pb__Order *order)
{
        return order->verdict == PB__VERDICT__VERDICT_EXECUTE;
}

static bool is_entry(const Pb__Order *order)
{
        return order->kind == PB__ORDER_KIND__ORDER_KIND_ENTRY;
}

/* An entry opens, an exit closes. What was not to be executed goes on only as a test, maybe empty. */
static bool kind_holds(const Pb__Order *order, const struct legs *legs)
{
        if (!is_executed(order))
                return check_enum_or_none(order->kind, PB__ORDER_KIND__ORDER_KIND_EXIT);
        switch (order->kind) {
        case PB__ORDER_KIND__ORDER_KIND_ENTRY: return legs->leg_count && !legs_are_exit(legs);
        case PB__ORDER_KIND__ORDER_KIND_EXIT: return !legs->leg_count && legs_are_exit(legs);
        default: return false;
        }
}

int validate_order(const Pb__Order *order, const char **ret_why)
{
        const struct legs legs = { order->legs, order->n_legs, order->closes, order->n_closes };
        const bool priced = is_executed(order) && is_entry(order);
        const struct check checks[] = {
                { check_name(order->slot), "slot" },
                { check_counter(order->epoch), "epoch" },
                { check_name_or_empty(order->plugin), "plugin" },
                { order->plugin && (*order->plugin || !is_executed(order)), "plugin" },
                { check_symbol(order->symbol), "symbol" },
                { check_enum(order->verdict, PB__VERDICT__VERDICT_ERROR), "verdict" },
                { legs_hold(&legs), "legs" },
                { legs_hold(&legs) && closes_hold(&legs), "closes" },
                { kind_holds(order, &legs), "kind" },
                { check_range(order->price_e8, priced, CHECK_PRICE_MAX_E8), "price_e8" },
                { check_time(order->received_us), "received_us" },
                { check_range(order->born_us, 1, order->received_us), "born_us" },
                { check_time_or_none(order->context_as_of_us), "context_as_of_us" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}
