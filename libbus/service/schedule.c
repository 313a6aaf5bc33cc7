/*
 * Invariant: a thread that goes first cannot keep a processor. RLIMIT_RTTIME sends SIGXCPU to who
 * runs for RUN_MAX_US without waiting, and its handler takes the priority away, for good.
 */
#include "libbus/service/schedule.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

/* No turn of a loop takes so long, and a person hardly notices. */
#define RUN_MAX_US     200000
#define PUBLISHER_NICE 10
#define COMM_MAX_BYTES 64

static atomic_bool demoted;

static const struct sched_param no_priority = { 0 };

void schedule_step_back(int nice_value)
{
        (void)sched_setscheduler(0, SCHED_BATCH, &no_priority);
        (void)setpriority(PRIO_PROCESS, 0, nice_value);
}

/* FN for each thread of ours. */
static void each_thread(void (*fn)(pid_t thread, const char *name))
{
        struct dirent *entry;
        DIR *tasks = opendir("/proc/self/task");

        while (tasks && (entry = readdir(tasks))) {
                BUS_AUTOFREE char *path = bus_xasprintf("/proc/self/task/%s/comm", entry->d_name);
                BUS_AUTOBUF struct bus_buf name = BUS_BUF_INIT;

                if (*entry->d_name != '.' && !bus_file_read(path, COMM_MAX_BYTES, &name))
                        fn((pid_t)strtol(entry->d_name, NULL, 10), bus_buf_str(&name));
        }
        if (tasks)
                closedir(tasks);
}

/*
 * Encrypting a message once for each reader is most of what publishing costs. Where no reader is on
 * an alert's way, that work must not take the processor from what is. libzmq has no priority for one
 * of its threads, but they are known by their names; if not by this one, all stays as it was.
 */
static void put_behind(pid_t thread, const char *name)
{
        if (strcmp(name, "ZMQbg/IO/1\n") != 0)
                return;
        (void)sched_setscheduler(thread, SCHED_BATCH, &no_priority);
        (void)setpriority(PRIO_PROCESS, (id_t)thread, PUBLISHER_NICE);
}

void schedule_put_publisher_behind(void)
{
        each_thread(put_behind);
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
        if (sched_getscheduler(0) != SCHED_RR)
                (void)sched_setscheduler(0, SCHED_RR, &first);
}

void schedule_go_with_all(void)
{
        if (sched_getscheduler(0) == SCHED_RR)
                (void)sched_setscheduler(0, SCHED_OTHER, &no_priority);
}

static void demote(pid_t thread, const char *name)
{
        (void)name;
        if (sched_getscheduler(thread) == SCHED_RR)
                (void)sched_setscheduler(thread, SCHED_OTHER, &no_priority);
}

bool schedule_was_demoted(void)
{
        if (!atomic_exchange(&demoted, false))
                return false;
        each_thread(demote);
        return true;
}
