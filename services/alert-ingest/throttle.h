#pragma once
/*
 * Lets one line through an interval and counts what it holds back: strangers choose how often they
 * knock, not how much is written about it. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

struct throttle {
        int64_t interval_us;
        int64_t next_us; /* monotonic; nothing passes before it */
        uint64_t held;
};

/* True: say it; *RET_COUNT is how many that stands for, this one included. */
static inline bool throttle_pass(struct throttle *throttle, int64_t now_us, uint64_t *ret_count)
{
        throttle->held++;
        if (now_us < throttle->next_us)
                return false;
        *ret_count = throttle->held;
        throttle->held = 0;
        throttle->next_us = now_us + throttle->interval_us;
        return true;
}
