#include "tests/bench/umbra.h"

#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/order-executor/core/ids.h"
#include "tests/bench/chain.h"
#include "tests/bench/process.h"
#include "tests/bench/umbra_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#define READY_MS    30000
#define LINE_SIZE   1024
#define LEDGER_STEP ((size_t)1 << 20)
#define LOOK_US     ((useconds_t)5000)

/* A broker that fills everything at prices that stand still, and no limit of ours in the way. */
static const char *const sets[] = {
        "alert-ingest.listen=127.0.0.1:0", "health.listen=127.0.0.1:0",
        "mt5-demo.balance=1000000000", "mt5-demo.volatility=0", "mt5-demo.spread=0",
        "risk.daily_cap=0", "risk.lifetime_cap=0", "risk.max_open_positions=0",
        "risk.max_price_gap=0", "risk.count_open_risk=no", /* the plugin caps what is open, too */
};

bool umbra_on_redis;

/* ---- the orders, as the broker's ledger has them ---- */

struct expected {
        char cl_ord_id[CL_ORD_ID_SIZE];
        struct bench_alert *alert;
};

static int by_id(const void *a, const void *b)
{
        return strcmp(a, b);
}

static int expect(struct bench_alert *alerts, size_t count, struct expected *expected)
{
        for (size_t i = 0; i < count; i++) {
                const char *at = strstr(alerts[i].answer, "\"alert_id\":\"");
                char alert_id[BUS_ID_SIZE];

                if (!at)
                        return -EBADMSG;
                snprintf(alert_id, sizeof(alert_id), "%s", at + strlen("\"alert_id\":\""));
                ex_id_leg(alert_id, "v3", "A", expected[i].cl_ord_id);
                expected[i].alert = &alerts[i];
                alerts[i].done_us = 0;
        }
        qsort(expected, count, sizeof(*expected), by_id);
        return 0;
}

/* LINE: {"time":"...","event":"request","cl_ord_id":"..." */
static size_t take_line(const char *line, const struct expected *expected, size_t count)
{
        const char *id = strstr(line, "\"event\":\"request\",\"cl_ord_id\":\"");
        const struct expected *found;
        struct expected key;
        char time[BUS_TIME_TEXT_SIZE];

        if (!id || strncmp(line, "{\"time\":\"", 9) != 0)
                return 0;
        snprintf(key.cl_ord_id, CL_ORD_ID_SIZE, "%s",
                id + strlen("\"event\":\"request\",\"cl_ord_id\":\""));
        found = !count ? NULL : bsearch(&key, expected, count, sizeof(key), by_id);
        if (!found || found->alert->done_us)
                return 0;
        snprintf(time, sizeof(time), "%.*s", (int)strcspn(line + 9, "\""), line + 9);
        return bus_time_parse(time, &found->alert->done_us) == 0;
}

static void count_deal(struct umbra *umbra, const char *line)
{
        if (!strstr(line, "\"event\":\"deal\""))
                return;
        umbra->opened += strstr(line, "\"entry\":\"in\"") != NULL;
        umbra->closed += strstr(line, "\"entry\":\"out\"") != NULL;
}

/* What was added to the ledger since the last call; *FOUND counts the expected among it. */
static int read_ledger(
        struct umbra *umbra, const struct expected *expected, size_t count, size_t *found)
{
        char *rest, *line;
        ssize_t n;

        n = pread(umbra->ledger_fd, bus_buf_reserve(&umbra->text, LEDGER_STEP), LEDGER_STEP - 1,
                umbra->ledger_at);
        if (n < 0)
                return -errno;
        umbra->text.size = (size_t)n;
        line = (char *)bus_buf_str(&umbra->text);
        for (; (rest = strchr(line, '\n')); line = rest + 1) {
                *rest = 0;
                *found += take_line(line, expected, count);
                count_deal(umbra, line);
                umbra->ledger_at += rest + 1 - line;
        }
        bus_buf_clear(&umbra->text);
        return n > 0;
}

static int settle(
        struct target *target, struct bench_alert *alerts, size_t count, unsigned int first)
{
        BUS_AUTOFREE struct expected *expected = bus_new_n(struct expected, count);
        int64_t deadline_us = bus_mono_us() + BENCH_SETTLE_US;
        size_t found = 0;
        int r;

        (void)first;
        r = expect(alerts, count, expected);
        while (r >= 0 && found < count) {
                r = read_ledger(target->state, expected, count, &found);
                if (r == 0)
                        usleep(LOOK_US);
                if (bus_mono_us() > deadline_us) {
                        fprintf(stderr, "bench: %zu of %zu alerts became no order\n", count - found,
                                count);
                        return -ETIMEDOUT;
                }
        }
        return r < 0 ? r : 0;
}

