/*
 * Invariant: a service with a pid is our living or not yet reaped child; one without is to be
 * started at restart_us, or stays down.
 */
#include "services/umbra/supervisor.h"

#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/processor.h"
#include "libbus/base/require.h"
#include "libbus/base/spare.h"
#include "services/umbra/identity.h"
#include "services/umbra/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <zmq.h>

#define SERVICES_MAX 16
#define STAGES       4
/* A trader waits for a service that was killed: at once, and slower only if that does not help. */
#define BACKOFF_FIRST_US (50 * BUS_US_PER_MS)
#define BACKOFF_LAST_US  (2 * BUS_US_PER_SEC)
/* What ran this long before it died was well: its next start is prompt again. */
#define RAN_WELL_US (5 * BUS_US_PER_SEC)
/* One that ended with 0 was asked to, by 'umbra restart' say: that is no death. But a program that
 * ends at once by itself shall not be started twenty times a second. */
#define RAN_ASKED_US (BUS_US_PER_SEC)
/* So many deaths in a row, none after running well: it will not come up by itself. */
#define HOPELESS_DEATHS 8
/* Stages share 30 s (docs/architecture.md, Stop and start); a second is left for the killing. */
#define STAGE_US        (7 * BUS_US_PER_SEC)
#define TICK_US         (20 * BUS_US_PER_MS)
#define LOOK_US         BUS_US_PER_SEC
#define LISTEN_FDS_FROM 3 /* sd_listen_fds(3) */
/* A log of many weeks' WARN lines; then it is set aside once at the next start. */
#define LOG_MAX_BYTES (64 * 1024 * 1024)

struct child {
        char *name, *program;
        char **argv;
        unsigned int stage;
        int listen_fd;
        bool goes_first, roams;
        uid_t uid;
        pid_t pid; /* 0: does not run */
        int64_t started_us, restart_us, backoff_us;
        unsigned int deaths; /* in a row */
        bool stays_down;
        struct bus_spare spare; /* process 0: none of it runs on spare time, or not by us */
        bool sees_to_itself;
};

struct supervisor {
        struct bus_loop *loop;
        struct supervisor_options options;
        struct bus_source *signals, *timer;
        int signal_fd;
        sigset_t old_mask;
        struct child children[SERVICES_MAX];
        size_t count;
        bool stopping, empty;
        bool may_place, may_put_behind;
        int64_t look_us;
        unsigned int stage; /* being stopped */
        int64_t stage_deadline_us;
};

static void tell(struct supervisor *supervisor, enum supervisor_event event,
        const struct child *child, int status)
{
        struct supervisor_report report = { .event = event, .status = status };

        if (child) {
                report.service = child->name;
                report.pid = child->pid;
        }
        supervisor->options.fn(supervisor->options.arg, &report);
}

static int open_log(const struct supervisor *supervisor, const char *name)
{
        BUS_AUTOFREE char *path = layout_path(supervisor->options.log_dir, name, ".log");
        BUS_AUTOFREE char *old = layout_path(supervisor->options.log_dir, name, ".log.1");
        struct stat st;
        int fd;

        if (!stat(path, &st) && st.st_size > LOG_MAX_BYTES && rename(path, old) < 0)
                return -errno;
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        return fd < 0 ? -errno : fd;
}

static void write_pid(const struct supervisor *supervisor, const struct child *child)
{
        BUS_AUTOFREE char *path = layout_path(supervisor->options.run_dir, child->name, ".pid");
        FILE *file = fopen(path, "we");

        /* Only people and the demo read it: a full disk must not stop a restart. */
        if (!file)
                return;
        fprintf(file, "%d\n", (int)child->pid);
        fclose(file);
}

static void remove_pid(const struct supervisor *supervisor, const struct child *child)
{
        BUS_AUTOFREE char *path = layout_path(supervisor->options.run_dir, child->name, ".pid");

        unlink(path);
}

static void pass_listen_fd(int fd)
{
        char pid[16];

        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        if (fd == LISTEN_FDS_FROM)
                fcntl(fd, F_SETFD, 0);
        else
                dup2(fd, LISTEN_FDS_FROM);
        setenv("LISTEN_FDS", "1", 1);
        setenv("LISTEN_PID", pid, 1);
}

/*
 * A service could not take the priority by itself, once it is not root any more; the processor that goes
 * with it, it can. Who does not go first keeps off that one. Where no priority may be given there is
 * nobody to make room for.
 */
static void place_child(const struct supervisor *supervisor, const struct child *child)
{
        const struct sched_param first = { .sched_priority = sched_get_priority_min(SCHED_RR) };

        if (!supervisor->may_place)
                return;
        if (child->goes_first)
                (void)sched_setscheduler(0, SCHED_RR, &first);
        else if (!child->roams)
                bus_processor_leave(0);
}

