/* Going first, and no longer. Where the system does not let us, there is nothing to see. */
#include "libbus/base/clock.h"
#include "libbus/service/schedule.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <time.h>

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

Test(schedule, who_steps_back_counts_for_less)
{
        schedule_step_back(10);
        cr_expect_eq(sched_getscheduler(0), SCHED_BATCH);
}
