#include "tests/bench/report.h"

#include "libbus/base/attr.h"
#include "libbus/base/require.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINE_SIZE 256

const char *const target_names[TARGETS] = { "floor", "umbra", "redis", "python_bot", "fast_bot" };

static const char conditions[] =
        "caps, position limit, open risk and price-gap check are off, prices stand still without a spread";

/* ---- the machine ---- */

static json_t *cpu_model(void)
{
        FILE *file = fopen("/proc/cpuinfo", "re");
        char line[LINE_SIZE];
        json_t *model = NULL;

        while (file && !model && fgets(line, sizeof(line), file))
                if (!strncmp(line, "model name", 10) && strchr(line, ':'))
                        model = json_stringn(
                                strchr(line, ':') + 2, strcspn(strchr(line, ':') + 2, "\n"));
        if (file)
                fclose(file);
        return model ? model : json_null();
}

static json_t *disk(const char *folder)
{
        static const struct {
                long magic;
                const char *name;
        } kinds[] = { { 0xef53, "ext4" }, { 0x58465342, "xfs" }, { 0x9123683e, "btrfs" },
                { 0x794c7630, "overlay" }, { 0x01021994, "tmpfs: its syncs cost nothing" } };
        struct statfs stat;

        if (statfs(folder, &stat) < 0)
                return json_null();
        for (size_t i = 0; i < BUS_COUNT(kinds); i++)
                if ((long)stat.f_type == kinds[i].magic)
                        return json_string(kinds[i].name);
        return json_sprintf("0x%lx", (unsigned long)stat.f_type);
}

static json_t *machine_json(const struct results *results)
{
        struct utsname name = { 0 };
        double load = 0;

        uname(&name);
        (void)getloadavg(&load, 1);
        return json_pack("{s:o,s:i,s:s,s:o,s:f,s:i}", "cpu", cpu_model(), "cores",
                (int)sysconf(_SC_NPROCESSORS_ONLN), "kernel", name.release, "disk",
                disk(results->folder), "load_after", load, "rounds", (int)results->rounds);
}

/* ---- JSON ---- */

static json_t *median_json(struct series *series)
{
        json_t *all = series_json(series);
        json_t *median =
                json_is_null(all) ? json_null() : json_incref(json_object_get(all, "median"));

        json_decref(all);
        return median;
}

static json_t *target_json(struct target_results *target)
{
        return json_pack("{s:o,s:o,s:o,s:o}", "idle_p50_us", series_json(&target->p50_us),
                "idle_p99_us", series_json(&target->p99_us), "answer_p50_us",
                series_json(&target->answer_us), "throughput_per_s",
                series_json(&target->throughput));
}

static json_t *umbra_json(struct results *results)
{
        json_t *umbra = target_json(&results->targets[TARGET_UMBRA]), *steps = json_object();

        json_object_set_new(umbra, "conditions", json_string(conditions));
        json_object_set_new(umbra, "syncs_per_alert_idle", series_json(&results->syncs_idle));
        json_object_set_new(umbra, "syncs_per_alert_64", series_json(&results->syncs_64));
        json_object_set_new(
                umbra, "all_syncs_per_alert_idle", series_json(&results->all_syncs_idle));
        json_object_set_new(umbra, "all_syncs_per_alert_64", series_json(&results->all_syncs_64));
        json_object_set_new(umbra, "pss_services_mb", series_json(&results->pss_mb));
        json_object_set_new(umbra, "pss_with_demo_mb", series_json(&results->pss_all_mb));
        json_object_set_new(umbra, "idle_cpu_pct", series_json(&results->idle_cpu_pct));
        json_object_set_new(umbra, "catch_up_msgs_s", series_json(&results->catch_up));
        json_object_set_new(umbra, "replay_msgs_s", series_json(&results->replay));
        json_object_set_new(umbra, "service_api_ns", series_json(&results->layer_ns));
        for (size_t i = 0; i < UMBRA_STEPS; i++)
                json_object_set_new(steps, umbra_steps[i], series_json(&results->steps_us[i]));
        json_object_set_new(umbra, "steps_idle_us", steps);
        return umbra;
}

/* CPU an order, of the time from POST to order. */
static json_t *layer_json(struct results *results)
{
        double p50_us = series_median(&results->targets[TARGET_UMBRA].p50_us);

        if (!results->layer_ns.count || !(p50_us > 0))
                return json_null();
        return json_real(series_median(&results->layer_ns) / (p50_us * 1000));
}

