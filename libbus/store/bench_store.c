/*
 * Commits a second of three small writes, with and without a sync:
 *   bench-store [FOLDER]
 * For people who change the engine; the system's own benchmark is `./run bench`.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/store/store.h"

#include <stdio.h>

#define BODY_BYTES 700 /* of a usual signal */
#define RUN_US     (2 * BUS_US_PER_SEC)

static void stage(struct store_batch *batch, uint64_t number)
{
        static const uint8_t body[BODY_BYTES];
        char key[32];

        snprintf(key, sizeof(key), "key/%llu", (unsigned long long)number);
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

static int measure(struct store *store, const char *name, enum store_sync sync)
{
        struct store_batch *batch = store_batch_new();
        struct store_stats before, after;
        int64_t start_us = bus_mono_us(), slowest_us = 0, now_us = start_us;
        static uint64_t number;
        int r = 0;

        store_stats(store, &before);
        while (!r && now_us - start_us < RUN_US) {
                int64_t began_us = now_us;

                stage(batch, ++number);
                r = store_commit(store, batch, sync);
                now_us = bus_mono_us();
                if (now_us - began_us > slowest_us)
                        slowest_us = now_us - began_us;
        }
        store_stats(store, &after);
        printf("%-7s %8.0f commits/s  slowest %6.1f ms  syncs a commit %.3f\n", name,
                (double)(after.commits - before.commits) * 1e6 / (double)(now_us - start_us),
                (double)slowest_us / 1e3,
                (double)(after.syncs - before.syncs) / (double)(after.commits - before.commits));
        store_batch_free(batch);
        return r;
}

int main(int argc, char **argv)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/bench-store.db", argc > 1 ? argv[1] : ".");
        struct store_options options = {
                .engine = "sqlite", .path = path, .now_us = bus_wall_us(), .boot_id = "bench"
        };
        BUS_AUTOFREE char *lock = bus_xasprintf("%s.lock", path);
        struct store_stream stream;
        char error[256] = "";
        struct store *store;
        int r;

        if (store_open(&options, &store, error, sizeof(error)) < 0) {
                fprintf(stderr, "%s\n", error);
                return 1;
        }
        r = store_stream_open(store, "signal@bench", STORE_STREAM_FULL, &stream);
        if (!r)
                r = measure(store, "full", STORE_SYNC_FULL);
        if (!r)
                r = measure(store, "normal", STORE_SYNC_NORMAL);
        store_free(store);
        unlink(path);
        unlink(lock);
        return r < 0;
}
