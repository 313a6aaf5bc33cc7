#include "libbus/base/clock.h"
#include "services/umbra/deploy/window.h"
#include "services/umbra/deploy/zone.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define HOUR INT64_C(3600)

static int64_t at(const char *text)
{
        int64_t us;

        cr_assert_eq(bus_time_parse(text, &us), 0, "%s", text);
        return us / BUS_US_PER_SEC;
}

static struct window window_of(const char *text, int64_t length_s)
{
        struct window window = { .length_s = length_s };

        cr_assert_eq(window_parse(text, &window), 0, "%s", text);
        return window;
}

static struct window_zone zone_of(const char *name)
{
        struct window_zone zone;

        cr_assert_eq(zone_open(name, &zone), 0, "%s: is tzdata installed?", name);
        return zone;
}

static void look(const char *zone_name, const char *text, int64_t length_s, const char *now,
        bool is_open, const char *start, const char *end)
{
        struct window window = window_of(text, length_s);
        struct window_zone zone = zone_of(zone_name);
        struct window_now found;

        window_at(&window, &zone, at(now), &found);
        cr_expect_eq(found.is_open, is_open, "%s %s at %s", zone_name, text, now);
        cr_expect_eq(found.start_s, at(start), "%s %s at %s: starts %lld s late", zone_name, text,
                now, (long long)(found.start_s - at(start)));
        cr_expect_eq(found.end_s, at(end), "%s %s at %s: ends %lld s late", zone_name, text, now,
                (long long)(found.end_s - at(end)));
}

Test(window, is_a_weekday_and_a_time_of_day)
{
        struct window window = { 0 };

        cr_expect_eq(window_parse("Tuesday 10:00", &window), 0);
        cr_expect(window.weekday == 2 && window.minute == 600);
        cr_expect_eq(window_parse("fri 18:05", &window), 0);
        cr_expect(window.weekday == 5 && window.minute == 18 * 60 + 5);
}

Test(window, is_refused_where_it_is_not_whole)
{
        static const char *const bad[] = { "", "Tuesday", "10:00", "Tuesday 10", "Tuesday 24:00",
                "Tuesday 10:60", "Tuesday 1:00", "Tuesday 10:000", "Tu 10:00", "Tuesdays 10:00",
                "Someday 10:00", "Tuesday 10.00", "Tuesday -1:00" };
        struct window window = { 0 };

        for (size_t i = 0; i < BUS_COUNT(bad); i++)
                cr_expect_eq(window_parse(bad[i], &window), -EINVAL, "%s", bad[i]);
}

Test(window, opens_by_the_clock_of_its_zone)
{
        look("Asia/Kolkata", "Tuesday 10:00", 2 * HOUR, "2026-12-01T04:29:59Z", false,
                "2026-12-01T10:00:00+05:30", "2026-12-01T12:00:00+05:30");
        look("Asia/Kolkata", "Tuesday 10:00", 2 * HOUR, "2026-12-01T04:30:00Z", true,
                "2026-12-01T10:00:00+05:30", "2026-12-01T12:00:00+05:30");
        look("Asia/Kolkata", "Tuesday 10:00", 2 * HOUR, "2026-12-01T06:29:59Z", true,
                "2026-12-01T10:00:00+05:30", "2026-12-01T12:00:00+05:30");
        look("Asia/Kolkata", "Tuesday 10:00", 2 * HOUR, "2026-12-01T06:30:00Z", false,
                "2026-12-08T10:00:00+05:30", "2026-12-08T12:00:00+05:30");
}

Test(window, may_last_past_midnight_and_into_another_week)
{
        look("Asia/Kolkata", "Friday 23:00", 3 * HOUR, "2026-12-05T01:30:00+05:30", true,
                "2026-12-04T23:00:00+05:30", "2026-12-05T02:00:00+05:30");
        look("UTC", "Monday 00:00", 6 * 24 * HOUR, "2026-12-05T23:59:59Z", true,
                "2026-11-30T00:00:00Z", "2026-12-06T00:00:00Z");
}

