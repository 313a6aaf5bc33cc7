#pragma once
/* A second process's view of a store in Redis: another folder, the same server. */
#include "libbus/store/redis/test_redis_server.h"
#include "libbus/store/test_engines.h"

struct seat {
        char folder[64];
        const char *replica;
        struct store *store;
};

struct seat seat_new(const char *replica);
/* Who opens a store from now on. */
void seat_use(const char *replica, int64_t lease_us);
int seat_open(struct seat *seat, bool shared, char *error, size_t error_size);
void seat_done(struct seat *seat);

/* One record to "signal@w". */
int seat_append(struct store *store, const char *body, const char *claim, bool *ret_duplicate,
        struct bus_pos *ret_position);
uint64_t seat_token(struct store *store);
