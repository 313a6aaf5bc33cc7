#include "services/umbra/demo/chaos.h"

#include <criterion/criterion.h>
#include <string.h>

#define FROM_US 2000000
#define TO_US   38000000

Test(chaos, same_seed_same_plan)
{
        static struct chaos_plan first, second, other;

        chaos_plan_make(7, FROM_US, TO_US, &first);
        chaos_plan_make(7, FROM_US, TO_US, &second);
        chaos_plan_make(8, FROM_US, TO_US, &other);
        cr_assert_eq(memcmp(&first, &second, sizeof(first)), 0);
        cr_assert_neq(memcmp(&first, &other, sizeof(first)), 0);
}

Test(chaos, events_come_by_time_and_within_bounds)
{
        static struct chaos_plan plan;

        for (uint64_t seed = 0; seed < 200; seed++) {
                chaos_plan_make(seed, FROM_US, TO_US, &plan);
                cr_assert_eq(plan.events[0].kind, CHAOS_KILL);
                cr_assert_eq(plan.events[0].services, (1u << CHAOS_SERVICES) - 1);
                cr_assert_gt(plan.count, 12, "seed %llu", (unsigned long long)seed);
                for (size_t i = 0; i < plan.count; i++) {
                        cr_assert_lt(plan.events[i].at_us, TO_US);
                        cr_assert(!i || plan.events[i].at_us > plan.events[i - 1].at_us);
                        cr_assert_lt(plan.events[i].services, 1u << CHAOS_SERVICES);
                }
        }
}

Test(chaos, every_event_has_what_it_needs)
{
        static struct chaos_plan plan;
        bool seen[CHAOS_KINDS] = { false };
        char text[128];

        for (uint64_t seed = 0; seed < 50; seed++) {
                chaos_plan_make(seed, FROM_US, TO_US, &plan);
                for (size_t i = 0; i < plan.count; i++) {
                        const struct chaos_event *event = &plan.events[i];

                        seen[event->kind] = true;
                        cr_assert_gt(strlen(chaos_describe(event, text)), 5);
                        if (event->kind == CHAOS_KILL || event->kind == CHAOS_FREEZE ||
                                event->kind == CHAOS_HUNT)
                                cr_assert_neq(event->services, 0);
                        if (event->kind == CHAOS_FREEZE || event->kind == CHAOS_HUNT)
                                cr_assert_gt(event->for_us, 0);
                        if (event->kind == CHAOS_FAULT || event->kind == CHAOS_SWITCH)
                                cr_assert_neq(event->what[0], 0);
                }
        }
        for (size_t kind = 0; kind < CHAOS_KINDS; kind++)
                cr_assert(seen[kind], "kind %zu", kind);
}
