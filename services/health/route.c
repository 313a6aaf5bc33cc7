#include "services/health/route.h"

#include "libbus/base/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char strategy[] = "strategy-v3";
static const char plugin_fact[] = "plugin.";

static struct route_plugin *plugin_of(struct route *route, const char *name)
{
        struct route_plugin *plugin;

        for (size_t i = 0; i < route->plugin_count; i++)
                if (!strcmp(route->plugins[i].name, name))
                        return &route->plugins[i];
        if (route->plugin_count == ROUTE_PLUGINS || strlen(name) >= ROUTE_NAME_SIZE)
                return NULL;
        plugin = &route->plugins[route->plugin_count++];
        *plugin = (struct route_plugin){ 0 };
        snprintf(plugin->name, sizeof(plugin->name), "%s", name);
        return plugin;
}

const struct route_plugin *route_plugin(const struct route *route, const char *name)
{
        for (size_t i = 0; i < route->plugin_count; i++)
                if (!strcmp(route->plugins[i].name, name))
                        return &route->plugins[i];
        return NULL;
}

static const char *fact_of(const Pb__ControlResult *result, const char *key)
{
        for (size_t i = 0; i < result->n_facts; i++)
                if (!strcmp(result->facts[i]->key, key))
                        return result->facts[i]->value;
        return NULL;
}

static void take_flags(struct route *route, const Pb__ControlResult *result)
{
        for (size_t i = 0; i < result->n_facts; i++) {
                const char *value = result->facts[i]->value;
                bool is_enabled = !strcmp(value, "enabled");
                struct route_plugin *plugin;

                if (!is_enabled && strcmp(value, "disabled") != 0)
                        continue;
                plugin = plugin_of(route, result->facts[i]->key);
                if (plugin)
                        plugin->is_enabled = is_enabled;
        }
}

bool route_take_result(struct route *route, const Pb__ControlResult *result, int64_t at_us)
{
        const char *epoch = fact_of(result, "epoch"), *active = fact_of(result, "active");
        const char *exits_by = fact_of(result, "exits_by"), *position = fact_of(result, "position");
        uint64_t number = epoch ? strtoull(epoch, NULL, 10) : 0;

        if (strcmp(result->service, strategy) != 0 || !active || !exits_by || !position ||
                number <= route->epoch)
                return false;
        route->is_known = true;
        route->epoch = number;
        route->at_us = at_us;
        snprintf(route->active, sizeof(route->active), "%s", active);
        snprintf(route->exits_by, sizeof(route->exits_by), "%s", exits_by);
        snprintf(route->position, sizeof(route->position), "%s", position);
        take_flags(route, result);
        return true;
}

/* "enabled build=B config=C", where "-" is nothing loaded. */
static void take_plugin(
        struct route *route, const char *name, size_t length, const char *value, bool with_flags)
{
        char text[ROUTE_NAME_SIZE], flag[16] = "", build[ROUTE_HASH_SIZE] = "";
        char config[ROUTE_HASH_SIZE] = "";
        struct route_plugin *plugin;

        if (length >= sizeof(text))
                return;
        memcpy(text, name, length);
        text[length] = 0;
        plugin = plugin_of(route, text);
        if (!plugin || sscanf(value, "%15s build=%64s config=%64s", flag, build, config) != 3)
                return;
        if (with_flags)
                plugin->is_enabled = !strcmp(flag, "enabled");
        plugin->is_loaded = strcmp(build, "-") != 0;
        snprintf(plugin->build, sizeof(plugin->build), "%s", plugin->is_loaded ? build : "");
        snprintf(plugin->config_hash, sizeof(plugin->config_hash), "%s",
                plugin->is_loaded ? config : "");
}

static const char *beat_fact_of(const Pb__Heartbeat *beat, const char *key)
{
        size_t length = strlen(key);

        for (size_t i = 0; i < beat->n_facts; i++)
                if (!strncmp(beat->facts[i], key, length) && beat->facts[i][length] == '=')
                        return beat->facts[i] + length + 1;
        return NULL;
}

static void take_slot(struct route *route, const Pb__Heartbeat *beat, uint64_t epoch)
{
        const char *active = beat_fact_of(beat, "active"), *from = beat_fact_of(beat, "from");
        const char *exits_by = beat_fact_of(beat, "exits_by"), *at = beat_fact_of(beat, "at_us");

        route->is_known = true;
        route->epoch = epoch;
        route->at_us = at ? strtoll(at, NULL, 10) : 0;
        snprintf(route->active, sizeof(route->active), "%s", active ? active : "");
        snprintf(route->exits_by, sizeof(route->exits_by), "%s", exits_by ? exits_by : "");
        snprintf(route->position, sizeof(route->position), "%s", from ? from : "");
}

void route_take_beat(struct route *route, const Pb__Heartbeat *beat)
{
        const char *epoch = beat_fact_of(beat, "epoch");
        uint64_t number = epoch ? strtoull(epoch, NULL, 10) : 0;
        /* one that was on its way when a switch was answered tells what held before */
        bool is_newest = number >= route->epoch;

        if (strcmp(beat->service, strategy) != 0 || !number)
                return;
        if (is_newest)
                take_slot(route, beat, number);
        for (size_t i = 0; i < beat->n_facts; i++) {
                const char *fact = beat->facts[i], *equals = strchr(fact, '=');
                size_t skip = strlen(plugin_fact);

                if (equals && !strncmp(fact, plugin_fact, skip))
                        take_plugin(route, fact + skip, (size_t)(equals - fact) - skip, equals + 1,
                                is_newest);
        }
}

json_t *route_json(const struct route *route)
{
        json_t *plugins = json_object();

        if (!route->is_known) {
                json_decref(plugins);
                return json_pack("{s:s, s:b}", "slot", "v3", "known", 0);
        }
        for (size_t i = 0; i < route->plugin_count; i++) {
                const struct route_plugin *plugin = &route->plugins[i];

                json_object_set_new(plugins, plugin->name,
                        json_pack("{s:b, s:b, s:s, s:s}", "enabled", (int)plugin->is_enabled,
                                "loaded", (int)plugin->is_loaded, "build", plugin->build,
                                "config_hash", plugin->config_hash));
        }
        return json_pack("{s:s, s:b, s:s, s:s, s:I, s:s, s:o}", "slot", "v3", "known", 1, "active",
                route->active, "exits_by", route->exits_by, "epoch", (json_int_t)route->epoch,
                "position", route->position, "plugins", plugins);
}
