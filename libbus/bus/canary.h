#pragma once
/*
 * The canary: proves at start-up that a socket of ours turns strangers away, by being one. libzmq
 * lets everybody in when no ZAP handler answers, and says nothing.
 */
#include "libbus/bus/keys.h"
#include "libbus/bus/zap.h"

struct bus_canary_target {
        void *socket; /* bound and guarded */
        int peer;     /* the type that connects to it: ZMQ_SUB, ZMQ_DEALER */
};

/*
 * Connects to each target with a key made for this and waits, milliseconds as a rule, until it is
 * refused. On failure one line in ERROR: -EKEYREJECTED if it is let in or not even asked for its key, and
 * the process must not run; -ETIMEDOUT if nobody answers, and another start may show. Serves ZAP
 * meanwhile, and no other source of the loop. KEYS: of the targets.
 */
BUS_MUST int bus_canary(void *zmq, struct bus_zap *zap, const struct bus_keys *keys,
        const struct bus_canary_target *targets, size_t count, char *error, size_t error_size);
