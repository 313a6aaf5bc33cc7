#include "services/order-executor/core/service_layer.h"

#include "libbus/base/e8.h"

static int64_t margin_of_leg(const struct ex_symbol *symbol, int64_t volume_e8)
{
        int64_t cents;

        if (e8_muldiv(volume_e8, symbol->margin_per_lot_cents, E8_ONE, E8_UP, &cents) < 0)
                return INT64_MAX / 4; /* beyond any account; sums of a few still fit */
        return cents;
}

int64_t ex_margin_of(
        const struct ex_symbol *symbol, const struct ex_limit_leg *legs, size_t leg_count)
{
        int64_t sum = 0;

        for (size_t i = 0; i < leg_count; i++)
                sum += margin_of_leg(symbol, legs[i].volume_e8);
        return sum;
}

const char *ex_service_check(const struct ex_margin *margin, const struct ex_limit_view *view)
{
        int64_t needed;

        if (!margin->known || !view->symbol)
                return NULL;
        needed = ex_margin_of(view->symbol, view->legs, view->leg_count);
        if (needed && needed > margin->free_cents - margin->reserved_cents)
                return "no_margin";
        return ex_limits_legs_risk(view) > margin->equity_cents ? "risk_over_equity" : NULL;
}
