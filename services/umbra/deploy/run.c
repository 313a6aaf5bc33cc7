/*
 * Keeps: the record says "running" from before the first step until behind the last one, so that a
 * deployment that was cut off is known as one.
 */
#include "services/umbra/deploy/run.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/umbra/ask.h"
#include "services/umbra/deploy/record.h"
#include "services/umbra/deploy/steps.h"
#include "services/umbra/deploy/watch.h"
#include "services/umbra/restart.h"
#include "services/umbra/turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ASK_US      (5 * BUS_US_PER_SEC)
#define WHY_SIZE    300
#define SECONDS(us) ((double)(us) / (double)BUS_US_PER_SEC)

struct run {
        struct deployment deployment;
        const struct run_options *options;
        json_t *old;              /* the record as it was found; NULL: none */
        char why[STEP_NOTE_SIZE]; /* of the step that failed */
        char text[STEP_TEXT_SIZE];
        size_t step; /* from 1 */
        bool changed;
};

/* ---- when ---- */

bool run_in_window(const struct run_options *options, int64_t now_us, char *why, size_t why_size)
{
        const struct deploy_settings *settings = options->settings;
        const struct phase_times *times = &settings->times[options->phase - phases];
        int64_t now_s = now_us / BUS_US_PER_SEC;
        char start[WINDOW_TEXT_SIZE], end[WINDOW_TEXT_SIZE], span[WINDOW_TEXT_SIZE];
        struct window_now window;

        window_at(&times->window, &settings->zone, now_s, &window);
        if (window.is_open || settings->is_staging || options->way == WAY_BACK)
                return true;
        snprintf(why, why_size, "%s may go from %s to %s %s, in %s; --now goes at once",
                options->phase->name, window_time(&settings->zone, window.start_s, start),
                window_time(&settings->zone, window.end_s, end) + strlen("Tue 2026-12-01 "),
                settings->zone_name, window_span(window.start_s - now_s, span));
        return false;
}

void run_print(const struct run_options *options)
{
        const struct phase *phase = options->phase;
        char text[STEP_TEXT_SIZE], span[WINDOW_TEXT_SIZE];

        printf("%s%s, on %s (%s): %s\n", phase->name, options->way == WAY_BACK ? ", back" : "",
                options->layout->state, options->settings->is_staging ? "staging" : "production",
                phase->goal);
        for (size_t i = 0; i < phase->step_counts[options->way]; i++)
                printf("  %zu/%zu %s\n", i + 1, phase->step_counts[options->way],
                        step_text(&phase->steps[options->way][i], text));
        if (options->way == WAY_FORWARD)
                printf("  then it is watched for %s\n",
                        window_span(options->settings->times[phase - phases].watch_s, span));
}

/* ---- the record ---- */

static int write_record(struct run *run, const char *state)
{
        json_t *record = run->deployment.record;
        int r;

        json_object_set_new(record, "state", json_string(state));
        json_object_set_new(record, "step", json_integer((json_int_t)run->step));
        json_object_set_new(record, "text", json_string(run->text));
        r = record_write(run->options->layout, record);
        if (r < 0)
                snprintf(run->why, sizeof(run->why), "%s/deploy.json: %s",
                        run->options->layout->state, strerror(-r));
        return r;
}

/* A line of what was done stays, whatever comes after it. */
static void tell_history(const struct run *run, const char *level, const char *outcome)
{
        BUS_AUTOFREE char *path = layout_path(run->options->layout->log, "deploy", ".log");
        char when[BUS_TIME_TEXT_SIZE];
        FILE *file = fopen(path, "ae");

        if (!file)
                return;
        fprintf(file, "%s %s deploy %s phase=%s way=%s step=%zu%s%s\n",
                bus_time_format(bus_wall_us(), when), level, outcome, run->options->phase->name,
                text_of(run->deployment.record, "way"), run->step, *run->why ? " why=" : "",
                run->why);
        fclose(file);
}

