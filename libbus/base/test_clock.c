#include "libbus/base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>

static int64_t parsed(const char *text)
{
        int64_t us = -1;

        cr_assert_eq(bus_time_parse(text, &us), 0, "%s", text);
        return us;
}

Test(clock, formats_utc_with_microseconds)
{
        char text[BUS_TIME_TEXT_SIZE];

        cr_expect_str_eq(
                bus_time_format(INT64_C(1795371600123456), text), "2026-11-22T18:20:00.123456Z");
        cr_expect_str_eq(bus_time_format(-1, text), "1969-12-31T23:59:59.999999Z");
}

Test(clock, parses_rfc3339)
{
        cr_expect_eq(parsed("2026-11-22T18:20:00.123456Z"), INT64_C(1795371600123456));
        cr_expect_eq(parsed("2026-11-22T23:50:00+05:30"), INT64_C(1795371600000000));
        cr_expect_eq(parsed("2026-11-22T18:20:00.1234567899Z"), INT64_C(1795371600123456));
        cr_expect_eq(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01T00:00:00Z"));
        cr_expect_eq(parsed("2024-02-29T00:00:00Z"), INT64_C(1709164800000000));
}

Test(clock, refuses_what_is_no_time)
{
        const char *bad[] = { "", "2026-11-22", "2026-11-22T18:20:00", "2026-02-30T00:00:00Z",
                "2026-13-01T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T18:20:00.Z",
                "2026-11-22T18:20:00Zx", "2026-11-22T18:20:00+0530", "2023-02-29T00:00:00Z" };
        int64_t us = 7;

        for (size_t i = 0; i < BUS_COUNT(bad); i++)
                cr_expect_eq(bus_time_parse(bad[i], &us), -EINVAL, "%s", bad[i]);
        cr_expect_eq(us, 7);
}

Test(clock, takes_a_moment_as_people_give_it)
{
        const char *bad[] = { "", "m", "10x", "-5s", "99999999999999999999s", "1 m" };
        const int64_t now_us = INT64_C(1795371600000000);
        int64_t us = 7;

        for (size_t i = 0; i < BUS_COUNT(bad); i++)
                cr_expect_eq(bus_moment_parse(bad[i], now_us, &us), -EINVAL, "%s", bad[i]);
        cr_expect_eq(us, 7);
        cr_expect_eq(bus_moment_parse("10", now_us, &us), 0);
        cr_expect_eq(us, 10);
        cr_expect_eq(bus_moment_parse("2m", now_us, &us), 0);
        cr_expect_eq(us, now_us - 120 * BUS_US_PER_SEC);
        cr_expect_eq(bus_moment_parse("500ms", now_us, &us), 0);
        cr_expect_eq(us, now_us - 500 * BUS_US_PER_MS);
        cr_expect_eq(bus_moment_parse("2026-11-22T18:20:00Z", 0, &us), 0);
        cr_expect_eq(us, now_us);
}
