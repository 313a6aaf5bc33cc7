#pragma once
/*
 * Figures over the last minutes, from what comes in one by one: a percentile of times, and the share
 * of one count in another. Pure.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- times: the newest of them, and no more than these ---- */
#define TIMES_MAX \
        2048 /* seven a second for five minutes; of a busier time the newest tell enough */

struct times {
        struct {
                int64_t at_us, value_us;
        } items[TIMES_MAX];
        size_t next, count;
};
void times_add(struct times *times, int64_t now_us, int64_t value_us);
/* The value that 95 of 100 do not exceed, of those not older than WINDOW_US; *RET_COUNT: how many
 * there are. 0 of none. */
int64_t times_p95_us(
        const struct times *times, int64_t now_us, int64_t window_us, size_t *ret_count);

/* ---- shares: in slices of the window, so that the oldest fall out a bit at a time ---- */
#define SHARE_SLICES 30

struct share {
        struct {
                int64_t slice;
                double part, whole;
        } items[SHARE_SLICES];
};
void share_add(struct share *share, int64_t now_us, int64_t window_us, double part, double whole);
/* part / whole over the window; *RET_WHOLE: of how much. 0 of nothing. */
double share_of(const struct share *share, int64_t now_us, int64_t window_us, double *ret_whole);
