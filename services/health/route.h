#pragma once
/*
 * Who trades, as far as strategy-v3 has told: by its answers to switches, which are in a stream, and
 * by its heartbeats, which also name what is loaded. The higher epoch is the newer. Pure.
 */
#include "control.pb-c.h"
#include "heartbeat.pb-c.h"

#include <jansson.h>
#include <stdbool.h>

#define ROUTE_PLUGINS   4
#define ROUTE_NAME_SIZE 33
#define ROUTE_HASH_SIZE 65
#define ROUTE_POS_SIZE  64

struct route_plugin {
        char name[ROUTE_NAME_SIZE];
        bool is_enabled, is_loaded;
        char build[ROUTE_HASH_SIZE], config_hash[ROUTE_HASH_SIZE]; /* "" where not loaded */
};

struct route {
        bool is_known;
        char active[ROUTE_NAME_SIZE]; /* "": nobody */
        char exits_by[ROUTE_NAME_SIZE];
        uint64_t epoch;
        int64_t at_us; /* when the slot changed, by strategy-v3's clock; 0: not told */
        char position[ROUTE_POS_SIZE]; /* of the signal behind which it holds */
        struct route_plugin plugins[ROUTE_PLUGINS];
        size_t plugin_count;
};

/* A result of strategy-v3's on the slot, told at AT_US, or any other's: ignored. True if it is newer
 * than what was known. */
bool route_take_result(struct route *route, const Pb__ControlResult *result, int64_t at_us);
void route_take_beat(struct route *route, const Pb__Heartbeat *beat); /* of any service */
const struct route_plugin *route_plugin(const struct route *route, const char *name); /* or NULL */
/* {"slot","active","exits_by","epoch","position","plugins":{}}; the caller owns it. */
json_t *route_json(const struct route *route);
