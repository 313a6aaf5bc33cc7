#pragma once
/*
 * Which processors threads run on. Those that go first (libbus/service/schedule.h) share one, so that
 * a message between them wakes nobody on another processor, and others keep off it
 * (docs/adr/0066). The choice is among the processors the process was started with, and there is
 * none where that is a single one or the system refuses. It is the last that takes few of the devices' interrupts (libbus/base/interrupts.h).
 * Before threads are made, unless said.
 */
#include <sys/types.h>

/* Programs we start from now on choose as we do, whatever interrupts come meanwhile. */
void bus_processor_choose(void);
/* We, and the threads and programs we start from now on, run on the one that is shared. */
void bus_processor_share(void);
/* THREAD of ours (0: the calling one, and what it starts) keeps off that one. At any time. */
void bus_processor_leave(pid_t thread);
/* THREAD of ours runs on all the process was started with. At any time. */
void bus_processor_any(pid_t thread);
