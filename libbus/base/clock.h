#pragma once
/*
 * The two clocks, in microseconds. Wall time is for stamps and ages people see; deadlines and
 * pacing use the monotonic one, which no adjustment of the wall clock moves.
 */
#include "libbus/base/attr.h"

#include <stdint.h>

int64_t bus_wall_us(void);
int64_t bus_mono_us(void);

#define BUS_TIME_TEXT_SIZE 32
/* RFC 3339 in UTC with microseconds: 2026-11-22T18:20:00.123456Z. Pure. Returns TEXT. */
const char *bus_time_format(int64_t wall_us, char text[static BUS_TIME_TEXT_SIZE]);
/* RFC 3339 with a zone ("Z" or an offset), fraction optional (cut to microseconds). Pure. -EINVAL. */
BUS_MUST int bus_time_parse(const char *text, int64_t *ret_wall_us);
/*
 * A moment as people give it: RFC 3339, an age before NOW_US ("500ms" "10s" "15m" "2h" "7d"), or
 * microseconds since the epoch. Pure. -EINVAL.
 */
BUS_MUST int bus_moment_parse(const char *text, int64_t now_us, int64_t *ret_wall_us);
