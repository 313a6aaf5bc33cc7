#pragma once
/*
 * Which processor time a service gets beside the others on its machine (docs/adr/0015, 0039). All
 * of it is what the system allows: where it refuses, all are alike, and nothing else changes.
 */
#include <stdbool.h>

/* Before any thread is made, for who is in the background: it preempts nobody, and counts for less. */
void schedule_step_back(int nice_value);
/*
 * Before any thread is made, for who is on an alert's way: runs as soon as there is something to do,
 * whoever else is running (SCHED_RR, the lowest priority of it). Who then runs for long without ever
 * waiting is back among the others (schedule_was_demoted).
 */
void schedule_go_first(void);
/* The same place as all others, whatever the process was started with. */
void schedule_go_with_all(void);
/* Behind the first ZeroMQ socket: the context's second I/O thread counts for less than the rest. */
void schedule_put_publisher_behind(void);
/* True once, after a thread that goes first had run for too long: now all are like everybody else. To
 * be asked now and then, for the handler puts back none but the thread it runs in. */
bool schedule_was_demoted(void);
