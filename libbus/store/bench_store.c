/*
 * What a commit of three small writes costs, beside the least that a disk asks for it:
 *   bench-store [FOLDER]
 * Three ways take turns, so that whatever else the machine does meets all alike: a raw append of as
 * many bytes to a file whose blocks are there, with fdatasync; a commit with a sync; one without.
 * Between them, unmeasured for the latency but not for the processor, the store settles.
 * Processor time is that of this process. System calls: `strace -c -f bench-store`.
 * For people who change the engine; the system's own benchmark is `./run bench`.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#define BODY_BYTES 700 /* of a usual signal */
#define RAW_BYTES  1024
#define RAW_ROOM   (4 << 20)
#define TURNS      2000
/* Alerts come one by one: what a turn leaves running has stopped before the next. */
#define PAUSE_US 500

enum way { RAW, FULL, NORMAL, SETTLE, WAYS };

struct cost {
        int64_t wall_us[TURNS];
        int64_t cpu_ns;
};

struct bench {
        struct store *store;
        struct store_batch *batch;
        int raw_fd;
        off_t raw_at;
        struct cost costs[WAYS];
};

static int64_t cpu_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void stage(struct store_batch *batch, uint64_t number)
{
        static const uint8_t body[BODY_BYTES];
        char key[32];

        snprintf(key, sizeof(key), "key/%llx", (unsigned long long)number * 0x9e3779b97f4a7c15);
        store_batch_clear(batch);
        store_batch_append(batch, &(struct store_append){ .stream = "signal@bench",
                                          .topic = "signal.v3.EURUSD",
                                          .body = bus_bytes(body, sizeof(body)),
                                          .at_us = bus_wall_us(),
                                          .claim_key = bus_bytes_str(key),
                                          .claim_value = bus_bytes_str(key) });
        store_batch_put(batch, bus_bytes_str("state"), bus_bytes_str(key));
        store_batch_cursor(batch, "account@bench", (struct bus_pos){ 1, number, 0 });
}

static int raw(struct bench *bench)
{
        static const uint8_t body[RAW_BYTES] = { 1 };

        if (bench->raw_at + RAW_BYTES > RAW_ROOM)
                bench->raw_at = 0;
        if (pwrite(bench->raw_fd, body, sizeof(body), bench->raw_at) < 0)
                return -1;
        bench->raw_at += RAW_BYTES;
        return fdatasync(bench->raw_fd);
}

static int go(struct bench *bench, enum way way)
{
        switch (way) {
        case RAW: return raw(bench);
        case FULL: return store_commit(bench->store, bench->batch, STORE_SYNC_FULL);
        case NORMAL: return store_commit(bench->store, bench->batch, STORE_SYNC_NORMAL);
        default: store_settle(bench->store); return 0;
        }
}

static int measured(struct bench *bench, enum way way, int turn)
{
        int64_t wall_us = bus_mono_us(), cpu = cpu_ns();
        int r = go(bench, way);

        bench->costs[way].cpu_ns += cpu_ns() - cpu;
        bench->costs[way].wall_us[turn] += bus_mono_us() - wall_us;
        return r;
}

static int run(struct bench *bench)
{
        static uint64_t number;
        int r = 0;

        for (int turn = 0; turn < TURNS && !r; turn++) {
                r = measured(bench, RAW, turn);
                for (enum way way = FULL; way <= NORMAL && !r; way++) {
                        usleep(PAUSE_US);
                        stage(bench->batch, ++number);
                        r = measured(bench, way, turn);
                        if (!r)
                                r = measured(bench, SETTLE, turn);
                }
                usleep(PAUSE_US);
        }
        return r;
}

static int by_size(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

static void tell(struct bench *bench)
{
        static const char *const names[WAYS] = { "raw 1 KB, fdatasync", "commit, synced",
                "commit, not synced", "settling both" };
        struct store_stats stats;

        store_stats(bench->store, &stats);
        printf("%-20s %9s %9s %9s %9s %9s\n", "us", "p10", "median", "p99", "most", "cpu");
        for (enum way way = RAW; way < WAYS; way++) {
                struct cost *cost = &bench->costs[way];

                qsort(cost->wall_us, TURNS, sizeof(cost->wall_us[0]), by_size);
                printf("%-20s %9lld %9lld %9lld %9lld %9.1f\n", names[way],
                        (long long)cost->wall_us[TURNS / 10], (long long)cost->wall_us[TURNS / 2],
                        (long long)cost->wall_us[TURNS * 99 / 100],
                        (long long)cost->wall_us[TURNS - 1], (double)cost->cpu_ns / 1e3 / TURNS);
        }
        printf("syncs a synced commit: %.3f\n", (double)stats.syncs / TURNS);
}

static int open_raw(const char *path)
{
        static const uint8_t zeros[65536];
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        for (off_t at = 0; fd >= 0 && at < RAW_ROOM; at += (off_t)sizeof(zeros))
                bus_require(pwrite(fd, zeros, sizeof(zeros), at) == (ssize_t)sizeof(zeros));
        bus_require(fd >= 0 && fsync(fd) == 0);
        return fd;
}

int main(int argc, char **argv)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/bench-store.db", argc > 1 ? argv[1] : ".");
        BUS_AUTOFREE char *lock = bus_xasprintf("%s.lock", path);
        BUS_AUTOFREE char *raw_path = bus_xasprintf("%s.raw", path);
        struct store_options options = {
                .engine = "sqlite", .path = path, .now_us = bus_wall_us(), .boot_id = "bench"
        };
        static struct bench bench;
        struct store_stream stream;
        char error[256] = "";
        int r;

        if (store_open(&options, &bench.store, error, sizeof(error)) < 0) {
                fprintf(stderr, "%s\n", error);
                return 1;
        }
        bench.raw_fd = open_raw(raw_path);
        bench.batch = store_batch_new();
        r = store_stream_open(bench.store, "signal@bench", STORE_STREAM_FULL, &stream);
        if (!r)
                r = run(&bench);
        if (!r)
                tell(&bench);
        store_batch_free(bench.batch);
        store_free(bench.store);
        close(bench.raw_fd);
        unlink(path);
        unlink(lock);
        unlink(raw_path);
        return r < 0;
}
