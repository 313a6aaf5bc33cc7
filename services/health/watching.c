/*
 * The watch at work: it begins when the slot says that the successor decides, is kept in the store,
 * and what it finds is told, and rolled back where that is configured.
 */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/health/health.h"

#include <inttypes.h>
#include <string.h>

#define WATCH_KEY "watch"
#define ALARM     "rollback_trigger"

int health_watch_load(struct health *health)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        json_t *json;
        int r;

        r = bus_get(health->service, WATCH_KEY, &value);
        if (r)
                return r < 0 ? r : 0;
        json = json_loadb((const char *)value.data, value.size, 0, NULL);
        watch_read(&health->watch, json);
        json_decref(json);
        return 0;
}

void health_watch_write(struct health *health)
{
        BUS_AUTOFREE char *text = NULL;
        json_t *json;

        if (!health->watch_changed)
                return;
        health->watch_changed = false;
        json = watch_json(&health->watch);
        text = json_dumps(json, JSON_COMPACT);
        bus_require(text);
        bus_put(health->service, WATCH_KEY, bus_bytes_str(text), false);
        json_decref(json);
}

static void end_alarms(struct health *health)
{
        for (int i = 0; i < WATCH_TRIGGERS; i++)
                bus_alarm_end(health->service, ALARM, watch_trigger_name((enum watch_trigger)i));
}

void health_watch_route(struct health *health)
{
        const struct route *route = &health->route;
        bool is_active = !strcmp(route->active, HEALTH_SUCCESSOR);

        if (is_active == health->watch.is_active)
                return; /* another plugin's flag */
        health->watch_changed = true;
        if (is_active) {
                end_alarms(health);
                watch_begin(&health->watch, route->active, route->epoch,
                        route->at_us ? route->at_us : bus_wall_us(), health->watch_us);
                log_info("watch_begins", "plugin=%s epoch=%" PRIu64, route->active, route->epoch);
        } else {
                health->watch.is_active = health->watch.is_on = false;
                log_info("watch_ends", "plugin=%s", health->watch.plugin);
        }
}

void health_watch_comparison(
        struct health *health, const char *alert_id, const Pb__Comparison *comparison)
{
        uint64_t pairs = health->watch.slower.pairs, critical = health->watch.critical;

        watch_comparison(&health->watch, HEALTH_INCUMBENT, alert_id, comparison);
        health->watch_changed |=
                pairs != health->watch.slower.pairs || critical != health->watch.critical;
        if (critical != health->watch.critical)
                health_watch_judge(health);
}

static void act(struct health *health, enum watch_trigger trigger)
{
        char why[WATCH_WHY_SIZE];
        BUS_AUTOFREE char *reason = NULL;
        struct admin_command command;

        watch_why(&health->watch, trigger, why);
        bus_alarm(health->service, ALARM, watch_trigger_name(trigger),
                PB__SEVERITY__SEVERITY_CRITICAL, "%s%s", why,
                health->auto_rollback ? ": rolling back" : ": umbra rollback goes back");
        log_error(ALARM, "trigger=%s auto=%d why=\"%s\"", watch_trigger_name(trigger),
                health->auto_rollback, why);
        if (!health->auto_rollback)
                return;
        reason = bus_xasprintf("%s: %s", watch_trigger_name(trigger), why);
        admin_make_rollback("health:watch", reason, bus_wall_us(), &command);
        relay_publish(health->relay, &command);
        admin_command_done(&command);
}

void health_watch_judge(struct health *health)
{
        const struct threshold *thresholds = health->measure.thresholds;
        bool was_on = health->watch.is_on;
        unsigned int found;

        /* until strategy-v3 has been heard what is known of the slot may be of long ago */
        if (!was_on || !health->route.is_known ||
                strcmp(health->route.active, health->watch.plugin) != 0)
                return;
        found = watch_judge(&health->watch,
                &(struct watch_input){
                        .now_us = bus_wall_us(),
                        .error_rate = thresholds[THRESHOLD_ERRORS].level == THRESHOLD_ALERT,
                        .order_success = thresholds[THRESHOLD_ORDERS].level == THRESHOLD_ALERT,
                        .crashed_us = alarms_since(health->alarms, "strategy-v3", "plugin_crashed"),
                });
        health->watch_changed |= found || was_on != health->watch.is_on;
        for (int i = 0; i < WATCH_TRIGGERS; i++)
                if (found & 1u << i)
                        act(health, (enum watch_trigger)i);
}
