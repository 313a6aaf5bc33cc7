#include "services/umbra/deploy/watch.h"

#include "libbus/base/attr.h"
#include "libbus/base/require.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LATENCY      "umbra_alert_processing_seconds"
#define SAMPLES_MIN  100   /* alerts on either side before their means say anything */
#define SLOWER_MIN_S 0.001 /* less than a millisecond is the machine's mood */

static void BUS_PRINTF(3, 4)
        line(struct watch_report *report, enum watch_line_kind kind, const char *format, ...)
{
        struct watch_line *next = &report->lines[report->count];
        va_list args;

        report->is_bad |= kind == WATCH_BAD;
        if (report->count == WATCH_LINES)
                return;
        report->count++;
        next->kind = kind;
        va_start(args, format);
        vsnprintf(next->text, sizeof(next->text), format, args);
        va_end(args);
}

/* The newest line is not forgotten, if it is a bad one. */
static void last(struct watch_report *report)
{
        struct watch_line *newest = &report->lines[report->count - 1];

        newest->lasts = newest->kind == WATCH_BAD;
}

static const char *text(const json_t *object, const char *key)
{
        const char *value = json_string_value(json_object_get(object, key));

        return value ? value : "";
}

static int64_t number(const json_t *object, const char *key)
{
        return json_integer_value(json_object_get(object, key));
}

/* ---- how it is ---- */

static void judge_health(const struct watch_view *view, struct watch_report *report)
{
        const char *verdict = text(view->status, "status");
        const json_t *checks = json_object_get(view->status, "checks"), *check;
        const char *name;

        line(report,
                !strcmp(verdict, "healthy")     ? WATCH_FINE
                : !strcmp(verdict, "unhealthy") ? WATCH_BAD
                                                : WATCH_NOTE,
                "health: %s", verdict);
        json_object_foreach((json_t *)checks, name, check) if (*text(check, "why"))
                line(report, !strcmp(text(check, "status"), "unhealthy") ? WATCH_BAD : WATCH_NOTE,
                        "%s: %s", name, text(check, "why"));
}

static void judge_thresholds(const struct watch_view *view, struct watch_report *report)
{
        const json_t *thresholds = json_object_get(view->status, "thresholds"), *threshold;
        const char *name;
        size_t count = 0, normal = 0;

        json_object_foreach((json_t *)thresholds, name, threshold)
        {
                const char *level = text(threshold, "level");

                count++;
                normal += !strcmp(level, "normal");
                if (!strcmp(level, "alert"))
                        line(report, WATCH_BAD, "threshold %s: beyond its alert bound", name);
                else if (!strcmp(level, "degraded"))
                        line(report, WATCH_NOTE, "threshold %s: beyond its normal bound", name);
        }
        if (count == normal)
                line(report, WATCH_FINE, "thresholds: all %zu normal", count);
}

/* ---- alarms ---- */

static char *alarm_name(const json_t *alarm)
{
        return bus_xasprintf(
                "%s %s %s", text(alarm, "service"), text(alarm, "code"), text(alarm, "subject"));
}

json_t *watch_alarms(const json_t *status)
{
        const json_t *alarms = json_object_get(status, "alarms");
        json_t *names = json_array();

        for (size_t i = 0; i < json_array_size(alarms); i++) {
                BUS_AUTOFREE char *name = alarm_name(json_array_get(alarms, i));

                json_array_append_new(names, json_string(name));
        }
        return names;
}

static bool has_text(const json_t *list, const char *wanted)
{
        for (size_t i = 0; i < json_array_size(list); i++)
                if (!strcmp(json_string_value(json_array_get(list, i)), wanted))
                        return true;
        return false;
}

static void judge_alarms(const struct watch_view *view, struct watch_report *report)
{
        const json_t *alarms = json_object_get(view->status, "alarms");
        const json_t *known = json_object_get(view->record, "alarms");
        size_t fresh = 0;

        for (size_t i = 0; i < json_array_size(alarms); i++) {
                const json_t *alarm = json_array_get(alarms, i);
                BUS_AUTOFREE char *name = alarm_name(alarm);

                if (has_text(known, name))
                        continue;
                fresh++;
                line(report,
                        !strcmp(text(alarm, "code"), "rollback_trigger") ||
                                        !strcmp(text(alarm, "severity"), "critical")
                                ? WATCH_BAD
                                : WATCH_NOTE,
                        "alarm %s %s: %.120s", text(alarm, "code"), text(alarm, "subject"),
                        text(alarm, "text"));
                last(report);
        }
        if (!fresh)
                line(report, WATCH_FINE, "alarms: none that was not there before");
}

/* ---- switches that nobody in this deployment asked for ---- */

