#include "services/health/slower.h"

#include <criterion/criterion.h>

/* Pairs around OLD and NEW, swinging by SWING to either side. */
static struct slower of(unsigned int pairs, int64_t new_ns, int64_t old_ns, int64_t swing)
{
        struct slower slower = { 0 };

        for (unsigned int i = 0; i < pairs; i++) {
                int64_t way = i % 2 ? swing : -swing;

                slower_add(&slower, new_ns + way, old_ns - way);
        }
        return slower;
}

Test(slower, is_told_by_enough_pairs_over_both_bounds)
{
        static const struct {
                unsigned int pairs;
                int64_t new_ns, old_ns, swing;
                bool holds;
        } cases[] = {
                { 500, 2000000, 1000000, 0, true },
                { 499, 2000000, 1000000, 0, false },        /* too few */
                { 500, 1099000, 1000000, 0, false },        /* 99 us */
                { 500, 1101000, 1000000, 0, true },         /* 101 us and 10 % */
                { 500, 10400000, 10000000, 0, false },      /* 400 us, but 4 % */
                { 500, 10600000, 10000000, 0, true },       /* 6 % */
                { 500, 1000000, 2000000, 0, false },        /* faster */
                { 500, 1200000, 1000000, 100000, true },    /* a swing that 500 pairs see through */
                { 500, 1200000, 1000000, 5000000, false },  /* and one that they do not */
                { 50000, 1400000, 1000000, 5000000, true }, /* but a hundred times as many do */
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct slower slower =
                        of(cases[i].pairs, cases[i].new_ns, cases[i].old_ns, cases[i].swing);

                cr_expect_eq(slower_holds(&slower), cases[i].holds, "case %zu", i);
        }
}

Test(slower, does_not_call_a_plugin_slower_than_itself)
{
        struct slower slower = { 0 };
        uint32_t random = 7;

        for (int i = 0; i < 5000; i++) {
                int64_t ns[2];

                for (int k = 0; k < 2; k++) {
                        random = random * 1664525u + 1013904223u;
                        ns[k] = 1000000 + (random >> 8) % 3000000;
                }
                slower_add(&slower, ns[0], ns[1]);
                cr_expect_not(slower_holds(&slower));
        }
}

Test(slower, says_nothing_of_nothing)
{
        struct slower slower = { 0 };

        cr_expect_not(slower_holds(&slower));
        cr_expect_eq(slower_mean_ns(&slower), 0);
}
