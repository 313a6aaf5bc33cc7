#pragma once
/*
 * Where the system takes the interrupts of devices, as /proc/interrupts (proc(5)) has it.
 */
#include "libbus/base/bytes.h"

#include <sched.h>

/*
 * Of AMONG, which is not empty, the last processor that takes few of those TABLE counts: at most twice as
 * many as the one with the fewest, and so many that do no harm. A table that cannot be read counts none.
 */
int bus_interrupts_few(struct bus_bytes table, const cpu_set_t *among);
