/* See test_redis_seat.h. */
#include "libbus/store/redis/test_redis_seat.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"

#include <stdio.h>

struct seat seat_new(const char *replica)
{
        struct seat seat = { .folder = "/tmp/umbra-seat-XXXXXX", .replica = replica };

        cr_assert(mkdtemp(seat.folder));
        return seat;
}

void seat_use(const char *replica, int64_t lease_us)
{
        struct store_redis_options options = test_redis_options(&server);

        options.replica = replica;
        options.lease_us = lease_us;
        store_redis_use(&options);
}

int seat_open(struct seat *seat, bool shared, char *error, size_t error_size)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/store.db", seat->folder);
        struct store_options options = { .engine = "redis",
                .path = path,
                .shared = shared,
                .now_us = bus_wall_us(),
                .boot_id = "boot-1" };

        return store_open(&options, &seat->store, error, error_size);
}

void seat_done(struct seat *seat)
{
        BUS_AUTOFREE char *line = bus_xasprintf("rm -rf %s", seat->folder);

        seat->store = store_free(seat->store);
        cr_assert_eq(system(line), 0);
}

int seat_append(struct store *store, const char *body, const char *claim, bool *ret_duplicate,
        struct bus_pos *ret_position)
{
        struct store_batch *batch = store_batch_new();
        size_t index = store_batch_append(batch, &(struct store_append){ .stream = "signal@w",
                                                         .topic = "t",
                                                         .body = bus_bytes_str(body),
                                                         .at_us = 1,
                                                         .claim_key = bus_bytes_str(claim) });
        int r = store_commit(store, batch, STORE_SYNC_FULL);

        if (!r) {
                *ret_duplicate = store_batch_result(batch, index)->duplicate;
                *ret_position = store_batch_result(batch, index)->position;
        }
        store_batch_free(batch);
        return r;
}

uint64_t seat_token(struct store *store)
{
        struct store_lease lease;

        store_lease(store, &lease);
        return lease.token;
}
