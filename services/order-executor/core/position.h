#pragma once
/*
 * A position at the broker as we know it, between two snapshots: a good snapshot says how it is,
 * deals and reports say what happened since. Deals and reports tell of the same fills in either
 * order, so the larger of the two sums counts, never both.
 */
#include "services/order-executor/core/types.h"

#include "side.pb-c.h"

struct ex_position;

/* What open positions of one side come to. */
struct ex_held {
        int64_t count;
        __int128 risk_cents; /* no number of positions overflows it */
};

/* The positions of one side in the order they were heard of, and the sums over those of ours. */
struct ex_row {
        struct ex_position *first, *last; /* borrowed */
        struct ex_held held;
};

/* Those on one symbol. */
struct ex_holding {
        char symbol[EX_NAME_SIZE];
        struct ex_row sides[PB__SIDE__SIDE_SELL + 1];
};

struct ex_position {
        uint64_t ticket;
        char symbol[EX_NAME_SIZE]; /* our name */
        Pb__Side side;
        bool ours; /* of this strategy, by its magic or by an order of ours */
        int64_t open_price_e8, sl_e8, tp_e8;
        int64_t profit_cents; /* floating, as of the last snapshot */
        int64_t opened_us;
        char cl_ord_id[CL_ORD_ID_SIZE]; /* the order that opened it; "" if unknown */
        char alert_id[BUS_ID_SIZE];

        int64_t base_e8;     /* by the last snapshot, or by the report that told of it */
        int64_t in_deals_e8; /* since then */
        int64_t out_deals_e8;
        int64_t out_reported_e8;
        char closed_by[CL_ORD_ID_SIZE]; /* an exit's close that says it is gone; "" if none */
        uint32_t missing;   /* good snapshots in a row that lack it, with no deal to say why */
        int64_t changed_us; /* monotonic: a snapshot asked for earlier says nothing about it */

        /* where it stands and what of it is counted; figures.c alone writes them */
        struct ex_holding *holding; /* NULL: nowhere yet */
        Pb__Side row;               /* among those of this side */
        struct ex_position *previous, *next;
        struct ex_held counted;
};

static inline int64_t ex_position_open_e8(const struct ex_position *position)
{
        int64_t in = position->base_e8 > position->in_deals_e8 ? position->base_e8
                                                               : position->in_deals_e8;
        int64_t out = position->out_deals_e8 > position->out_reported_e8
                              ? position->out_deals_e8
                              : position->out_reported_e8;

        return in > out ? in - out : 0;
}
