/*
 * ./run bench: Umbra beside its floor and its peers on the same machine in the same seconds. In each
 * round all targets start from empty folders; alerts then go to one after the other, in slices so
 * short that whatever else the machine does meets them alike. Who is first changes.
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
#define CALM_S      5 /* what the load left to the background is done */

/* How much of each in a round: slices, and alerts a slice. */
struct extent {
        unsigned int idle_slices, full_slices;
        size_t idle_alerts, full_alerts, pulses;
        unsigned int cpu_seconds;
};

static const struct extent full = { .idle_slices = 20,
        .idle_alerts = 50,
        .full_slices = 8,
        .full_alerts = 1000,
        .pulses = 50000,
        .cpu_seconds = 20 };
static const struct extent quick = { .idle_slices = 10,
        .idle_alerts = 30,
        .full_slices = 3,
        .full_alerts = 1000,
        .pulses = 20000,
        .cpu_seconds = 4 };

/* A target in one round. */
struct running {
        struct target target;
        char *folder;
        bool is_on;
        unsigned int number;         /* of its next alert */
        struct series order, answer; /* of all its idle slices */
        double full_alerts, full_us; /* of all its full slices */
};

struct bench {
        const struct extent *extent;
        const char *json, *only;
        bool times;
        char folder[64];
        struct running running[TARGETS];
        struct results results;
};

static int (*const starts[TARGETS])(struct target *, const char *) = {
        [TARGET_FLOOR] = floor_start,
        [TARGET_UMBRA] = umbra_start,
        [TARGET_REDIS] = redis_start,
        [TARGET_BOT] = bot_start,
        [TARGET_FAST_BOT] = fast_bot_start,
};

static void usage(FILE *out)
{
        fputs("usage: ./run bench [--quick] [--json FILE] [--rounds N] [--only TARGET,...] [--times] [--on-redis]\n"
              "\n"
              "Measures Umbra beside floor, redis and two bots (docs/performance.md).\n"
              "  --quick        short rounds\n"
              "  --json FILE    the figures, as docs/interfaces.md has them\n"
              "  --rounds N     5 if not given\n"
              "  --only TARGET  some of floor,umbra,redis,python_bot,fast_bot; other ratios are null then\n"
              "  --times        without what is asked of Umbra alone\n"
              "  --on-redis     Umbra keeps its stores in Redis\n"
              "\n"
              "UMBRA_BENCH_DIR: where the targets write (/var/tmp); what counts is its disk.\n",
                out);
}

/* ---- slices ---- */

static int send_slice(
        struct running *running, const struct load *load, struct bench_alert *alerts, size_t count)
{
        struct target *target = &running->target;
        int r;

        r = load_run(target, load, alerts, count);
        if (!r)
                r = target->settle(target, alerts, count, load->first);
        running->number += (unsigned int)count;
        if (r < 0)
                fprintf(stderr, "bench: %s: %s; see %s\n", target->name, strerror(-r),
                        running->folder);
        return r;
}

static int tidy(struct running *running)
{
        return running->target.tidy ? running->target.tidy(&running->target, &running->number) : 0;
}

static int idle_slice(struct running *running, size_t count)
{
        BUS_AUTOFREE struct bench_alert *alerts = bus_new_n(struct bench_alert, count);
        const struct load load = {
                .connections = 1, .period_us = PERIOD_US, .first = running->number
        };
        int r;

        r = send_slice(running, &load, alerts, count);
        for (size_t i = 0; !r && i < count; i++) {
                series_add(&running->order, (double)(alerts[i].done_us - alerts[i].sent_us));
                series_add(&running->answer, (double)(alerts[i].answered_us - alerts[i].sent_us));
        }
        return r;
}

static int full_slice(struct running *running, size_t count)
{
        BUS_AUTOFREE struct bench_alert *alerts = bus_new_n(struct bench_alert, count);
        const struct load load = { .connections = CONNECTIONS, .first = running->number };
        int64_t last_us = 0;
        int r;

        r = send_slice(running, &load, alerts, count);
        for (size_t i = 0; !r && i < count; i++)
                last_us = alerts[i].done_us > last_us ? alerts[i].done_us : last_us;
        if (!r) {
                running->full_alerts += (double)count;
                running->full_us += (double)(last_us - alerts[0].sent_us);
        }
        return r;
}

typedef int (*slice_fn)(struct running *running, size_t count);

