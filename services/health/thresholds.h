#pragma once
/*
 * The six figures a person would look at, against their bounds: normal, degraded between the two, or
 * alert; with hysteresis, so that a figure that sits on a bound does not come and go. Pure.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum threshold_name {
        THRESHOLD_PROCESSING, /* seconds: HTTP receipt to broker link, 95 of 100 */
        THRESHOLD_ORDERS,     /* FILLED and PARTIAL of all that were submitted */
        THRESHOLD_BROKER,     /* seconds the terminal has been away */
        THRESHOLD_MEMORY,     /* bytes, PSS of all services */
        THRESHOLD_CPU,        /* of one core, all services */
        THRESHOLD_ERRORS,     /* of messages and requests, those that ended in our fault */
        THRESHOLD_COUNT,
};

enum threshold_level {
        THRESHOLD_NORMAL,
        THRESHOLD_DEGRADED,
        THRESHOLD_ALERT,
};

struct threshold_rule {
        double normal, alert; /* beyond the first it is degraded, beyond the second an alert */
        bool low_is_bad;
};

struct threshold {
        enum threshold_level level;
        double value;
        bool is_known; /* there were samples enough; else the level stays as it was */
};

const char *threshold_name(enum threshold_name name);         /* "order_success" */
const char *threshold_level_name(enum threshold_level level); /* "degraded" */
/* True if the level has changed. */
bool threshold_step(struct threshold *threshold, const struct threshold_rule *rule, double value);
/* {"alert_processing":{"level","value","normal","alert"},...}; the caller owns it. */
json_t *thresholds_json(const struct threshold *thresholds, const struct threshold_rule *rules);
