#pragma once
/*
 * What the files of the benchmark share. A target is one system under load: it takes alerts by
 * HTTP on PORT, and can tell of each when its order was durable and on its way to the broker.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_ANSWER_SIZE 160
#define BENCH_SETTLE_US   (60 * BUS_US_PER_SEC) /* an order that takes longer counts as lost */

/* One alert as the driver saw it; wall clock, for it is held against stamps of other processes. */
struct bench_alert {
        int64_t sent_us, answered_us;
        int64_t done_us; /* 0: not known yet */
        char answer[BENCH_ANSWER_SIZE];
};

struct target {
        const char *name;
        uint16_t port;
        char path[128];
        void *state; /* its own */
        /* Waits until the orders of all ALERTS are out, and fills in .done_us. FIRST: the number of
         * the first alert. -ETIMEDOUT if some are not. */
        int (*settle)(struct target *target, struct bench_alert *alerts, size_t count,
                unsigned int first);
        /* Between slices, not measured: closes what is open, as a day's exits would. NULL: nothing is. */
        int (*tidy)(struct target *target, unsigned int *number);
        void (*stop)(struct target *target); /* ends all its processes and frees its state */
};

/* The body of alert NUMBER. TRADEABLE: an entry, which becomes two orders; else a pulse, which
 * becomes none. */
enum bench_kind {
        BENCH_ENTRY,
        BENCH_PULSE,
        BENCH_EXIT, /* closes what was bought of one of BENCH_SYMBOLS */
};

#define BENCH_SYMBOLS 10 /* alert N is of symbol N modulo this */

struct load {
        unsigned int connections;
        int64_t period_us; /* between two alerts; 0: as fast as answers come */
        enum bench_kind kind;
        unsigned int first; /* number of the first alert */
};

/* Sends COUNT alerts and waits for their answers: each has to be a 200. -errno. */
BUS_MUST int load_run(const struct target *target, const struct load *load,
        struct bench_alert *alerts, size_t count);

/* Each starts in FOLDER, which is new and empty. -errno. */
BUS_MUST int floor_start(struct target *target, const char *folder);
BUS_MUST int redis_start(struct target *target, const char *folder);
BUS_MUST int bot_start(struct target *target, const char *folder);
BUS_MUST int fast_bot_start(struct target *target, const char *folder);
BUS_MUST int umbra_start(struct target *target, const char *folder);
