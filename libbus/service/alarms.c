/*
 * Alarms: said when they begin and when they end, remembered over restarts. Replicas that share a store
 * say one alarm once, and it stands until none of them reports it (alarms_shared.c).
 */
#include "libbus/service/alarms.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX_BYTES 500

/* These end when a person has looked. */
static const char *const codes_of_people[] = { "journal_regressed", "quarantined" };

bool alarm_is_for_people(const char *code)
{
        for (size_t i = 0; i < BUS_COUNT(codes_of_people); i++)
                if (!strcmp(code, codes_of_people[i]))
                        return true;
        return false;
}

static struct active_alarm **find(
        struct bus_service *service, const char *code, const char *subject)
{
        struct active_alarm **link = &service->alarms;

        while (*link && (strcmp((*link)->code, code) || strcmp((*link)->subject, subject)))
                link = &(*link)->next;
        return link;
}

const struct active_alarm *alarm_find(
        struct bus_service *service, const char *code, const char *subject)
{
        return *find(service, code, subject);
}

struct active_alarm *alarm_add(struct bus_service *service, const char *code, const char *subject,
        Pb__Severity severity, const char *text)
{
        struct active_alarm *alarm = bus_new(struct active_alarm);

        alarm->code = bus_xstrdup(code);
        alarm->subject = bus_xstrdup(subject);
        alarm->text = bus_xstrdup(text);
        alarm->severity = severity;
        alarm->next = service->alarms;
        service->alarms = alarm;
        return alarm;
}

static void drop(struct active_alarm **link)
{
        struct active_alarm *alarm = *link;

        *link = alarm->next;
        free(alarm->code);
        free(alarm->subject);
        free(alarm->text);
        free(alarm);
}

void alarm_drop(struct bus_service *service, const char *code, const char *subject)
{
        struct active_alarm **link = find(service, code, subject);

        if (*link)
                drop(link);
}

bool alarm_of_key(struct bus_bytes key, struct bus_buf *text, char **ret_code, char **ret_subject)
{
        char *code, *slash;

        bus_buf_clear(text);
        bus_buf_add(text, key.data, key.size);
        bus_buf_str(text);
        code = (char *)text->data + strlen(ALARM_PREFIX);
        slash = strchr(code, '/');
        if (!slash)
                return false;
        *slash = 0;
        *ret_code = code;
        *ret_subject = slash + 1;
        return true;
}

static int load_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        BUS_AUTOBUF struct bus_buf name = BUS_BUF_INIT;
        BUS_AUTOFREE char *text = bus_xasprintf("%.*s", (int)value.size, (const char *)value.data);
        char *code, *subject;

        if (alarm_of_key(key, &name, &code, &subject))
                alarm_add(arg, code, subject, PB__SEVERITY__SEVERITY_WARNING, text);
        return 0;
}

int service_alarms_load(struct bus_service *service)
{
        if (alarms_are_shared(service))
                return alarms_shared_load(service);
        return store_scan(service->store, bus_bytes_str(ALARM_PREFIX), load_one, service);
}

void service_alarms_free(struct bus_service *service)
{
        while (service->alarms)
                drop(&service->alarms);
}

void alarm_emit(struct bus_service *service, const struct bus_message *cause, const char *code,
        const char *subject, Pb__Severity severity, bool raised, const char *text)
{
        Pb__Alarm alarm = PB__ALARM__INIT;
        BUS_AUTOFREE char *topic = bus_xasprintf("alarm.%s", code);
        BUS_AUTOFREE char *key = bus_xasprintf(ALARM_PREFIX "%s/%s", code, subject);

        alarm.code = (char *)code;
        alarm.subject = (char *)subject;
        alarm.severity = severity;
        alarm.raised = raised;
        alarm.text = (char *)text;
        bus_emit(service,
                &(struct bus_out){
                        .stream = "alarm", .topic = topic, .body = &alarm.base, .cause = cause });
        if (raised)
                bus_put(service, key, bus_bytes_str(text), true);
        else
                bus_delete(service, key);
}

static void raise_alarm(struct bus_service *service, const struct bus_message *cause,
        const char *code, const char *subject, Pb__Severity severity, const char *text)
{
        const struct active_alarm *alarm = alarm_add(service, code, subject, severity, text);

        if (alarms_are_shared(service)) {
                alarm_report(service, alarm);
                if (alarm_is_said(service, code, subject))
                        return;
        }
        alarm_emit(service, cause, code, subject, severity, true, text);
}

void bus_alarm(struct bus_service *service, const char *code, const char *subject,
        Pb__Severity severity, const char *format, ...)
{
        char text[TEXT_MAX_BYTES];
        va_list args;

        if (*find(service, code, subject))
                return;
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        raise_alarm(service, NULL, code, subject, severity, text);
}

void bus_alarm_end(struct bus_service *service, const char *code, const char *subject)
{
        struct active_alarm **link = find(service, code, subject);

        if (!*link)
                return;
        if (!alarms_are_shared(service) || alarm_report_end(service, *link))
                alarm_emit(service, NULL, code, subject, PB__SEVERITY__SEVERITY_INFO, false, "");
        drop(link);
}

void service_alarm_quarantined(struct bus_service *service, const struct bus_message *message,
        const char *subject, const char *why)
{
        static const char code[] = "quarantined";
        char text[TEXT_MAX_BYTES];

        if (*find(service, code, subject))
                return;
        snprintf(text, sizeof(text), "%s set a message of %s aside, %s: topic %s, alert %s",
                service->class->name, message->stream, why, message->topic,
                message->envelope->alert_id);
        raise_alarm(service, message, code, subject, PB__SEVERITY__SEVERITY_CRITICAL, text);
}

void service_alarms_seen(struct bus_service *service)
{
        struct active_alarm *next;

        if (alarms_are_shared(service))
                alarms_shared_seen(service);
        for (struct active_alarm *alarm = service->alarms; alarm; alarm = next) {
                next = alarm->next;
                if (alarm_is_for_people(alarm->code))
                        bus_alarm_end(service, alarm->code, alarm->subject);
        }
}
