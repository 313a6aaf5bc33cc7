#pragma once
/*
 * Days, weeks and months as people count them, in the process's zone (TZ, set before the first call).
 * A day may have 23 or 25 hours; what begins at a local time that a day does not have begins an hour
 * beside it. Pure but for the zone's rules.
 */
#include "libbus/base/attr.h"

#include <stdint.h>

/* Midnight of DAYS before the day NOW_US is in; its Monday's; its first's. */
int64_t calendar_day(int64_t now_us, int days);
int64_t calendar_week(int64_t now_us);
int64_t calendar_month(int64_t now_us);

/* MINUTE of the day (0 to 1439), the newest that is not later than NOW_US. *RET_DATE: its day as
 * 20261122, which tells whether it was done; *RET_BEFORE_US: the same of the day before. */
int64_t calendar_due(int64_t now_us, int minute, int64_t *ret_date, int64_t *ret_before_us);

/* "22:05" -> 1325. -EINVAL. */
BUS_MUST int calendar_minute(const char *text, int *ret_minute);
/* Makes ZONE ("Europe/Berlin") the process's. -EINVAL if this machine does not know it. */
BUS_MUST int calendar_set_zone(const char *zone);

#define CALENDAR_TEXT_SIZE 32
enum calendar_format {
        CALENDAR_DATE,    /* "22 Nov" */
        CALENDAR_MINUTE,  /* "22:05" */
        CALENDAR_SECOND,  /* "22:05:30" */
        CALENDAR_MOMENT,  /* "22 Nov 22:05" */
        CALENDAR_IN_ZONE, /* "22 Nov 22:05 CET" */
};
/* Returns TEXT. */
const char *calendar_text(
        int64_t at_us, enum calendar_format format, char text[static CALENDAR_TEXT_SIZE]);