/* In the child, between fork and exec; the parent has one thread, so all of libc may be used. */
BUS_NORETURN static void run_child(
        const struct supervisor *supervisor, const struct child *child, int log_fd, pid_t parent)
{
        place_child(supervisor, child);
        if (child->uid && identity_become(child->uid) < 0)
                _exit(127);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(127);
        sigprocmask(SIG_SETMASK, &supervisor->old_mask, NULL);
        dup2(log_fd, STDOUT_FILENO);
        dup2(log_fd, STDERR_FILENO);
        if (child->listen_fd >= 0)
                pass_listen_fd(child->listen_fd);
        /* A Ctrl-C is for the supervisor, which stops the others in order. */
        setpgid(0, 0);
        execv(child->program, child->argv);
        _exit(127);
}

/* Whether we may give a priority: only then may we take back what we took. */
static bool may_give(void)
{
        const struct sched_param first = { .sched_priority = sched_get_priority_min(SCHED_RR) };
        const struct sched_param none = { 0 };

        return !sched_setscheduler(0, SCHED_RR, &first) &&
               !sched_setscheduler(0, SCHED_OTHER, &none);
}

/* Services put themselves in the background; that they yield to all others is our doing, as they may
 * not come back from there by themselves. */
static void look_at_background(struct supervisor *supervisor)
{
        for (size_t i = 0; i < supervisor->count; i++) {
                struct child *child = &supervisor->children[i];

                if (!child->pid || child->goes_first || child->sees_to_itself)
                        continue;
                if (!child->spare.process) {
                        int r = bus_spare_begin(&child->spare, child->pid);

                        if (r < 0)
                                child->spare.process = 0;
                        child->sees_to_itself = r == -EBUSY;
                        continue;
                }
                switch (bus_spare_look(&child->spare)) {
                case BUS_SPARE_RAISED: tell(supervisor, SUPERVISOR_RAISED, child, 0); break;
                case BUS_SPARE_LOWERED: tell(supervisor, SUPERVISOR_LOWERED, child, 0); break;
                case BUS_SPARE_SAME: break;
                }
        }
}

static int start_child(struct supervisor *supervisor, struct child *child)
{
        BUS_AUTOCLOSE int log_fd = open_log(supervisor, child->name);
        pid_t parent = getpid(), pid;

        if (log_fd < 0)
                return log_fd;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (!pid)
                run_child(supervisor, child, log_fd, parent);
        child->pid = pid;
        child->spare.process = 0;
        child->sees_to_itself = false;
        child->started_us = bus_mono_us();
        write_pid(supervisor, child);
        tell(supervisor, SUPERVISOR_STARTED, child, 0);
        return 0;
}

static void plan_restart(struct child *child, int64_t ran_well_us)
{
        int64_t now_us = bus_mono_us();

        if (now_us - child->started_us >= ran_well_us) {
                child->deaths = 0;
                child->backoff_us = BACKOFF_FIRST_US;
        }
        child->restart_us = now_us + child->backoff_us;
        child->deaths++;
        child->backoff_us *= 2;
        if (child->backoff_us > BACKOFF_LAST_US)
                child->backoff_us = BACKOFF_LAST_US;
}

static void child_ended(struct supervisor *supervisor, struct child *child, int status)
{
        enum supervisor_event event = SUPERVISOR_DIED;

        if (supervisor->stopping) {
                event = SUPERVISOR_STOPPED;
        } else if (WIFEXITED(status) && WEXITSTATUS(status) == SUPERVISOR_STATUS_STAY_DOWN) {
                child->stays_down = true;
                event = SUPERVISOR_STAYS_DOWN;
        } else {
                plan_restart(child,
                        WIFEXITED(status) && !WEXITSTATUS(status) ? RAN_ASKED_US : RAN_WELL_US);
                if (child->deaths == HOPELESS_DEATHS)
                        event = SUPERVISOR_HOPELESS;
        }
        remove_pid(supervisor, child);
        tell(supervisor, event, child, status);
        child->pid = 0;
}

static void reap(struct supervisor *supervisor)
{
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                for (size_t i = 0; i < supervisor->count; i++)
                        if (supervisor->children[i].pid == pid)
                                child_ended(supervisor, &supervisor->children[i], status);
}

static void signal_stage(struct supervisor *supervisor, int number)
{
        for (size_t i = 0; i < supervisor->count; i++) {
                struct child *child = &supervisor->children[i];

                if (child->pid && child->stage == supervisor->stage)
                        kill(child->pid, number);
        }
}

static bool stage_is_empty(const struct supervisor *supervisor)
{
        for (size_t i = 0; i < supervisor->count; i++)
                if (supervisor->children[i].pid &&
                        supervisor->children[i].stage == supervisor->stage)
                        return false;
        return true;
}

static void begin_stage(struct supervisor *supervisor, unsigned int stage)
{
        supervisor->stage = stage;
        supervisor->stage_deadline_us = bus_mono_us() + STAGE_US;
        signal_stage(supervisor, SIGTERM);
}