/* How it is before anything is touched, for the watch to compare with. */
static void take_baseline(struct run *run)
{
        struct client_answer answer = { 0 };
        json_t *record = run->deployment.record, *latency;
        json_t *status = restart_get(&run->deployment.health, "/api/status");
        char error[WHY_SIZE];

        json_object_set_new(record, "alarms", watch_alarms(status));
        json_decref(status);
        if (!client_request(&run->deployment.health, "GET", "/metrics", NULL, ASK_US, &answer,
                    error, sizeof(error))) {
                latency = watch_latency(bus_buf_str(&answer.body));
                if (latency)
                        json_object_set_new(record, "latency", latency);
        }
        client_answer_done(&answer);
}

/* ---- the steps ---- */

static int take_step(struct run *run, const struct step *step, size_t count)
{
        char note[STEP_NOTE_SIZE];
        int r;

        step_text(step, run->text);
        r = write_record(run, "running");
        if (r < 0)
                return r;
        printf("  %zu/%zu %s ... ", run->step, count, run->text);
        fflush(stdout);
        run->changed |= step_changes(step);
        r = step_take(&run->deployment, step, note);
        if (r < 0)
                snprintf(run->why, sizeof(run->why), "%s", note);
        printf("%s%s%s\n", r < 0 ? "FAILED" : "ok", *note ? ": " : "", note);
        fflush(stdout);
        return r < 0 ? r : write_record(run, "running");
}

static int take_steps(struct run *run, enum way way)
{
        const struct phase *phase = run->options->phase;
        int r = 0;

        json_object_set_new(
                run->deployment.record, "steps", json_integer((json_int_t)phase->step_counts[way]));
        for (run->step = 1; !r && run->step <= phase->step_counts[way]; run->step++) {
                r = take_step(run, &phase->steps[way][run->step - 1], phase->step_counts[way]);
                if (r < 0)
                        break;
        }
        if (!r)
                run->step = phase->step_counts[way];
        return r;
}

/* What is left behind a step that failed. R: of going back from it. */
static void leave_record(struct run *run, int r, size_t failed, const char *why)
{
        json_t *record = run->deployment.record;

        /* where nothing was touched, what was deployed before is still what holds */
        if (!run->changed) {
                if (record_put_back(run->options->layout, run->old) < 0)
                        fputs("umbra deploy: deploy.json cannot be written\n", stderr);
                return;
        }
        json_object_set_new(record, "failed_at", json_integer((json_int_t)failed));
        json_object_set_new(record, "why", json_string(why));
        json_object_set_new(record, "ended_us", json_integer(bus_wall_us()));
        if (r == 0)
                record_forget_before(record);
        (void)write_record(run, r < 0 ? "failed" : "done");
}

/* A step there has failed: back to how it was. */
static void go_back(struct run *run)
{
        const char *phase = run->options->phase->name;
        int64_t begun_us = bus_mono_us();
        size_t failed = run->step;
        char why[STEP_NOTE_SIZE], text[STEP_TEXT_SIZE];
        int r = 0;

        strcpy(why, run->why);
        strcpy(text, run->text);
        json_object_set_new(run->deployment.record, "way", json_string("back"));
        if (run->changed) {
                puts("going back:");
                r = take_steps(run, WAY_BACK);
        }
        fprintf(stderr, "umbra deploy: %s: step %zu, %s, failed: %s\n", phase, failed, text, why);
        if (r < 0)
                fprintf(stderr,
                        "umbra deploy: going back failed too, at step %zu, %s: %s. Mend that, then 'umbra deploy %s --back'\n",
                        run->step, run->text, run->why, phase);
        else if (run->changed)
                fprintf(stderr, "umbra deploy: gone back in %.1f s: all is as it was before\n",
                        SECONDS(bus_mono_us() - begun_us));
        else
                fputs("umbra deploy: nothing was changed\n", stderr);
        leave_record(run, r, failed, why);
        if (r == 0)
                strcpy(run->why, why);
        tell_history(run, run->changed ? "ERROR" : "WARN",
                r < 0          ? "stuck"
                : run->changed ? "gone_back"
                               : "not_begun");
}

