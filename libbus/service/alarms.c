/* Alarms: said when they begin and when they end, remembered over restarts. */
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/service/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define KEY_PREFIX     "alarm/"
#define TEXT_MAX_BYTES 500

static struct active_alarm **find(
        struct bus_service *service, const char *code, const char *subject)
{
        struct active_alarm **link = &service->alarms;

        while (*link && (strcmp((*link)->code, code) || strcmp((*link)->subject, subject)))
                link = &(*link)->next;
        return link;
}

static struct active_alarm *add(struct bus_service *service, const char *code, const char *subject)
{
        struct active_alarm *alarm = bus_new(struct active_alarm);

        alarm->code = bus_xstrdup(code);
        alarm->subject = bus_xstrdup(subject);
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
        free(alarm);
}

static int load_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct bus_service *service = arg;
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        char *code, *slash;

        (void)value;
        bus_buf_add(&text, key.data, key.size);
        bus_buf_str(&text);
        code = (char *)text.data + strlen(KEY_PREFIX);
        slash = strchr(code, '/');
        if (slash) {
                *slash = 0;
                add(service, code, slash + 1);
        }
        return 0;
}

int service_alarms_load(struct bus_service *service)
{
        return store_scan(service->store, bus_bytes_str(KEY_PREFIX), load_one, service);
}

void service_alarms_free(struct bus_service *service)
{
        while (service->alarms)
                drop(&service->alarms);
}

static void emit(struct bus_service *service, const struct bus_message *cause, const char *code,
        const char *subject, Pb__Severity severity, bool raised, const char *text)
{
        Pb__Alarm alarm = PB__ALARM__INIT;
        BUS_AUTOFREE char *topic = bus_xasprintf("alarm.%s", code);
        BUS_AUTOFREE char *key = bus_xasprintf(KEY_PREFIX "%s/%s", code, subject);

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

/* Another replica of ours has said so already. */
static bool is_said(struct bus_service *service, const char *code, const char *subject)
{
        BUS_AUTOFREE char *key = bus_xasprintf(KEY_PREFIX "%s/%s", code, subject);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        struct store_lease lease = { 0 };

        if (service->store)
                store_lease(service->store, &lease);
        return lease.shared && bus_get(service, key, &text) == 0;
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
        add(service, code, subject);
        if (is_said(service, code, subject))
                return;
        emit(service, NULL, code, subject, severity, true, text);
}

void bus_alarm_end(struct bus_service *service, const char *code, const char *subject)
{
        struct active_alarm **link = find(service, code, subject);

        if (!*link)
                return;
        emit(service, NULL, code, subject, PB__SEVERITY__SEVERITY_INFO, false, "");
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
        add(service, code, subject);
        emit(service, message, code, subject, PB__SEVERITY__SEVERITY_CRITICAL, true, text);
}

void service_alarms_seen(struct bus_service *service)
{
        static const char *const codes[] = { "journal_regressed", "quarantined" };

        for (size_t i = 0; i < BUS_COUNT(codes); i++)
                for (struct active_alarm *alarm = service->alarms, *next; alarm; alarm = next) {
                        next = alarm->next;
                        if (!strcmp(alarm->code, codes[i]))
                                bus_alarm_end(service, alarm->code, alarm->subject);
                }
}
