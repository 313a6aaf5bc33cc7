#pragma once
/*
 * What the demo shows: on a terminal one screen that lives, elsewhere a line for each thing that
 * happens and the figures now and then.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_EVENTS 10
#define REPORT_LATEST 5
#define REPORT_WIDTH  110

struct report_figures {
        size_t alerts_total, sent, accepted, duplicates, rejected, resent;
        int64_t slowest_us;
        size_t at_broker, open_positions;
        int64_t balance_cents;
        size_t kills;
};

struct report {
        bool is_screen;
        int64_t started_us, drawn_us;
        const char *phase; /* what is going on, in a few words; borrowed */
        char events[REPORT_EVENTS][REPORT_WIDTH];
        size_t event_count;                       /* ever */
        char latest[REPORT_LATEST][REPORT_WIDTH]; /* what became of the newest alerts */
        size_t latest_count;
        int64_t latest_us;  /* when that was asked */
        unsigned int lines; /* of figures printed, where there is no screen */
};

void report_init(struct report *report);
/* One thing that happened. */
void report_event(struct report *report, const char *format, ...) BUS_PRINTF(2, 3);
/* The figures as they are: drawn when it is time to. */
void report_figures(struct report *report, const struct report_figures *figures);
/* Leaves the screen as it is and goes on below. */
void report_end(struct report *report);
