/*
 * Invariant: once we have chosen, STARTED_WITH holds what there was to choose from, two or more
 * processors, and CHOSEN is one of them; before, and where there is no choice, CHOSEN is negative.
 */
#include "libbus/base/processor.h"

#include "libbus/base/interrupts.h"
#include "libbus/base/io.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define CHOICE           "UMBRA_SHARED_PROCESSOR"
#define INTERRUPTS_PATH  "/proc/interrupts"
#define INTERRUPTS_BYTES ((size_t)4 << 20)

static cpu_set_t started_with;
static int chosen = -1;

/* What who started us has chosen; < 0: nobody has, or it is none of ours. */
static int told(void)
{
        const char *text = getenv(CHOICE);
        char *end;
        long value;

        if (!text || !*text)
                return -1;
        value = strtol(text, &end, 10);
        return !*end && value >= 0 && value < CPU_SETSIZE && CPU_ISSET((int)value, &started_with)
                       ? (int)value
                       : -1;
}

/* Who never waits keeps the system's threads from a processor as well, and a disk waits for those of them
 * that run where its interrupts are taken. */
static int find(void)
{
        BUS_AUTOBUF struct bus_buf table = BUS_BUF_INIT;

        if (bus_file_read(INTERRUPTS_PATH, INTERRUPTS_BYTES, &table) < 0)
                bus_buf_clear(&table);
        return bus_interrupts_few(bus_buf_bytes(&table), &started_with);
}

static bool choose(void)
{
        if (chosen >= 0)
                return true;
        if (sched_getaffinity(0, sizeof(started_with), &started_with) < 0 ||
                CPU_COUNT(&started_with) < 2)
                return false;
        chosen = told();
        if (chosen < 0)
                chosen = find();
        return true;
}

void bus_processor_choose(void)
{
        char text[16];

        if (!choose())
                return;
        snprintf(text, sizeof(text), "%d", chosen);
        (void)setenv(CHOICE, text, true);
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
