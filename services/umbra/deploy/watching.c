#include "services/umbra/deploy/watching.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/umbra/ask.h"
#include "services/umbra/command.h"
#include "services/umbra/deploy/record.h"
#include "services/umbra/deploy/watch.h"
#include "services/umbra/restart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASK_US    (5 * BUS_US_PER_SEC)
#define PERIOD_US (5 * BUS_US_PER_SEC)
/* A watch that is nearly over is looked at in time for its end. */
#define PERIOD_MIN_US (100 * BUS_US_PER_MS)
/* Health away for less than this is being started again; then it speaks against the phase. */
#define SILENT_MAX 6
#define FOUND_MAX  20
#define ERROR_SIZE 256

static const char *const marks[] = { [WATCH_FINE] = "  ", [WATCH_NOTE] = "? ", [WATCH_BAD] = "! " };

/* ---- asking ---- */

static void look(const struct client *health, const json_t *record,
        const struct deploy_settings *settings, struct watch_report *ret_report)
{
        BUS_AUTOFREE char *audit_path =
                bus_xasprintf("/api/audit?since=%s&limit=500", text_of(record, "started_us"));
        struct client_answer metrics = { 0 };
        json_t *status = restart_get(health, "/api/status");
        json_t *shadow = restart_get(health, "/api/shadow");
        json_t *audit = restart_get(health, audit_path);
        char error[ERROR_SIZE];
        int r;

        r = client_request(health, "GET", "/metrics", NULL, ASK_US, &metrics, error, sizeof(error));
        deploy_watch(
                &(struct watch_view){
                        .status = status,
                        .shadow = shadow,
                        .audit = audit,
                        .metrics = r < 0 ? NULL : bus_buf_str(&metrics.body),
                        .record = record,
                        .slower = settings->slower,
                        .now_us = bus_wall_us(),
                },
                ret_report);
        client_answer_done(&metrics);
        json_decref(status);
        json_decref(shadow);
        json_decref(audit);
}

/* ---- what was seen ---- */

static bool is_found(const json_t *found, const char *text)
{
        for (size_t i = 0; i < json_array_size(found); i++)
                if (!strcmp(text_of(json_array_get(found, i), "text"), text))
                        return true;
        return false;
}

/* Into the record what lasts: whoever looks later sees it too. */
static void keep(const struct layout *layout, json_t *record, const struct watch_report *report)
{
        json_t *found = json_object_get(record, "found");
        size_t before;

        if (!found) {
                found = json_array();
                json_object_set_new(record, "found", found);
        }
        before = json_array_size(found);
        for (size_t i = 0; i < report->count; i++)
                if (report->lines[i].lasts && json_array_size(found) < FOUND_MAX &&
                        !is_found(found, report->lines[i].text))
                        json_array_append_new(
                                found, json_pack("{s:I, s:s}", "at_us", (json_int_t)bus_wall_us(),
                                               "text", report->lines[i].text));
        /* somebody else's folder may be looked at all the same */
        if (json_array_size(found) > before && record_write(layout, record) < 0)
                fputs("umbra deploy: what was seen could not be written down\n", stderr);
}

/* ---- telling ---- */

static void print_head(const json_t *record, const struct deploy_settings *settings)
{
        int64_t ended_us = json_integer_value(json_object_get(record, "ended_us"));
        int64_t until_us = json_integer_value(json_object_get(record, "watch_until_us"));
        int64_t left_us = until_us - bus_wall_us();
        char when[WINDOW_TEXT_SIZE], until[WINDOW_TEXT_SIZE], span[WINDOW_TEXT_SIZE];

        window_time(&settings->zone, ended_us / BUS_US_PER_SEC, when);
        window_time(&settings->zone, until_us / BUS_US_PER_SEC, until);
        printf("%s: %s %s %s", text_of(record, "phase"),
                !strcmp(text_of(record, "way"), "back") ? "gone back" : "deployed", when,
                settings->zone_name);
        if (until_us)
                printf(", watched until %s (%s)", until,
                        left_us > 0 ? window_span(left_us / BUS_US_PER_SEC, span) : "over");
        putchar('\n');
}

