#pragma once
/*
 * The service layer: what is checked of an entry beyond the hard limits, on the account as it is now
 * and not as the strategy saw it, and who is told of fills and closes. It can be left out
 * (service_api_off of the switches): entries then go to the link under the hard limits alone. Pure,
 * and of constant cost for an order (bench_layer.c measures it).
 */
#include "services/order-executor/core/entry_limits.h"

#include <stdbool.h>

/* Margin that is spoken for: a snapshot tells what is free, and entries since have taken from it. */
struct ex_margin {
        bool known;
        int64_t equity_cents;
        int64_t free_cents;     /* by the last good snapshot */
        int64_t reserved_cents; /* legs sent since then, or not answered by then */
};

struct ex_booking {
        bool closes;                               /* else it opens */
        const char *symbol, *alert_id, *cl_ord_id; /* "" where there is none */
        uint64_t ticket;
        Pb__Side side; /* of the position */
        int64_t volume_e8, price_e8;
        int64_t profit_cents; /* net, of a close */
};

/* Profit booking: called at each fill and each close of this strategy's. NULL: nobody is told. */
struct ex_hook {
        void (*fn)(void *arg, const struct ex_booking *booking);
        void *arg;
};

/* What LEGS tie up, rounded up to the cent. 0 where the broker does not say. */
int64_t ex_margin_of(
        const struct ex_symbol *symbol, const struct ex_limit_leg *legs, size_t leg_count);
/* NULL, "no_margin", or "risk_over_equity": the stops would lose more than there is. */
const char *ex_service_check(const struct ex_margin *margin, const struct ex_limit_view *view);
