/*
 * Alarms of replicas that share a store. Each keeps a report there of what it has raised: under
 * "alarm-of/CODE/SUBJECT", a line break and who it is, when that was last so, and what it is. The first one's
 * report says the alarm, the last one's end ends it. Who is not heard of for some leases reports
 * nothing any more, but for what a person has to look at.
 *
 * Two that raise or end at the same moment do not see each other's. So each looks now and then
 * (service_alarms_keep): an alarm that it reports and nobody has said is said, one that is said
 * and nobody reports is ended.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/service/alarms.h"

#include <inttypes.h>
#include <stdio.h>

#define REPORT_PREFIX "alarm-of/"
/* A lease lasts for three of its periods: a report is kept up once in that time, and holds for six such. */
#define KEEP_PERIODS  3
#define STALE_PERIODS 18

struct report {
        struct report *next;
        char *key;
        const char *code, *subject, *holder; /* in NAME */
        char *name, *text;
        int64_t at_us;
        Pb__Severity severity;
};

/* What a look at the store finds. */
struct look {
        struct store_lease lease;
        struct report *reports, *said; /* said: as reports, by nobody */
        int64_t stale_us; /* what was last so before this is so no more; 0: that is not known yet */
};

bool alarms_are_shared(const struct bus_service *service)
{
        struct store_lease lease = { 0 };

        if (service->store)
                store_lease(service->store, &lease);
        return lease.shared;
}

static char *report_key(const char *code, const char *subject, const struct store_lease *lease)
{
        return bus_xasprintf(REPORT_PREFIX "%s/%s\n%s", code, subject, lease->holder);
}

bool alarm_is_said(struct bus_service *service, const char *code, const char *subject)
{
        BUS_AUTOFREE char *key = bus_xasprintf(ALARM_PREFIX "%s/%s", code, subject);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        return bus_get(service, key, &text) == 0;
}

void alarm_report(struct bus_service *service, const struct active_alarm *alarm)
{
        BUS_AUTOFREE char *key = NULL;
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        struct store_lease lease;

        store_lease(service->store, &lease);
        key = report_key(alarm->code, alarm->subject, &lease);
        bus_buf_printf(
                &value, "%" PRId64 " %d %s", bus_wall_us(), (int)alarm->severity, alarm->text);
        bus_put(service, key, bus_buf_bytes(&value), false);
}

/* ---- looking ---- */

static void report_free(struct report *report)
{
        free(report->key);
        free(report->name);
        free(report->text);
        free(report);
}

static void look_done(struct look *look)
{
        struct report **lists[] = { &look->reports, &look->said };

        for (size_t i = 0; i < BUS_COUNT(lists); i++)
                while (*lists[i]) {
                        struct report *report = *lists[i];

                        *lists[i] = report->next;
                        report_free(report);
                }
}

/* PREFIX CODE/SUBJECT, and for a report a line break and who. */
static struct report *parse_key(struct bus_bytes key, const char *prefix, bool has_holder)
{
        struct report *report = bus_new(struct report);
        char *slash, *end;

        report->key = bus_xasprintf("%.*s", (int)key.size, (const char *)key.data);
        report->name = bus_xstrdup(report->key + strlen(prefix));
        slash = strchr(report->name, '/');
        end = has_holder ? strrchr(report->name, '\n') : NULL;
        if (!slash || (has_holder && (!end || end < slash))) {
                report_free(report);
                return NULL;
        }
        *slash = 0;
        if (end)
                *end = 0;
        report->code = report->name;
        report->subject = slash + 1;
        report->holder = end ? end + 1 : "";
        return report;
}

static int take_report(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct look *look = arg;
        struct report *report = parse_key(key, REPORT_PREFIX, true);
        char *at, *said = bus_xasprintf("%.*s", (int)value.size, (const char *)value.data);

        if (report) {
                report->at_us = strtoll(said, &at, 10);
                report->severity = (Pb__Severity)strtol(at, &at, 10);
                report->text = bus_xstrdup(*at ? at + 1 : at);
                report->next = look->reports;
                look->reports = report;
        }
        free(said);
        return 0;
}

static int take_said(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct look *look = arg;
        struct report *said = parse_key(key, ALARM_PREFIX, false);

        if (said) {
                said->text = bus_xasprintf("%.*s", (int)value.size, (const char *)value.data);
                said->next = look->said;
                look->said = said;
        }
        return 0;
}

/* What is said first: whoever raises one meanwhile has it reported by then. */
static int look(struct bus_service *service, struct look *ret_look)
{
        int64_t now_us = bus_wall_us(), stale_us;
        int r;

        *ret_look = (struct look){ 0 };
        store_lease(service->store, &ret_look->lease);
        stale_us = STALE_PERIODS * ret_look->lease.period_us;
        if (now_us - service->started_us >= stale_us)
                ret_look->stale_us = now_us - stale_us;
        r = bus_scan(service, ALARM_PREFIX, take_said, ret_look);
        if (!r)
                r = bus_scan(service, REPORT_PREFIX, take_report, ret_look);
        if (r < 0)
                look_done(ret_look);
        return r;
}

