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
                                write_histogram(ret, beat->label, metric);
                        else
                                write_sample(ret, metric->name, "", beat->label, metric->labels,
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
                        write_sample(ret, "umbra_service_up", "", beats->items[i].label, "", NULL,
                                beat_is_alive(&beats->items[i], now_us));
        write_head(ret, "umbra_service_ready", "gauge", "1 while it does all its work.");
        for (size_t i = 0; i < beats->count; i++)
                if (beats->items[i].expected || beats->items[i].last)
                        write_sample(ret, "umbra_service_ready", "", beats->items[i].label, "",
                                NULL, beat_is_ready(&beats->items[i], now_us));
}

static void write_builds(const struct beats *beats, int64_t now_us, struct bus_buf *ret)
{
        char label[80];

        write_head(ret, "umbra_build_info", "gauge", "1; the label tells its version.");
        for (size_t i = 0; i < beats->count; i++) {
                const struct beat *beat = &beats->items[i];

                if (!beat->last)
                        continue;
                snprintf(label, sizeof(label), "version=\"%.60s\"", beat->last->version);
                write_sample(ret, "umbra_build_info", "", beat->label, label, NULL, 1);
        }
        write_head(ret, "umbra_heartbeat_age_seconds", "gauge", "Since its last heartbeat.");
        for (size_t i = 0; i < beats->count; i++)
                if (beats->items[i].last)
                        write_sample(ret, "umbra_heartbeat_age_seconds", "", beats->items[i].label,
                                "", NULL,
                                (double)(now_us - beats->items[i].heard_us) /
                                        (double)BUS_US_PER_SEC);
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
                                write_sample(ret, figures[f].name, "", beats->items[i].label, "",
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
                        write_sample(ret, "umbra_stream_lag_messages", "", beats->items[i].label,
                                label, NULL, (double)last->lags[k]->behind);
                }
        }
}

void prometheus_write(const struct beats *beats, int64_t now_us, struct bus_buf *ret)
{
        write_services(beats, now_us, ret);
        write_builds(beats, now_us, ret);
        write_figures(beats, ret);
        write_lags(beats, ret);
        for (size_t i = 0; i < beats->count; i++)
                for (size_t k = 0; beats->items[i].last && k < beats->items[i].last->n_metrics; k++)
                        if (!is_begun(beats, i, k))
                                write_family(beats, beats->items[i].last->metrics[k], ret);
}

/* ---- what health alone knows ---- */

#define SELF "health"

static void write_levels(const struct prometheus_state *state, struct bus_buf *ret)
{
        char label[64];

        write_head(ret, "umbra_figure_level", "gauge",
                "0: normal, 1: degraded, 2: alert; as /health judges it, with hysteresis.");
        for (int i = 0; i < THRESHOLD_COUNT; i++) {
                snprintf(label, sizeof(label), "figure=\"%s\"",
                        threshold_name((enum threshold_name)i));
                write_sample(ret, "umbra_figure_level", "", SELF, label, NULL,
                        state->thresholds[i].level);
        }
        write_head(ret, "umbra_figure_value", "gauge",
                "As last measured over the window; of which unit, the figure says.");
        for (int i = 0; i < THRESHOLD_COUNT; i++) {
                if (!state->thresholds[i].is_known)
                        continue;
                snprintf(label, sizeof(label), "figure=\"%s\"",
                        threshold_name((enum threshold_name)i));
                write_sample(ret, "umbra_figure_value", "", SELF, label, NULL,
                        state->thresholds[i].value);
        }
}

static void write_bounds(const struct prometheus_state *state, struct bus_buf *ret)
{
        char label[64];

        write_head(ret, "umbra_figure_bound", "gauge",
                "Where a figure leaves normal, and is an alert.");
        for (int i = 0; i < THRESHOLD_COUNT; i++)
                for (int alert = 0; alert < 2; alert++) {
                        snprintf(label, sizeof(label), "figure=\"%s\",bound=\"%s\"",
                                threshold_name((enum threshold_name)i), alert ? "alert" : "normal");
                        write_sample(ret, "umbra_figure_bound", "", SELF, label, NULL,
                                alert ? state->rules[i].alert : state->rules[i].normal);
                }
}

static const char *text_of(const json_t *alarm, const char *key)
{
        const char *text = json_string_value(json_object_get(alarm, key));

        return text ? text : "";
}

static bool is_alike(const json_t *left, const json_t *right)
{
        return !strcmp(text_of(left, "service"), text_of(right, "service")) &&
               !strcmp(text_of(left, "code"), text_of(right, "code")) &&
               !strcmp(text_of(left, "severity"), text_of(right, "severity"));
}

/* Codes are few words of ours; subjects may be order ids, and are only counted. */
static void write_alarms(const struct prometheus_state *state, struct bus_buf *ret)
{
        char label[160];

        write_head(
                ret, "umbra_alarms_raised", "gauge", "Alarms that were raised and have not ended.");
        for (size_t i = 0; i < json_array_size(state->alarms); i++) {
                const json_t *alarm = json_array_get(state->alarms, i);
                size_t before = 0, count = 0;

                for (size_t k = 0; k < json_array_size(state->alarms); k++) {
                        bool alike = is_alike(alarm, json_array_get(state->alarms, k));

                        before += alike && k < i;
                        count += alike;
                }
                if (before)
                        continue;
                snprintf(label, sizeof(label), "code=\"%.60s\",severity=\"%.30s\"",
                        text_of(alarm, "code"), text_of(alarm, "severity"));
                write_sample(ret, "umbra_alarms_raised", "", text_of(alarm, "service"), label, NULL,
                        (double)count);
        }
}

static void write_one(struct bus_buf *ret, const char *name, const char *help, double value)
{
        write_head(ret, name, "gauge", help);
        write_sample(ret, name, "", SELF, "", NULL, value);
}

static void write_verdict(const struct prometheus_state *state, struct bus_buf *ret)
{
        char label[48];

        write_head(ret, "umbra_health", "gauge", "1 at what GET /health would say.");
        for (enum verdict v = VERDICT_HEALTHY; v <= VERDICT_UNHEALTHY; v++) {
                snprintf(label, sizeof(label), "status=\"%s\"", verdict_name(v));
                write_sample(ret, "umbra_health", "", SELF, label, NULL, v == state->verdict);
        }
}

void prometheus_write_state(const struct prometheus_state *state, struct bus_buf *ret)
{
        const Pb__Account *account = state->account;
        char label[64];

        write_verdict(state, ret);
        write_levels(state, ret);
        write_bounds(state, ret);
        write_alarms(state, ret);
        if (state->active) {
                write_head(ret, "umbra_plugin_active", "gauge", "1 at the plugin that decides.");
                if (*state->active) {
                        snprintf(label, sizeof(label), "plugin=\"%.40s\"", state->active);
                        write_sample(ret, "umbra_plugin_active", "", SELF, label, NULL, 1);
                }
                write_one(ret, "umbra_route_epoch", "Number of the last switch.",
                        (double)state->epoch);
        }
        if (!account)
                return;
        write_one(ret, "umbra_broker_connected", "1 while the terminal is connected.",
                account->connected);
        write_one(ret, "umbra_orders_unknown", "Orders of which no answer came back.",
                account->unknown_orders);
        write_one(ret, "umbra_orders_manual", "Orders that wait for a person.",
                account->manual_orders);
        write_one(ret, "umbra_entries_stopped", "1 while paused, halted or killed.",
                account->paused || account->halted || account->killed);
}