/* The day of the zone decides, not UTC's: at 20:00 UTC on Monday it is Tuesday in Kolkata. */
Test(window, counts_days_as_its_zone_does)
{
        look("Asia/Kolkata", "Tuesday 01:00", HOUR, "2026-11-30T20:00:00Z", true,
                "2026-11-30T19:30:00Z", "2026-11-30T20:30:00Z");
        look("America/New_York", "Monday 22:00", HOUR, "2026-12-01T03:10:00Z", true,
                "2026-12-01T03:00:00Z", "2026-12-01T04:00:00Z");
}

/* Berlin: 29 March 2026 has no 02:00 to 03:00, 25 October has it twice. */
Test(window, moves_with_summer_time)
{
        look("Europe/Berlin", "Sunday 10:00", HOUR, "2026-03-27T00:00:00Z", false,
                "2026-03-29T10:00:00+02:00", "2026-03-29T11:00:00+02:00");
        look("Europe/Berlin", "Sunday 10:00", HOUR, "2026-03-20T00:00:00Z", false,
                "2026-03-22T10:00:00+01:00", "2026-03-22T11:00:00+01:00");
        look("Europe/Berlin", "Sunday 02:30", HOUR, "2026-03-28T12:00:00Z", false,
                "2026-03-29T03:30:00+02:00", "2026-03-29T04:30:00+02:00");
        look("Europe/Berlin", "Sunday 02:30", 4 * HOUR, "2026-10-24T12:00:00Z", false,
                "2026-10-25T02:30:00+02:00", "2026-10-25T05:30:00+01:00");
        look("Australia/Lord_Howe", "Sunday 10:00", HOUR, "2026-10-03T00:00:00Z", false,
                "2026-10-04T10:00:00+11:00", "2026-10-04T11:00:00+11:00");
}

Test(window, is_found_at_any_time_of_two_years_of_a_zone_with_summer_time)
{
        struct window window = window_of("Tuesday 10:00", 2 * HOUR);
        struct window_zone zone = zone_of("America/New_York");
        int64_t open = 0, from = at("2026-01-01T00:00:00Z");

        for (int64_t now = from; now < from + 104 * 7 * 24 * HOUR; now += 300) {
                struct window_now found;
                char text[WINDOW_TEXT_SIZE];

                window_at(&window, &zone, now, &found);
                cr_assert(found.end_s > now && found.end_s - found.start_s == 2 * HOUR);
                cr_assert_eq(found.is_open, found.start_s <= now);
                window_time(&zone, found.start_s, text);
                cr_assert(!strncmp(text, "Tue ", 4) && !strcmp(text + strlen(text) - 5, "10:00"));
                open += found.is_open;
        }
        cr_expect_eq(open, 104 * 24);
}

Test(window, tells_times_as_the_zone_shows_them)
{
        struct window_zone zone = zone_of("Asia/Kolkata");
        char text[WINDOW_TEXT_SIZE];

        cr_expect_str_eq(
                window_time(&zone, at("2026-12-01T04:30:00Z"), text), "Tue 2026-12-01 10:00");
        cr_expect_str_eq(
                window_time(&zone, at("2028-02-28T18:30:00Z"), text), "Tue 2028-02-29 00:00");
        cr_expect_str_eq(
                window_time(&zone, at("1999-12-31T18:29:59Z"), text), "Fri 1999-12-31 23:59");
}

Test(window, tells_spans_in_two_units_at_the_most)
{
        char text[WINDOW_TEXT_SIZE];

        cr_expect_str_eq(window_span(-5, text), "0 s");
        cr_expect_str_eq(window_span(119, text), "119 s");
        cr_expect_str_eq(window_span(40 * 60, text), "40 min");
        cr_expect_str_eq(window_span(26 * 3600 + 120, text), "26 h 2 min");
        cr_expect_str_eq(window_span(59 * 3600, text), "2 d 11 h");
}

Test(window, of_a_zone_nobody_knows_is_refused)
{
        struct window_zone zone;

        cr_expect_eq(zone_open("Asia/Nowhere", &zone), -EINVAL);
        cr_expect_eq(zone_open("../../etc/passwd", &zone), -EINVAL);
        cr_expect_eq(zone_open("", &zone), -EINVAL);
}
