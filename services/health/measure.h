#pragma once
/*
 * The six figures as they are measured: from the alerts' trails, the trades, and what the services'
 * heartbeats say of themselves. Each crossing of a bound is an alarm. In memory only: a figure of
 * before a restart says nothing of now.
 */
#include "account.pb-c.h"
#include "libbus/service/service.h"
#include "services/health/beats.h"
#include "services/health/counted.h"
#include "services/health/figures.h"
#include "services/health/thresholds.h"
#include "trade.pb-c.h"

struct measure {
        struct bus_service *service;
        struct threshold thresholds[THRESHOLD_COUNT];
        struct threshold_rule rules[THRESHOLD_COUNT];
        int64_t window_us;
        double samples_min;
        struct times processing;
        struct share orders, errors, cpu, memory;
        struct counted last[BEATS_SERVICES_MAX]; /* as in struct beats */
        bool told[THRESHOLD_COUNT]; /* the alarm was brought into line since the start */
        int64_t stepped_us;
};

/* Reads the rules out of the service's configuration (MEASURE_OPTIONS). */
void measure_init(struct measure *measure, struct bus_service *service);
void measure_processing(struct measure *measure, int64_t took_us);
void measure_trade(struct measure *measure, const Pb__Trade *trade);
/* The INDEX-th of BEATS has a new heartbeat. */
void measure_beat(struct measure *measure, size_t index, const Pb__Heartbeat *beat);
/* Once a second: where each figure stands, and its alarm. GONE_US: how long the broker is away. */
void measure_step(struct measure *measure, const struct beats *beats, int64_t gone_us);

/* "alert_processing" and so on; a rule's bounds may be changed, the window and the samples too. */
#define MEASURE_OPTIONS                                                                  \
        { "health", "window", CONFIG_DURATION, "5m", 1000000, INT64_C(3600000000), NULL, \
                "what the figures against thresholds look back over" },                  \
                { "health", "samples", CONFIG_INT, "20", 1, 1000000, NULL,               \
                        "fewer of them than this say nothing" },                         \
                { "health", "processing_normal", CONFIG_DURATION, "500ms", 0, 0, NULL,   \
                        "HTTP receipt to broker link, 95 of 100" },                      \
                { "health", "processing_alert", CONFIG_DURATION, "1s", 0, 0, NULL,       \
                        "beyond this it is an alert" },                                  \
                { "health", "orders_normal", CONFIG_DECIMAL, "0.98", 0, 0, NULL,         \
                        "filled of all submitted orders" },                              \
                { "health", "orders_alert", CONFIG_DECIMAL, "0.95", 0, 0, NULL,          \
                        "under this it is an alert" },                                   \
                { "health", "broker_alert", CONFIG_DURATION, "30s", 0, 0, NULL,          \
                        "a broker that is away for longer is an alert" },                \
                { "health", "memory_normal", CONFIG_SIZE, "300MiB", 0, 0, NULL,          \
                        "memory of all services (PSS), the mean" },                      \
                { "health", "memory_alert", CONFIG_SIZE, "500MiB", 0, 0, NULL,           \
                        "beyond this it is an alert" },                                  \
                { "health", "cpu_normal", CONFIG_DECIMAL, "0.3", 0, 0, NULL,             \
                        "cores that all services use together" },                        \
                { "health", "cpu_alert", CONFIG_DECIMAL, "0.7", 0, 0, NULL,              \
                        "beyond this it is an alert" },                                  \
                { "health", "errors_normal", CONFIG_DECIMAL, "0.01", 0, 0, NULL,         \
                        "messages and requests that ended in a fault of ours" },         \
        {                                                                                \
                "health", "errors_alert", CONFIG_DECIMAL, "0.05", 0, 0, NULL,            \
                        "beyond this it is an alert"                                     \
        }
