#pragma once
/*
 * The deals that were taken in, so that each counts once: thousands on a busy day, so a number and a
 * time each and nothing more. Pure.
 */
#include "services/order-executor/core/types.h"

#include <stddef.h>

struct ex_deal_seen {
        uint64_t deal;
        int64_t at_us; /* the terminal's clock; INT64_MIN: nothing stands here */
};

struct ex_deals {
        struct ex_deal_seen *slots;
        size_t slot_count; /* a power of two, or 0 */
        size_t count;
};

void ex_deals_done(struct ex_deals *deals);
bool ex_deals_has(const struct ex_deals *deals, uint64_t deal);
void ex_deals_add(struct ex_deals *deals, uint64_t deal, int64_t at_us); /* once is enough */
/* Forgets those before BEFORE_US; FN is told each. */
void ex_deals_forget(
        struct ex_deals *deals, int64_t before_us, void (*fn)(void *arg, uint64_t deal), void *arg);