static json_t *ratios_json(struct results *results)
{
        struct target_results *t = results->targets;

        return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
                "idle_p50_over_floor",
                series_ratio(&t[TARGET_UMBRA].p50_us, &t[TARGET_FLOOR].p50_us),
                "redis_over_idle_p50",
                series_ratio(&t[TARGET_REDIS].p50_us, &t[TARGET_UMBRA].p50_us), "bot_over_idle_p50",
                series_ratio(&t[TARGET_BOT].p50_us, &t[TARGET_UMBRA].p50_us), "throughput_over_bot",
                series_ratio(&t[TARGET_UMBRA].throughput, &t[TARGET_BOT].throughput),
                "throughput_over_fast_bot",
                series_ratio(&t[TARGET_UMBRA].throughput, &t[TARGET_FAST_BOT].throughput),
                "throughput_over_redis",
                series_ratio(&t[TARGET_UMBRA].throughput, &t[TARGET_REDIS].throughput),
                "syncs_per_order_idle", median_json(&results->syncs_idle), "syncs_per_order_64",
                median_json(&results->syncs_64), "pss_total_mb", median_json(&results->pss_mb),
                "idle_cpu_pct", median_json(&results->idle_cpu_pct), "service_api_overhead",
                layer_json(results), "replay_msgs_s", median_json(&results->replay),
                "catch_up_msgs_s", median_json(&results->catch_up));
}

json_t *report_json(struct results *results)
{
        return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "machine", machine_json(results), "floor",
                target_json(&results->targets[TARGET_FLOOR]), "umbra", umbra_json(results), "redis",
                target_json(&results->targets[TARGET_REDIS]), "python_bot",
                target_json(&results->targets[TARGET_BOT]), "fast_bot",
                target_json(&results->targets[TARGET_FAST_BOT]), "ratios", ratios_json(results));
}

/* ---- the table ---- */

static void print_row(FILE *out, const char *what, const char *name, struct series *series)
{
        if (series->count)
                fprintf(out, "%-26s %-11s %10.4g %10.4g %10.4g\n", what, name,
                        series_percentile(series, 0), series_median(series),
                        series_percentile(series, 100));
        else
                fprintf(out, "%-26s %-11s %10s %10s %10s\n", what, name, "-", "-", "-");
}

static void print_ratios(struct results *results, FILE *out)
{
        static const char *const shown[] = { "idle_p50_over_floor", "redis_over_idle_p50",
                "bot_over_idle_p50", "throughput_over_bot", "throughput_over_fast_bot",
                "throughput_over_redis" };
        json_t *ratios = ratios_json(results);

        fputs("\nratios of the medians\n", out);
        for (size_t i = 0; i < BUS_COUNT(shown); i++) {
                const json_t *value = json_object_get(ratios, shown[i]);

                if (!json_is_null(value))
                        fprintf(out, "  %-24s %6.2f\n", shown[i], json_real_value(value));
        }
        json_decref(ratios);
}

void report_table(struct results *results, FILE *out)
{
        fprintf(out, "%u rounds; umbra: %s\n\n%-38s %10s %10s %10s\n", results->rounds, conditions,
                "", "min", "median", "max");
        for (size_t i = 0; i < TARGETS; i++)
                print_row(out, i ? "" : "POST to order, idle, us", target_names[i],
                        &results->targets[i].p50_us);
        for (size_t i = 0; i < TARGETS; i++)
                print_row(out, i ? "" : "  its 99th percentile", target_names[i],
                        &results->targets[i].p99_us);
        for (size_t i = 0; i < TARGETS; i++)
                print_row(out, i ? "" : "POST to answer, idle, us", target_names[i],
                        &results->targets[i].answer_us);
        for (size_t i = 0; i < TARGETS; i++)
                print_row(out, i ? "" : "alerts/s, 64 connections", target_names[i],
                        &results->targets[i].throughput);
        print_row(out, "syncs an alert, idle", "umbra", &results->syncs_idle);
        print_row(out, "syncs an alert, 64", "umbra", &results->syncs_64);
        print_row(out, "  with reports', idle", "umbra", &results->all_syncs_idle);
        print_row(out, "  with reports', 64", "umbra", &results->all_syncs_64);
        print_row(out, "PSS of the services, MB", "umbra", &results->pss_mb);
        print_row(out, "  with demo broker and up", "umbra", &results->pss_all_mb);
        print_row(out, "CPU when idle, %", "umbra", &results->idle_cpu_pct);
        print_row(out, "catch-up, signals/s", "umbra", &results->catch_up);
        print_row(out, "replay, alerts/s", "umbra", &results->replay);
        print_row(out, "service layer, ns an order", "umbra", &results->layer_ns);
        for (size_t i = 0; i < UMBRA_STEPS; i++)
                print_row(out, i ? "" : "where an alert is, us", umbra_steps[i],
                        &results->steps_us[i]);
        print_ratios(results, out);
}

void results_done(struct results *results)
{
        struct series *series[] = { &results->syncs_idle, &results->syncs_64,
                &results->all_syncs_idle, &results->all_syncs_64, &results->pss_mb,
                &results->pss_all_mb, &results->idle_cpu_pct, &results->catch_up, &results->replay,
                &results->layer_ns };

        for (size_t i = 0; i < TARGETS; i++) {
                series_done(&results->targets[i].p50_us);
                series_done(&results->targets[i].p99_us);
                series_done(&results->targets[i].answer_us);
                series_done(&results->targets[i].throughput);
        }
        for (size_t i = 0; i < UMBRA_STEPS; i++)
                series_done(&results->steps_us[i]);
        for (size_t i = 0; i < BUS_COUNT(series); i++)
                series_done(series[i]);
}
