/*
 * Invariant: once we have chosen, STARTED_WITH holds what there was to choose from, two or more
 * processors, and CHOSEN is the last of them; before, and where there is no choice, CHOSEN is negative.
 */
#include "libbus/base/processor.h"

#include <sched.h>
#include <stdbool.h>

static cpu_set_t started_with;
static int chosen = -1;

/* The last: interrupts, and whatever else a system does by itself, gather on the first. */
static bool choose(void)
{
        if (chosen >= 0)
                return true;
        if (sched_getaffinity(0, sizeof(started_with), &started_with) < 0 ||
                CPU_COUNT(&started_with) < 2)
                return false;
        for (int i = 0; i < CPU_SETSIZE; i++)
                if (CPU_ISSET(i, &started_with))
                        chosen = i;
        return true;
}

static void run_on(pid_t thread, const cpu_set_t *set)
{
        (void)sched_setaffinity(thread, sizeof(*set), set);
}

void bus_processor_share(void)
{
        cpu_set_t set;

        if (!choose())
                return;
        CPU_ZERO(&set);
        CPU_SET(chosen, &set);
        run_on(0, &set);
}

void bus_processor_leave(pid_t thread)
{
        cpu_set_t set;

        if (!choose())
                return;
        set = started_with;
        CPU_CLR(chosen, &set);
        run_on(thread, &set);
}

void bus_processor_any(pid_t thread)
{
        if (chosen >= 0)
                run_on(thread, &started_with);
}
