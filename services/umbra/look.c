/*
 * The commands that only look: status and trace.
 */
#include "libbus/base/require.h"
#include "services/umbra/ask.h"
#include "services/umbra/command.h"
#include "services/umbra/options.h"

#include <stdio.h>
#include <string.h>

enum { FLAG_JSON = OPTIONS_FIRST };

static const struct option own[] = { { "json", no_argument, NULL, FLAG_JSON }, { 0 } };

static int take(void *arg, int option, const char *value)
{
        (void)option;
        (void)value;
        *(bool *)arg = true;
        return 0;
}

/* ---- status ---- */

/* A line is for what a person asks first; the rest is in --json. */
static bool is_telling(const char *key, const json_t *value)
{
        const char *text = json_string_value(value);

        return strncmp(key, "plugin.", strlen("plugin.")) && strcmp(key, "from") && text &&
               strcmp(text, "no") && strcmp(text, "0");
}

static void print_service(const json_t *service)
{
        const json_t *facts = json_object_get(service, "facts"), *value;
        const char *key;

        printf("  %-20s %-9s", text_of(service, "service"),
                json_is_true(json_object_get(service, "alive")) ? text_of(service, "state")
                                                                : "gone");
        if (*text_of(service, "pid"))
                printf(" pid %-7s %5.1f MB", text_of(service, "pid"),
                        (double)json_integer_value(json_object_get(service, "memory_bytes")) /
                                (1024 * 1024));
        json_object_foreach((json_t *)facts, key, value) if (is_telling(key, value))
                printf("  %s=%s", key, json_string_value(value));
        if (*text_of(service, "why"))
                printf("  (%s)", text_of(service, "why"));
        putchar('\n');
}

static void print_status(const json_t *status)
{
        const json_t *services = json_object_get(status, "services");
        const json_t *alarms = json_object_get(status, "alarms"), *checks, *value;
        const char *key;

        printf("%s, up %s s, %s open trades, %s of %s recent alerts under way\n",
                text_of(status, "status"), text_of(status, "uptime"),
                text_of(status, "open_trades"), text_of(json_object_get(status, "alerts"), "open"),
                text_of(json_object_get(status, "alerts"), "known"));
        for (size_t i = 0; i < json_array_size(services); i++)
                print_service(json_array_get(services, i));
        checks = json_object_get(status, "checks");
        json_object_foreach((json_t *)checks, key, value) if (*text_of(value, "why"))
                printf("  %s: %s: %s\n", text_of(value, "status"), key, text_of(value, "why"));
        for (size_t i = 0; i < json_array_size(alarms); i++) {
                const json_t *alarm = json_array_get(alarms, i);

                printf("  ALARM %s %s %s: %s\n", text_of(alarm, "since"), text_of(alarm, "code"),
                        text_of(alarm, "subject"), text_of(alarm, "text"));
        }
}

int umbra_status(int argc, char **argv)
{
        bool json = false;
        struct options options = { .own = own,
                .take = take,
                .arg = &json,
                .usage = "usage: umbra status [--json] [--state DIR]\n"
                         "\n"
                         "How the system is, service by service, and what is wrong.\n"
                         "\n"
                         "example: umbra status --state ./umbra-state\n" };
        json_t *answer;
        int status;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        status = ask(&options.layout, argv[0], "GET", "/api/status", NULL, &answer);
        if (status == UMBRA_DONE && json)
                print_json(answer);
        else if (status == UMBRA_DONE)
                print_status(answer);
        json_decref(answer);
        options_done(&options);
        return status;
}

/* ---- trace ---- */

static void print_step(const json_t *step)
{
        static const char *const keys[] = { "role", "cl_ord_id", "plugin", "verdict", "state",
                "ticket", "price", "retcode", "reason", "text" };

        printf("  %s %+10.3f ms  %-18s", text_of(step, "at"),
                (double)json_integer_value(json_object_get(step, "since_us")) / 1000,
                text_of(step, "step"));
        for (size_t i = 0; i < BUS_COUNT(keys); i++)
                if (*text_of(step, keys[i]))
                        printf(" %s=%s", keys[i], text_of(step, keys[i]));
        putchar('\n');
}

static void print_trail(const json_t *trail)
{
        const json_t *steps = json_object_get(trail, "steps");

        printf("%s: %s %s %s %s\n", text_of(trail, "alert_id"), text_of(trail, "state"),
                text_of(trail, "signal_type"), text_of(trail, "symbol"),
                text_of(trail, "direction"));
        if (*text_of(trail, "verdict"))
                printf("  %s: %s (%s)\n", text_of(trail, "plugin"), text_of(trail, "verdict"),
                        text_of(trail, "reason"));
        for (size_t i = 0; i < json_array_size(steps); i++)
                print_step(json_array_get(steps, i));
}

int umbra_trace(int argc, char **argv)
{
        bool json = false;
        struct options options = { .own = own,
                .take = take,
                .arg = &json,
                .words_min = 1,
                .words_max = 1,
                .usage = "usage: umbra trace ALERT_ID [--json] [--state DIR]\n"
                         "\n"
                         "The trail of one alert: every step with its time, from the HTTP request\n"
                         "to the last fill.\n"
                         "\n"
                         "example: umbra trace 01M82JE45D3KG6YD6SCCBYDGNB\n" };
        BUS_AUTOFREE char *path = NULL;
        json_t *answer;
        int status;

        status = options_parse(&options, argc, argv);
        if (status >= 0)
                return status;
        path = bus_xasprintf("/api/alerts/%s", options.words[0]);
        status = ask(&options.layout, argv[0], "GET", path, NULL, &answer);
        if (status == UMBRA_DONE && json)
                print_json(answer);
        else if (status == UMBRA_DONE)
                print_trail(answer);
        json_decref(answer);
        options_done(&options);
        return status;
}
