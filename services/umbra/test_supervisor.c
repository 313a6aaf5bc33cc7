#include "services/umbra/supervisor.h"

#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define DEADLINE_US (20 * BUS_US_PER_SEC)
#define EVENTS_MAX  64

struct rig {
        char folder[32];
        struct bus_loop *loop;
        struct supervisor *supervisor;
        struct supervisor_report events[EVENTS_MAX];
        size_t count;
};

static void on_event(void *arg, const struct supervisor_report *report)
{
        struct rig *rig = arg;

        if (rig->count < EVENTS_MAX)
                rig->events[rig->count++] = *report;
}

static void rig_init_realtime(struct rig *rig, bool realtime)
{
        *rig = (struct rig){ .folder = "/tmp/umbra-test-XXXXXX", .loop = bus_loop_new() };
        cr_assert_not_null(mkdtemp(rig->folder));
        cr_assert_eq(supervisor_new(rig->loop,
                             &(struct supervisor_options){
                                     .run_dir = rig->folder,
                                     .log_dir = rig->folder,
                                     .fn = on_event,
                                     .arg = rig,
                                     .realtime = realtime,
                             },
                             &rig->supervisor),
                0);
}

static void rig_init(struct rig *rig)
{
        rig_init_realtime(rig, false);
}

static void rig_done(struct rig *rig)
{
        BUS_AUTOFREE char *command = bus_xasprintf("rm -rf %s", rig->folder);

        supervisor_free(rig->supervisor);
        bus_loop_free(rig->loop);
        cr_assert_eq(system(command), 0);
}

static void add_service(
        struct rig *rig, const char *name, unsigned int stage, const char *script, bool goes_first)
{
        const char *argv[] = { "sh", "-c", script, NULL };

        cr_assert_eq(supervisor_add(rig->supervisor,
                             &(struct supervisor_service){
                                     .name = name,
                                     .program = "/bin/sh",
                                     .argv = argv,
                                     .stage = stage,
                                     .listen_fd = -1,
                                     .goes_first = goes_first,
                             }),
                0);
}

static void add(struct rig *rig, const char *name, unsigned int stage, const char *script)
{
        add_service(rig, name, stage, script, false);
}

static size_t seen(const struct rig *rig, enum supervisor_event event)
{
        size_t n = 0;

        for (size_t i = 0; i < rig->count; i++)
                n += rig->events[i].event == event;
        return n;
}

static void wait_for(struct rig *rig, enum supervisor_event event, size_t times)
{
        int64_t deadline_us = bus_mono_us() + DEADLINE_US;

        while (seen(rig, event) < times) {
                cr_assert_lt(bus_mono_us(), deadline_us, "event %d was not seen in time", event);
                cr_assert_eq(bus_loop_turn(rig->loop, 10 * BUS_US_PER_MS), 0);
        }
}

Test(supervisor, starts_again_what_was_killed)
{
        struct rig rig;

        rig_init(&rig);
        add(&rig, "a", 0, "exec sleep 100");
        kill(rig.events[0].pid, SIGKILL);
        wait_for(&rig, SUPERVISOR_STARTED, 2);
        cr_expect_neq(rig.events[2].pid, rig.events[0].pid);
        rig_done(&rig);
}

Test(supervisor, leaves_down_what_asks_for_it)
{
        struct rig rig;

        rig_init(&rig);
        add(&rig, "a", 0, "exit 3");
        add(&rig, "b", 0, "exit 1");
        wait_for(&rig, SUPERVISOR_STAYS_DOWN, 1);
        wait_for(&rig, SUPERVISOR_STARTED, 4);
        for (size_t i = 1; i < rig.count; i++)
                if (rig.events[i].event == SUPERVISOR_STARTED)
                        cr_expect_str_eq(rig.events[i].service, "b");
        rig_done(&rig);
}

Test(supervisor, says_when_a_program_will_not_come_up)
{
        struct rig rig;

        rig_init(&rig);
        add(&rig, "a", 0, "exit 1");
        wait_for(&rig, SUPERVISOR_HOPELESS, 1);
        rig_done(&rig);
}

