/* Going first, and no longer. Where the system does not let us, there is nothing to see. */
#include "libbus/base/clock.h"
#include "libbus/service/schedule.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Longer than anybody may run without waiting; a deadline for machines where that is not kept. */
#define SPIN_US     (300 * BUS_US_PER_MS)
#define DEADLINE_US (20 * BUS_US_PER_SEC)

static void spin(clockid_t clock, int64_t us)
{
        struct timespec now, start;

        clock_gettime(clock, &start);
        do
                clock_gettime(clock, &now);
        while ((now.tv_sec - start.tv_sec) * BUS_US_PER_SEC + (now.tv_nsec - start.tv_nsec) / 1000 <
                us);
}

Test(schedule, who_goes_first_and_never_waits_is_put_back)
{
        int64_t deadline_us = bus_mono_us() + DEADLINE_US;

        schedule_go_first();
        if (sched_getscheduler(0) != SCHED_RR)
                cr_skip("SCHED_RR is not allowed here");
        cr_expect(!schedule_was_demoted());
        while (sched_getscheduler(0) == SCHED_RR && bus_mono_us() < deadline_us)
                spin(CLOCK_THREAD_CPUTIME_ID, SPIN_US);
        cr_expect_eq(sched_getscheduler(0), SCHED_OTHER);
        cr_expect(schedule_was_demoted());
        cr_expect(!schedule_was_demoted(), "it is said once");
}

Test(schedule, who_waits_now_and_then_goes_first_on)
{
        const struct timespec pause = { .tv_nsec = 1000000 };

        schedule_go_first();
        if (sched_getscheduler(0) != SCHED_RR)
                cr_skip("SCHED_RR is not allowed here");
        for (int i = 0; i < 20; i++) {
                spin(CLOCK_THREAD_CPUTIME_ID, 20 * BUS_US_PER_MS);
                clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        }
        cr_expect_eq(sched_getscheduler(0), SCHED_RR);
        schedule_go_with_all();
        cr_expect_eq(sched_getscheduler(0), SCHED_OTHER);
        cr_expect(!schedule_was_demoted());
}

Test(schedule, who_steps_back_a_little_only_counts_for_less)
{
        schedule_step_back(1);
        cr_expect_eq(sched_getscheduler(0), SCHED_BATCH);
        cr_expect_eq(schedule_look(), BUS_SPARE_SAME);
}

static void *wait_for_end(void *barrier)
{
        pthread_barrier_wait(barrier);
        return NULL;
}

/* As libzmq names it. */
Test(schedule, the_publisher_steps_back_alone)
{
        pthread_barrier_t end;
        pthread_t publisher;
        const int nice_before = getpriority(PRIO_PROCESS, 0);
        int policy;
        struct sched_param param;

        pthread_barrier_init(&end, NULL, 2);
        cr_assert_eq(pthread_create(&publisher, NULL, wait_for_end, &end), 0);
        cr_assert_eq(pthread_setname_np(publisher, "ZMQbg/IO/1"), 0);
        schedule_put_publisher_behind();
        cr_assert_eq(pthread_getschedparam(publisher, &policy, &param), 0);
        cr_expect(policy == SCHED_IDLE || policy == SCHED_BATCH);
        cr_expect_eq(sched_getscheduler(0), SCHED_OTHER);
        cr_expect_eq(getpriority(PRIO_PROCESS, 0), nice_before);
        pthread_barrier_wait(&end);
        pthread_join(publisher, NULL);
        pthread_barrier_destroy(&end);
}

Test(schedule, who_could_not_come_back_does_not_go_so_far)
{
        const struct rlimit none = { 0, 0 };

        if (geteuid() == 0)
                cr_assert_eq(setrlimit(RLIMIT_NICE, &none) || setuid(65534), 0);
        schedule_step_back(10);
        cr_expect_eq(sched_getscheduler(0), SCHED_BATCH);
}

/* A child that never waits, on the one processor we may use from now on. */
static pid_t start_hog(void)
{
        cpu_set_t one;
        pid_t pid;

        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
        pid = fork();
        if (!pid)
                for (;;)
                        spin(CLOCK_MONOTONIC, SPIN_US);
        cr_assert_gt(pid, 0);
        return pid;
}

/* As the runtime asks, if oftener, of one that has work to do. */
static enum bus_spare_change look_until_changed(int64_t most_us)
{
        int64_t deadline_us = bus_mono_us() + most_us;
        enum bus_spare_change change = BUS_SPARE_SAME;

        while (change == BUS_SPARE_SAME && bus_mono_us() < deadline_us) {
                spin(CLOCK_THREAD_CPUTIME_ID, 2 * BUS_US_PER_MS);
                change = schedule_look();
        }
        return change;
}

Test(schedule, who_is_left_nothing_takes_its_share_for_a_while)
{
        pid_t hog;

        schedule_step_back(10);
        if (sched_getscheduler(0) != SCHED_IDLE)
                cr_skip("there is no coming back from SCHED_IDLE here");
        cr_expect_eq(schedule_look(), BUS_SPARE_SAME, "nobody can be starved so soon");
        hog = start_hog();
        cr_expect_eq(look_until_changed(DEADLINE_US), BUS_SPARE_RAISED);
        cr_expect_eq(sched_getscheduler(0), SCHED_BATCH);
        kill(hog, SIGKILL);
        waitpid(hog, NULL, 0);
        cr_expect_eq(look_until_changed(DEADLINE_US), BUS_SPARE_LOWERED);
        cr_expect_eq(sched_getscheduler(0), SCHED_IDLE);
}
