/*
 * Invariant: a thread that goes first cannot keep a processor. RLIMIT_RTTIME sends SIGXCPU to who
 * runs for RUN_MAX_US without waiting, and its handler takes the priority away, for good.
 */
#include "libbus/service/schedule.h"

#include "libbus/base/processor.h"
#include "libbus/base/threads.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* No turn of a loop takes so long, and a person hardly notices. */
#define RUN_MAX_US     200000
#define PUBLISHER_NICE 10

static atomic_bool demoted;

static const struct sched_param no_priority = { 0 };

/* ---- the background ---- */

/* Of us, who runs in what the others leave; process 0: nobody. */
static struct bus_spare behind;

/* SCHED_IDLE is left by who may have a better nice value (sched(7)); without that we stay out of it. */
static bool may_come_back(int nice_value)
{
        return !setpriority(PRIO_PROCESS, 0, nice_value - 1) &&
               !setpriority(PRIO_PROCESS, 0, nice_value);
}

/* From the calling thread those to come inherit it. */
void schedule_step_back(int nice_value)
{
        (void)setpriority(PRIO_PROCESS, 0, nice_value);
        if (nice_value >= BUS_SPARE_NICE && may_come_back(nice_value) &&
                bus_spare_begin(&behind, getpid()) == 0)
                return;
        behind.process = 0;
        (void)sched_setscheduler(0, SCHED_BATCH, &no_priority);
}

enum bus_spare_change schedule_look(void)
{
        return behind.process ? bus_spare_look(&behind) : BUS_SPARE_SAME;
}

/*
 * Encrypting a message once for each reader is most of what publishing costs. Where no reader is on
 * an alert's way, that work must not take the processor from what is. libzmq has no priority for one
 * of its threads, but they are known by their names; if not by this one, all stays as it was. It keeps a
 * share: it frees what the main thread allocated, and must not sleep with the allocator's lock.
 */
static bool put_behind(void *arg, pid_t thread)
{
        (void)arg;
        if (!bus_thread_is(getpid(), thread, "ZMQbg/IO/1"))
                return true;
        (void)setpriority(PRIO_PROCESS, (id_t)thread, PUBLISHER_NICE);
        (void)sched_setscheduler(thread, SCHED_BATCH, &no_priority);
        bus_processor_leave(thread);
        return false;
}

void schedule_put_publisher_behind(void)
{
        bus_each_thread(getpid(), put_behind, NULL);
}

/* ---- going first ---- */

static void on_overrun(int signo)
{
        int saved = errno;

        (void)signo;
        (void)sched_setscheduler(0, SCHED_OTHER, &no_priority);
        atomic_store(&demoted, true);
        errno = saved;
}

void schedule_go_first(void)
{
        const struct sched_param first = { .sched_priority = sched_get_priority_min(SCHED_RR) };
        const struct sigaction action = { .sa_handler = on_overrun, .sa_flags = SA_RESTART };
        struct rlimit run;

        if (getrlimit(RLIMIT_RTTIME, &run) < 0)
                return;
        run.rlim_cur = run.rlim_max < RUN_MAX_US ? run.rlim_max : RUN_MAX_US;
        if (sigaction(SIGXCPU, &action, NULL) < 0 || setrlimit(RLIMIT_RTTIME, &run) < 0)
                return;
        if (schedule_goes_first() || !sched_setscheduler(0, SCHED_RR, &first))
                bus_processor_share();
}

bool schedule_goes_first(void)
{
        return sched_getscheduler(0) == SCHED_RR;
}

void schedule_let_others(void)
{
        if (schedule_goes_first())
                (void)sched_yield();
}

void schedule_go_with_all(void)
{
        if (schedule_goes_first())
                (void)sched_setscheduler(0, SCHED_OTHER, &no_priority);
}

static bool demote(void *arg, pid_t thread)
{
        (void)arg;
        if (sched_getscheduler(thread) == SCHED_RR)
                (void)sched_setscheduler(thread, SCHED_OTHER, &no_priority);
        bus_processor_any(thread);
        return true;
}

bool schedule_was_demoted(void)
{
        if (!atomic_exchange(&demoted, false))
                return false;
        bus_each_thread(getpid(), demote, NULL);
        return true;
}
