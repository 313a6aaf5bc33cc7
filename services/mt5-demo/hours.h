#pragma once
/*
 * When the market is open, by the wall clock in UTC: "mon-fri 00:05-23:55", several separated by
 * commas. Pure.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        HOURS_MAX = 8, /* windows: more than any market has in a week */
};

struct hours {
        struct {
                int first_day,
                        last_day; /* 0 is Sunday; last may be before first, over the weekend */
                int from_minute, to_minute; /* of the day; to is not in it */
        } windows[HOURS_MAX];
        int count; /* 0: always open */
};

/* "" is always. -EINVAL if it is not such a text. */
BUS_MUST int hours_parse(const char *text, struct hours *ret_hours);
bool hours_open(const struct hours *hours, int64_t wall_us);
