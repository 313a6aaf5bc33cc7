#pragma once
/*
 * The alarms that are raised anywhere in the system. Keys in the store: al/SERVICE/CODE/SUBJECT.
 */
#include "alarm.pb-c.h"
#include "libbus/service/service.h"

#include <jansson.h>

struct alarms;

struct alarms *alarms_new(struct bus_service *service);
struct alarms *alarms_free(struct alarms *alarms); /* takes NULL, returns NULL */
BUS_MUST int alarms_load(struct alarms *alarms);
/* SERVICE raised or ended it, at AT_US. */
void alarms_take(struct alarms *alarms, const char *service, const Pb__Alarm *alarm, int64_t at_us);
/* Since when SERVICE has raised one of that code, by its clock; 0: it has none. */
int64_t alarms_since(const struct alarms *alarms, const char *service, const char *code);
size_t alarms_count(const struct alarms *alarms);
/* A list of {"service","code","subject","severity","text","since"}; borrowed. */
const json_t *alarms_json(const struct alarms *alarms);
