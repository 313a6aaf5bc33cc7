#pragma once
/* How the heartbeat looks into a service's metrics. */
#include "libbus/loop/metrics.h"

#include "heartbeat.pb-c.h"

struct bus_metric {
        struct bus_metric *next;
        Pb__MetricKind kind;
        char *name, *labels, *help;
        double value;                           /* of a histogram: the sum in seconds */
        uint64_t buckets[BUS_BUCKET_COUNT + 1]; /* cumulative; the last is the count */
};

struct bus_metrics {
        struct bus_metric *first;
        size_t count;
};

/* The metrics as protobuf; texts are borrowed from METRICS. bus_metrics_view_done frees the rest. */
struct bus_metrics_view {
        Pb__Metric *items;
        Pb__Metric **pointers;
        size_t count;
};
void bus_metrics_fill(const struct bus_metrics *metrics, struct bus_metrics_view *ret_view);
void bus_metrics_view_done(struct bus_metrics_view *view);
