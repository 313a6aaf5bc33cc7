#include "services/telegram-analytics/calendar.h"

#include "libbus/base/clock.h"

#include <criterion/criterion.h>

static int64_t at(const char *text)
{
        int64_t at_us;

        cr_assert_eq(bus_time_parse(text, &at_us), 0);
        return at_us;
}

static void in_berlin(void)
{
        cr_assert_eq(calendar_set_zone("Europe/Berlin"), 0);
}

Test(calendar, refuses_a_zone_that_there_is_not)
{
        cr_expect_lt(calendar_set_zone("Europe/Atlantis"), 0);
        cr_expect_lt(calendar_set_zone("../../etc/passwd"), 0);
        cr_expect_eq(calendar_set_zone("UTC"), 0);
}

Test(calendar, reads_minutes)
{
        int minute = -1;

        cr_expect_eq(calendar_minute("22:05", &minute), 0);
        cr_expect_eq(minute, 1325);
        cr_expect_lt(calendar_minute("24:00", &minute), 0);
        cr_expect_lt(calendar_minute("9:00", &minute), 0);
        cr_expect_lt(calendar_minute("22:60", &minute), 0);
}

Test(calendar, days_weeks_and_months_begin_at_local_midnight, .init = in_berlin)
{
        int64_t now_us = at("2026-11-25T23:30:00Z"); /* Thursday, 00:30 there */

        cr_expect_eq(calendar_day(now_us, 0), at("2026-11-25T23:00:00Z"));
        cr_expect_eq(calendar_day(now_us, 1), at("2026-11-24T23:00:00Z"));
        cr_expect_eq(calendar_week(now_us), at("2026-11-22T23:00:00Z"));
        cr_expect_eq(calendar_month(now_us), at("2026-10-31T23:00:00Z"));
}

/* Winter begins on 25 October 2026 at 01:00 UTC: that day has 25 hours. */
Test(calendar, is_due_at_the_local_time_in_summer_and_winter, .init = in_berlin)
{
        int64_t date, before_us;

        cr_expect_eq(calendar_due(at("2026-10-24T20:30:00Z"), 22 * 60, &date, &before_us),
                at("2026-10-24T20:00:00Z"));
        cr_expect_eq(date, 20261024);
        cr_expect_eq(calendar_due(at("2026-10-25T20:59:59Z"), 22 * 60, &date, &before_us),
                at("2026-10-24T20:00:00Z"));
        cr_expect_eq(date, 20261024);
        cr_expect_eq(calendar_due(at("2026-10-25T21:00:00Z"), 22 * 60, &date, &before_us),
                at("2026-10-25T21:00:00Z"));
        cr_expect_eq(date, 20261025);
        cr_expect_eq(before_us, at("2026-10-24T20:00:00Z"));
}

/* 02:30 comes twice, and on 29 March 2026 not at all: the date is told once all the same. */
Test(calendar, is_due_once_on_the_days_the_clocks_change, .init = in_berlin)
{
        static const char *const days[] = { "2026-10-24T23:00:00Z", "2026-03-28T23:00:00Z" };

        for (size_t i = 0; i < BUS_COUNT(days); i++) {
                int64_t date, last = 0, before_us;
                int changes = 0;

                for (int64_t minute = 0; minute < 12 * 60; minute++) {
                        calendar_due(
                                at(days[i]) + minute * 60 * BUS_US_PER_SEC, 150, &date, &before_us);
                        changes += date > last;
                        last = date > last ? date : last;
                }
                cr_expect_eq(changes, 2, "the day before's and its own, not %d", changes);
        }
}
