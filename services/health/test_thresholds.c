#include "services/health/figures.h"
#include "services/health/thresholds.h"

#include "libbus/base/attr.h"

#include <criterion/criterion.h>

#define NOW_US    INT64_C(1795371600000000)
#define WINDOW_US (300 * BUS_US_PER_SEC)

static const struct threshold_rule processing = { .normal = 0.5, .alert = 1.0 };
static const struct threshold_rule orders = { .normal = 0.98, .alert = 0.95, .low_is_bad = true };

static enum threshold_level after(const struct threshold_rule *rule, const double *values, size_t n)
{
        struct threshold threshold = { 0 };

        for (size_t i = 0; i < n; i++)
                threshold_step(&threshold, rule, values[i]);
        return threshold.level;
}

#define AFTER(rule, ...)                                \
        after(&(rule), (const double[]){ __VA_ARGS__ }, \
                BUS_COUNT(((const double[]){ __VA_ARGS__ })))

Test(thresholds, are_crossed_beyond_their_bounds)
{
        cr_expect_eq(AFTER(processing, 0.5), THRESHOLD_NORMAL);
        cr_expect_eq(AFTER(processing, 0.51), THRESHOLD_DEGRADED);
        cr_expect_eq(AFTER(processing, 1.0), THRESHOLD_DEGRADED);
        cr_expect_eq(AFTER(processing, 1.01), THRESHOLD_ALERT);
        cr_expect_eq(AFTER(orders, 0.98), THRESHOLD_NORMAL);
        cr_expect_eq(AFTER(orders, 0.97), THRESHOLD_DEGRADED);
        cr_expect_eq(AFTER(orders, 0.95), THRESHOLD_DEGRADED);
        cr_expect_eq(AFTER(orders, 0.94), THRESHOLD_ALERT);
}

Test(thresholds, are_left_only_well_on_their_good_side)
{
        cr_expect_eq(AFTER(processing, 1.1, 0.99), THRESHOLD_ALERT);
        cr_expect_eq(AFTER(processing, 1.1, 0.94), THRESHOLD_DEGRADED);
        cr_expect_eq(AFTER(processing, 1.1, 0.94, 0.49), THRESHOLD_DEGRADED);
        cr_expect_eq(AFTER(processing, 1.1, 0.44), THRESHOLD_NORMAL);
        cr_expect_eq(AFTER(orders, 0.94, 0.951), THRESHOLD_ALERT);
        cr_expect_eq(AFTER(orders, 0.94, 0.96), THRESHOLD_DEGRADED);
        cr_expect_eq(AFTER(orders, 0.94, 0.99), THRESHOLD_NORMAL);
}

Test(thresholds, with_a_bound_of_nothing_are_left_at_nothing)
{
        static const struct threshold_rule broker = { .normal = 0, .alert = 30 };

        cr_expect_eq(AFTER(broker, 0.5), THRESHOLD_DEGRADED);
        cr_expect_eq(AFTER(broker, 31), THRESHOLD_ALERT);
        cr_expect_eq(AFTER(broker, 31, 0), THRESHOLD_NORMAL);
}

Test(thresholds, tell_a_change_and_nothing_else)
{
        struct threshold threshold = { 0 };

        cr_expect_not(threshold_step(&threshold, &processing, 0.1));
        cr_expect(threshold_step(&threshold, &processing, 2));
        cr_expect_not(threshold_step(&threshold, &processing, 2));
        cr_expect(threshold_step(&threshold, &processing, 0.1));
}

Test(thresholds, times_give_the_95th_of_a_hundred_within_the_window)
{
        static struct times times;
        size_t count;

        cr_expect_eq(times_p95_us(&times, NOW_US, WINDOW_US, &count), 0);
        cr_expect_eq(count, 0);
        times_add(&times, NOW_US - WINDOW_US, 1000000); /* just too old */
        for (int i = 100; i >= 1; i--)
                times_add(&times, NOW_US - 1000, i * 10);
        cr_expect_eq(times_p95_us(&times, NOW_US, WINDOW_US, &count), 950);
        cr_expect_eq(count, 100);
        for (int i = 0; i < 3 * TIMES_MAX; i++)
                times_add(&times, NOW_US, 7);
        cr_expect_eq(times_p95_us(&times, NOW_US, WINDOW_US, &count), 7);
        cr_expect_eq(count, TIMES_MAX);
}

Test(thresholds, shares_forget_what_is_older_than_the_window)
{
        struct share share = { 0 };
        double whole;

        cr_expect_eq(share_of(&share, NOW_US, WINDOW_US, &whole), 0);
        share_add(&share, NOW_US, WINDOW_US, 1, 10);
        share_add(&share, NOW_US + WINDOW_US / 2, WINDOW_US, 0, 10);
        cr_expect_float_eq(share_of(&share, NOW_US + WINDOW_US / 2, WINDOW_US, &whole), 0.05, 1e-9);
        cr_expect_eq(whole, 20);
        cr_expect_eq(share_of(&share, NOW_US + WINDOW_US, WINDOW_US, &whole), 0);
        cr_expect_eq(whole, 10);
        cr_expect_eq(share_of(&share, NOW_US + 2 * WINDOW_US, WINDOW_US, &whole), 0);
        cr_expect_eq(whole, 0);
}
