#include "libbus/loop/metrics.h"

#include "libbus/base/require.h"
#include "libbus/loop/metrics_internal.h"

#include <string.h>

const double bus_bucket_bounds[BUS_BUCKET_COUNT] = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
        0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5 };

struct bus_metrics *bus_metrics_new(void)
{
        return bus_new(struct bus_metrics);
}

struct bus_metrics *bus_metrics_free(struct bus_metrics *metrics)
{
        struct bus_metric *next;

        if (!metrics)
                return NULL;
        for (struct bus_metric *m = metrics->first; m; m = next) {
                next = m->next;
                free(m->name);
                free(m->labels);
                free(m->help);
                free(m);
        }
        free(metrics);
        return NULL;
}

static struct bus_metric *metric(struct bus_metrics *metrics, Pb__MetricKind kind, const char *name,
        const char *labels, const char *help)
{
        struct bus_metric **link = &metrics->first, *m;

        for (; (m = *link); link = &m->next)
                if (!strcmp(m->name, name) && !strcmp(m->labels, labels))
                        return m;
        m = bus_new(struct bus_metric);
        m->kind = kind;
        m->name = bus_xstrdup(name);
        m->labels = bus_xstrdup(labels);
        m->help = bus_xstrdup(help);
        *link = m;
        metrics->count++;
        return m;
}

struct bus_metric *bus_counter(
        struct bus_metrics *metrics, const char *name, const char *labels, const char *help)
{
        return metric(metrics, PB__METRIC_KIND__METRIC_KIND_COUNTER, name, labels, help);
}

struct bus_metric *bus_gauge(
        struct bus_metrics *metrics, const char *name, const char *labels, const char *help)
{
        return metric(metrics, PB__METRIC_KIND__METRIC_KIND_GAUGE, name, labels, help);
}

struct bus_metric *bus_histogram(
        struct bus_metrics *metrics, const char *name, const char *labels, const char *help)
{
        return metric(metrics, PB__METRIC_KIND__METRIC_KIND_HISTOGRAM, name, labels, help);
}

void bus_metric_add(struct bus_metric *counter, double amount)
{
        counter->value += amount;
}

void bus_metric_set(struct bus_metric *gauge, double value)
{
        gauge->value = value;
}

void bus_metric_observe_us(struct bus_metric *histogram, int64_t us)
{
        double seconds = (double)us / 1e6;

        histogram->value += seconds;
        for (int i = 0; i < BUS_BUCKET_COUNT; i++)
                if (seconds <= bus_bucket_bounds[i])
                        histogram->buckets[i]++;
        histogram->buckets[BUS_BUCKET_COUNT]++;
}

double bus_metric_value(const struct bus_metric *m)
{
        return m->value;
}

void bus_metrics_fill(const struct bus_metrics *metrics, struct bus_metrics_view *ret_view)
{
        size_t i = 0;

        ret_view->items = bus_new_n(Pb__Metric, metrics->count);
        ret_view->pointers = bus_new_n(Pb__Metric *, metrics->count);
        ret_view->count = metrics->count;
        for (struct bus_metric *m = metrics->first; m; m = m->next, i++) {
                Pb__Metric *item = &ret_view->items[i];

                pb__metric__init(item);
                item->name = m->name;
                item->labels = m->labels;
                item->help = m->help;
                item->kind = m->kind;
                item->value = m->value;
                if (m->kind == PB__METRIC_KIND__METRIC_KIND_HISTOGRAM) {
                        item->buckets = m->buckets;
                        item->n_buckets = BUS_BUCKET_COUNT + 1;
                }
                ret_view->pointers[i] = item;
        }
}

void bus_metrics_view_done(struct bus_metrics_view *view)
{
        free(view->items);
        free(view->pointers);
}
