#include "services/telegram-analytics/calendar.h"

#include "libbus/base/require.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ZONES "/usr/share/zoneinfo"

static struct tm local(int64_t at_us)
{
        time_t at = (time_t)(at_us / BUS_US_PER_SEC);
        struct tm tm;

        localtime_r(&at, &tm);
        return tm;
}

/* MINUTE of TM's day; mktime finds out by itself whether it is summer. */
static int64_t moment(struct tm tm, int minute)
{
        tm.tm_hour = minute / 60;
        tm.tm_min = minute % 60;
        tm.tm_sec = 0;
        tm.tm_isdst = -1;
        return (int64_t)mktime(&tm) * BUS_US_PER_SEC;
}

int64_t calendar_day(int64_t now_us, int days)
{
        struct tm tm = local(now_us);

        tm.tm_mday -= days;
        return moment(tm, 0);
}

int64_t calendar_week(int64_t now_us)
{
        struct tm tm = local(now_us);

        tm.tm_mday -= (tm.tm_wday + 6) % 7;
        return moment(tm, 0);
}

int64_t calendar_month(int64_t now_us)
{
        struct tm tm = local(now_us);

        tm.tm_mday = 1;
        return moment(tm, 0);
}

static int64_t date_of(const struct tm *tm)
{
        return (tm->tm_year + 1900) * INT64_C(10000) + (tm->tm_mon + 1) * 100 + tm->tm_mday;
}

int64_t calendar_due(int64_t now_us, int minute, int64_t *ret_date, int64_t *ret_before_us)
{
        struct tm day = local(now_us);
        int64_t due_us = moment(day, minute);

        if (due_us > now_us) {
                day = local(calendar_day(now_us, 1));
                due_us = moment(day, minute);
        }
        *ret_date = date_of(&day);
        day.tm_mday--;
        *ret_before_us = moment(day, minute);
        return due_us;
}

int calendar_minute(const char *text, int *ret_minute)
{
        int hour, minute;

        if (strlen(text) != strlen("22:05") || !isdigit((unsigned char)text[0]) ||
                !isdigit((unsigned char)text[1]) || text[2] != ':' ||
                !isdigit((unsigned char)text[3]) || !isdigit((unsigned char)text[4]))
                return -EINVAL;
        hour = (text[0] - '0') * 10 + text[1] - '0';
        minute = (text[3] - '0') * 10 + text[4] - '0';
        if (hour > 23 || minute > 59)
                return -EINVAL;
        *ret_minute = hour * 60 + minute;
        return 0;
}

int calendar_set_zone(const char *zone)
{
        BUS_AUTOFREE char *path = bus_xasprintf(ZONES "/%s", zone);

        if (strcmp(zone, "UTC") && (strstr(zone, "..") || access(path, R_OK) < 0))
                return -EINVAL;
        setenv("TZ", zone, 1);
        tzset();
        return 0;
}

const char *calendar_text(
        int64_t at_us, enum calendar_format format, char text[static CALENDAR_TEXT_SIZE])
{
        struct tm tm = local(at_us);
        size_t n = 0;

        switch (format) {
        case CALENDAR_DATE: n = strftime(text, CALENDAR_TEXT_SIZE, "%d %b", &tm); break;
        case CALENDAR_MINUTE: n = strftime(text, CALENDAR_TEXT_SIZE, "%H:%M", &tm); break;
        case CALENDAR_SECOND: n = strftime(text, CALENDAR_TEXT_SIZE, "%H:%M:%S", &tm); break;
        case CALENDAR_MOMENT: n = strftime(text, CALENDAR_TEXT_SIZE, "%d %b %H:%M", &tm); break;
        case CALENDAR_IN_ZONE: n = strftime(text, CALENDAR_TEXT_SIZE, "%d %b %H:%M %Z", &tm); break;
        }
        if (!n)
                *text = 0;
        return text;
}
