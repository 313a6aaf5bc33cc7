/*
 * Days are counted from the epoch, on the zone's own calendar: "local" seconds are what a clock there
 * shows, as if it stood in UTC.
 */
#include "services/umbra/deploy/window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DAY_S        INT64_C(86400)
#define WEEK_DAYS    7
#define EPOCH_DAY    4  /* 1970-01-01 was a Thursday */
#define SHORT_NAME   3  /* "Tue" */
#define SPAN_NEXT    48 /* below two of the larger unit the smaller one is told too */
#define YEAR_DAYS_4  1461
#define YEAR_DAYS_C  36524
#define YEAR_DAYS_4C 146097

static const char *const weekdays[WEEK_DAYS] = { "Sunday", "Monday", "Tuesday", "Wednesday",
        "Thursday", "Friday", "Saturday" };

static int two_digits(const char *text)
{
        if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
                return -1;
        return (text[0] - '0') * 10 + text[1] - '0';
}

static int parse_minute(const char *text, int *ret_minute)
{
        int hour, minute;

        if (strlen(text) != strlen("10:00") || text[2] != ':')
                return -EINVAL;
        hour = two_digits(text);
        minute = two_digits(text + strlen("10:"));
        if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
                return -EINVAL;
        *ret_minute = hour * 60 + minute;
        return 0;
}

int window_parse(const char *text, struct window *ret_window)
{
        size_t length = strcspn(text, " ");
        int minute;

        if (!text[length] || parse_minute(text + length + strspn(text + length, " "), &minute) < 0)
                return -EINVAL;
        for (int day = 0; day < WEEK_DAYS; day++) {
                if ((length != SHORT_NAME && length != strlen(weekdays[day])) ||
                        strncasecmp(text, weekdays[day], length) != 0)
                        continue;
                ret_window->weekday = day;
                ret_window->minute = minute;
                return 0;
        }
        return -EINVAL;
}

static int64_t floor_div(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

static int64_t to_local(const struct window_zone *zone, int64_t at_s)
{
        return at_s + zone->offset(zone->arg, at_s);
}

/* The moment at which a clock there shows LOCAL_S. */
static int64_t to_utc(const struct window_zone *zone, int64_t local_s)
{
        int64_t before = local_s - zone->offset(zone->arg, local_s - DAY_S);
        int64_t after = local_s - zone->offset(zone->arg, local_s + DAY_S);
        int64_t first = before < after ? before : after;
        int64_t second = before < after ? after : before;

        if (to_local(zone, first) == local_s)
                return first;
        if (to_local(zone, second) == local_s)
                return second;
        return before; /* a gap: as long behind it as it would have been into it */
}

static int weekday_of(int64_t day)
{
        return (int)(((day + EPOCH_DAY) % WEEK_DAYS + WEEK_DAYS) % WEEK_DAYS);
}

static void on_day(const struct window *window, const struct window_zone *zone, int64_t day,
        struct window_now *ret_now)
{
        int64_t local_s = day * DAY_S + window->minute * INT64_C(60);

        ret_now->start_s = to_utc(zone, local_s);
        ret_now->end_s = ret_now->start_s + window->length_s;
}

void window_at(const struct window *window, const struct window_zone *zone, int64_t now_s,
        struct window_now *ret_now)
{
        int64_t today = floor_div(to_local(zone, now_s), DAY_S);
        int64_t day = today - (weekday_of(today) - window->weekday + WEEK_DAYS) % WEEK_DAYS;

        /* one that began a week before may still be open; then today's, then the next */
        day -= WEEK_DAYS;
        do {
                on_day(window, zone, day, ret_now);
                day += WEEK_DAYS;
        } while (ret_now->end_s <= now_s);
        ret_now->is_open = ret_now->start_s <= now_s;
}

/* The day of the epoch as a date: years of 365 days and the days put in, counted from March 1st. */
static void date_of(int64_t day, int *ret_year, int *ret_month, int *ret_day)
{
        int64_t z = day + 719468; /* from 0000-03-01 */
        int64_t era = floor_div(z, YEAR_DAYS_4C), in_era = z - era * YEAR_DAYS_4C;
        int64_t year = (in_era - in_era / (YEAR_DAYS_4 - 1) + in_era / YEAR_DAYS_C -
                               in_era / (YEAR_DAYS_4C - 1)) /
                       365;
        int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
        int64_t month = (5 * in_year + 2) / 153; /* 0: March */

        *ret_day = (int)(in_year - (153 * month + 2) / 5 + 1);
        *ret_month = (int)(month < 10 ? month + 3 : month - 9);
        *ret_year = (int)(year + era * 400 + (*ret_month <= 2));
}

const char *window_time(
        const struct window_zone *zone, int64_t at_s, char text[static WINDOW_TEXT_SIZE])
{
        int64_t local_s = to_local(zone, at_s), day = floor_div(local_s, DAY_S);
        int minute = (int)((local_s - day * DAY_S) / 60), year, month, in_month;

        date_of(day, &year, &month, &in_month);
        snprintf(text, WINDOW_TEXT_SIZE, "%.3s %04d-%02d-%02d %02d:%02d", weekdays[weekday_of(day)],
                year % 10000, month, in_month, minute / 60, minute % 60);
        return text;
}

const char *window_span(int64_t seconds, char text[static WINDOW_TEXT_SIZE])
{
        long long s = seconds < 0 ? 0 : seconds;

        if (s < 2 * 60)
                snprintf(text, WINDOW_TEXT_SIZE, "%lld s", s);
        else if (s < 2 * 3600)
                snprintf(text, WINDOW_TEXT_SIZE, "%lld min", s / 60);
        else if (s < SPAN_NEXT * 3600)
                snprintf(text, WINDOW_TEXT_SIZE, "%lld h %lld min", s / 3600, s / 60 % 60);
        else
                snprintf(text, WINDOW_TEXT_SIZE, "%lld d %lld h", s / DAY_S, s / 3600 % 24);
        return text;
}
