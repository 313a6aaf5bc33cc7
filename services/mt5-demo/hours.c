#include "services/mt5-demo/hours.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
        DAYS = 7,
        MINUTES = 24 * 60,
        EPOCH_DAY = 4, /* 1970-01-01 was a Thursday */
};

static int day_of(const char *name)
{
        static const char *const days[DAYS] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

        for (int i = 0; i < DAYS; i++)
                if (!strcmp(days[i], name))
                        return i;
        return -1;
}

/* Takes "mon" off *TEXT; the day, or -1. */
static int take_day(const char **text)
{
        char name[4];
        int day;

        snprintf(name, sizeof(name), "%.3s", *text);
        day = day_of(name);
        if (day >= 0)
                *text += 3;
        return day;
}

static bool take_character(const char **text, char c)
{
        if (**text != c)
                return false;
        ++*text;
        return true;
}

/* One or two digits; -1 for none. */
static int take_number(const char **text)
{
        int number = -1;

        for (int i = 0; i < 2 && **text >= '0' && **text <= '9'; i++, ++*text)
                number = (number < 0 ? 0 : number * 10) + (**text - '0');
        return number;
}

/* "22:05" as minutes of the day, or -1. */
static int take_time(const char **text)
{
        int hour = take_number(text), minute;

        if (hour < 0 || !take_character(text, ':'))
                return -1;
        minute = take_number(text);
        if (minute < 0 || minute > 59 || hour * 60 + minute > MINUTES)
                return -1;
        return hour * 60 + minute;
}

static int parse_window(const char *text, struct hours *hours)
{
        int first_day, last_day, from, to;

        text += strspn(text, " ");
        first_day = take_day(&text);
        if (first_day < 0 || !take_character(&text, '-'))
                return -EINVAL;
        last_day = take_day(&text);
        if (last_day < 0 || !take_character(&text, ' '))
                return -EINVAL;
        from = take_time(&text);
        if (from < 0 || !take_character(&text, '-'))
                return -EINVAL;
        to = take_time(&text);
        text += strspn(text, " ");
        if (to <= from || *text || hours->count == HOURS_MAX)
                return -EINVAL;
        hours->windows[hours->count].first_day = first_day;
        hours->windows[hours->count].last_day = last_day;
        hours->windows[hours->count].from_minute = from;
        hours->windows[hours->count++].to_minute = to;
        return 0;
}

int hours_parse(const char *text, struct hours *ret_hours)
{
        struct hours hours = { 0 };
        char window[64];
        size_t size;

        while (*text) {
                size = strcspn(text, ",");
                if (size >= sizeof(window))
                        return -EINVAL;
                memcpy(window, text, size);
                window[size] = 0;
                if (parse_window(window, &hours) < 0)
                        return -EINVAL;
                text += size + (text[size] == ',');
        }
        *ret_hours = hours;
        return 0;
}

bool hours_open(const struct hours *hours, int64_t wall_us)
{
        int64_t minutes = wall_us / (60 * BUS_US_PER_SEC);
        int day = (int)((minutes / MINUTES + EPOCH_DAY) % DAYS);
        int minute = (int)(minutes % MINUTES);

        for (int i = 0; i < hours->count; i++) {
                int first = hours->windows[i].first_day, last = hours->windows[i].last_day;
                bool in_days = (day - first + DAYS) % DAYS <= (last - first + DAYS) % DAYS;

                if (in_days && minute >= hours->windows[i].from_minute &&
                        minute < hours->windows[i].to_minute)
                        return true;
        }
        return !hours->count;
}
