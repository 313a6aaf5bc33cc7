#pragma once
/*
 * A service's own counters, gauges and histograms. Registered at start-up, changed by plain stores,
 * carried by the heartbeat; only health speaks Prometheus. Names end in their unit, counters in
 * _total. Not thread-safe: one thread a service.
 */
#include "libbus/base/attr.h"

#include <stdint.h>

struct bus_metrics;
struct bus_metric;

/* Upper bounds of every histogram's buckets, in seconds; +Inf is the one behind the last. */
#define BUS_BUCKET_COUNT 14
extern const double bus_bucket_bounds[BUS_BUCKET_COUNT];

struct bus_metrics *bus_metrics_new(void);
struct bus_metrics *bus_metrics_free(struct bus_metrics *metrics);

/* LABELS: the inside of the braces, ready to print (code="duplicate"), or "". All texts are copied.
 * Asking again for the same name and labels gives the same metric. */
struct bus_metric *bus_counter(
        struct bus_metrics *metrics, const char *name, const char *labels, const char *help);
struct bus_metric *bus_gauge(
        struct bus_metrics *metrics, const char *name, const char *labels, const char *help);
struct bus_metric *bus_histogram(
        struct bus_metrics *metrics, const char *name, const char *labels, const char *help);

void bus_metric_add(struct bus_metric *counter, double amount);
static inline void bus_metric_inc(struct bus_metric *counter)
{
        bus_metric_add(counter, 1);
}
void bus_metric_set(struct bus_metric *gauge, double value);
void bus_metric_observe_us(struct bus_metric *histogram, int64_t us);
double bus_metric_value(const struct bus_metric *metric);
