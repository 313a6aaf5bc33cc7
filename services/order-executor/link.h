#pragma once
/*
 * The executor's end of the broker link (docs/mt5.md, The broker link): a ROUTER that a terminal dials.
 * Hello, Welcome with our proof and token, Proof; then one terminal at a time, heard at least every
 * EX_LINK_DEAD_US. Until a peer has proved itself nothing it says has any effect but a Welcome, and
 * no more than EX_LINK_GREETINGS_MAX such peers are remembered.
 */
#include "libbus/loop/loop.h"
#include "services/broker/broker_codec.h"

#define EX_LINK_HEARTBEAT_US (INT64_C(1) * BUS_US_PER_SEC)
#define EX_LINK_DEAD_US      (INT64_C(5) * BUS_US_PER_SEC)

enum {
        EX_LINK_GREETINGS_MAX = 8, /* more strangers than that push each other out */
};

struct ex_link;

/* What the owner does for the link. */
struct ex_link_owner {
        void *arg;
        /* The ROUTER before its bind, and behind it (< 0 ends ex_link_new). May be NULL. */
        void (*guard)(void *arg, void *socket);
        int (*prove)(void *arg, void *socket);
        /* NULL, or why this terminal will not do. */
        const char *(*judge)(void *arg, const Pb__Hello *hello);
        /*
         * A terminal of good form says the highest token it has seen: the owner may raise its own,
         * and calls ex_link_welcome with GREETING once that is durable, now or later.
         */
        void (*token)(void *arg, uint64_t highest, uint64_t greeting);
        void (*up)(void *arg, const Pb__Hello *hello);
        void (*down)(void *arg, const char *why);
        /* From the terminal that is up, validated. */
        void (*message)(void *arg, const Pb__BrokerMessage *message);
        /* The terminal, proved, has seen a higher token: another executor has taken over. */
        void (*superseded)(void *arg, uint64_t highest);
};

/* Binds ENDPOINT. SECRET and OWNER are borrowed. -errno of the bind, or what prove() said. */
BUS_MUST int ex_link_new(void *zmq, struct bus_loop *loop, const char *endpoint,
        struct bus_bytes secret, const struct ex_link_owner *owner, struct ex_link **ret_link);
struct ex_link *ex_link_free(struct ex_link *link); /* takes NULL, returns NULL */

/* Answers the greeting with our proof; forgotten ones are no harm. */
void ex_link_welcome(struct ex_link *link, uint64_t greeting, uint64_t token);
bool ex_link_is_up(const struct ex_link *link);
const char *ex_link_terminal(const struct ex_link *link); /* its id; "" while none is up */
/* To the terminal that is up. False if it could not be handed over: the link may be gone then. */
BUS_MUST bool ex_link_send(struct ex_link *link, const Pb__BrokerMessage *message);
