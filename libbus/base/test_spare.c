/* Another process than ours is looked after, as services are; it needs CAP_SYS_NICE to be raised. */
#include "libbus/base/clock.h"
#include "libbus/base/spare.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_US (20 * BUS_US_PER_SEC)
#define LOOK_US     (5 * BUS_US_PER_MS)

/* It never waits. */
static pid_t start(int nice_value)
{
        pid_t pid = fork();

        cr_assert_geq(pid, 0);
        if (!pid) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        (void)getppid();
        }
        cr_assert_eq(setpriority(PRIO_PROCESS, (id_t)pid, nice_value), 0);
        return pid;
}

static void end(pid_t pid)
{
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void use_one_processor(void)
{
        cpu_set_t one;

        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void need_priority(void)
{
        const struct sched_param first = { .sched_priority = 1 }, none = { 0 };

        if (sched_setscheduler(0, SCHED_RR, &first) < 0)
                cr_skip("no priority may be given here");
        cr_assert_eq(sched_setscheduler(0, SCHED_OTHER, &none), 0);
}

/* As asked once a second, if oftener. */
static enum bus_spare_change look_until_changed(struct bus_spare *spare)
{
        int64_t deadline_us = bus_mono_us() + DEADLINE_US;
        enum bus_spare_change change = BUS_SPARE_SAME;

        while (change == BUS_SPARE_SAME && bus_mono_us() < deadline_us) {
                usleep(LOOK_US);
                change = bus_spare_look(spare);
        }
        return change;
}

Test(spare, who_is_left_nothing_takes_its_share_for_a_while)
{
        struct bus_spare spare;
        pid_t child, hog;

        need_priority();
        use_one_processor();
        child = start(BUS_SPARE_NICE);
        cr_assert_eq(bus_spare_begin(&spare, child), 0);
        cr_expect_eq(sched_getscheduler(child), SCHED_IDLE);
        hog = start(0);
        cr_expect_eq(look_until_changed(&spare), BUS_SPARE_RAISED);
        cr_expect_eq(sched_getscheduler(child), SCHED_BATCH);
        end(hog);
        cr_expect_eq(look_until_changed(&spare), BUS_SPARE_LOWERED);
        cr_expect_eq(sched_getscheduler(child), SCHED_IDLE);
        end(child);
}

/* In spare time: starts another, tells FD which, and waits for it. */
static void start_and_wait(int fd)
{
        const struct sched_param none = { 0 };
        pid_t child;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (setpriority(PRIO_PROCESS, 0, 19) || sched_setscheduler(0, SCHED_IDLE, &none))
                _exit(1);
        child = start(19);
        if (write(fd, &child, sizeof(child)) == sizeof(child))
                waitpid(child, NULL, 0);
        _exit(0);
}

static pid_t start_parent(pid_t *ret_child)
{
        int fds[2];
        pid_t pid = pipe(fds) < 0 ? -1 : fork();
        ssize_t n;

        if (!pid)
                start_and_wait(fds[1]);
        cr_assert_gt(pid, 0);
        close(fds[1]);
        n = read(fds[0], ret_child, sizeof(*ret_child));
        close(fds[0]);
        cr_assert_eq(n, (ssize_t)sizeof(*ret_child));
        return pid;
}

Test(spare, what_it_has_started_for_a_piece_of_work_takes_a_share)
{
        const struct sched_param none = { 0 };
        struct bus_spare spare;
        pid_t parent, child;

        need_priority();
        if (access("/proc/thread-self/children", R_OK) < 0)
                cr_skip("the system does not tell of children");
        parent = start_parent(&child);
        cr_assert_eq(sched_setscheduler(parent, SCHED_OTHER, &none), 0);
        cr_assert_eq(bus_spare_begin(&spare, parent), 0);
        cr_expect_eq(sched_getscheduler(child), SCHED_IDLE);
        (void)bus_spare_look(&spare);
        cr_expect_eq(sched_getscheduler(child), SCHED_BATCH);
        cr_expect_eq(getpriority(PRIO_PROCESS, (id_t)child), BUS_SPARE_NICE);
        cr_expect_eq(sched_getscheduler(parent), SCHED_IDLE);
        end(child);
        end(parent);
}

Test(spare, who_counts_for_more_stays_where_it_is)
{
        struct bus_spare spare;
        pid_t child = start(BUS_SPARE_NICE - 1);

        cr_expect_eq(bus_spare_begin(&spare, child), -ESRCH);
        cr_expect_eq(sched_getscheduler(child), SCHED_OTHER);
        end(child);
}

Test(spare, who_looks_after_itself_is_left_alone)
{
        const struct sched_param none = { 0 };
        struct bus_spare spare;
        pid_t child = start(BUS_SPARE_NICE);

        cr_assert_eq(sched_setscheduler(child, SCHED_IDLE, &none), 0);
        cr_expect_eq(bus_spare_begin(&spare, child), -EBUSY);
        end(child);
}

Test(spare, who_has_ended_is_no_trouble)
{
        struct bus_spare spare;
        pid_t child = start(BUS_SPARE_NICE);

        cr_assert_eq(bus_spare_begin(&spare, child), 0);
        end(child);
        for (int i = 0; i < 100; i++)
                cr_expect_eq(bus_spare_look(&spare), BUS_SPARE_SAME);
        cr_expect_eq(bus_spare_begin(&spare, child), -ESRCH);
}
