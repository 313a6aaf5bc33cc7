#include "libbus/base/clock.h"
#include "services/health/equity.h"

#include <criterion/criterion.h>

#define MINUTE_US (60 * BUS_US_PER_SEC)

static struct equity equity;

static const struct equity_point *take(int64_t minute, int64_t cents)
{
        return equity_take(&equity,
                &(struct equity_point){
                        .minute = minute, .equity_cents = cents, .balance_cents = cents + 1 });
}

static int64_t number(const json_t *json, size_t point, size_t column)
{
        return json_integer_value(
                json_array_get(json_array_get(json_object_get(json, "points"), point), column));
}

static size_t points(const json_t *json)
{
        return json_array_size(json_object_get(json, "points"));
}

Test(equity, the_last_of_a_minute_stays_and_what_is_older_is_left_out)
{
        json_t *json;

        take(100, 5);
        take(100, 6);
        take(102, 7);
        cr_expect_null(take(101, 8));
        json = equity_json(&equity, 0);
        cr_assert_eq(points(json), 2);
        cr_expect_eq(number(json, 0, 0), 6000);
        cr_expect_eq(number(json, 0, 1), 6);
        cr_expect_eq(number(json, 1, 1), 7);
        cr_expect_eq(number(json, 1, 2), 8);
        json_decref(json);
        json = equity_json(&equity, 101 * MINUTE_US);
        cr_expect_eq(points(json), 1);
        json_decref(json);
}

Test(equity, a_long_time_is_told_in_a_bounded_number_of_points_the_newest_among_them)
{
        json_t *json;

        for (int64_t minute = 1; minute <= EQUITY_MINUTES + 77; minute++)
                take(minute, minute);
        json = equity_json(&equity, 0);
        cr_expect_leq(points(json), EQUITY_POINTS_MAX);
        cr_expect_geq(points(json), EQUITY_POINTS_MAX / 2);
        cr_expect_eq(number(json, points(json) - 1, 1), EQUITY_MINUTES + 77);
        cr_expect_gt(number(json, 0, 1), 77, "what fell out of the ring");
        json_decref(json);
}

Test(equity, nothing_is_an_empty_list)
{
        json_t *json = equity_json(&equity, 0);

        cr_expect_eq(points(json), 0);
        json_decref(json);
}
