#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "tests/bench/figures.h"
#include "tests/bench/umbra.h"
#include "tests/bench/umbra_internal.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#define BEATS_US    ((useconds_t)2500000)
#define ASK_US      (3 * BUS_US_PER_SEC)
#define PROC_MAX    65536
#define LINE_SIZE   8192
#define PULSES_SENT 64 /* connections */
#define LEGS        2  /* orders an alert becomes */
#define PLUGINS     2  /* whose decisions the shadow tells of each signal */

static const char *const services[] = { "alert-ingest", "strategy-v3", "order-executor",
        "strategy-v3-shadow", "health", "telegram-analytics", "telegram-notify",
        "telegram-controller" };

/* ---- counters and processes ---- */

static double metric(const char *text, const char *name, const char *service)
{
        BUS_AUTOFREE char *line = bus_xasprintf("\n%s{service=\"%s\"", name, service);
        const char *at = strstr(text, line);

        at = at ? strstr(at, "} ")
                : NULL; /* where it may run several times, its replica stands between */
        return at ? strtod(at + strlen("} "), NULL) : 0;
}

int umbra_counters(const struct target *target, struct umbra_counters *ret_counters)
{
        const struct umbra *umbra = target->state;
        struct client_answer answer = { 0 };
        char error[256];
        const char *text;
        int r;

        usleep(BEATS_US);
        r = client_request(
                &umbra->health, "GET", "/metrics", NULL, ASK_US, &answer, error, sizeof(error));
        if (!r) {
                text = bus_buf_str(&answer.body);
                *ret_counters = (struct umbra_counters){
                        .ingest_syncs = metric(text, "umbra_syncs_total", "alert-ingest"),
                        .executor_syncs = metric(text, "umbra_syncs_total", "order-executor"),
                        .executor_commits = metric(text, "umbra_commits_total", "order-executor"),
                };
        }
        client_answer_done(&answer);
        return r;
}

static double pss_kb(pid_t pid)
{
        BUS_AUTOFREE char *path = bus_xasprintf("/proc/%d/smaps_rollup", (int)pid);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        const char *at;

        if (bus_file_read(path, PROC_MAX, &text) < 0)
                return 0;
        at = strstr(bus_buf_str(&text), "\nPss:");
        return at ? strtod(at + strlen("\nPss:"), NULL) : 0;
}

int umbra_memory(const struct target *target, struct umbra_memory *ret_memory)
{
        const struct umbra *umbra = target->state;
        struct umbra_memory memory = { 0 };

        for (size_t i = 0; i < BUS_COUNT(services); i++) {
                double kb = pss_kb(layout_pid(&umbra->layout, services[i]));

                if (kb <= 0)
                        return -ESRCH;
                memory.services_kb += kb;
        }
        memory.all_kb = memory.services_kb + pss_kb(umbra->pid) +
                        pss_kb(layout_pid(&umbra->layout, "mt5-demo"));
        *ret_memory = memory;
        return 0;
}

/* The first number of schedstat: nanoseconds on a CPU, of one thread. */
static int64_t thread_cpu_us(const char *path)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        return bus_file_read(path, PROC_MAX, &text) < 0
                       ? 0
                       : strtoll(bus_buf_str(&text), NULL, 10) / 1000;
}

int64_t umbra_cpu_us(const struct target *target)
{
        const struct umbra *umbra = target->state;
        int64_t sum_us = 0;

        for (size_t i = 0; i < BUS_COUNT(services); i++) {
                BUS_AUTOFREE char *pattern = bus_xasprintf(
                        "/proc/%d/task/*/schedstat", (int)layout_pid(&umbra->layout, services[i]));
                glob_t found = { 0 };

                if (!glob(pattern, 0, NULL, &found))
                        for (size_t k = 0; k < found.gl_pathc; k++)
                                sum_us += thread_cpu_us(found.gl_pathv[k]);
                globfree(&found);
        }
        return sum_us;
}

/* ---- messages, through umbra tap ---- */

static FILE *tap(const struct target *target, const char *topic, int64_t since_us, size_t count)
{
        const struct umbra *umbra = target->state;
        /* what is there comes at once; it is told to stop where it waits for more */
        BUS_AUTOFREE char *command =
                bus_xasprintf("timeout --signal=INT 4 " BENCH_UMBRA
                              " tap --state '%s' --since %" PRId64 " --count %zu %s",
                        umbra->layout.state, since_us, count, topic);

        /* NOLINTNEXTLINE(cert-env33-c): of words of our own */
        return popen(command, "re");
}

/* The number behind KEY in the last line that COMMAND, of words of our own, prints. */
static int ask(const char *command, const char *key, double *ret_value)
{
        /* NOLINTNEXTLINE(cert-env33-c): see above */
        FILE *file = popen(command, "re");
        char line[LINE_SIZE] = "";
        const char *at;

        if (!file)
                return -errno;
        while (fgets(line, sizeof(line), file))
                ;
        if (pclose(file) != 0)
                return -EIO;
        at = strstr(line, key);
        if (!at)
                return -EBADMSG;
        *ret_value = strtod(at + strlen(key), NULL);
        return 0;
}

