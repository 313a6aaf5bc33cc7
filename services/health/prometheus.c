#include "services/health/prometheus.h"

#include "libbus/base/clock.h"
#include "libbus/loop/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void write_head(struct bus_buf *ret, const char *name, const char *type, const char *help)
{
        bus_buf_printf(ret, "# HELP %s ", name);
        for (const char *p = help; *p; p++) {
                if (*p == '\\' || *p == '\n')
                        bus_buf_add_str(ret, *p == '\n' ? "\\n" : "\\\\");
                else
                        bus_buf_add(ret, p, 1);
        }
        bus_buf_printf(ret, "\n# TYPE %s %s\n", name, type);
}

static void write_number(struct bus_buf *ret, double value)
{
        if (isnan(value))
                bus_buf_add_str(ret, "NaN\n");
        else if (isinf(value))
                bus_buf_add_str(ret, value > 0 ? "+Inf\n" : "-Inf\n");
        else
                bus_buf_printf(ret, "%.15g\n", value);
}

/* name{service="x",labels,le="y"} value */
static void write_sample(struct bus_buf *ret, const char *name, const char *suffix,
        const char *service, const char *labels, const char *bound, double value)
{
        bus_buf_printf(ret, "%s%s{service=\"%s\"", name, suffix, service);
        if (*labels)
                bus_buf_printf(ret, ",%s", labels);
        if (bound)
                bus_buf_printf(ret, ",le=\"%s\"", bound);
        bus_buf_add_str(ret, "} ");
        write_number(ret, value);
}

static void write_histogram(struct bus_buf *ret, const char *service, const Pb__Metric *metric)
{
        char bound[32];

        if (metric->n_buckets != BUS_BUCKET_COUNT + 1)
                return;
        for (size_t i = 0; i < BUS_BUCKET_COUNT; i++) {
                snprintf(bound, sizeof(bound), "%.15g", bus_bucket_bounds[i]);
                write_sample(ret, metric->name, "_bucket", service, metric->labels, bound,
                        (double)metric->buckets[i]);
        }
        write_sample(ret, metric->name, "_bucket", service, metric->labels, "+Inf",
                (double)metric->buckets[BUS_BUCKET_COUNT]);
        write_sample(ret, metric->name, "_sum", service, metric->labels, NULL, metric->value);
        write_sample(ret, metric->name, "_count", service, metric->labels, NULL,
                (double)metric->buckets[BUS_BUCKET_COUNT]);
}

static const char *type_of(const Pb__Metric *metric)
{
        switch (metric->kind) {
        case PB__METRIC_KIND__METRIC_KIND_COUNTER: return "counter";
        case PB__METRIC_KIND__METRIC_KIND_HISTOGRAM: return "histogram";
        default: return "gauge";
        }
}

/* Every sample of NAME, of all services. */
static void write_family(const struct beats *beats, const Pb__Metric *first, struct bus_buf *ret)
{
        write_head(ret, first->name, type_of(first), first->help);
        for (size_t i = 0; i < beats->count; i++) {
                const struct beat *beat = &beats->items[i];

                for (size_t k = 0; beat->last && k < beat->last->n_metrics; k++) {
                        const Pb__Metric *metric = beat->last->metrics[k];

                        if (strcmp(metric->name, first->name) || metric->kind != first->kind)
                                continue;
                        if (metric->kind == PB__METRIC_KIND__METRIC_KIND_HISTOGRAM)
                                write_histogram(ret, beat->service, metric);
                        else
                                write_sample(ret, metric->name, "", beat->service, metric->labels,
                                        NULL, metric->value);
                }
        }
}

/* Whether an earlier service, or an earlier metric of this one, has begun the family. */
static bool is_begun(const struct beats *beats, size_t service, size_t metric)
{
        const char *name = beats->items[service].last->metrics[metric]->name;

        for (size_t i = 0; i <= service; i++) {
                const Pb__Heartbeat *last = beats->items[i].last;

                for (size_t k = 0; last && k < last->n_metrics && (i < service || k < metric); k++)
                        if (!strcmp(last->metrics[k]->name, name))
                                return true;
        }
        return false;
}

static void write_services(const struct beats *beats, int64_t now_us, struct bus_buf *ret)
{
        write_head(ret, "umbra_service_up", "gauge", "1 while its heartbeat is heard.");
        for (size_t i = 0; i < beats->count; i++)
                if (beats->items[i].expected || beats->items[i].last)
                        write_sample(ret, "umbra_service_up", "", beats->items[i].service, "", NULL,
                                beat_is_alive(&beats->items[i], now_us));
        write_head(ret, "umbra_service_ready", "gauge", "1 while it does all its work.");
        for (size_t i = 0; i < beats->count; i++)
                if (beats->items[i].expected || beats->items[i].last)
                        write_sample(ret, "umbra_service_ready", "", beats->items[i].service, "",
                                NULL, beat_is_ready(&beats->items[i], now_us));
}

enum figure {
        FIGURE_MEMORY,
        FIGURE_CPU,
        FIGURE_START,
        FIGURE_STORE,
        FIGURE_COUNT,
};

static const struct {
        const char *name, *type, *help;
} figures[FIGURE_COUNT] = {
        [FIGURE_MEMORY] = { "umbra_service_memory_bytes", "gauge", "Proportional set size." },
        [FIGURE_CPU] = { "umbra_service_cpu_seconds_total", "counter",
                "CPU time since its start." },
        [FIGURE_START] = { "umbra_service_start_time_seconds", "gauge", "When it was started." },
        [FIGURE_STORE] = { "umbra_service_store_ok", "gauge", "1 while its store commits." },
};

static double figure_of(const Pb__Heartbeat *heartbeat, enum figure figure)
{
        switch (figure) {
        case FIGURE_MEMORY: return (double)heartbeat->memory_bytes;
        case FIGURE_CPU: return (double)heartbeat->cpu_us / (double)BUS_US_PER_SEC;
        case FIGURE_START: return (double)heartbeat->started_us / (double)BUS_US_PER_SEC;
        default: return heartbeat->store_ok;
        }
}

static void write_figures(const struct beats *beats, struct bus_buf *ret)
{
        for (enum figure f = 0; f < FIGURE_COUNT; f++) {
                write_head(ret, figures[f].name, figures[f].type, figures[f].help);
                for (size_t i = 0; i < beats->count; i++)
                        if (beats->items[i].last)
                                write_sample(ret, figures[f].name, "", beats->items[i].service, "",
                                        NULL, figure_of(beats->items[i].last, f));
        }
}

static void write_lags(const struct beats *beats, struct bus_buf *ret)
{
        char label[160];

        write_head(ret, "umbra_stream_lag_messages", "gauge", "Messages a reader is behind.");
        for (size_t i = 0; i < beats->count; i++) {
                const Pb__Heartbeat *last = beats->items[i].last;

                for (size_t k = 0; last && k < last->n_lags; k++) {
                        snprintf(label, sizeof(label), "stream=\"%s\"", last->lags[k]->stream);
                        write_sample(ret, "umbra_stream_lag_messages", "", last->service, label,
                                NULL, (double)last->lags[k]->behind);
                }
        }
}

void prometheus_write(const struct beats *beats, int64_t now_us, struct bus_buf *ret)
{
        write_services(beats, now_us, ret);
        write_figures(beats, ret);
        write_lags(beats, ret);
        for (size_t i = 0; i < beats->count; i++)
                for (size_t k = 0; beats->items[i].last && k < beats->items[i].last->n_metrics; k++)
                        if (!is_begun(beats, i, k))
                                write_family(beats, beats->items[i].last->metrics[k], ret);
}
