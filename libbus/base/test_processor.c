/* Where a machine has but one processor there is nothing to choose, and nothing to see. */
#include "libbus/base/processor.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static cpu_set_t mine(void)
{
        cpu_set_t set;

        cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
        return set;
}

/* One that is not the system's own choice, whichever that is. */
static int told(const cpu_set_t *set)
{
        int first = 0;
        char text[16];

        while (!CPU_ISSET(first, set))
                first++;
        snprintf(text, sizeof(text), "%d", first);
        setenv("UMBRA_SHARED_PROCESSOR", text, true);
        return first;
}

static cpu_set_t two_at_least(void)
{
        cpu_set_t set = mine();

        if (CPU_COUNT(&set) < 2)
                cr_skip("one processor only");
        return set;
}

Test(processor, who_shares_has_the_one_and_may_go_back)
{
        cpu_set_t before = two_at_least(), now;
        int shared = told(&before);

        bus_processor_share();
        now = mine();
        cr_expect_eq(CPU_COUNT(&now), 1);
        cr_expect(CPU_ISSET(shared, &now));
        bus_processor_any(0);
        now = mine();
        cr_expect(CPU_EQUAL(&before, &now));
}

/* Those that another program has chosen for agree with it. */
Test(processor, what_is_started_chooses_as_we_do)
{
        cpu_set_t before = two_at_least(), chosen, now;

        unsetenv("UMBRA_SHARED_PROCESSOR");
        bus_processor_choose();
        cr_assert(getenv("UMBRA_SHARED_PROCESSOR"));
        CPU_ZERO(&chosen);
        CPU_SET(atoi(getenv("UMBRA_SHARED_PROCESSOR")), &chosen);
        bus_processor_share();
        now = mine();
        cr_expect(CPU_EQUAL(&chosen, &now));
        CPU_AND(&now, &now, &before);
        cr_expect_eq(CPU_COUNT(&now), 1);
}

Test(processor, a_word_that_is_none_is_not_heard)
{
        static const char *const words[] = { "", "-1", "no", "0x", "4096", "99999999999999999999" };
        cpu_set_t before = two_at_least(), now;

        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
                setenv("UMBRA_SHARED_PROCESSOR", words[i], true);
                bus_processor_share();
                now = mine();
                cr_expect_eq(CPU_COUNT(&now), 1);
                CPU_AND(&now, &now, &before);
                cr_expect_eq(CPU_COUNT(&now), 1, "%s", words[i]);
        }
}

Test(processor, who_keeps_off_has_all_others)
{
        cpu_set_t expected = two_at_least(), now;

        CPU_CLR(told(&expected), &expected);
        bus_processor_leave(0);
        now = mine();
        cr_expect(CPU_EQUAL(&expected, &now));
}

struct other {
        pthread_barrier_t begun, seen;
        pid_t thread;
};

static void *run_other(void *arg)
{
        struct other *other = arg;

        other->thread = (pid_t)syscall(SYS_gettid);
        pthread_barrier_wait(&other->begun);
        pthread_barrier_wait(&other->seen);
        return NULL;
}

Test(processor, a_thread_of_one_who_shares_can_leave)
{
        cpu_set_t expected = two_at_least(), now;
        struct other other;
        pthread_t thread;

        CPU_CLR(told(&expected), &expected);
        bus_processor_share();
        pthread_barrier_init(&other.begun, NULL, 2);
        pthread_barrier_init(&other.seen, NULL, 2);
        cr_assert_eq(pthread_create(&thread, NULL, run_other, &other), 0);
        pthread_barrier_wait(&other.begun);
        bus_processor_leave(other.thread);
        cr_expect_eq(sched_getaffinity(other.thread, sizeof(now), &now), 0);
        cr_expect(CPU_EQUAL(&expected, &now));
        now = mine();
        cr_expect_eq(CPU_COUNT(&now), 1, "the others stay");
        pthread_barrier_wait(&other.seen);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&other.begun);
        pthread_barrier_destroy(&other.seen);
}

Test(processor, one_that_was_given_a_single_processor_keeps_it)
{
        cpu_set_t all = mine(), single, now;
        int first = 0;

        while (!CPU_ISSET(first, &all))
                first++;
        CPU_ZERO(&single);
        CPU_SET(first, &single);
        cr_assert_eq(sched_setaffinity(0, sizeof(single), &single), 0);
        bus_processor_share();
        bus_processor_leave(0);
        bus_processor_any(0);
        now = mine();
        cr_expect(CPU_EQUAL(&single, &now));
}