/* Legs beyond the first may be on their way still: an exit behind them closes them all the same. */
static int tidy(struct target *target, unsigned int *number)
{
        const struct load load = {
                .connections = BENCH_SYMBOLS, .kind = BENCH_EXIT, .first = *number
        };
        struct umbra *umbra = target->state;
        struct bench_alert alerts[BENCH_SYMBOLS];
        int64_t deadline_us = bus_mono_us() + BENCH_SETTLE_US;
        size_t found = 0;
        int r;

        r = load_run(target, &load, alerts, BENCH_SYMBOLS);
        *number += BENCH_SYMBOLS;
        while (r >= 0) {
                r = read_ledger(umbra, NULL, 0, &found);
                if (r == 0 && umbra->opened == umbra->closed)
                        return 0;
                if (r == 0)
                        usleep(LOOK_US);
                if (bus_mono_us() > deadline_us)
                        return -ETIMEDOUT;
        }
        return r;
}

/* ---- the system ---- */

static void umbra_free(struct umbra *umbra)
{
        if (umbra->ledger_fd >= 0)
                close(umbra->ledger_fd);
        process_stop(umbra->pid);
        process_stop(umbra->redis);
        client_done(&umbra->health);
        layout_done(&umbra->layout);
        bus_buf_done(&umbra->text);
        free(umbra);
}

static void stop(struct target *target)
{
        umbra_free(target->state);
        target->state = NULL;
}

static int read_ready(int fd, struct target *target)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        char line[LINE_SIZE];
        unsigned int port;
        ssize_t n;

        if (poll(&poll_fd, 1, READY_MS) <= 0)
                return -ETIMEDOUT;
        n = read(fd, line, sizeof(line) - 1);
        line[n > 0 ? n : 0] = 0;
        if (sscanf(line, "ready webhook=http://127.0.0.1:%u%127s", &port, target->path) != 2)
                return -EBADMSG;
        target->port = (uint16_t)port;
        return 0;
}

static int start(struct umbra *umbra, struct target *target, const char *folder)
{
        BUS_AUTOFREE char *log = bus_xasprintf("%s/up.log", folder);
        BUS_AUTOFREE char *ledger = bus_xasprintf("%s/mt5-demo/ledger.jsonl", folder);
        BUS_AUTOFREE char *socket = bus_xasprintf("redis.socket=%s/redis.sock", folder);
        const char *argv[11 + 2 * BUS_COUNT(sets)] = { BENCH_UMBRA, "up", "--state", folder };
        size_t last = 4 + 2 * BUS_COUNT(sets);
        char error[256] = "";
        int out[2], r;

        if (umbra_on_redis) {
                r = redis_server_start(folder, &umbra->redis);
                if (r < 0)
                        return r;
                argv[last] = argv[last + 2] = argv[last + 4] = "--set";
                argv[last + 1] = "bus.store=redis";
                argv[last + 3] = socket;
                argv[last + 5] =
                        "redis.timeout=30s"; /* a disk that stands still for long is no fault here */
        }
        for (size_t i = 0; i < BUS_COUNT(sets); i++) {
                argv[4 + 2 * i] = "--set";
                argv[5 + 2 * i] = sets[i];
        }
        if (pipe2(out, O_CLOEXEC) < 0)
                return -errno;
        umbra->pid = process_start(argv, NULL, log, out[1], -1);
        close(out[1]);
        r = umbra->pid < 0 ? umbra->pid : read_ready(out[0], target);
        close(out[0]);
        if (!r)
                r = layout_init(&umbra->layout, folder);
        if (!r)
                r = client_init(&umbra->health, &umbra->layout, error, sizeof(error));
        umbra->ledger_fd = r ? -1 : open(ledger, O_RDONLY | O_CLOEXEC);
        return !r && umbra->ledger_fd < 0 ? -errno : r;
}

int umbra_start(struct target *target, const char *folder)
{
        const struct load warm = { .connections = 1, .period_us = 10000, .first = 0 };
        struct umbra *umbra = bus_new(struct umbra);
        struct bench_alert alerts[10];
        int r;

        *umbra = (struct umbra){ .ledger_fd = -1 };
        *target = (struct target){
                .name = "umbra", .state = umbra, .settle = settle, .tidy = tidy, .stop = stop
        };
        r = start(umbra, target, folder);
        if (!r)
                r = load_run(target, &warm, alerts, BUS_COUNT(alerts));
        if (!r)
                r = settle(target, alerts, BUS_COUNT(alerts), 0);
        if (r < 0) {
                umbra->pid = umbra->pid < 0 ? 0 : umbra->pid;
                stop(target);
        }
        return r;
}