static int run_slices(struct bench *bench, slice_fn fn, unsigned int slices, size_t count)
{
        for (unsigned int slice = 0; slice < slices; slice++)
                for (unsigned int i = 0; i < TARGETS; i++) {
                        struct running *running = &bench->running[(slice + i) % TARGETS];
                        int r = running->is_on ? fn(running, count) : 0;

                        if (!r && running->is_on)
                                r = tidy(running);
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* ---- what is asked of umbra besides ---- */

/*
 * The executor's store does not know which of its commits the broker link waits for. With one alert
 * at a time these are as many as turns that staged an intent, since one that was promised waits for the
 * promise's instead of its own; and checkpoints: whatever syncs are more than commits. Under load one commit holds many turns, of intents and of reports: all of them count.
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

/* A slice for umbra alone: the syncs it costs, and what its messages say of it. */
static int measure_syncs(struct bench *bench, slice_fn fn, size_t count, struct series *path,
        struct series *all, struct umbra_trades *ret_trades)
{
        struct running *umbra = &bench->running[TARGET_UMBRA];
        struct umbra_counters before, after;
        int64_t since_us;
        int r;

        r = umbra_counters(&umbra->target, &before);
        if (r < 0)
                return r;
        since_us = bus_wall_us();
        r = fn(umbra, count);
        if (!r)
                r = umbra_counters(&umbra->target, &after);
        if (!r)
                r = umbra_trades(&umbra->target, since_us, count, ret_trades);
        if (!r)
                add_syncs(&before, &after, ret_trades, count, path, all);
        return r < 0 ? r : tidy(umbra);
}

static int measure_resources(struct bench *bench, struct running *umbra)
{
        const struct target *target = &umbra->target;
        struct results *results = &bench->results;
        int64_t start_us, cpu_us;
        struct umbra_memory memory;
        double rate = 0;
        int r;

        sleep(CALM_S);
        start_us = bus_mono_us();
        cpu_us = umbra_cpu_us(target);
        sleep(bench->extent->cpu_seconds);
        cpu_us = umbra_cpu_us(target) - cpu_us;
        series_add(&results->idle_cpu_pct,
                100.0 * (double)cpu_us / (double)(bus_mono_us() - start_us));
        r = umbra_memory(target, &memory);
        if (r < 0)
                return r;
        series_add(&results->pss_mb, memory.services_kb / 1024);
        series_add(&results->pss_all_mb, memory.all_kb / 1024);
        r = umbra_catch_up(target, umbra->number, bench->extent->pulses, &rate);
        umbra->number += (unsigned int)bench->extent->pulses;
        if (!r) {
                series_add(&results->catch_up, rate);
                r = umbra_replay(target, &rate);
        }
        if (!r) {
                series_add(&results->replay, rate);
                r = umbra_layer(&rate);
        }
        if (!r)
                series_add(&results->layer_ns, rate);
        return r;
}

static int measure_umbra(struct bench *bench)
{
        const struct extent *extent = bench->extent;
        struct results *results = &bench->results;
        struct umbra_trades trades;
        int r;

        sleep(CALM_S);
        r = measure_syncs(bench, idle_slice, 2 * extent->idle_alerts, &results->syncs_idle,
                &results->all_syncs_idle, &trades);
        for (size_t i = 0; !r && i < UMBRA_STEPS; i++)
                series_add(&results->steps_us[i], (double)trades.steps_us[i]);
        if (!r)
                r = measure_syncs(bench, full_slice, extent->full_alerts, &results->syncs_64,
                        &results->all_syncs_64, &trades);
        return r < 0 ? r : measure_resources(bench, &bench->running[TARGET_UMBRA]);
}

static int measure(struct bench *bench)
{
        const struct extent *extent = bench->extent;
        int r;

        r = run_slices(bench, idle_slice, extent->idle_slices, extent->idle_alerts);
        if (!r)
                r = run_slices(bench, full_slice, extent->full_slices, extent->full_alerts);
        return r < 0 || bench->times || !bench->running[TARGET_UMBRA].is_on ? r
                                                                            : measure_umbra(bench);
}

/* ---- a round ---- */

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
        (void)stat;
        (void)kind;
        (void)walk;
        return remove(path);
}

/* ONLY: names with commas between them; NULL: all. */
static bool is_wanted(const char *only, const char *name)
{
        size_t length = strlen(name);

        if (!only)
                return true;
        for (; only; only = strchr(only, ',') ? strchr(only, ',') + 1 : NULL)
                if (strcspn(only, ",") == length && !strncmp(only, name, length))
                        return true;
        return false;
}

static int start_all(struct bench *bench)
{
        for (size_t i = 0; i < TARGETS;
                i++) /* all: where one fails, none of the last round is left */
                bench->running[i] = (struct running){ .number = WARM_ALERTS };
        for (size_t i = 0; i < TARGETS; i++) {
                struct running *running = &bench->running[i];
                int r;

                if (!is_wanted(bench->only, target_names[i]))
                        continue;
                running->folder = bus_xasprintf("%s/%s", bench->folder, target_names[i]);
                if (mkdir(running->folder, 0700) < 0)
                        return -errno;
                r = starts[i](&running->target, running->folder);
                if (r < 0) {
                        fprintf(stderr, "bench: %s does not start: %s; see %s\n", target_names[i],
                                strerror(-r), running->folder);
                        return r;
                }
                running->is_on = true;
        }
        return 0;
}

/* Keeps the folders of a round that failed: the logs are there. */
static void stop_all(struct bench *bench, bool failed)
{
        for (size_t i = 0; i < TARGETS; i++) {
                struct running *running = &bench->running[i];

                if (running->is_on)
                        running->target.stop(&running->target);
                if (running->folder && !failed)
                        nftw(running->folder, remove_one, FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
                free(running->folder);
                series_done(&running->order);
                series_done(&running->answer);
        }
}

static void keep_round(struct bench *bench)
{
        for (size_t i = 0; i < TARGETS; i++) {
                struct running *running = &bench->running[i];
                struct target_results *results = &bench->results.targets[i];

                if (!running->is_on)
                        continue;
                series_add(&results->p50_us, series_median(&running->order));
                series_add(&results->p99_us, series_percentile(&running->order, 99));
                series_add(&results->answer_us, series_median(&running->answer));
                series_add(&results->throughput, running->full_alerts * 1e6 / running->full_us);
        }
}

static int run_rounds(struct bench *bench)
{
        int r = 0;

        for (unsigned int round = 0; !r && round < bench->results.rounds; round++) {
                fprintf(stderr, "bench: round %u of %u\n", round + 1, bench->results.rounds);
                r = start_all(bench);
                if (!r)
                        r = measure(bench);
                if (!r)
                        keep_round(bench);
                stop_all(bench, r < 0);
        }
        return r;
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
                { "times", no_argument, NULL, 't' },
                { "on-redis", no_argument, NULL, 'R' },
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
                case 't': bench->times = true; break;
                case 'R': umbra_on_redis = true; break;
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