static int64_t stamp(const char *line, const char *name)
{
        BUS_AUTOFREE char *key = bus_xasprintf("\"%s\":", name);
        const char *at = strstr(line, key);

        return at ? strtoll(at + strlen(key), NULL, 10) : 0;
}

/* Between these stamps, in the order an alert passes them. */
static const char *const marks[UMBRA_STEPS + 1] = { "http_received", "signal_staged",
        "signal_published", "decide_start", "decide_end", "order_received", "intent_staged",
        "submitted" };
const char *const umbra_steps[UMBRA_STEPS] = { "parse", "ingest_commit", "hop_to_strategy",
        "decide", "hop_to_executor", "judge", "executor_commit" };

struct steps {
        struct series series[UMBRA_STEPS];
        size_t intent_turns;
        int64_t last_commit_us;
};

static void take_intent(struct steps *steps, const char *line)
{
        int64_t us[UMBRA_STEPS + 1];

        if (stamp(line, "intent_staged") != steps->last_commit_us) {
                steps->last_commit_us = stamp(line, "intent_staged");
                steps->intent_turns++;
        }
        for (size_t i = 0; i <= UMBRA_STEPS; i++)
                us[i] = stamp(line, marks[i]);
        for (size_t i = 0; i < UMBRA_STEPS; i++)
                if (us[i] && us[i + 1])
                        series_add(&steps->series[i], (double)(us[i + 1] - us[i]));
}

static void take_filled(struct steps *steps, const char *line)
{
        int64_t staged_us = stamp(line, "intent_staged"), submitted_us = stamp(line, "submitted");

        if (staged_us && submitted_us)
                series_add(&steps->series[UMBRA_STEPS - 1], (double)(submitted_us - staged_us));
}

int umbra_trades(const struct target *target, int64_t since_us, size_t alerts,
        struct umbra_trades *ret_trades)
{
        static const char *const topics[] = { "trade.intent", "trade.filled" };
        struct steps steps = { 0 };
        char line[LINE_SIZE];
        size_t lines = 0;

        for (size_t i = 0; i < BUS_COUNT(topics); i++) {
                FILE *file = tap(target, topics[i], since_us, LEGS * alerts);

                if (!file)
                        return -errno;
                for (; fgets(line, sizeof(line), file); lines++)
                        (i ? take_filled : take_intent)(&steps, line);
                pclose(file);
        }
        *ret_trades =
                (struct umbra_trades){ .intent_turns = steps.intent_turns, .count = lines / 4 };
        for (size_t i = 0; i < UMBRA_STEPS; i++) {
                ret_trades->steps_us[i] = (int64_t)series_median(&steps.series[i]);
                series_done(&steps.series[i]);
        }
        return lines < alerts ? -EBADMSG : 0;
}

/* ---- catching up ---- */

int umbra_catch_up(const struct target *target, unsigned int first, size_t count, double *ret_rate)
{
        BUS_AUTOFREE struct bench_alert *alerts = bus_new_n(struct bench_alert, count);
        const struct umbra *umbra = target->state;
        const struct load load = {
                .connections = PULSES_SENT, .kind = BENCH_PULSE, .first = first
        };
        pid_t pid = layout_pid(&umbra->layout, "strategy-v3-shadow");
        int64_t since_us, first_us = 0, last_us = 0;
        size_t decided = 0;
        char line[LINE_SIZE];
        FILE *file;
        int r;

        if (pid <= 0)
                return -ESRCH;
        kill(pid, SIGSTOP);
        r = load_run(target, &load, alerts, count);
        since_us = bus_wall_us();
        kill(pid, SIGCONT);
        if (r < 0)
                return r;
        usleep(BEATS_US);
        file = tap(target, "decision.shadow", since_us, PLUGINS * count);
        if (!file)
                return -errno;
        for (; fgets(line, sizeof(line), file); decided++) {
                last_us = stamp(line, "staged_us");
                first_us = first_us ? first_us : last_us;
        }
        pclose(file);
        if (decided < count)
                return -ETIMEDOUT;
        *ret_rate = (double)count * 1e6 / (double)(last_us - since_us);
        return 0;
}

/* ---- asked of other programs ---- */

int umbra_replay(const struct target *target, double *ret_rate)
{
        const struct umbra *umbra = target->state;
        BUS_AUTOFREE char *command = bus_xasprintf(BENCH_UMBRA
                " replay --state '%s' --plugin combined_v3 --against legacy_v3",
                umbra->layout.state);
        int64_t start_us = bus_mono_us();
        double alerts;
        int r;

        r = ask(command, "\"alerts\":", &alerts);
        if (!r)
                *ret_rate = alerts * 1e6 / (double)(bus_mono_us() - start_us);
        return r;
}

int umbra_layer(double *ret_ns)
{
        return ask(BENCH_LAYER, "\"service_api_ns\":", ret_ns);
}
