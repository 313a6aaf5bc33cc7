#include "services/umbra/demo/switches.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/wire/position.h"
#include "services/umbra/ask.h"

#include <stdio.h>
#include <string.h>

#define RETRY_US (250 * BUS_US_PER_MS)

void switches_init(struct switches *switches, int64_t first_us, int64_t period_us)
{
        *switches = (struct switches){
                .first_us = first_us, .period_us = period_us, .next_us = first_us
        };
}

bool switches_over(const struct switches *switches)
{
        return switches->count == SWITCHES;
}

static bool is_cutover(size_t n)
{
        return n % 2 == 0;
}

static void note(struct switches *switches, const json_t *answer, double ms)
{
        struct switch_done *done = &switches->done[switches->count++];
        const json_t *now = json_object_get(answer, "now");

        done->ms = ms;
        done->epoch = strtoull(text_of(now, "epoch"), NULL, 10);
        snprintf(done->active, sizeof(done->active), "%s", text_of(now, "active"));
        snprintf(done->from, sizeof(done->from), "%s", text_of(answer, "position"));
        switches->told = false;
}

static void tell_refusal(
        struct switches *switches, struct report *report, const char *command, const json_t *answer)
{
        const json_t *error = json_object_get(answer, "error");

        switches->refused++;
        if (!switches->told)
                report_event(report, "%s refused: %.80s", command,
                        answer ? text_of(error, "message") : "no answer");
        switches->told = true;
}

static void ask_for(struct switches *switches, const struct demo_system *system,
        struct report *report, const char *command)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/admin/%s?reason=demo", command);
        int64_t before_us = bus_mono_us();
        long status;
        json_t *answer = demo_system_try(system, path, &status);
        double ms = (double)(bus_mono_us() - before_us) / (double)BUS_US_PER_MS;

        if (status == 200) {
                note(switches, answer, ms);
                report_event(report, "%s %zu of %d in %.1f ms, under load", command,
                        (switches->count + 1) / 2, SWITCHES / 2, ms);
        } else {
                tell_refusal(switches, report, command, answer);
        }
        json_decref(answer);
}

static void make_backup(
        struct switches *switches, const struct demo_system *system, struct report *report)
{
        json_t *answer = demo_system_post(system, "/admin/backup?name=before-cutover");

        switches->has_backup = answer != NULL;
        report_event(report, "backup of all stores: %s", answer ? "checked" : "not yet");
        json_decref(answer);
}

void switches_turn(struct switches *switches, const struct demo_system *system,
        struct report *report, int64_t now_us)
{
        size_t before = switches->count;

        if (now_us < switches->next_us || switches_over(switches))
                return;
        if (!switches->has_backup)
                make_backup(switches, system, report);
        else
                ask_for(switches, system, report,
                        is_cutover(switches->count) ? "cutover" : "rollback");
        switches->next_us = now_us + (switches->count > before ? switches->period_us : RETRY_US);
}

static int compare(const void *left, const void *right)
{
        double a = *(const double *)left, b = *(const double *)right;

        return a < b ? -1 : a > b;
}

double switches_ms(const struct switches *switches, bool cutovers, double *ret_slowest)
{
        double ms[SWITCHES];
        size_t n = 0;

        for (size_t i = 0; i < switches->count; i++)
                if (is_cutover(i) == cutovers)
                        ms[n++] = switches->done[i].ms;
        qsort(ms, n, sizeof(*ms), compare);
        *ret_slowest = n ? ms[n - 1] : -1;
        return n ? ms[(n - 1) / 2] : -1;
}

static bool is_behind(struct bus_pos signal, const char *from)
{
        struct bus_pos position;

        return bus_pos_parse(from, &position) < 0 || bus_pos_compare(signal, position) > 0;
}

bool switches_agree(const struct switches *switches, const json_t *trail)
{
        const json_t *decision = json_object_get(trail, "decision");
        const json_t *epoch = json_object_get(decision, "epoch");
        struct bus_pos signal;

        if (bus_pos_parse(text_of(json_object_get(trail, "signal"), "position"), &signal) < 0)
                return true;
        for (size_t i = 0; i < switches->count; i++) {
                const struct switch_done *done = &switches->done[i];

                if (done->epoch != (uint64_t)json_integer_value(epoch))
                        continue;
                return !strcmp(done->active, text_of(decision, "plugin")) &&
                       is_behind(signal, done->from) &&
                       (i + 1 == switches->count || done[1].epoch != done->epoch + 1 ||
                               !is_behind(signal, done[1].from));
        }
        return true;
}
