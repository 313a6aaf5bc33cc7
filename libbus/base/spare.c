#include "libbus/base/spare.h"

#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/base/threads.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define TASK_MAX_BYTES 1024
#define STARVED_LOOKS  3
#define RAISED_LOOKS   30

static bool read_task(const struct bus_spare *spare, const char *name, struct bus_buf *text)
{
        BUS_AUTOFREE char *path =
                bus_xasprintf("/proc/%d/task/%d/%s", (int)spare->process, (int)spare->thread, name);

        return !bus_file_read(path, TASK_MAX_BYTES, text);
}

/* proc(5), /proc/PID/schedstat: time on a processor, time waiting for one until it got it, in ns. */
static bool read_times(const struct bus_spare *spare, int64_t *ret_ran_ns, int64_t *ret_waited_ns)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        return read_task(spare, "schedstat", &text) &&
               sscanf(bus_buf_str(&text), "%" SCNd64 " %" SCNd64, ret_ran_ns, ret_waited_ns) == 2;
}

/* proc(5), /proc/PID/stat: the state stands behind the name, which may hold anything. */
static bool is_runnable(const struct bus_spare *spare)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        const char *name_end;

        if (!read_task(spare, "stat", &text))
                return false;
        name_end = strrchr(bus_buf_str(&text), ')');
        return name_end && !strncmp(name_end, ") R", 3);
}

/* Those that have a share of their own are left alone. */
static bool is_behind(pid_t thread)
{
        return getpriority(PRIO_PROCESS, (id_t)thread) >= BUS_SPARE_NICE;
}

static void take_share(pid_t thread)
{
        const struct sched_param no_priority = { 0 };

        if (sched_getscheduler(thread) == SCHED_IDLE &&
                !sched_setscheduler(thread, SCHED_BATCH, &no_priority))
                (void)setpriority(PRIO_PROCESS, (id_t)thread, BUS_SPARE_NICE);
}

void bus_spare_take_share(void)
{
        take_share(0);
}

/* Those that the main thread has started and waits for may not be let back by the system. Without
 * this file (CONFIG_PROC_CHILDREN) they stay where they are. */
static void raise_children(pid_t process)
{
        const struct bus_spare main_thread = { .process = process, .thread = process };
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        const char *at;
        char *end;

        if (!read_task(&main_thread, "children", &text))
                return;
        at = bus_buf_str(&text);
        for (long child = strtol(at, &end, 10); end != at; child = strtol(at, &end, 10)) {
                take_share((pid_t)child);
                at = end;
        }
}

static bool take_first(void *arg, pid_t thread)
{
        pid_t *first = arg;

        if (!is_behind(thread))
                return true;
        *first = thread;
        return false;
}

static bool place_thread(void *arg, pid_t thread)
{
        struct bus_spare *spare = arg;
        const struct sched_param no_priority = { 0 };
        const int policy = spare->is_raised ? SCHED_BATCH : SCHED_IDLE;

        if (!is_behind(thread) || sched_getscheduler(thread) == policy)
                return true;
        return !sched_setscheduler(thread, policy, &no_priority);
}

int bus_spare_begin(struct bus_spare *spare, pid_t process)
{
        *spare = (struct bus_spare){ .process = process, .looked_us = bus_mono_us() };
        bus_each_thread(process, take_first, &spare->thread);
        if (!spare->thread || !read_times(spare, &spare->ran_ns, &spare->waited_ns))
                return -ESRCH;
        if (sched_getscheduler(spare->thread) == SCHED_IDLE)
                return -EBUSY;
        bus_each_thread(process, place_thread, spare);
        return sched_getscheduler(spare->thread) == SCHED_IDLE ? 0 : -EPERM;
}

/*
 * Whether for most of the time since the last look others had all processors. Who has not got one since
 * has not been told how long it waits.
 */
static bool is_starved(struct bus_spare *spare)
{
        const int64_t now_us = bus_mono_us(), passed_us = now_us - spare->looked_us;
        const int64_t ran_ns = spare->ran_ns, waited_ns = spare->waited_ns;

        spare->looked_us = now_us;
        if (!read_times(spare, &spare->ran_ns, &spare->waited_ns))
                return false;
        return (spare->waited_ns - waited_ns) / 1000 > passed_us / 2 ||
               ((spare->ran_ns - ran_ns) / 1000 < passed_us / 20 && is_runnable(spare));
}

enum bus_spare_change bus_spare_look(struct bus_spare *spare)
{
        enum bus_spare_change change = BUS_SPARE_SAME;
        bool starved = is_starved(spare);

        if (!spare->is_raised && !starved) {
                spare->looks = 0;
        } else if (++spare->looks >= (spare->is_raised ? RAISED_LOOKS : STARVED_LOOKS)) {
                spare->is_raised = !spare->is_raised;
                spare->looks = 0;
                change = spare->is_raised ? BUS_SPARE_RAISED : BUS_SPARE_LOWERED;
        }
        bus_each_thread(spare->process, place_thread, spare);
        raise_children(spare->process);
        return change;
}
