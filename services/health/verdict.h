#pragma once
/*
 * How the system is, judged from what is known of it: healthy, degraded or unhealthy, and by which
 * checks. Pure.
 */
#include "account.pb-c.h"
#include "services/health/beats.h"
#include "services/health/thresholds.h"

#include <jansson.h>

/* A broker that is away this long is more than a reconnect (docs/operations.md, Thresholds). */
#define VERDICT_BROKER_GONE_US (30 * INT64_C(1000000))

struct verdict_input {
        const struct beats *beats;
        const char *
                active; /* the plugin that decides, where that is known better than by heartbeats; or NULL */
        const Pb__Account *account;         /* NULL: none seen yet */
        int64_t broker_gone_since_us;       /* monotonic; 0: connected */
        size_t alarms;                      /* raised and not ended */
        const struct threshold *thresholds; /* THRESHOLD_COUNT of them; NULL: none are measured */
        int64_t now_us;                     /* monotonic */
        int64_t uptime_us;
};

enum verdict {
        VERDICT_HEALTHY,
        VERDICT_DEGRADED,
        VERDICT_UNHEALTHY,
};

/* The answer of GET /health; the caller owns *RET_JSON. */
enum verdict verdict_judge(const struct verdict_input *input, json_t **ret_json);
const char *verdict_name(enum verdict verdict);
