#pragma once
/*
 * The terminal's end of the broker link: dials order-executor, proves itself and has the executor
 * prove itself, keeps heartbeats, and dials again whenever the link is lost. What is to be sent
 * while it is not up is dropped: the executor asks.
 *
 * A lost connection is seen at once (socket monitor) or after LINK_DEAD_US without a message. Each
 * dialling has a new socket, so that nothing that waited in the old one reaches a new peer.
 */
#include "libbus/base/bytes.h"
#include "libbus/config/config.h"
#include "libbus/loop/loop.h"
#include "services/broker/broker_codec.h"

#define LINK_HEARTBEAT_US (INT64_C(1) * BUS_US_PER_SEC)
#define LINK_DEAD_US      (INT64_C(5) * BUS_US_PER_SEC)

struct bus_keys;
struct link;

struct link_options {
        const char *endpoint; /* borrowed, as all here */
        const char *terminal_id;
        struct bus_bytes secret;
        const struct bus_keys *keys; /* of this terminal; NULL: a link without CURVE */
        const struct config *config; /* says whose place it dials (libbus/bus/place.h); NULL: any */
        int64_t redial_us;           /* pause after a link was lost */
        int64_t cut_us;              /* pause after link_cut */
};

enum link_refusal {
        LINK_BAD_PROOF, /* the executor does not know the secret */
        LINK_TOKEN,     /* its token is too low */
        LINK_UNWANTED,  /* it does not want this terminal */
};

/* What the owner does for the link. MESSAGE comes only from an executor that proved itself. */
struct link_owner {
        void (*hello)(
                const uint8_t nonce[static BROKER_NONCE_BYTES], struct bus_buf *buf, void *arg);
        void (*heartbeat)(struct bus_buf *buf, void *arg);
        /* False if TOKEN is too low; HIGHEST is then what there was. */
        bool (*token)(uint64_t token, uint64_t *ret_highest, void *arg);
        void (*up)(uint64_t token, void *arg);
        void (*refused)(enum link_refusal why, uint64_t token, const char *words, void *arg);
        void (*message)(const Pb__BrokerMessage *message, void *arg);
        /* Before anything goes out, and when all that came together has been handed on. */
        void (*before_send)(void *arg);
        void *arg;
};

/* Dials in the loop's next turn. The caller frees, before the loop and the context. */
struct link *link_new(void *zmq, struct bus_loop *loop, const struct link_options *options,
        const struct link_owner *owner);
struct link *link_free(struct link *link); /* takes NULL, returns NULL */

bool link_is_up(const struct link *link);
/* Whether messages are being read, so that BEFORE_SEND is certain to come. */
bool link_is_reading(const struct link *link);
/* One packed message. Dropped where the link is not up, or its peer does not read. */
void link_send(struct link *link, struct bus_bytes frame);
/* Drops the link; it is dialled again after cut_us. */
void link_cut(struct link *link);
/* Neither reads nor sends nor judges silence while it is held. */
void link_hold(struct link *link, bool hold);
