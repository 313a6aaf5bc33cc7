#pragma once
/*
 * The hours in which a phase may go: a weekday and a time of day in some zone, each week anew. Pure:
 * the zone's rules come as a function, the clock as an argument.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/* Seconds that the zone is ahead of UTC at AT_S (seconds since the epoch). */
typedef int32_t (*window_offset_fn)(void *arg, int64_t at_s);

struct window_zone {
        window_offset_fn offset;
        void *arg;
};

struct window {
        int weekday; /* 0: Sunday */
        int minute;  /* of the day, 0 to 1439 */
        int64_t length_s;
};

struct window_now {
        bool is_open;
        int64_t start_s, end_s; /* of the one that is open, else of the next */
};

/* "Tuesday 10:00" or "Tue 10:00", whatever its case; LENGTH_S is left alone. -EINVAL. */
BUS_MUST int window_parse(const char *text, struct window *ret_window);

/*
 * The window that NOW_S is in, else the next to open. A start that its day does not have (an hour is
 * taken out) comes as much later; of one that its day has twice it is the first.
 */
void window_at(const struct window *window, const struct window_zone *zone, int64_t now_s,
        struct window_now *ret_now);

#define WINDOW_TEXT_SIZE 32
/* AT_S as the zone's clocks show it: "Tue 2026-12-01 10:00". Returns TEXT. */
const char *window_time(
        const struct window_zone *zone, int64_t at_s, char text[static WINDOW_TEXT_SIZE]);
/* How long that is, for people: "2 d 11 h", "40 min", "12 s". Returns TEXT. */
const char *window_span(int64_t seconds, char text[static WINDOW_TEXT_SIZE]);