static void judge_audit(const struct watch_view *view, struct watch_report *report)
{
        for (size_t i = 0; i < json_array_size(view->audit); i++) {
                const json_t *entry = json_array_get(view->audit, i);
                const char *command = text(entry, "command"), *actor = text(entry, "actor");

                if (!strcmp(command, "rollback") && !strcmp(text(view->record, "way"), "forward") &&
                        number(entry, "at_us") >= number(view->record, "ended_us"))
                        line(report, WATCH_BAD, "rolled back by %s: %.120s",
                                *actor ? actor : text(entry, "by"), text(entry, "reason"));
        }
}

/* ---- parity ---- */

static void judge_parity(const struct watch_view *view, struct watch_report *report)
{
        const json_t *watch = json_object_get(view->shadow, "watch");
        const json_t *triggers = json_object_get(watch, "triggers");
        int64_t pairs = number(view->shadow, "pairs"), critical = number(view->shadow, "critical");
        int64_t exact = number(json_object_get(view->shadow, "classes"), "exact");
        bool is_shadow = !strcmp(text(view->record, "phase"), "shadow");

        if (pairs)
                line(report,
                        critical && is_shadow ? WATCH_BAD
                        : critical            ? WATCH_NOTE
                                              : WATCH_FINE,
                        "parity: %lld decisions compared, %lld the same, %lld critical differences",
                        (long long)pairs, (long long)exact, (long long)critical);
        else
                line(report, is_shadow ? WATCH_NOTE : WATCH_FINE,
                        "parity: nothing was compared yet");
        for (size_t i = 0; i < json_array_size(triggers); i++) {
                const char *trigger = json_string_value(json_array_get(triggers, i));

                line(report, WATCH_BAD, "rollback trigger: %s", trigger ? trigger : "?");
                last(report);
        }
        if (json_is_true(json_object_get(watch, "on")) && !json_array_size(triggers))
                line(report, WATCH_FINE, "rollback triggers: none");
}

/* ---- how long alerts take ---- */

/* The value of SUFFIX of the histogram, -1 if it is not there. */
static double sample(const char *metrics, const char *suffix)
{
        BUS_AUTOFREE char *name = bus_xasprintf("\n" LATENCY "%s{", suffix);
        const char *at = metrics ? strstr(metrics, name) : NULL;
        const char *value = at ? strstr(at, "} ") : NULL;

        return value ? strtod(value + strlen("} "), NULL) : -1;
}

json_t *watch_latency(const char *metrics)
{
        double sum = sample(metrics, "_sum"), count = sample(metrics, "_count");

        return sum < 0 || count < 0 ? NULL : json_pack("{s:f, s:f}", "sum", sum, "count", count);
}

static void judge_latency(const struct watch_view *view, struct watch_report *report)
{
        const json_t *before = json_object_get(view->record, "latency");
        double old_sum = json_number_value(json_object_get(before, "sum"));
        double old_count = json_number_value(json_object_get(before, "count"));
        double sum = sample(view->metrics, "_sum"), count = sample(view->metrics, "_count");
        double old_mean = old_count > 0 ? old_sum / old_count : 0, mean, percent;

        if (count >= old_count) { /* else health was started again and counts from 0 */
                sum -= old_sum;
                count -= old_count;
        }
        mean = count > 0 ? sum / count : 0;
        if (old_count < SAMPLES_MIN || count < SAMPLES_MIN) {
                line(report, WATCH_FINE,
                        "latency: %.0f alerts before and %.0f since: too few to compare", old_count,
                        count > 0 ? count : 0);
                return;
        }
        percent = (mean / old_mean - 1) * 100;
        line(report,
                percent > view->slower && mean - old_mean > SLOWER_MIN_S ? WATCH_BAD : WATCH_FINE,
                "latency: %.2f ms the alert over %.0f of them, %.2f ms before (%+.1f %%)",
                mean * 1000, count, old_mean * 1000, percent);
}

/* ---- what was seen earlier ---- */

static void judge_found(const struct watch_view *view, struct watch_report *report)
{
        const json_t *found = json_object_get(view->record, "found");

        for (size_t i = 0; i < json_array_size(found); i++) {
                const char *seen = text(json_array_get(found, i), "text");
                bool is_told = false;

                for (size_t n = 0; n < report->count; n++)
                        is_told |= !strcmp(report->lines[n].text, seen);
                if (!is_told)
                        line(report, WATCH_BAD, "%s", seen);
        }
}

void deploy_watch(const struct watch_view *view, struct watch_report *ret_report)
{
        *ret_report = (struct watch_report){
                .is_over = view->now_us >= number(view->record, "watch_until_us"),
        };
        if (view->status) {
                judge_health(view, ret_report);
                judge_thresholds(view, ret_report);
                judge_alarms(view, ret_report);
                judge_audit(view, ret_report);
                judge_parity(view, ret_report);
                judge_latency(view, ret_report);
        } else {
                line(ret_report, WATCH_BAD, "health does not answer");
        }
        judge_found(view, ret_report);
}
