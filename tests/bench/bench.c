/*
 * ./run bench: Umbra beside its floor and its peers on the same machine in the same minutes. In each
 * round each target runs alone, from an empty folder; who is first changes from round to round.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "tests/bench/report.h"
#include "tests/bench/umbra.h"

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ROUNDS      5
#define ROUNDS_MAX  100
#define PERIOD_US   10000 /* 100 alerts a second */
#define CONNECTIONS 64
#define WARM_ALERTS 10 /* a target's start may have used these numbers */
#define FOLDERS_MAX 16

/* How much of each. */
struct extent {
        size_t idle_alerts, full_alerts, pulses;
        unsigned int cpu_seconds;
};

static const struct extent full = {
        .idle_alerts = 1000, .full_alerts = 4000, .pulses = 20000, .cpu_seconds = 20
};
static const struct extent quick = {
        .idle_alerts = 300, .full_alerts = 1500, .pulses = 8000, .cpu_seconds = 4
};

struct bench {
        const struct extent *extent;
        const char *json, *only;
        char folder[64];
        unsigned int number; /* of the next alert */
        struct results results;
};

static int (*const starts[TARGETS])(struct target *, const char *) = {
        [TARGET_FLOOR] = floor_start,
        [TARGET_UMBRA] = umbra_start,
        [TARGET_REDIS] = redis_start,
        [TARGET_BOT] = bot_start,
};

static void usage(FILE *out)
{
        fputs("usage: ./run bench [--quick] [--json FILE] [--rounds N] [--only TARGET]\n"
              "\n"
              "Measures Umbra beside floor, redis and python_bot (docs/performance.md).\n"
              "  --quick        short rounds\n"
              "  --json FILE    the figures, as docs/interfaces.md has them\n"
              "  --rounds N     5 if not given\n"
              "  --only TARGET  one of floor umbra redis python_bot; its ratios are null then\n"
              "\n"
              "UMBRA_BENCH_DIR: where the targets write (/var/tmp); what counts is its disk.\n",
                out);
}

/* ---- one target, one round ---- */

static int measure_idle(struct bench *bench, struct target *target, struct target_results *results)
{
        size_t count = bench->extent->idle_alerts;
        BUS_AUTOFREE struct bench_alert *alerts = bus_new_n(struct bench_alert, count);
        const struct load load = {
                .connections = 1, .period_us = PERIOD_US, .first = bench->number
        };
        struct series order = { 0 }, answer = { 0 };
        int r;

        r = load_run(target, &load, alerts, count);
        if (!r)
                r = target->settle(target, alerts, count, load.first);
        bench->number += count;
        if (r < 0)
                return r;
        for (size_t i = 0; i < count; i++) {
                series_add(&order, (double)(alerts[i].done_us - alerts[i].sent_us));
                series_add(&answer, (double)(alerts[i].answered_us - alerts[i].sent_us));
        }
        series_add(&results->p50_us, series_median(&order));
        series_add(&results->p99_us, series_percentile(&order, 99));
        series_add(&results->answer_us, series_median(&answer));
        series_done(&order);
        series_done(&answer);
        return 0;
}

static int measure_full(struct bench *bench, struct target *target, struct target_results *results)
{
        size_t count = bench->extent->full_alerts;
        BUS_AUTOFREE struct bench_alert *alerts = bus_new_n(struct bench_alert, count);
        const struct load load = { .connections = CONNECTIONS, .first = bench->number };
        int64_t last_us = 0;
        int r;

        r = load_run(target, &load, alerts, count);
        if (!r)
                r = target->settle(target, alerts, count, load.first);
        bench->number += count;
        if (r < 0)
                return r;
        for (size_t i = 0; i < count; i++)
                last_us = alerts[i].done_us > last_us ? alerts[i].done_us : last_us;
        series_add(
                &results->throughput, (double)count * 1e6 / (double)(last_us - alerts[0].sent_us));
        return 0;
}

/*
 * The executor's store does not know which of its commits the broker link waits for. With one alert
 * at a time these are the turns that staged an intent, and checkpoints: whatever syncs are more than
 * commits. Under load one commit holds many turns, of intents and of reports: all of them count.
 */
static void add_syncs(const struct umbra_counters *before, const struct umbra_counters *after,
        const struct umbra_trades *trades, size_t alerts, struct series *path, struct series *all)
{
        double ingest = after->ingest_syncs - before->ingest_syncs;
        double executor = after->executor_syncs - before->executor_syncs;
        double checkpoints = executor - (after->executor_commits - before->executor_commits);
        double awaited = (double)trades->intent_turns + (checkpoints > 0 ? checkpoints : 0);

        series_add(path, (ingest + (awaited < executor ? awaited : executor)) / (double)alerts);
        series_add(all, (ingest + executor) / (double)alerts);
}

typedef int (*measure_fn)(
        struct bench *bench, struct target *target, struct target_results *results);

/* FN, with the syncs it costs and what the executor's messages say of it. */
static int measure_syncs(struct bench *bench, struct target *target, measure_fn fn, size_t alerts,
        struct series *path, struct series *all, struct umbra_trades *ret_trades)
{
        struct umbra_counters before, after;
        int64_t since_us;
        int r;

        r = umbra_counters(target, &before);
        if (r < 0)
                return r;
        since_us = bus_wall_us();
        r = fn(bench, target, &bench->results.targets[TARGET_UMBRA]);
        if (!r)
                r = umbra_counters(target, &after);
        if (!r)
                r = umbra_trades(target, since_us, alerts, ret_trades);
        if (!r)
                add_syncs(&before, &after, ret_trades, alerts, path, all);
        return r;
}

