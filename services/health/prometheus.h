#pragma once
/*
 * Heartbeats as Prometheus text (exposition format 0.0.4): one scrape gives the whole system. Each
 * metric gets the label service=; families stand together, with HELP and TYPE once. Pure.
 */
#include "libbus/base/bytes.h"
#include "services/health/beats.h"
#include "services/health/thresholds.h"
#include "services/health/verdict.h"

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void prometheus_write(const struct beats *beats, int64_t now_us, struct bus_buf *ret);

/* What health alone knows. */
struct prometheus_state {
        enum verdict verdict;
        const struct threshold *thresholds; /* THRESHOLD_COUNT, with their rules */
        const struct threshold_rule *rules;
        const json_t *alarms;       /* a list as alarms_json gives it */
        const char *active;         /* the plugin that decides; "": none, NULL: not known */
        uint64_t epoch;             /* of the last switch */
        const Pb__Account *account; /* NULL: none seen yet */
};
void prometheus_write_state(const struct prometheus_state *state, struct bus_buf *ret);
