#pragma once
/*
 * Where the "redis" engine finds its server, and as whom. Said once a process, before the first
 * store is opened; a tool that works on the stores of several services says it before each. SIGPIPE
 * must be ignored: a server may go away at any time.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct store_redis_options {
        const char *host; /* TCP, unless SOCKET is given */
        uint16_t port;
        const char *socket;   /* path, or "" */
        const char *user;     /* of the ACL; without a password nobody logs in */
        const char *password; /* or "" */
        int wait_replicas;    /* that must have a FULL commit before it counts */
        int64_t wait_us;      /* for them */
        int64_t timeout_us;   /* of a connection, and of each answer */
        int64_t lease_us;     /* how long a store stays held behind its holder's last sign */
        const char *replica;  /* who this process is among several of one service */
};

/* Copied. */
void store_redis_use(const struct store_redis_options *options);

/* The text of the functions the engine runs inside Redis, for who loads them by hand. The caller frees. */
char *store_redis_library(void);
/* Loads them: 0 also where they are there already. */
BUS_MUST int store_redis_load_library(char *error, size_t error_size);