Test(supervisor, stops_one_stage_after_the_other)
{
        struct rig rig;
        const char *order[2];
        size_t n = 0;

        rig_init(&rig);
        add(&rig, "late", 1, "trap 'exit 0' TERM; while :; do sleep 0.01; done");
        add(&rig, "early", 0, "trap 'sleep 0.2; exit 0' TERM; while :; do sleep 0.01; done");
        supervisor_stop(rig.supervisor);
        wait_for(&rig, SUPERVISOR_EMPTY, 1);
        for (size_t i = 0; i < rig.count; i++)
                if (rig.events[i].event == SUPERVISOR_STOPPED && n < 2)
                        order[n++] = rig.events[i].service;
        cr_assert_eq(n, 2);
        cr_expect_str_eq(order[0], "early");
        cr_expect_str_eq(order[1], "late");
        rig_done(&rig);
}

Test(supervisor, writes_the_pid_while_it_runs_and_keeps_the_output)
{
        struct rig rig;
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        BUS_AUTOFREE char *pid_path = NULL, *log_path = NULL;

        rig_init(&rig);
        pid_path = bus_xasprintf("%s/a.pid", rig.folder);
        log_path = bus_xasprintf("%s/a.log", rig.folder);
        add(&rig, "a", 0, "echo hello; exit 3");
        cr_assert_eq(bus_file_read(pid_path, 100, &text), 0);
        cr_expect_eq(atoi(bus_buf_str(&text)), rig.events[0].pid);
        wait_for(&rig, SUPERVISOR_STAYS_DOWN, 1);
        cr_expect_eq(access(pid_path, F_OK), -1);
        bus_buf_clear(&text);
        cr_assert_eq(bus_file_read(log_path, 100, &text), 0);
        cr_expect_str_eq(bus_buf_str(&text), "hello\n");
        rig_done(&rig);
}

Test(supervisor, passes_a_listening_socket_on)
{
        struct rig rig;
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        BUS_AUTOFREE char *log_path = NULL;
        BUS_AUTOCLOSE int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        const char *argv[] = { "sh", "-c",
                "test $LISTEN_PID = $$ && echo fds $LISTEN_FDS $(readlink /proc/$$/fd/3); exit 3",
                NULL };

        rig_init(&rig);
        log_path = bus_xasprintf("%s/a.log", rig.folder);
        cr_assert_geq(fd, 0);
        cr_assert_eq(supervisor_add(rig.supervisor,
                             &(struct supervisor_service){
                                     .name = "a",
                                     .program = "/bin/sh",
                                     .argv = argv,
                                     .listen_fd = fd,
                             }),
                0);
        wait_for(&rig, SUPERVISOR_STAYS_DOWN, 1);
        cr_assert_eq(bus_file_read(log_path, 1000, &text), 0);
        cr_expect_str_eq(bus_buf_str(&text), "fds 1 /dev/zero\n");
        rig_done(&rig);
}

static bool reaches(struct rig *rig, pid_t pid, int policy)
{
        int64_t deadline_us = bus_mono_us() + DEADLINE_US;

        while (sched_getscheduler(pid) != policy && bus_mono_us() < deadline_us)
                cr_assert_eq(bus_loop_turn(rig->loop, 10 * BUS_US_PER_MS), 0);
        return sched_getscheduler(pid) == policy;
}

/* Both times: what was started again too. */
Test(supervisor, lets_the_background_run_in_what_others_leave)
{
        struct rig rig;

        if (sched_setscheduler(0, SCHED_RR, &(struct sched_param){ .sched_priority = 1 }) < 0)
                cr_skip("no priority may be given here");
        cr_assert_eq(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 }), 0);
        rig_init_realtime(&rig, true);
        add(&rig, "behind", 0, "exec nice -n 10 sleep 100");
        add(&rig, "other", 0, "exec nice -n 9 sleep 100");
        add_service(&rig, "first", 0, "exec nice -n 10 sleep 100", true);
        cr_expect(reaches(&rig, rig.events[0].pid, SCHED_IDLE));
        kill(rig.events[0].pid, SIGKILL);
        wait_for(&rig, SUPERVISOR_STARTED, 4);
        cr_expect(reaches(&rig, rig.events[rig.count - 1].pid, SCHED_IDLE));
        cr_expect_eq(sched_getscheduler(rig.events[1].pid), SCHED_OTHER);
        cr_expect_eq(sched_getscheduler(rig.events[2].pid), SCHED_RR, "whatever its nice value");
        rig_done(&rig);
}
