#pragma once
/*
 * The doorkeeper of a ZeroMQ context: answers libzmq's authentication requests (RFC 27, ZAP). A
 * socket that bus_socket_guard made a CURVE server has a domain, the name of its service; a peer
 * gets past the handshake only with a key whose owner is admitted in that domain.
 *
 * libzmq admits EVERYONE when nobody answers: make it before the first bind, and have the canary
 * prove it (libbus/bus/canary.h). Handshakes wait for the loop (docs/adr/0016).
 */
#include "libbus/bus/policy.h"
#include "libbus/loop/loop.h"
#include "libbus/loop/metrics.h"

struct bus_zap;

/* Answers from LOOP. KEYS_FOLDER: where everybody's public keys are; they are read once, here. REFUSED
 * counts who was turned away; may be NULL. -EADDRINUSE: the context has one already. */
BUS_MUST int bus_zap_new(struct bus_loop *loop, void *zmq, const char *keys_folder,
        struct bus_metric *refused, struct bus_zap **ret_zap);
/* After the sockets it guards: without it everybody is admitted. Takes NULL, returns NULL. */
struct bus_zap *bus_zap_free(struct bus_zap *zap);

/* DOMAIN (borrowed) admits these, instead of nobody. */
void bus_zap_admit(struct bus_zap *zap, const char *domain, bus_principals_set admitted);

/* For the canary: waits for a request outside the loop, and refuses one key without telling. */
void *bus_zap_socket(struct bus_zap *zap);
void bus_zap_serve(void *zap);
void bus_zap_expect_stranger(struct bus_zap *zap, const uint8_t *public_key);