static void finish(struct run *run, int64_t begun_us)
{
        const struct run_options *options = run->options;
        const struct phase_times *times = &options->settings->times[options->phase - phases];
        int64_t now_us = bus_wall_us();
        char until[WINDOW_TEXT_SIZE];

        json_object_set_new(run->deployment.record, "ended_us", json_integer(now_us));
        json_object_set_new(run->deployment.record, "watch_until_us",
                json_integer(
                        options->way == WAY_BACK ? 0 : now_us + times->watch_s * BUS_US_PER_SEC));
        if (options->way == WAY_BACK)
                record_forget_before(run->deployment.record);
        if (write_record(run, "done") < 0)
                fprintf(stderr, "umbra deploy: %s\n", run->why);
        if (options->way == WAY_BACK)
                printf("%s: gone back in %.1f s\n", options->phase->name,
                        SECONDS(bus_mono_us() - begun_us));
        else
                printf("%s: deployed in %.1f s; watched until %s %s: 'umbra deploy status --watch'\n",
                        options->phase->name, SECONDS(bus_mono_us() - begun_us),
                        window_time(&options->settings->zone,
                                now_us / BUS_US_PER_SEC + times->watch_s, until),
                        options->settings->zone_name);
        tell_history(run, "INFO", "done");
}

/* ---- all of it ---- */

static int begin(struct run *run, char *why, size_t why_size)
{
        const struct run_options *options = run->options;
        int64_t now_us = bus_wall_us();
        int r;

        if (!options->now && !run_in_window(options, now_us, why, why_size))
                return -EAGAIN;
        r = record_read(options->layout, &run->old);
        if (r < 0) {
                snprintf(why, why_size, "%s/deploy.json: %s", options->layout->state, strerror(-r));
                return r;
        }
        if (!record_allows(
                    run->old, options->phase, options->way, now_us, options->now, why, why_size))
                return -EBUSY;
        run->deployment.record = record_begin(run->old, options->phase, options->way, now_us);
        if (options->reason)
                json_object_set_new(run->deployment.record, "reason", json_string(options->reason));
        r = client_init(&run->deployment.health, options->layout, why, why_size);
        if (!r)
                take_baseline(run);
        return r;
}

int run_phase(const struct run_options *options)
{
        struct run run = { .options = options,
                .deployment = { .layout = options->layout,
                        .phase = options->phase,
                        .reason = options->reason,
                        .force = options->force,
                        .is_staging = options->settings->is_staging,
                        .rehearsal = options->settings->rehearsal } };
        BUS_AUTOFREE char *command = bus_xasprintf("umbra deploy %s%s", options->phase->name,
                options->way == WAY_BACK ? " --back" : "");
        BUS_AUTOCLOSE int turn_fd = -1;
        int64_t begun_us = bus_mono_us();
        char why[WHY_SIZE] = "";
        int r;

        r = turn_take(options->layout, command, &turn_fd, why, sizeof(why));
        if (!r)
                r = begin(&run, why, sizeof(why));
        if (r < 0) {
                fprintf(stderr, "umbra deploy: %s\n", *why ? why : strerror(-r));
        } else {
                printf("%s%s, on %s: %s\n", options->phase->name,
                        options->way == WAY_BACK ? ", back" : "", options->layout->state,
                        options->phase->goal);
                r = take_steps(&run, options->way);
                if (!r) {
                        finish(&run, begun_us);
                } else if (options->way == WAY_FORWARD) {
                        go_back(&run);
                } else {
                        fprintf(stderr, "umbra deploy: going back stopped at step %zu, %s: %s\n",
                                run.step, run.text, run.why);
                        json_object_set_new(run.deployment.record, "why", json_string(run.why));
                        (void)write_record(&run, "failed");
                        tell_history(&run, "ERROR", "stuck");
                }
        }
        json_decref(run.deployment.record);
        json_decref(run.old);
        client_done(&run.deployment.health);
        return r;
}
