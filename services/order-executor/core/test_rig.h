#pragma once
/*
 * What the core's tests share: a world that is connected and quiet, and short words for it.
 */
#include "services/broker/retcode.h"
#include "services/order-executor/core/test_world.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name
#define EVENT(name) PB__TRADE_EVENT__TRADE_EVENT_##name
#define BUY         PB__SIDE__SIDE_BUY
#define SELL        PB__SIDE__SIDE_SELL
#define SEC         BUS_US_PER_SEC

#define expect_state(order, name) \
        cr_expect_eq((order)->state, STATE(name), "is %s", ex_state_name((order)->state))

static struct world *w;

static void setup(void)
{
        w = world_new(1);
        world_start(w);
        world_connect(w);
        world_run_us(w, SEC);
}

static void teardown(void)
{
        cr_expect(!w->tb->violated, "something was executed twice");
        world_free(w);
}

/* One leg is enough for most of it. */
static inline struct ex_order *single(unsigned int alert, Pb__Side side)
{
        Pb__Order *order = world_make_entry(w, side, false);

        order->n_legs = 1;
        world_order(w, alert, order, false);
        world_commit(w);
        return world_leg(w, alert, 'A');
}

static inline struct ex_order *open_one(unsigned int alert, Pb__Side side)
{
        struct ex_order *leg = single(alert, side);

        world_settle(w);
        cr_assert_eq(leg->state, STATE(FILLED));
        return leg;
}

/* An aggressive entry of one leg. */
static inline struct ex_order *reverse(unsigned int alert, Pb__Side side)
{
        Pb__Order *order = world_make_entry(w, side, true);

        order->n_legs = 1;
        world_order(w, alert, order, false);
        world_commit(w);
        return world_leg(w, alert, 'A');
}

/* Straight back into the arms of a new process. */
static inline void restart(void)
{
        world_crash(w);
        world_start(w);
        world_connect(w);
}
