#include "services/umbra/demo/traffic.h"

#include "services/common/alert.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct traffic_options options = {
        .seed = 1, .count = 600, .duration_us = 40 * BUS_US_PER_SEC, .tag = "t"
};

Test(traffic, is_the_same_for_the_same_seed)
{
        struct traffic a, b;

        traffic_init(&a, &options);
        traffic_init(&b, &options);
        cr_assert_eq(a.count, b.count);
        for (size_t i = 0; i < a.count; i++)
                cr_assert_str_eq(a.shots[i].body, b.shots[i].body);
        traffic_done(&a);
        traffic_done(&b);
}

Test(traffic, is_judged_by_the_parser_as_it_was_meant)
{
        struct traffic traffic;
        struct symbols symbols;
        size_t kinds[SHOT_STRANGER + 1] = { 0 };

        symbols_init(&symbols);
        traffic_init(&traffic, &options);
        for (size_t i = 0; i < traffic.count; i++) {
                const struct shot *shot = &traffic.shots[i];
                struct alert *alert;
                int r = alert_parse(bus_bytes_str(shot->body), &symbols, &alert);

                cr_expect_eq(r, shot->kind == SHOT_BAD ? ALERT_REFUSED : 0, "%s", shot->body);
                if (!r)
                        cr_expect_eq(alert->warnings.count, 0, "%s", shot->body);
                alert_free(alert);
                kinds[shot->kind]++;
        }
        for (size_t i = 0; i <= SHOT_STRANGER; i++)
                cr_expect_gt(kinds[i], 0, "kind %zu", i);
        cr_expect_geq(kinds[SHOT_ENTRY] + kinds[SHOT_EXIT], 200);
        traffic_done(&traffic);
        symbols_done(&symbols);
}

Test(traffic, repeats_only_bodies_that_were_sent_before)
{
        struct traffic traffic;

        traffic_init(&traffic, &options);
        for (size_t i = 0; i < traffic.count; i++) {
                const struct shot *shot = &traffic.shots[i];

                if (shot->kind != SHOT_DUPLICATE) {
                        for (size_t k = 0; k < i; k++)
                                cr_assert(shot->kind == SHOT_BAD ||
                                                  traffic.shots[k].kind == SHOT_DUPLICATE ||
                                                  strcmp(shot->body, traffic.shots[k].body),
                                        "%s", shot->body);
                        continue;
                }
                cr_assert_lt(shot->original, i);
                cr_assert_str_eq(shot->body, traffic.shots[shot->original].body);
        }
        traffic_done(&traffic);
}
