#pragma once
/*
 * Which processor time a service gets beside the others on its machine (docs/adr/0015, 0039). All
 * of it is what the system allows: where it refuses, all are alike, and nothing else changes.
 */
#include "libbus/base/spare.h"

#include <stdbool.h>

/*
 * Before any thread is made, for who is in the background: it preempts nobody, and counts for less. From
 * BUS_SPARE_NICE on it runs only in what the others leave, if the system would let it come back from
 * there; if not, who started it may put it there (services/umbra/supervisor.h).
 */
void schedule_step_back(int nice_value);
/* Once a second, from the main thread: bus_spare_look, where we stepped back so far. */
enum bus_spare_change schedule_look(void);
/*
 * Before any thread is made, for who is on an alert's way: runs as soon as there is something to do,
 * whoever else is running (SCHED_RR, the lowest priority of it), on the processor that those who go
 * first share (libbus/base/processor.h). Who then runs for long without ever waiting is back among the
 * others (schedule_was_demoted).
 */
void schedule_go_first(void);
/* Whether the calling thread does, or was started so. */
bool schedule_goes_first(void);
/* Where it does: the threads that wait for its processor run now, such as an I/O thread with
 * something to send. */
void schedule_let_others(void);
/* The same place as all others, whatever the process was started with. */
void schedule_go_with_all(void);
/* Behind the first ZeroMQ socket: the context's second I/O thread steps back, and it alone. */
void schedule_put_publisher_behind(void);
/* True once, after a thread that goes first had run for too long: now all are like everybody else. To
 * be asked now and then, for the handler puts back none but the thread it runs in. */
bool schedule_was_demoted(void);