static void print_lines(const struct watch_report *report, const struct watch_report *before)
{
        for (size_t i = 0; i < report->count; i++) {
                bool is_told = false;

                for (size_t n = 0; before && n < before->count; n++)
                        is_told |= !strcmp(before->lines[n].text, report->lines[i].text);
                if (!is_told)
                        printf("%s%s\n", marks[report->lines[i].kind], report->lines[i].text);
        }
        fflush(stdout);
}

static int print_half_way(const json_t *record)
{
        const char *phase = text_of(record, "phase");

        printf("%s: %s at step %s of %s, %s%s%s\n", phase,
                !strcmp(text_of(record, "state"), "failed") ? "stuck" : "cut off, or under way,",
                text_of(record, "step"), text_of(record, "steps"), text_of(record, "text"),
                *text_of(record, "why") ? ": " : "", text_of(record, "why"));
        printf("  'umbra deploy %s' begins it again, 'umbra deploy %s --back' goes back\n", phase,
                phase);
        return UMBRA_FAILED;
}

static int end(const json_t *record, const struct watch_report *report)
{
        if (report->is_bad)
                printf("this speaks against it: 'umbra deploy %s --back' goes back\n",
                        text_of(record, "phase"));
        else if (report->is_over)
                puts("the watch is over: nothing speaks against it");
        return report->is_bad ? UMBRA_FAILED : UMBRA_DONE;
}

/* ---- following ---- */

static bool is_silent(const struct watch_report *report)
{
        return report->count && !strcmp(report->lines[0].text, "health does not answer");
}

static int64_t pause_us(const json_t *record)
{
        int64_t left_us =
                json_integer_value(json_object_get(record, "watch_until_us")) - bus_wall_us();

        return left_us < PERIOD_MIN_US ? PERIOD_MIN_US : left_us < PERIOD_US ? left_us : PERIOD_US;
}

/* Whatever changes is worth a line, but not the figures that move with every alert. */
static bool is_news(const struct watch_report *report, const struct watch_report *before)
{
        size_t bad = 0, bad_before = 0;

        for (size_t i = 0; i < report->count; i++)
                bad += report->lines[i].kind != WATCH_FINE;
        for (size_t i = 0; i < before->count; i++)
                bad_before += before->lines[i].kind != WATCH_FINE;
        return bad != bad_before;
}

static int follow_it(const struct layout *layout, const struct client *health, json_t *record,
        const struct deploy_settings *settings, struct watch_report *report)
{
        struct watch_report before;
        unsigned int silent = 0;

        while (!report->is_over &&
                (!report->is_bad || (is_silent(report) && silent < SILENT_MAX))) {
                usleep((useconds_t)pause_us(record));
                before = *report;
                look(health, record, settings, report);
                silent = is_silent(report) ? silent + 1 : 0;
                keep(layout, record, report);
                if (is_news(report, &before))
                        print_lines(report, &before);
        }
        return end(record, report);
}

int watching(const struct layout *layout, const struct deploy_settings *settings, bool follow)
{
        struct watch_report report;
        struct client health;
        char error[ERROR_SIZE];
        json_t *record;
        int r, status;

        r = record_read(layout, &record);
        if (!r && !record) {
                puts("nothing was deployed here yet");
                return UMBRA_DONE;
        }
        if (!r)
                r = client_init(&health, layout, error, sizeof(error));
        else
                snprintf(error, sizeof(error), "%s/deploy.json: %s", layout->state, strerror(-r));
        if (r < 0) {
                fprintf(stderr, "umbra deploy: %s\n", error);
                json_decref(record);
                return UMBRA_FAILED;
        }
        if (strcmp(text_of(record, "state"), "done") != 0) {
                status = print_half_way(record);
        } else {
                print_head(record, settings);
                look(&health, record, settings, &report);
                keep(layout, record, &report);
                print_lines(&report, NULL);
                status = follow ? follow_it(layout, &health, record, settings, &report)
                                : end(record, &report);
        }
        client_done(&health);
        json_decref(record);
        return status;
}
