/*
 * The heartbeat: what a service says of itself once a second, metrics included. health prints the
 * metrics for Prometheus, so nothing in them may break a line.
 */
#include "proto/validate.h"
#include "proto/validate/check.h"

#include "heartbeat.pb-c.h"

#include <math.h>
#include <string.h>

enum {
        LAGS_MAX = 64, /* one a stream that is read */
        METRICS_MAX = 1024,
        BUCKETS_MAX = 64, /* libbus/loop/metrics.h has 14 and +Inf */
        FACTS_MAX = 64,
        METRIC_NAME_MAX = 128,
        LABELS_MAX = 512,
        FACT_MAX = 512,
        VERSION_MAX = 64,
};

#define REPLICA_MAX 64

static bool lags_hold(const Pb__Heartbeat *heartbeat)
{
        if (heartbeat->n_lags > LAGS_MAX)
                return false;
        for (size_t i = 0; i < heartbeat->n_lags; i++)
                if (!check_stream(heartbeat->lags[i]->stream))
                        return false;
        return true;
}

/* Cumulative counts: each holds all of those before it. */
static bool buckets_hold(const Pb__Metric *metric)
{
        if (metric->kind != PB__METRIC_KIND__METRIC_KIND_HISTOGRAM)
                return !metric->n_buckets;
        if (!metric->n_buckets || metric->n_buckets > BUCKETS_MAX)
                return false;
        for (size_t i = 1; i < metric->n_buckets; i++)
                if (metric->buckets[i] < metric->buckets[i - 1])
                        return false;
        return true;
}

static bool metric_holds(const Pb__Metric *metric)
{
        return check_chars(metric->name, 1, METRIC_NAME_MAX, "_:") &&
               !(metric->name[0] >= '0' && metric->name[0] <= '9') &&
               check_text(metric->labels, 0, LABELS_MAX) &&
               check_enum(metric->kind, PB__METRIC_KIND__METRIC_KIND_HISTOGRAM) &&
               isfinite(metric->value) && buckets_hold(metric) &&
               check_text(metric->help, 0, CHECK_TEXT_MAX);
}

static bool metrics_hold(const Pb__Heartbeat *heartbeat)
{
        if (heartbeat->n_metrics > METRICS_MAX)
                return false;
        for (size_t i = 0; i < heartbeat->n_metrics; i++)
                if (!metric_holds(heartbeat->metrics[i]))
                        return false;
        return true;
}

static bool facts_hold(const Pb__Heartbeat *heartbeat)
{
        if (heartbeat->n_facts > FACTS_MAX)
                return false;
        for (size_t i = 0; i < heartbeat->n_facts; i++) {
                const char *fact = heartbeat->facts[i];

                if (!check_text(fact, 2, FACT_MAX) || *fact == '=' || !strchr(fact, '='))
                        return false;
        }
        return true;
}

int validate_heartbeat(const Pb__Heartbeat *heartbeat, const char **ret_why)
{
        const struct check checks[] = {
                { check_name(heartbeat->service), "service" },
                { check_range(heartbeat->pid, 1, INT32_MAX), "pid" },
                { check_time(heartbeat->started_us), "started_us" },
                { check_enum(heartbeat->state, PB__SERVICE_STATE__SERVICE_STATE_DEGRADED),
                        "state" },
                { check_prose(heartbeat->why, 0, CHECK_TEXT_MAX), "why" },
                { check_text(heartbeat->version, 0, VERSION_MAX), "version" },
                { check_counter(heartbeat->memory_bytes), "memory_bytes" },
                { check_counter(heartbeat->cpu_us), "cpu_us" },
                { lags_hold(heartbeat), "lags" },
                { metrics_hold(heartbeat), "metrics" },
                { facts_hold(heartbeat), "facts" },
                { check_chars(heartbeat->replica, 0, REPLICA_MAX, "._-"), "replica" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}