static int measure_resources(struct bench *bench, struct target *target)
{
        struct results *results = &bench->results;
        struct umbra_memory memory;
        int64_t start_us = bus_mono_us(), cpu_us = umbra_cpu_us(target);
        double rate = 0;
        int r;

        sleep(bench->extent->cpu_seconds);
        cpu_us = umbra_cpu_us(target) - cpu_us;
        series_add(&results->idle_cpu_pct,
                100.0 * (double)cpu_us / (double)(bus_mono_us() - start_us));
        r = umbra_memory(target, &memory);
        if (r < 0)
                return r;
        series_add(&results->pss_mb, memory.services_kb / 1024);
        series_add(&results->pss_all_mb, memory.all_kb / 1024);
        r = umbra_catch_up(target, bench->number, bench->extent->pulses, &rate);
        bench->number += bench->extent->pulses;
        if (!r)
                series_add(&results->catch_up, rate);
        return r;
}

static int measure_umbra(struct bench *bench, struct target *target)
{
        struct results *results = &bench->results;
        struct umbra_trades trades;
        int r;

        r = measure_syncs(bench, target, measure_idle, bench->extent->idle_alerts,
                &results->syncs_idle, &results->all_syncs_idle, &trades);
        for (size_t i = 0; !r && i < UMBRA_STEPS; i++)
                series_add(&results->steps_us[i], (double)trades.steps_us[i]);
        if (!r)
                r = measure_syncs(bench, target, measure_full, bench->extent->full_alerts,
                        &results->syncs_64, &results->all_syncs_64, &trades);
        return r < 0 ? r : measure_resources(bench, target);
}

static int measure(struct bench *bench, enum target_id id, struct target *target)
{
        struct target_results *results = &bench->results.targets[id];
        int r;

        bench->number = WARM_ALERTS;
        if (id == TARGET_UMBRA)
                return measure_umbra(bench, target);
        r = measure_idle(bench, target, results);
        return r < 0 ? r : measure_full(bench, target, results);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
        (void)stat;
        (void)kind;
        (void)walk;
        return remove(path);
}

static int run_target(struct bench *bench, enum target_id id)
{
        BUS_AUTOFREE char *folder = bus_xasprintf("%s/%s", bench->folder, target_names[id]);
        struct target target;
        int r;

        if (mkdir(folder, 0700) < 0)
                return -errno;
        r = starts[id](&target, folder);
        if (!r) {
                r = measure(bench, id, &target);
                target.stop(&target);
        }
        if (r < 0)
                fprintf(stderr, "bench: %s: %s; see %s\n", target_names[id], strerror(-r), folder);
        else
                nftw(folder, remove_one, FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
        return r;
}

/* ---- all of it ---- */

static int run_rounds(struct bench *bench)
{
        for (unsigned int round = 0; round < bench->results.rounds; round++)
                for (unsigned int i = 0; i < TARGETS; i++) {
                        enum target_id id = (round + i) % TARGETS;
                        int r;

                        if (bench->only && strcmp(bench->only, target_names[id]) != 0)
                                continue;
                        fprintf(stderr, "bench: round %u of %u: %s\n", round + 1,
                                bench->results.rounds, target_names[id]);
                        r = run_target(bench, id);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int write_json(struct bench *bench)
{
        json_t *json = report_json(&bench->results);
        BUS_AUTOFREE char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(6));

        json_decref(json);
        return text ? bus_file_replace(bench->json, 0644, bus_bytes_str(text)) : -ENOMEM;
}

/* -1: go on; else the exit status. */
static int parse(struct bench *bench, int argc, char **argv)
{
        static const struct option options[] = {
                { "quick", no_argument, NULL, 'q' },
                { "json", required_argument, NULL, 'j' },
                { "rounds", required_argument, NULL, 'r' },
                { "only", required_argument, NULL, 'o' },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (c) {
                case 'q': bench->extent = &quick; break;
                case 'j': bench->json = optarg; break;
                case 'r': bench->results.rounds = (unsigned int)strtoul(optarg, NULL, 10); break;
                case 'o': bench->only = optarg; break;
                case 'h': usage(stdout); return 0;
                default: usage(stderr); return 2;
                }
        }
        if (optind == argc && bench->results.rounds && bench->results.rounds <= ROUNDS_MAX)
                return -1;
        usage(stderr);
        return 2;
}

int main(int argc, char **argv)
{
        struct bench bench = { .extent = &full, .results.rounds = ROUNDS };
        const char *parent = getenv("UMBRA_BENCH_DIR");
        int r;

        r = parse(&bench, argc, argv);
        if (r >= 0)
                return r;
        signal(SIGPIPE, SIG_IGN);
        snprintf(bench.folder, sizeof(bench.folder), "%s/umbra-bench-XXXXXX",
                parent ? parent : "/var/tmp");
        if (bus_hash_init() < 0 || !mkdtemp(bench.folder)) {
                fprintf(stderr, "bench: %s: %s\n", bench.folder, strerror(errno));
                return 1;
        }
        bench.results.folder = bench.folder;
        r = run_rounds(&bench);
        if (!r) {
                report_table(&bench.results, stdout);
                r = bench.json ? write_json(&bench) : 0;
                rmdir(bench.folder);
        }
        results_done(&bench.results);
        return r < 0 ? 1 : 0;
}
