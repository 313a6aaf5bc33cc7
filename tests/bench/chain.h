#pragma once
/*
 * Three hops without a trading system: a front that takes HTTP, a middle and a last process that
 * hands each message to a peer, which stamps the time. What carries the messages and keeps them is
 * the wire's matter.
 */
#include "tests/bench/bench.h"

#include <sys/types.h>

#define NOTE_SIZE   1024 /* about a signal, or an order intent with both legs */
#define NOTES_MAX   64   /* at once: one a connection */
#define CHAIN_NOTES (1u << 20)

struct note {
        uint32_t number; /* of the alert */
        char text[NOTE_SIZE - sizeof(uint32_t)];
};

enum stage {
        STAGE_FRONT,
        STAGE_MIDDLE,
        STAGE_LAST,
};

struct wire {
        const char *name;
        /* In the stage's own process. */
        void *(*open)(const char *folder, enum stage stage);
        /* Keeps NOTES as the stage must, and passes them on (but for STAGE_LAST). */
        void (*put)(void *wire, const struct note *notes, size_t count);
        /* Waits for at least one. */
        size_t (*take)(void *wire, struct note *notes);
};

extern const struct wire wire_floor, wire_redis;

/* redis-server on FOLDER/redis.sock, which everyone may use, syncing each write. */
BUS_MUST int redis_server_start(const char *folder, pid_t *ret_pid);

BUS_MUST int chain_start(struct target *target, const char *folder, const struct wire *wire);
/* Ends the process with what failed: nothing here is worth mending. */
BUS_NORETURN void chain_die(const char *what);
/* The front's process: never returns. */
BUS_NORETURN void front_run(int listen_fd, const struct wire *wire, void *state);
