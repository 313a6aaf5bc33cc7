#include "libbus/base/log.h"

#include "libbus/base/clock.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A line is cut here: longer ones would not be written in one piece by every pipe. */
#define LINE_MAX_BYTES 2048

/* Of lines that wait. */
#define HELD_MAX_BYTES 8192

static const char *log_name = "umbra";
static enum bus_log_level log_minimum = BUS_LOG_INFO;
static const char *const level_names[] = { "DEBUG", "INFO", "WARN", "ERROR" };

void bus_log_init(const char *name, enum bus_log_level minimum)
{
        log_name = name;
        log_minimum = minimum;
}

static struct {
        bool on;
        size_t size;
        char lines[HELD_MAX_BYTES];
} held;

static void write_out(const char *text, size_t size)
{
        ssize_t written = write(STDERR_FILENO, text, size);

        (void)written; /* nobody is left to tell */
}

void bus_log_hold(void)
{
        held.on = true;
}

void bus_log_flush(void)
{
        size_t size = held.size;

        held.size = 0;
        if (size)
                write_out(held.lines, size);
}

static void put_line(enum bus_log_level level, const char *line, size_t size)
{
        if (!held.on) {
                write_out(line, size);
                return;
        }
        if (held.size + size > sizeof(held.lines))
                bus_log_flush();
        memcpy(held.lines + held.size, line, size);
        held.size += size;
        if (level >= BUS_LOG_WARN)
                bus_log_flush();
}

void bus_log(enum bus_log_level level, const char *event, const char *format, ...)
{
        char line[LINE_MAX_BYTES], when[BUS_TIME_TEXT_SIZE];
        va_list args;
        int n, m;

        if (level < log_minimum)
                return;
        n = snprintf(line, sizeof(line) - 1, "%s %s %s %s", bus_time_format(bus_wall_us(), when),
                level_names[level], log_name, event);
        if (n < 0 || (size_t)n >= sizeof(line) - 2)
                n = sizeof(line) - 3;
        if (*format) {
                line[n++] = ' ';
                va_start(args, format);
                m = vsnprintf(line + n, sizeof(line) - 1 - (size_t)n, format, args);
                va_end(args);
                if (m > 0)
                        n += (size_t)m < sizeof(line) - 1 - (size_t)n
                                     ? m
                                     : (int)(sizeof(line) - 2 - (size_t)n);
        }
        for (int i = 0; i < n; i++)
                if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
                        line[i] = '?';
        line[n++] = '\n';
        put_line(level, line, (size_t)n);
}
