#include "services/umbra/demo/latest.h"

#include "libbus/base/clock.h"

#include <stdio.h>
#include <string.h>

#define ASK_PERIOD_US (500 * BUS_US_PER_MS)
#define ASKED         "40" /* among so many there are some entries and exits */

static const char *text_of(const json_t *alert, const char *key)
{
        const char *value = json_string_value(json_object_get(alert, key));

        return value ? value : "";
}

static bool is_trade(const json_t *alert)
{
        const char *type = text_of(alert, "type");

        return !strcmp(type, "entry") || !strcmp(type, "exit");
}

/* "in 4.2 ms", from the request's last byte to the broker link. */
static void add_time(const json_t *alert, char *text, size_t size)
{
        int64_t submitted_us = json_integer_value(json_object_get(alert, "submitted_us"));
        int64_t received_us = json_integer_value(json_object_get(alert, "received_us"));

        if (submitted_us)
                snprintf(text, size, ", at the broker in %.1f ms",
                        (double)(submitted_us - received_us) / (double)BUS_US_PER_MS);
}

const char *latest_line(const json_t *alert, char text[static REPORT_WIDTH])
{
        const char *verdict = text_of(alert, "verdict"), *state = text_of(alert, "state");
        const char *direction = text_of(alert, "direction");
        json_int_t fills = json_integer_value(json_object_get(alert, "fills"));
        size_t n;

        snprintf(text, REPORT_WIDTH, "%-6s %-24s %-4s  %s says %s", text_of(alert, "symbol"),
                text_of(alert, "signal_type"), strcmp(direction, "") ? direction : "exit",
                *text_of(alert, "plugin") ? text_of(alert, "plugin") : "nobody yet",
                *verdict ? verdict : "nothing");
        n = strlen(text);
        if (!strcmp(verdict, "reject"))
                snprintf(text + n, REPORT_WIDTH - n, ": %s", text_of(alert, "reason"));
        else if (fills)
                snprintf(text + n, REPORT_WIDTH - n, ": %s, %lld fill%s", state, (long long)fills,
                        fills == 1 ? "" : "s");
        else
                snprintf(text + n, REPORT_WIDTH - n, ": %s", state);
        n = strlen(text);
        add_time(alert, text + n, REPORT_WIDTH - n);
        return text;
}

void latest_turn(const struct demo_system *system, struct report *report)
{
        int64_t now_us = bus_mono_us();
        json_t *alerts;
        size_t count, shown = 0;

        if (now_us - report->latest_us < ASK_PERIOD_US)
                return;
        report->latest_us = now_us;
        alerts = demo_system_get(system, "/api/alerts?limit=" ASKED);
        count = json_array_size(alerts);
        for (size_t i = count; i && shown < REPORT_LATEST; i--)
                if (is_trade(json_array_get(alerts, i - 1)))
                        latest_line(json_array_get(alerts, i - 1), report->latest[shown++]);
        if (shown)
                report->latest_count = shown;
        json_decref(alerts);
}
