#include "libbus/base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return ts.tv_sec * BUS_US_PER_SEC + ts.tv_nsec / 1000;
}

int64_t bus_wall_us(void)
{
        return read_clock(CLOCK_REALTIME);
}

int64_t bus_mono_us(void)
{
        return read_clock(CLOCK_MONOTONIC);
}

/* Times come in order, thousands in a second: the second is put into words once. */
static _Thread_local struct {
        time_t second;
        size_t size;
        char text[BUS_TIME_TEXT_SIZE];
} formatted;

static void format_second(time_t second)
{
        struct tm tm;

        gmtime_r(&second, &tm);
        formatted.size = strftime(formatted.text, sizeof(formatted.text), "%Y-%m-%dT%H:%M:%S", &tm);
        formatted.second = second;
}

static void put_micros(char *at, int64_t us)
{
        *at++ = '.';
        for (int64_t unit = BUS_US_PER_SEC / 10; unit; unit /= 10)
                *at++ = (char)('0' + us / unit % 10);
        *at++ = 'Z';
        *at = 0;
}

const char *bus_time_format(int64_t wall_us, char text[static BUS_TIME_TEXT_SIZE])
{
        int64_t us = wall_us % BUS_US_PER_SEC;
        time_t second = wall_us / BUS_US_PER_SEC;

        if (us < 0) {
                us += BUS_US_PER_SEC;
                second--;
        }
        if (!formatted.size || formatted.second != second)
                format_second(second);
        memcpy(text, formatted.text, formatted.size);
        put_micros(text + formatted.size, us);
        return text;
}

/* Reads exactly COUNT digits; -1 if there are fewer. */
static int take_digits(const char **p, int count)
{
        int value = 0;

        for (int i = 0; i < count; i++, (*p)++) {
                if (**p < '0' || **p > '9')
                        return -1;
                value = value * 10 + (**p - '0');
        }
        return value;
}

static bool take(const char **p, const char *any_of)
{
        if (!**p || !strchr(any_of, **p))
                return false;
        (*p)++;
        return true;
}

static int take_fraction(const char **p, int64_t *ret_us)
{
        int64_t us = 0, unit = BUS_US_PER_SEC / 10;

        if (!take(p, "."))
                return 0;
        if (**p < '0' || **p > '9')
                return -EINVAL;
        for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
                us += (**p - '0') * unit;
        *ret_us = us;
        return 0;
}

static int take_zone(const char **p, int64_t *ret_offset_sec)
{
        bool west;
        int hours, minutes;

        if (take(p, "Zz")) {
                *ret_offset_sec = 0;
                return 0;
        }
        west = **p == '-';
        if (!take(p, "+-"))
                return -EINVAL;
        hours = take_digits(p, 2);
        if (hours < 0 || hours > 23 || !take(p, ":"))
                return -EINVAL;
        minutes = take_digits(p, 2);
        if (minutes < 0 || minutes > 59)
                return -EINVAL;
        *ret_offset_sec = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
        return 0;
}

int bus_time_parse(const char *text, int64_t *ret_wall_us)
{
        const char *p = text;
        struct tm tm = { 0 }, check;
        int64_t us = 0, offset;
        time_t seconds;

        tm.tm_year = take_digits(&p, 4) - 1900;
        if (tm.tm_year < -1900 || !take(&p, "-"))
                return -EINVAL;
        tm.tm_mon = take_digits(&p, 2) - 1;
        if (!take(&p, "-"))
                return -EINVAL;
        tm.tm_mday = take_digits(&p, 2);
        if (!take(&p, "Tt "))
                return -EINVAL;
        tm.tm_hour = take_digits(&p, 2);
        if (!take(&p, ":"))
                return -EINVAL;
        tm.tm_min = take_digits(&p, 2);
        if (!take(&p, ":"))
                return -EINVAL;
        tm.tm_sec = take_digits(&p, 2);
        if (tm.tm_hour < 0 || tm.tm_min < 0 || tm.tm_sec < 0 || tm.tm_sec > 60)
                return -EINVAL;
        if (take_fraction(&p, &us) < 0 || take_zone(&p, &offset) < 0 || *p)
                return -EINVAL;

        check = tm; /* timegm mends an impossible date; a mended one is refused */
        if (check.tm_sec == 60)
                check.tm_sec = 59;
        seconds = timegm(&check);
        if (check.tm_mon != tm.tm_mon || check.tm_mday != tm.tm_mday ||
                check.tm_hour != tm.tm_hour || check.tm_min != tm.tm_min)
                return -EINVAL;
        if (tm.tm_sec == 60)
                seconds++;
        *ret_wall_us = (seconds - offset) * BUS_US_PER_SEC + us;
        return 0;
}

static int64_t unit_us(const char *unit)
{
        static const struct {
                const char *name;
                int64_t us;
        } units[] = {
                { "ms", BUS_US_PER_MS },
                { "s", BUS_US_PER_SEC },
                { "m", 60 * BUS_US_PER_SEC },
                { "h", 3600 * BUS_US_PER_SEC },
                { "d", 86400 * BUS_US_PER_SEC },
        };

        for (size_t i = 0; i < BUS_COUNT(units); i++)
                if (!strcmp(units[i].name, unit))
                        return units[i].us;
        return 0;
}

int bus_moment_parse(const char *text, int64_t now_us, int64_t *ret_wall_us)
{
        int64_t value = 0, age;
        const char *p = text;

        if (!bus_time_parse(text, ret_wall_us))
                return 0;
        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(value, 10, &value) ||
                        __builtin_add_overflow(value, *p - '0', &value))
                        return -EINVAL;
        if (p == text)
                return -EINVAL;
        if (!*p) {
                *ret_wall_us = value;
                return 0;
        }
        if (!unit_us(p) || __builtin_mul_overflow(value, unit_us(p), &age))
                return -EINVAL;
        *ret_wall_us = now_us - age;
        return 0;
}