static void go_on_stopping(struct supervisor *supervisor)
{
        while (stage_is_empty(supervisor)) {
                if (supervisor->stage + 1 >= STAGES) {
                        if (!supervisor->empty)
                                tell(supervisor, SUPERVISOR_EMPTY, NULL, 0);
                        supervisor->empty = true;
                        return;
                }
                begin_stage(supervisor, supervisor->stage + 1);
        }
        if (bus_mono_us() >= supervisor->stage_deadline_us)
                signal_stage(supervisor, SIGKILL);
}

static void restart_what_is_due(struct supervisor *supervisor)
{
        for (size_t i = 0; i < supervisor->count; i++) {
                struct child *child = &supervisor->children[i];

                if (child->pid || child->stays_down || bus_mono_us() < child->restart_us)
                        continue;
                if (start_child(supervisor, child) < 0)
                        plan_restart(child, RAN_WELL_US);
        }
}

static void on_tick(void *arg)
{
        struct supervisor *supervisor = arg;
        int64_t now_us = bus_mono_us();

        reap(supervisor);
        if (supervisor->stopping)
                go_on_stopping(supervisor);
        else
                restart_what_is_due(supervisor);
        if (supervisor->may_put_behind && now_us >= supervisor->look_us) {
                supervisor->look_us = now_us + LOOK_US;
                look_at_background(supervisor);
        }
}

static void on_signal(short revents, void *arg)
{
        struct supervisor *supervisor = arg;
        struct signalfd_siginfo info;

        (void)revents;
        while (read(supervisor->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
                if (info.ssi_signo != SIGCHLD)
                        supervisor_stop(supervisor);
        on_tick(supervisor);
}

int supervisor_new(struct bus_loop *loop, const struct supervisor_options *options,
        struct supervisor **ret_supervisor)
{
        struct supervisor *supervisor;
        sigset_t mask, old;
        int fd;

        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigprocmask(SIG_BLOCK, &mask, &old);
        fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        supervisor = bus_new(struct supervisor);
        supervisor->loop = loop;
        supervisor->options = *options;
        supervisor->may_place = options->realtime && may_give();
        if (supervisor->may_place)
                bus_processor_choose();
        /* who starts us in the background as a whole has put nobody of ours behind another */
        supervisor->may_put_behind =
                supervisor->may_place && getpriority(PRIO_PROCESS, 0) < BUS_SPARE_NICE;
        supervisor->signal_fd = fd;
        supervisor->old_mask = old;
        supervisor->signals = bus_loop_add_fd(loop, fd, ZMQ_POLLIN, on_signal, supervisor);
        supervisor->timer = bus_loop_add_timer(loop, TICK_US, TICK_US, on_tick, supervisor);
        *ret_supervisor = supervisor;
        return 0;
}

static void child_done(struct child *child)
{
        free(child->name);
        free(child->program);
        for (char **arg = child->argv; arg && *arg; arg++)
                free(*arg);
        free(child->argv);
}

struct supervisor *supervisor_free(struct supervisor *supervisor)
{
        if (!supervisor)
                return NULL;
        for (size_t i = 0; i < supervisor->count; i++) {
                struct child *child = &supervisor->children[i];

                if (child->pid) {
                        kill(child->pid, SIGKILL);
                        waitpid(child->pid, NULL, 0);
                        remove_pid(supervisor, child);
                }
                child_done(child);
        }
        bus_loop_remove(supervisor->loop, supervisor->signals);
        bus_loop_remove(supervisor->loop, supervisor->timer);
        close(supervisor->signal_fd);
        sigprocmask(SIG_SETMASK, &supervisor->old_mask, NULL);
        free(supervisor);
        return NULL;
}

static char **copy_argv(const char *const *argv)
{
        size_t count = 0;
        char **copy;

        while (argv[count])
                count++;
        copy = bus_new_n(char *, count + 1);
        for (size_t i = 0; i < count; i++)
                copy[i] = bus_xstrdup(argv[i]);
        return copy;
}

int supervisor_add(struct supervisor *supervisor, const struct supervisor_service *service)
{
        struct child *child = &supervisor->children[supervisor->count];

        bus_require(supervisor->count < SERVICES_MAX && service->stage < STAGES);
        supervisor->count++;
        *child = (struct child){
                .name = bus_xstrdup(service->name),
                .program = bus_xstrdup(service->program),
                .argv = copy_argv(service->argv),
                .stage = service->stage,
                .listen_fd = service->listen_fd,
                .goes_first = service->goes_first,
                .roams = service->roams,
                .uid = service->uid,
                .backoff_us = BACKOFF_FIRST_US,
        };
        return start_child(supervisor, child);
}

void supervisor_stop(struct supervisor *supervisor)
{
        if (supervisor->stopping)
                return;
        supervisor->stopping = true;
        tell(supervisor, SUPERVISOR_STOPPING, NULL, 0);
        begin_stage(supervisor, 0);
}
