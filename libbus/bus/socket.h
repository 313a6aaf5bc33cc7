#pragma once
/*
 * Every ZeroMQ socket of the system is made here, with every option that matters set: libzmq's
 * defaults hang an exit (LINGER -1), accept messages of any size, and notice no dead peer.
 */
#include "libbus/bus/keys.h"

/* Largest frame anybody may send us: a replay answer is cut at a quarter of it. */
#define BUS_FRAME_MAX_BYTES (4 * 1024 * 1024)
/* Messages queued for a peer that is slower than we are; what goes beyond is fetched by replay. */
#define BUS_HWM_MESSAGES 10000
/* Of a publisher and a subscriber, where a message is a batch: some 16 MB of full ones for each reader. */
#define BUS_HWM_PUBLISHED 1000

/* TYPE: ZMQ_PUB and so on. Returns NULL with errno set. The caller closes with bus_socket_close. */
void *bus_socket_new(void *context, int type);
/* Has another of the context's I/O threads mind it than the first; before it is bound or connected. */
void bus_socket_move(void *socket, unsigned int thread);
/* Lets what was sent go out for at most LINGER_MS, then closes. Takes NULL, returns NULL. */
void *bus_socket_close(void *socket, int linger_ms);

/*
 * CURVE, before bind or connect. A guarded socket is a server with KEYS: who may connect is up to
 * the ZAP handler, asked for DOMAIN (libbus/bus/zap.h). A trusting one is a client that shows KEYS,
 * and talks to nobody but the holder of SERVER's secret key (-ENOKEY if its public key is missing).
 */
void bus_socket_guard(void *socket, const struct bus_keys *keys, const char *domain);
BUS_MUST int bus_socket_trust(void *socket, const struct bus_keys *keys, const char *server);
void bus_socket_trust_key(
        void *socket, const struct bus_keys *keys, const uint8_t server_key[static BUS_KEY_BYTES]);

/* zmq_bind and zmq_connect; -EPERM for a socket without CURVE on anything but ipc and inproc. */
BUS_MUST int bus_socket_bind(void *socket, const char *endpoint);
BUS_MUST int bus_socket_connect(void *socket, const char *endpoint);
