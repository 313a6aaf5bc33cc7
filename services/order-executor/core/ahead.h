#pragma once
/*
 * What a job is to those behind it in its queue (docs/order-executor.md, Queue), as bits: by them
 * alone a waiting job's turn is decided. Each job's bits can be summed, so that what many are doing
 * need not be looked at again when one of them changes. Pure.
 */
#include "services/order-executor/core/types.h"

#include <stddef.h>

struct ex_job;

/* From WIRE on: the first of three bits, one for each side, 1 << Pb__Side. */
enum ex_ahead {
        EX_AHEAD_UNSTARTED = 1U << 0, /* has not begun, or holds back legs */
        EX_AHEAD_UNSTARTED_ENTRY = 1U << 1,
        EX_AHEAD_CLOSES = 1U << 2, /* closes that have not ended */
        EX_AHEAD_WIRE = 1U << 3,   /* legs whose answer is awaited */
        EX_AHEAD_UNSTARTED_EXITS = 1U << 6,
        EX_AHEAD_BACKOFF = 1U << 9,        /* legs that wait for their next attempt */
        EX_AHEAD_DOUBT = 1U << 12,         /* legs nobody knows about */
        EX_AHEAD_CLOSES_MOVING = 1U << 15, /* closes that a person is not at yet */
        EX_AHEAD_BITS = 18,
};

/* How many jobs have each bit. */
struct ex_ahead_sum {
        size_t counts[EX_AHEAD_BITS];
};

uint32_t ex_ahead_of_job(const struct ex_job *job);
/* One job that had WAS now has IS; 0 for a job that comes or goes. */
void ex_ahead_change(struct ex_ahead_sum *sum, uint32_t was, uint32_t is);
uint32_t ex_ahead_of_sum(const struct ex_ahead_sum *sum);

/* The sides, 1 << Pb__Side, of the field that begins with FIRST. */
static inline uint32_t ex_ahead_sides(uint32_t ahead, enum ex_ahead first)
{
        return ahead / (uint32_t)first & 7U;
}
