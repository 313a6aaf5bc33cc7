/*
 * strategy-v3-shadow: every loaded plugin judges every signal; nobody acts on it. This program has
 * no code for orders (tests/walls/test_link.sh reads it), and the only streams it can open are those
 * named here.
 */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/service/service.h"
#include "services/common/symbols_config.h"
#include "services/strategy/host.h"

#include <stdio.h>

#define INCUMBENT "legacy_v3"
#define SLOT      "v3"

struct shadow {
        struct bus_service *service;
        struct strategy_host host;
        char *topics[STRATEGY_PLUGINS_MAX];
        struct bus_metric *decisions, *decide_seconds;
};

static void judge(struct shadow *self, size_t index, const struct bus_message *message,
        const struct strategy_signal *signal)
{
        struct plugin *plugin = self->host.plugins[index];
        int64_t started_us = bus_wall_us();
        struct decision_message decision;
        struct plugin_verdict verdict;

        strategy_decide(plugin, signal, &verdict);
        decision_fill(&decision,
                &(struct decision_origin){ .slot = SLOT,
                        .plugin = plugin_name(plugin),
                        .plugin_build = plugin_build(plugin),
                        .config_hash = plugin_config_hash(plugin),
                        .symbol = signal->alert.symbol,
                        .decide_ns = verdict.decide_ns,
                        .error = verdict.error },
                &verdict.decision);
        bus_emit(self->service, &(struct bus_out){ .stream = "decision.shadow",
                                        .topic = self->topics[index],
                                        .body = &decision.pb.base,
                                        .cause = message,
                                        .part = (uint32_t)index,
                                        .stamps = { { PB__STEP__STEP_DECIDE_START, started_us },
                                                { PB__STEP__STEP_DECIDE_END, bus_wall_us() } } });
        if (!message->envelope->test) {
                bus_metric_inc(self->decisions);
                bus_metric_observe_us(self->decide_seconds, verdict.decide_ns / 1000);
        }
        if (verdict.decision.verdict == V3_VERDICT_ERROR)
                bus_alarm(self->service, "shadow_plugin_error", plugin_name(plugin),
                        PB__SEVERITY__SEVERITY_WARNING, "alert %s: %s", message->envelope->alert_id,
                        verdict.error);
        else
                bus_alarm_end(self->service, "shadow_plugin_error", plugin_name(plugin));
}

static int on_signal(void *arg, const struct bus_message *message)
{
        struct shadow *self = arg;
        struct strategy_signal signal;
        int r;

        r = strategy_signal_read(message, &signal);
        if (r)
                return r;
        for (size_t i = 0; i < self->host.count; i++)
                judge(self, i, message, &signal);
        strategy_signal_done(&signal);
        return 0;
}

static int start(void *arg)
{
        struct shadow *self = arg;

        bus_service_ready(self->service);
        return 0;
}

static void destroy(void *arg)
{
        struct shadow *self = arg;

        if (!self)
                return;
        for (size_t i = 0; i < self->host.count; i++)
                free(self->topics[i]);
        strategy_host_done(&self->host);
        free(self);
}

static int create(struct bus_service *service, void **ret_self)
{
        const struct config *config = bus_service_config(service);
        struct bus_metrics *metrics = bus_service_metrics(service);
        struct shadow *self = bus_new(struct shadow);
        char error[CONFIG_ERROR_SIZE];
        int r;

        self->service = service;
        r = strategy_host_load(&self->host, config,
                config_string(config, "strategy-v3-shadow", "plugins"), INCUMBENT, error);
        if (r < 0) {
                log_error("bad_config", "%s", error);
                destroy(self);
                return r;
        }
        for (size_t i = 0; i < self->host.count; i++)
                self->topics[i] =
                        bus_xasprintf("decision.shadow.%s", plugin_name(self->host.plugins[i]));
        self->decisions = bus_counter(
                metrics, "umbra_shadow_decisions_total", "", "Decisions nobody acts on.");
        self->decide_seconds = bus_histogram(metrics, "umbra_shadow_decide_seconds", "",
                "Time of one decide() call in the shadow.");
        *ret_self = self;
        return 0;
}

static void report(void *arg)
{
        struct shadow *self = arg;

        for (size_t i = 0; i < self->host.count; i++) {
                const struct plugin *plugin = self->host.plugins[i];
                BUS_AUTOFREE char *key = bus_xasprintf("plugin.%s", plugin_name(plugin));
                BUS_AUTOFREE char *value = bus_xasprintf(
                        "build=%s config=%s", plugin_build(plugin), plugin_config_hash(plugin));

                bus_service_fact(self->service, key, value);
        }
}

static const char *const outputs[] = { "decision.shadow", "alarm", NULL };

static const struct bus_input inputs[] = {
        { "signal", "alert-ingest", BUS_START_BEGINNING, on_signal, false },
        { 0 },
};

static const struct config_option options[] = {
        STRATEGY_OPTIONS,
        SYMBOLS_CONFIG_OPTION,
        { "strategy-v3-shadow", "plugins", CONFIG_STRING, "combined_v3,legacy_v3", 1, 180, NULL,
                "who judges, by name; the place in the list is part of each decision's position" },
        { 0 },
};

static const struct bus_service_class shadow_class = {
        .name = "strategy-v3-shadow",
        .outputs = outputs,
        .inputs = inputs,
        .options = options,
        .background = 10,
        .commit_delay_us = STRATEGY_COMMIT_DELAY_US,
        .create = create,
        .start = start,
        .destroy = destroy,
        .report = report,
};

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &shadow_class);
}
