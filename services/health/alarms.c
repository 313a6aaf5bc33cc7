#include "services/health/alarms.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/pbjson/pbjson.h"

#include <string.h>

#define PREFIX "al/"

struct alarms {
        struct bus_service *service;
        json_t *list;
};

struct alarms *alarms_new(struct bus_service *service)
{
        struct alarms *alarms = bus_new(struct alarms);

        alarms->service = service;
        alarms->list = json_array();
        return alarms;
}

struct alarms *alarms_free(struct alarms *alarms)
{
        if (alarms)
                json_decref(alarms->list);
        free(alarms);
        return NULL;
}

static int load_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct alarms *alarms = arg;
        json_t *json = json_loadb((const char *)value.data, value.size, 0, NULL);

        (void)key;
        if (json)
                json_array_append_new(alarms->list, json);
        return 0;
}

int alarms_load(struct alarms *alarms)
{
        return bus_scan(alarms->service, PREFIX, load_one, alarms);
}

static bool has(const json_t *json, const char *key, const char *value)
{
        const char *text = json_string_value(json_object_get(json, key));

        return text && !strcmp(text, value);
}

static void drop(struct alarms *alarms, const char *service, const Pb__Alarm *alarm)
{
        size_t index;
        json_t *json;

        json_array_foreach(alarms->list, index, json)
        {
                if (has(json, "service", service) && has(json, "code", alarm->code) &&
                        has(json, "subject", alarm->subject)) {
                        json_array_remove(alarms->list, index);
                        return;
                }
        }
}

static json_t *to_json(const char *service, const Pb__Alarm *alarm, int64_t at_us)
{
        char severity[PBJSON_ENUM_SIZE], when[BUS_TIME_TEXT_SIZE];

        pbjson_enum(&pb__severity__descriptor, (int)alarm->severity, severity);
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "service", service, "code", alarm->code,
                "subject", alarm->subject, "severity", severity, "text", alarm->text, "since",
                bus_time_format(at_us, when));
}

void alarms_take(struct alarms *alarms, const char *service, const Pb__Alarm *alarm, int64_t at_us)
{
        BUS_AUTOFREE char *key =
                bus_xasprintf(PREFIX "%s/%s/%s", service, alarm->code, alarm->subject);
        BUS_AUTOFREE char *text = NULL;
        json_t *json;

        drop(alarms, service, alarm);
        if (!alarm->raised) {
                bus_delete(alarms->service, key);
                return;
        }
        json = to_json(service, alarm, at_us);
        if (!json)
                return; /* a validated alarm is UTF-8: only a lack of memory leads here */
        text = json_dumps(json, JSON_COMPACT);
        json_array_append_new(alarms->list, json);
        bus_require(text);
        bus_put(alarms->service, key, bus_bytes_str(text), false);
}

int64_t alarms_since(const struct alarms *alarms, const char *service, const char *code)
{
        int64_t at_us;
        size_t index;
        json_t *json;

        json_array_foreach(alarms->list, index, json)
        {
                const char *since = json_string_value(json_object_get(json, "since"));

                if (has(json, "service", service) && has(json, "code", code) && since &&
                        !bus_time_parse(since, &at_us))
                        return at_us;
        }
        return 0;
}

size_t alarms_count(const struct alarms *alarms)
{
        return json_array_size(alarms->list);
}

const json_t *alarms_json(const struct alarms *alarms)
{
        return alarms->list;
}
