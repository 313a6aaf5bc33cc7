#pragma once
/*
 * Where in a stream to begin: asked of its writer's journal.
 */
#include "libbus/wire/position.h"

struct bus_keys;

struct seek {
        int64_t since_us;  /* > 0: before the first message of that time or later */
        uint64_t from_seq; /* > 0: before that one, in the newest incarnation */
};

/* Of whom: a service, asked as the holder of KEYS. */
struct seek_peer {
        const char *name, *replay_endpoint;
        const struct bus_keys *keys;
};

/*
 * Blocks, for half a second each way at the most. -ETIMEDOUT: the writer does not run; -ENOENT: it has no such
 * stream; -ENOKEY: its public key is missing; -EIO.
 */
BUS_MUST int seek_stream(void *zmq, const struct seek_peer *peer, const char *stream,
        const struct seek *seek, struct bus_pos *ret_after);
