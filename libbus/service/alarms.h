#pragma once
/* Alarms from the inside: what their two files know of each other. */
#include "libbus/service/internal.h"

/* Of an alarm that was said and not ended, CODE/SUBJECT behind it; its value is the text. */
#define ALARM_PREFIX "alarm/"

bool alarm_is_for_people(const char *code);
const struct active_alarm *alarm_find(
        struct bus_service *service, const char *code, const char *subject);
struct active_alarm *alarm_add(struct bus_service *service, const char *code, const char *subject,
        Pb__Severity severity, const char *text);
void alarm_drop(struct bus_service *service, const char *code, const char *subject);
/* The parts of such a key, in TEXT. */
bool alarm_of_key(struct bus_bytes key, struct bus_buf *text, char **ret_code, char **ret_subject);
void alarm_emit(struct bus_service *service, const struct bus_message *cause, const char *code,
        const char *subject, Pb__Severity severity, bool raised, const char *text);

/* ---- alarms_shared.c: where other replicas may have the store ---- */

bool alarms_are_shared(const struct bus_service *service);
/* What this process had raised when it last ran. */
BUS_MUST int alarms_shared_load(struct bus_service *service);
/* It is said by one of us. */
bool alarm_is_said(struct bus_service *service, const char *code, const char *subject);
void alarm_report(struct bus_service *service, const struct active_alarm *alarm);
/* Takes our report back. True: nobody else reports it, so its end is to be said. */
bool alarm_report_end(struct bus_service *service, const struct active_alarm *alarm);
/* Somebody has looked: what is for people ends, whoever reports it. */
void alarms_shared_seen(struct bus_service *service);
