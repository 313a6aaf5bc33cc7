#pragma once
/*
 * The account's equity and balance over the last days, one point a minute: what a curve is drawn
 * from. Pure; times are wall clock. Points come in order, as the account stream has them; older ones
 * are left out.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A week: a trader looks at the days since the last free one. */
#define EQUITY_MINUTES (7 * 24 * 60)
/* More points than a screen has pixels for would only cost the reader time. */
#define EQUITY_POINTS_MAX 480

struct equity_point {
        int64_t minute; /* since the epoch */
        int64_t equity_cents, balance_cents;
};

struct equity {
        struct equity_point points[EQUITY_MINUTES]; /* a ring */
        size_t next, count;
};

/* The last of a minute stays. The point as it stands, NULL if it was left out; borrowed until the
 * next call. */
const struct equity_point *equity_take(struct equity *equity, const struct equity_point *point);
/* {"unit":"cents","points":[[SECONDS,EQUITY,BALANCE],...]}, oldest first, none before SINCE_US; the
 * caller owns it. */
json_t *equity_json(const struct equity *equity, int64_t since_us);
