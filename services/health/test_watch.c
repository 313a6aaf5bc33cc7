#include "services/health/watch.h"

#include "libbus/base/attr.h"

#include <criterion/criterion.h>

#define NOW_US  INT64_C(1795371600000000)
#define HOUR_US (INT64_C(3600) * BUS_US_PER_SEC)
#define ALERT   "01ARYZ6S410000000000000000"

static struct watch begun(void)
{
        struct watch watch;

        watch_begin(&watch, "combined_v3", 7, NOW_US, 48 * HOUR_US);
        return watch;
}

static Pb__Comparison pair(void)
{
        Pb__Comparison comparison = PB__COMPARISON__INIT;

        comparison.plugin = "legacy_v3";
        comparison.against = "combined_v3";
        comparison.epoch = 7;
        comparison.live_ns = 20000;
        comparison.shadow_ns = 20000;
        return comparison;
}

static void compare(struct watch *watch, const Pb__Comparison *comparison)
{
        watch_comparison(watch, "legacy_v3", ALERT, comparison);
}

static unsigned int judge(struct watch *watch)
{
        return watch_judge(watch, &(struct watch_input){ .now_us = NOW_US + HOUR_US });
}

Test(watch, tells_a_critical_difference_once)
{
        struct watch watch = begun();
        Pb__Comparison comparison = pair();
        char why[WATCH_WHY_SIZE];

        compare(&watch, &comparison);
        cr_expect_eq(judge(&watch), 0);
        comparison.critical = true;
        compare(&watch, &comparison);
        cr_expect_eq(judge(&watch), 1u << WATCH_CRITICAL_DIFFERENCE);
        cr_expect_not_null(strstr(watch_why(&watch, WATCH_CRITICAL_DIFFERENCE, why), ALERT));
        compare(&watch, &comparison);
        cr_expect_eq(judge(&watch), 0);
}

Test(watch, leaves_out_what_is_ignored_of_others_or_of_before)
{
        struct watch watch = begun();
        Pb__Comparison comparison = pair();

        comparison.critical = true;
        comparison.ignored = true;
        compare(&watch, &comparison);
        comparison.ignored = false;
        comparison.epoch = 6;
        compare(&watch, &comparison);
        comparison.epoch = 7;
        comparison.plugin = "example";
        compare(&watch, &comparison);
        comparison.plugin = "legacy_v3";
        comparison.against = "legacy_v3";
        compare(&watch, &comparison);
        cr_expect_eq(judge(&watch), 0);
}

Test(watch, tells_what_others_have_found)
{
        struct watch watch = begun();
        struct watch_input input = { .now_us = NOW_US, .error_rate = true };

        cr_expect_eq(watch_judge(&watch, &input), 1u << WATCH_ERROR_RATE);
        input.order_success = true;
        input.crashed_us = NOW_US + 1;
        cr_expect_eq(
                watch_judge(&watch, &input), 1u << WATCH_ORDER_SUCCESS | 1u << WATCH_PLUGIN_CRASH);
        cr_expect_eq(watch_judge(&watch, &input), 0);
}

Test(watch, holds_nothing_against_it_that_crashed_before)
{
        struct watch watch = begun();
        struct watch_input input = { .now_us = NOW_US + 2, .crashed_us = NOW_US - 1 };

        cr_expect_eq(watch_judge(&watch, &input), 0);
        input.crashed_us = NOW_US + 1;
        cr_expect_eq(watch_judge(&watch, &input), 1u << WATCH_PLUGIN_CRASH);
}

Test(watch, tells_that_it_decides_more_slowly)
{
        struct watch watch = begun();
        Pb__Comparison comparison = pair();

        comparison.live_ns = 400000;
        for (int i = 0; i < SLOWER_PAIRS_MIN - 1; i++)
                compare(&watch, &comparison);
        cr_expect_eq(judge(&watch), 0);
        compare(&watch, &comparison);
        cr_expect_eq(judge(&watch), 1u << WATCH_SLOWER);
}

Test(watch, ends_with_its_time)
{
        struct watch watch = begun();
        struct watch_input input = { .now_us = NOW_US + 48 * HOUR_US, .error_rate = true };

        cr_expect_eq(watch_judge(&watch, &input), 0);
        cr_expect_not(watch.is_on);
}

Test(watch, is_the_same_after_a_restart)
{
        struct watch watch = begun(), again;
        Pb__Comparison comparison = pair();
        json_t *json;

        comparison.critical = true;
        compare(&watch, &comparison);
        cr_assert_eq(judge(&watch), 1u << WATCH_CRITICAL_DIFFERENCE);
        json = watch_json(&watch);
        watch_read(&again, json);
        json_decref(json);
        cr_expect(again.is_on);
        cr_expect_eq(again.epoch, 7);
        cr_expect_eq(again.until_us, watch.until_us);
        cr_expect_eq(again.slower.pairs, 1);
        cr_expect_eq(again.slower.sum_old, watch.slower.sum_old);
        cr_expect_eq(judge(&again), 0, "told before the restart");
        cr_expect_str_eq(again.critical_alert, ALERT);
}
