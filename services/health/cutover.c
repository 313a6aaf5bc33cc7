/* What speaks for a cutover, kept in the store, and the gate over it. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/health/health.h"

#include <string.h>

/* However short the window is, a critical difference of the last hour counts. */
#define LOOK_BACK_MIN_US (INT64_C(3600) * BUS_US_PER_SEC)

static void put(void *arg, const char *key, const char *value)
{
        struct health *health = arg;

        bus_put(health->service, key, bus_bytes_str(value), false);
}

static void drop(void *arg, const char *key)
{
        struct health *health = arg;

        bus_delete(health->service, key);
}

static int load_one(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct health *health = arg;
        BUS_AUTOFREE char *key_text = bus_xasprintf("%.*s", (int)key.size, (const char *)key.data);
        BUS_AUTOFREE char *text = bus_xasprintf("%.*s", (int)value.size, (const char *)value.data);

        if (evidence_load(health->evidence, key_text, text) < 0)
                log_warn("evidence_unreadable", "key=%s", key_text);
        return 0;
}

int health_cutover_load(struct health *health)
{
        const struct gate_rule *rule = &health->gate_rule;
        int r;

        health->evidence = evidence_new(&(struct evidence_options){
                .plugin = HEALTH_SUCCESSOR,
                .incumbent = HEALTH_INCUMBENT,
                .keep_us = rule->window_us > LOOK_BACK_MIN_US ? rule->window_us : LOOK_BACK_MIN_US,
                .sink = { put, drop, health },
        });
        r = bus_scan(health->service, EVIDENCE_PREFIX, load_one, health);
        return r < 0 ? r : 0;
}

void health_everybody(const struct health *health, const char **ret_services)
{
        size_t n = 0;

        for (size_t i = 0; i < health->beats.count; i++)
                if (health->beats.items[i].expected)
                        ret_services[n++] = health->beats.items[i].service;
        ret_services[n] = NULL;
}

static bool is_connected(struct health *health)
{
        const struct beat *executor = beats_find(&health->beats, "order-executor");

        return health->account && health->account->connected && executor &&
               beat_is_alive(executor, bus_mono_us());
}

void health_gate(struct health *health, struct gate_verdict *ret_verdict)
{
        const struct route_plugin *plugin = route_plugin(&health->route, HEALTH_SUCCESSOR);
        const char *services[BEATS_SERVICES_MAX + 1];
        struct evidence_sum sum;

        evidence_sum(health->evidence, bus_wall_us(), &sum);
        health_everybody(health, services);
        gate_judge(&health->gate_rule,
                &(struct gate_input){
                        .now_us = bus_wall_us(),
                        .plugin = HEALTH_SUCCESSOR,
                        .is_loaded = plugin && plugin->is_loaded,
                        .live = { plugin ? plugin->build : "", plugin ? plugin->config_hash : "" },
                        .judged = { sum.build, sum.config_hash },
                        .since_us = sum.since_us,
                        .trades = sum.trades,
                        .critical = sum.critical,
                        .unpaired = sum.unpaired,
                        .account = health->account,
                        .is_connected = is_connected(health),
                        .backup_us = audit_backup_us(health->audit, services),
                },
                ret_verdict);
}
