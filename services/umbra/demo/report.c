#include "services/umbra/demo/report.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define DRAW_PERIOD_US (200 * BUS_US_PER_MS)
#define LINE_PERIOD_US (5 * BUS_US_PER_SEC)

void report_init(struct report *report)
{
        *report = (struct report){
                .is_screen = isatty(STDOUT_FILENO),
                .started_us = bus_mono_us(),
                .phase = "",
        };
        if (report->is_screen)
                fputs("\033[2J", stdout);
}

static double seconds_of(const struct report *report)
{
        return (double)(bus_mono_us() - report->started_us) / (double)BUS_US_PER_SEC;
}

void report_event(struct report *report, const char *format, ...)
{
        char *line = report->events[report->event_count++ % REPORT_EVENTS];
        va_list args;
        int n;

        n = snprintf(line, REPORT_WIDTH, "%5.1f s  ", seconds_of(report));
        va_start(args, format);
        vsnprintf(line + n, REPORT_WIDTH - (size_t)n, format, args);
        va_end(args);
        report->drawn_us = 0;
        if (!report->is_screen) {
                puts(line);
                fflush(stdout);
        }
}

static void draw_bar(size_t done, size_t total)
{
        const size_t width = 40;
        size_t filled = total ? done * width / total : 0;

        putchar('[');
        for (size_t i = 0; i < width; i++)
                putchar(i < filled ? '#' : '.');
        printf("] %zu of %zu\033[K\n", done, total);
}

static void draw(const struct report *report, const struct report_figures *f)
{
        size_t first =
                report->event_count > REPORT_EVENTS ? report->event_count - REPORT_EVENTS : 0;
        char balance[E8_TEXT_SIZE];

        fputs("\033[H", stdout);
        printf("Umbra demo  %5.1f s   %s\033[K\n\033[K\n", seconds_of(report), report->phase);
        fputs("  alerts     ", stdout);
        draw_bar(f->sent, f->alerts_total);
        printf("             accepted %zu   seen before %zu   refused %zu   sent again %zu   "
               "slowest answer %.0f ms\033[K\n",
                f->accepted, f->duplicates, f->rejected, f->resent, (double)f->slowest_us / 1000);
        printf("  broker     %zu orders executed   %zu positions open   balance %s\033[K\n",
                f->at_broker, f->open_positions, cents_format(f->balance_cents, balance));
        printf("  killed     %zu times\033[K\n\033[K\n", f->kills);
        for (size_t i = 0; i < report->latest_count; i++)
                printf("  %s\033[K\n", report->latest[i]);
        fputs("\033[K\n", stdout);
        for (size_t i = first; i < report->event_count; i++)
                printf("  %s\033[K\n", report->events[i % REPORT_EVENTS]);
        fputs("\033[J", stdout);
        fflush(stdout);
}

static void print_line(const struct report *report, const struct report_figures *f)
{
        char balance[E8_TEXT_SIZE];

        printf("%5.1f s  %s: %zu of %zu alerts, %zu accepted, %zu refused; %zu orders at the broker, "
               "balance %s\n",
                seconds_of(report), report->phase, f->sent, f->alerts_total, f->accepted,
                f->rejected, f->at_broker, cents_format(f->balance_cents, balance));
        if (report->latest_count)
                printf("         %s\n", report->latest[0]);
        fflush(stdout);
}

void report_figures(struct report *report, const struct report_figures *figures)
{
        int64_t now_us = bus_mono_us();
        int64_t period_us = report->is_screen ? DRAW_PERIOD_US : LINE_PERIOD_US;

        if (report->is_screen && now_us - report->drawn_us < period_us)
                return;
        if (report->is_screen) {
                draw(report, figures);
                report->drawn_us = now_us;
        } else if (now_us - report->started_us >= (int64_t)(report->lines + 1) * period_us) {
                print_line(report, figures);
                report->lines++;
        }
}

void report_end(struct report *report)
{
        if (report->is_screen)
                putchar('\n');
        fflush(stdout);
}
