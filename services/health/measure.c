#include "services/health/measure.h"

#include "libbus/base/clock.h"

#include <string.h>

#define E8 100000000.0

static double seconds(const struct config *config, const char *key)
{
        return (double)config_int(config, "health", key) / (double)BUS_US_PER_SEC;
}

static double ratio(const struct config *config, const char *key)
{
        return (double)config_int(config, "health", key) / E8;
}

static double number(const struct config *config, const char *key)
{
        return (double)config_int(config, "health", key);
}

void measure_init(struct measure *measure, struct bus_service *service)
{
        const struct config *config = bus_service_config(service);
        const struct threshold_rule rules[THRESHOLD_COUNT] = {
                [THRESHOLD_PROCESSING] = { seconds(config, "processing_normal"),
                        seconds(config, "processing_alert"), false },
                [THRESHOLD_ORDERS] = { ratio(config, "orders_normal"),
                        ratio(config, "orders_alert"), true },
                [THRESHOLD_BROKER] = { 0, seconds(config, "broker_alert"), false },
                [THRESHOLD_MEMORY] = { number(config, "memory_normal"),
                        number(config, "memory_alert"), false },
                [THRESHOLD_CPU] = { ratio(config, "cpu_normal"), ratio(config, "cpu_alert"),
                        false },
                [THRESHOLD_ERRORS] = { ratio(config, "errors_normal"),
                        ratio(config, "errors_alert"), false },
        };

        *measure = (struct measure){ .service = service,
                .window_us = config_int(config, "health", "window"),
                .samples_min = number(config, "samples") };
        memcpy(measure->rules, rules, sizeof(rules));
}

/* ---- what comes in ---- */

void measure_processing(struct measure *measure, int64_t took_us)
{
        times_add(&measure->processing, bus_mono_us(), took_us);
}

void measure_trade(struct measure *measure, const Pb__Trade *trade)
{
        double filled;

        if (counted_trade(trade->event, &filled))
                share_add(&measure->orders, bus_mono_us(), measure->window_us, filled, 1);
}

void measure_beat(struct measure *measure, size_t index, const Pb__Heartbeat *beat)
{
        int64_t at_us = bus_mono_us();
        struct counted more;

        if (!counted_beat(&measure->last[index], beat, &more))
                return;
        share_add(&measure->errors, at_us, measure->window_us, more.faults, more.handled);
        share_add(&measure->cpu, at_us, measure->window_us, more.cpu_us, 0);
}

/* ---- where it stands ---- */

static void tell(struct measure *measure, enum threshold_name name)
{
        const struct threshold *threshold = &measure->thresholds[name];
        const struct threshold_rule *rule = &measure->rules[name];

        bus_alarm_end(measure->service, "threshold", threshold_name(name));
        if (threshold->level != THRESHOLD_NORMAL)
                bus_alarm(measure->service, "threshold", threshold_name(name),
                        threshold->level == THRESHOLD_ALERT ? PB__SEVERITY__SEVERITY_CRITICAL
                                                            : PB__SEVERITY__SEVERITY_WARNING,
                        "%s is %.6g: normal is %s %.6g, an alert is %s %.6g", threshold_name(name),
                        threshold->value, rule->low_is_bad ? "from" : "up to", rule->normal,
                        rule->low_is_bad ? "under" : "beyond", rule->alert);
}

static void step(struct measure *measure, enum threshold_name name, double value)
{
        bool changed = threshold_step(&measure->thresholds[name], &measure->rules[name], value);

        /* an alarm that a run before this one raised is brought into line once */
        if (changed || !measure->told[name])
                tell(measure, name);
        measure->told[name] = true;
}

static void step_share(struct measure *measure, enum threshold_name name, const struct share *share)
{
        double whole, value = share_of(share, bus_mono_us(), measure->window_us, &whole);

        if (whole >= measure->samples_min)
                step(measure, name, value);
}

static void step_cpu(struct measure *measure, int64_t now_us)
{
        double whole_us, value;

        if (measure->stepped_us)
                share_add(&measure->cpu, now_us, measure->window_us, 0,
                        (double)(now_us - measure->stepped_us));
        measure->stepped_us = now_us;
        value = share_of(&measure->cpu, now_us, measure->window_us, &whole_us);
        /* a sample is a second */
        if (whole_us >= measure->samples_min * (double)BUS_US_PER_SEC)
                step(measure, THRESHOLD_CPU, value);
}

void measure_step(struct measure *measure, const struct beats *beats, int64_t gone_us)
{
        int64_t now_us = bus_mono_us(), p95_us;
        double memory;
        size_t count;

        p95_us = times_p95_us(&measure->processing, now_us, measure->window_us, &count);
        if ((double)count >= measure->samples_min)
                step(measure, THRESHOLD_PROCESSING, (double)p95_us / (double)BUS_US_PER_SEC);
        step_share(measure, THRESHOLD_ORDERS, &measure->orders);
        step_share(measure, THRESHOLD_ERRORS, &measure->errors);
        step(measure, THRESHOLD_BROKER, (double)gone_us / (double)BUS_US_PER_SEC);
        step_cpu(measure, now_us);
        memory = counted_memory(beats, now_us);
        if (memory > 0) {
                /* a mean: a service that starts again is away for a moment, and small for longer */
                share_add(&measure->memory, now_us, measure->window_us, memory, 1);
                step_share(measure, THRESHOLD_MEMORY, &measure->memory);
        }
}