static bool is_of(const struct report *report, const char *code, const char *subject)
{
        return !strcmp(report->code, code) && !strcmp(report->subject, subject);
}

static bool is_ours(const struct look *look, const struct report *report)
{
        return !strcmp(report->holder, look->lease.holder);
}

static bool is_stale(const struct look *look, const struct report *report)
{
        return !alarm_is_for_people(report->code) && report->at_us < look->stale_us;
}

/* By somebody else who is there. */
static bool is_reported(const struct look *look, const char *code, const char *subject)
{
        for (const struct report *r = look->reports; r; r = r->next)
                if (is_of(r, code, subject) && !is_ours(look, r) && !is_stale(look, r))
                        return true;
        return false;
}

static bool is_said(const struct look *look, const char *code, const char *subject)
{
        for (const struct report *r = look->said; r; r = r->next)
                if (is_of(r, code, subject))
                        return true;
        return false;
}

/* ---- beginning and ending ---- */

static bool has_any_report(const struct look *look, const char *code, const char *subject)
{
        for (const struct report *r = look->reports; r; r = r->next)
                if (is_of(r, code, subject))
                        return true;
        return false;
}

/* What is said and has no report is of before there were any, or of sqlite's store: ours as well. */
int alarms_shared_load(struct bus_service *service)
{
        struct look found;
        int r;

        r = look(service, &found);
        if (r < 0)
                return r;
        for (const struct report *report = found.reports; report; report = report->next)
                if (is_ours(&found, report))
                        alarm_add(service, report->code, report->subject, report->severity,
                                report->text);
        for (const struct report *said = found.said; said; said = said->next)
                if (!has_any_report(&found, said->code, said->subject))
                        alarm_add(service, said->code, said->subject,
                                PB__SEVERITY__SEVERITY_WARNING, said->text);
        look_done(&found);
        return 0;
}

bool alarm_report_end(struct bus_service *service, const struct active_alarm *alarm)
{
        BUS_AUTOFREE char *key = NULL;
        struct look found;
        bool last;

        if (look(service, &found) < 0)
                return true; /* a store that is lost is looked after elsewhere */
        key = report_key(alarm->code, alarm->subject, &found.lease);
        bus_delete(service, key);
        last = !is_reported(&found, alarm->code, alarm->subject);
        look_done(&found);
        return last;
}

void alarms_shared_seen(struct bus_service *service)
{
        struct look found;

        if (look(service, &found) < 0)
                return;
        for (const struct report *report = found.reports; report; report = report->next)
                if (alarm_is_for_people(report->code))
                        bus_delete(service, report->key);
        for (const struct report *said = found.said; said; said = said->next)
                if (alarm_is_for_people(said->code)) {
                        alarm_emit(service, NULL, said->code, said->subject,
                                PB__SEVERITY__SEVERITY_INFO, false, "");
                        alarm_drop(service, said->code, said->subject);
                }
        look_done(&found);
}

/* ---- keeping up ---- */

/* What we report stays said, but for what a person has ended at another replica. */
static void keep_ours(struct bus_service *service, const struct look *found)
{
        struct active_alarm *next;

        for (struct active_alarm *alarm = service->alarms; alarm; alarm = next) {
                next = alarm->next;
                if (is_said(found, alarm->code, alarm->subject)) {
                        alarm_report(service, alarm);
                } else if (alarm_is_for_people(alarm->code)) {
                        alarm_drop(service, alarm->code, alarm->subject);
                } else {
                        alarm_report(service, alarm);
                        alarm_emit(service, NULL, alarm->code, alarm->subject, alarm->severity,
                                true, alarm->text);
                }
        }
}

static void end_what_nobody_reports(struct bus_service *service, const struct look *found)
{
        for (const struct report *said = found->said; said; said = said->next)
                if (found->stale_us && !alarm_find(service, said->code, said->subject) &&
                        !is_reported(found, said->code, said->subject) &&
                        alarm_is_said(service, said->code, said->subject))
                        alarm_emit(service, NULL, said->code, said->subject,
                                PB__SEVERITY__SEVERITY_INFO, false, "");
        for (const struct report *report = found->reports; report; report = report->next)
                if (is_stale(found, report) && !is_ours(found, report))
                        bus_delete(service, report->key);
}

void service_alarms_keep(struct bus_service *service)
{
        struct look found;

        /* what is staged is not in what would be looked at */
        if (!alarms_are_shared(service) || ++service->alarm_periods < KEEP_PERIODS ||
                !store_batch_is_empty(service->turn.batch) || look(service, &found) < 0)
                return;
        service->alarm_periods = 0;
        keep_ours(service, &found);
        end_what_nobody_reports(service, &found);
        look_done(&found);
}
