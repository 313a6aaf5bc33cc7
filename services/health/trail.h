#pragma once
/*
 * The trail of one alert: every message that belongs to it, put in order and told as one JSON
 * object, with the stamp of each step. Pure.
 */
#include "libbus/base/bytes.h"

#include <jansson.h>

struct trail;

struct trail *trail_new(void);
struct trail *trail_free(struct trail *trail); /* takes NULL, returns NULL */
/* A packed replay Record (topic and envelope) as it was kept. -EBADMSG if it is none. */
BUS_MUST int trail_add(struct trail *trail, struct bus_bytes record);
size_t trail_count(const struct trail *trail);

/*
 * {"alert_id","state","final",..., "latency_us":{"durable","decided","submitted","done"},
 *  "steps":[{"step","at","at_us","since_us",...}], "signal":{},"decision":{},"shadow":[],"order":{},
 *  "trades":[],"comparisons":[],"alarms":[]}
 * since_us counts from the receipt of the HTTP request. The caller owns it.
 */
json_t *trail_json(struct trail *trail);
