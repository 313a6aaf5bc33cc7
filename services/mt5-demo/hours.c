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

static int minute_of(unsigned int hour, unsigned int minute)
{
        if (hour > 24 || minute > 59 || hour * 60 + minute > MINUTES)
                return -1;
        return (int)(hour * 60 + minute);
}

static int parse_window(const char *text, struct hours *hours)
{
        unsigned int from_hour, from_minute, to_hour, to_minute;
        char first[4], last[4];
        int end = 0, first_day, last_day, from, to;

        if (sscanf(text, " %3[a-z]-%3[a-z] %2u:%2u-%2u:%2u %n", first, last, &from_hour,
                    &from_minute, &to_hour, &to_minute, &end) != 6)
                return -EINVAL;
        first_day = day_of(first);
        last_day = day_of(last);
        from = minute_of(from_hour, from_minute);
        to = minute_of(to_hour, to_minute);
        if (!end || text[end] || first_day < 0 || last_day < 0 || from < 0 || to <= from)
                return -EINVAL;
        if (hours->count == HOURS_MAX)
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
