/*
 * Keeps: there is one session at the most; it begins with a proof that holds over nonces made for
 * it, and ends by silence, by a failed send, or by the same terminal proving itself anew.
 */
#include "services/order-executor/link.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/place.h"
#include "libbus/bus/socket.h"

#include <errno.h>
#include <zmq.h>

enum {
        READ_MAX = 64, /* messages a turn: then others get their turn too */
        IDENTITY_MAX = 64,
};

struct peer {
        uint8_t identity[IDENTITY_MAX];
        size_t size;
};

/* A terminal that has said Hello and has not proved itself. */
struct greeting {
        uint64_t number; /* 0: free */
        struct peer peer;
        Pb__BrokerMessage *message;        /* owned; its Hello */
        uint8_t nonce[BROKER_NONCE_BYTES]; /* ours */
        int64_t since_us;
};

struct ex_link {
        struct bus_loop *loop;
        void *socket;
        struct bus_source *source, *timer;
        struct bus_bytes secret;
        struct ex_link_owner owner;
        struct greeting greetings[EX_LINK_GREETINGS_MAX];
        uint64_t next_greeting;
        bool up;
        struct peer peer;
        char *terminal; /* owned; id of the one that is up */
        int64_t heard_us, beat_us;
        struct bus_buf buf;
};

static bool same_peer(const struct peer *a, const struct peer *b)
{
        return a->size == b->size && !memcmp(a->identity, b->identity, a->size);
}

static bool send_to(struct ex_link *link, const struct peer *peer, const Pb__BrokerMessage *message)
{
        bus_buf_clear(&link->buf);
        broker_pack(message, &link->buf);
        if (zmq_send(link->socket, peer->identity, peer->size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
                return false;
        return zmq_send(link->socket, link->buf.data, link->buf.size, ZMQ_DONTWAIT) >= 0;
}

static void lose(struct ex_link *link, const char *why)
{
        if (!link->up)
                return;
        link->up = false;
        log_info("terminal_lost", "terminal=%s why=%s", link->terminal, why);
        link->owner.down(link->owner.arg, why);
}

bool ex_link_send(struct ex_link *link, const Pb__BrokerMessage *message)
{
        if (!link->up || !link->heard_us)
                return false; /* a send has failed already, and nothing was heard since */
        if (send_to(link, &link->peer, message))
                return true;
        log_warn("link_send_failed", "kind=%s why=%s", broker_kind_name(message->kind),
                zmq_strerror(errno));
        /* Whoever is full or gone is found dead by the timer: callers are amid their own work. */
        link->heard_us = 0;
        bus_loop_set_timer(link->timer, 0);
        return false;
}

/* ---- greetings ---- */

static void forget(struct greeting *greeting)
{
        broker_message_free(greeting->message);
        *greeting = (struct greeting){ 0 };
}

static struct greeting *greeting_of(struct ex_link *link, const struct peer *peer)
{
        for (size_t i = 0; i < EX_LINK_GREETINGS_MAX; i++)
                if (link->greetings[i].number && same_peer(&link->greetings[i].peer, peer))
                        return &link->greetings[i];
        return NULL;
}

/* A free one, else the oldest. */
static struct greeting *room(struct ex_link *link)
{
        struct greeting *oldest = &link->greetings[0];

        for (size_t i = 0; i < EX_LINK_GREETINGS_MAX; i++) {
                if (!link->greetings[i].number)
                        return &link->greetings[i];
                if (link->greetings[i].since_us < oldest->since_us)
                        oldest = &link->greetings[i];
        }
        return oldest;
}

static void refuse(
        struct ex_link *link, const struct peer *peer, const Pb__Hello *hello, const char *why)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Welcome welcome = PB__WELCOME__INIT;

        log_warn("terminal_refused", "terminal=%s why=\"%s\"", hello->terminal_id, why);
        welcome.refusal = (char *)(uintptr_t)why;
        message.kind = PB__BROKER_KIND__BROKER_KIND_WELCOME;
        message.welcome = &welcome;
        (void)send_to(link, peer, &message); /* who does not hear it asks again */
}

static const char *fault_of(const struct ex_link *link, const Pb__Hello *hello)
{
        if (hello->protocol != BROKER_PROTOCOL)
                return "another protocol version than 1";
        if (link->up && strcmp(link->terminal, hello->terminal_id) != 0)
                return "another terminal is connected";
        return link->owner.judge(link->owner.arg, hello);
}

/* Takes MESSAGE over. */
static void on_hello(struct ex_link *link, const struct peer *peer, Pb__BrokerMessage *message)
{
        const char *why = fault_of(link, message->hello);
        struct greeting *greeting = greeting_of(link, peer);

        if (why) {
                refuse(link, peer, message->hello, why);
                broker_message_free(message);
                return;
        }
        if (!greeting)
                greeting = room(link);
        forget(greeting);
        greeting->number = ++link->next_greeting;
        greeting->peer = *peer;
        greeting->message = message;
        greeting->since_us = bus_mono_us();
        bus_random(greeting->nonce, sizeof(greeting->nonce));
        link->owner.token(link->owner.arg, message->hello->highest_token, greeting->number);
}

void ex_link_welcome(struct ex_link *link, uint64_t number, uint64_t token)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Welcome welcome = PB__WELCOME__INIT;
        struct greeting *greeting = NULL;
        uint8_t mac[BUS_SHA256_SIZE];

        for (size_t i = 0; i < EX_LINK_GREETINGS_MAX; i++)
                if (link->greetings[i].number == number)
                        greeting = &link->greetings[i];
        if (!greeting || !number)
                return;
        broker_proof(BROKER_ROLE_EXECUTOR, link->secret, greeting->message->hello->nonce.data,
                greeting->nonce, greeting->message->hello->terminal_id, mac);
        welcome.nonce.data = greeting->nonce;
        welcome.nonce.len = sizeof(greeting->nonce);
        welcome.proof.data = mac;
        welcome.proof.len = sizeof(mac);
        welcome.executor_token = token;
        welcome.accepted = true;
        message.kind = PB__BROKER_KIND__BROKER_KIND_WELCOME;
        message.welcome = &welcome;
        (void)send_to(link, &greeting->peer, &message);
}

static bool proof_holds(const struct ex_link *link, const struct greeting *greeting,
        const ProtobufCBinaryData *proof)
{
        const Pb__Hello *hello = greeting->message->hello;

        return broker_proof_holds(bus_bytes(proof->data, proof->len), BROKER_ROLE_TERMINAL,
                link->secret, hello->nonce.data, greeting->nonce, hello->terminal_id);
}

static void on_proof(struct ex_link *link, struct greeting *greeting, const Pb__Proof *proof)
{
        const Pb__Hello *hello = greeting->message->hello;

        if (!proof_holds(link, greeting, &proof->proof)) {
                log_warn("terminal_refused", "terminal=%s why=\"wrong proof\"", hello->terminal_id);
                forget(greeting);
                return;
        }
        lose(link, "replaced");
        link->up = true;
        link->peer = greeting->peer;
        free(link->terminal);
        link->terminal = bus_xstrdup(hello->terminal_id);
        link->heard_us = bus_mono_us();
        link->beat_us = 0;
        log_info(
                "terminal_up", "terminal=%s server=%s", hello->terminal_id, hello->account->server);
        link->owner.up(link->owner.arg, hello);
        forget(greeting);
}

/* Believed only from who knows the secret: else anybody at the port could stop the trading. */
static void on_token_refused(
        struct ex_link *link, struct greeting *greeting, const Pb__TokenRefused *refused)
{
        if (!proof_holds(link, greeting, &refused->proof)) {
                log_warn("token_refused_unproved", "terminal=%s",
                        greeting->message->hello->terminal_id);
                return;
        }
        link->owner.superseded(link->owner.arg, refused->highest);
}

/* ---- traffic ---- */

static void on_stranger(struct ex_link *link, const struct peer *peer, Pb__BrokerMessage *message)
{
        struct greeting *greeting = greeting_of(link, peer);

        if (greeting && message->kind == PB__BROKER_KIND__BROKER_KIND_PROOF)
                on_proof(link, greeting, message->proof);
        else if (greeting && message->kind == PB__BROKER_KIND__BROKER_KIND_TOKEN_REFUSED)
                on_token_refused(link, greeting, message->token_refused);
}

static void on_frame(struct ex_link *link, const struct peer *peer, struct bus_bytes frame)
{
        const bool known = link->up && same_peer(peer, &link->peer);
        Pb__BrokerMessage *message = NULL;
        const char *why;

        if (broker_unpack(frame, known ? BROKER_FRAME_MAX_BYTES : BROKER_GREETING_MAX_BYTES,
                    &message, &why) < 0) {
                log_warn("link_bad_message", "why=\"%s\" known=%s", why, known ? "yes" : "no");
                return;
        }
        if (message->kind == PB__BROKER_KIND__BROKER_KIND_HELLO) {
                on_hello(link, peer, message);
                return;
        }
        if (known) {
                link->heard_us = bus_mono_us();
                link->owner.message(link->owner.arg, message);
        } else {
                on_stranger(link, peer, message);
        }
        broker_message_free(message);
}

/* One message: the peer's identity and one frame. False if there is none. */
static bool read_one(struct ex_link *link)
{
        struct peer peer;
        zmq_msg_t part;
        int size;

        size = zmq_recv(link->socket, peer.identity, sizeof(peer.identity), ZMQ_DONTWAIT);
        if (size < 0)
                return false;
        peer.size = (size_t)size;
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, link->socket, ZMQ_DONTWAIT) < 0) {
                zmq_msg_close(&part);
                return false;
        }
        if (zmq_msg_more(&part)) {
                log_warn("link_bad_message", "why=\"more than one frame\"");
                while (zmq_msg_more(&part) && zmq_msg_recv(&part, link->socket, ZMQ_DONTWAIT) >= 0)
                        ;
        } else if (peer.size <= sizeof(peer.identity)) {
                on_frame(link, &peer, bus_bytes(zmq_msg_data(&part), zmq_msg_size(&part)));
        }
        zmq_msg_close(&part);
        return true;
}

static void on_readable(void *arg)
{
        struct ex_link *link = arg;

        for (int i = 0; i < READ_MAX && read_one(link); i++)
                ;
}

static void beat(struct ex_link *link, int64_t now_us)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__LinkHeartbeat heartbeat = PB__LINK_HEARTBEAT__INIT;

        if (now_us - link->beat_us < EX_LINK_HEARTBEAT_US)
                return;
        link->beat_us = now_us;
        heartbeat.at_us = bus_wall_us();
        heartbeat.connected = true;
        message.kind = PB__BROKER_KIND__BROKER_KIND_HEARTBEAT;
        message.heartbeat = &heartbeat;
        if (!ex_link_send(link, &message))
                log_debug("heartbeat_not_sent", "terminal=%s", link->terminal);
}

static void on_timer(void *arg)
{
        struct ex_link *link = arg;
        int64_t now = bus_mono_us();

        bus_loop_set_timer(link->timer, EX_LINK_HEARTBEAT_US / 4);
        if (link->up)
                beat(link, now);
        if (link->up && now - link->heard_us > EX_LINK_DEAD_US)
                lose(link, link->heard_us ? "silent" : "gone");
        for (size_t i = 0; i < EX_LINK_GREETINGS_MAX; i++)
                if (link->greetings[i].number &&
                        now - link->greetings[i].since_us > EX_LINK_DEAD_US)
                        forget(&link->greetings[i]);
}

static int open_socket(struct ex_link *link, void *zmq, const char *endpoint)
{
        const int on = 1;
        int r;

        link->socket = bus_socket_new(zmq, ZMQ_ROUTER);
        if (!link->socket)
                return -errno;
        /* so that a send to who has gone fails instead of vanishing */
        if (zmq_setsockopt(link->socket, ZMQ_ROUTER_MANDATORY, &on, sizeof(on)) < 0)
                return -errno;
        if (link->owner.guard)
                link->owner.guard(link->owner.arg, link->socket);
        if (zmq_bind(link->socket, endpoint) < 0)
                return -errno;
        r = bus_place_open(endpoint);
        if (!r && link->owner.prove)
                r = link->owner.prove(link->owner.arg, link->socket);
        return r;
}

int ex_link_new(void *zmq, struct bus_loop *loop, const char *endpoint, struct bus_bytes secret,
        const struct ex_link_owner *owner, struct ex_link **ret_link)
{
        struct ex_link *link = bus_new(struct ex_link);
        int r;

        link->loop = loop;
        link->secret = secret;
        link->owner = *owner;
        link->terminal = bus_xstrdup("");
        r = bus_endpoint_prepare(endpoint);
        if (r == 0)
                r = open_socket(link, zmq, endpoint);
        if (r < 0) {
                ex_link_free(link);
                return r;
        }
        link->source = bus_loop_add_socket(loop, link->socket, on_readable, link);
        link->timer = bus_loop_add_timer(loop, EX_LINK_HEARTBEAT_US / 4, 0, on_timer, link);
        *ret_link = link;
        return 0;
}

struct ex_link *ex_link_free(struct ex_link *link)
{
        if (!link)
                return NULL;
        for (size_t i = 0; i < EX_LINK_GREETINGS_MAX; i++)
                forget(&link->greetings[i]);
        bus_loop_remove(link->loop, link->source);
        bus_loop_remove(link->loop, link->timer);
        bus_socket_close(link->socket, 0);
        bus_buf_done(&link->buf);
        free(link->terminal);
        free(link);
        return NULL;
}

bool ex_link_is_up(const struct ex_link *link)
{
        return link && link->up;
}

const char *ex_link_terminal(const struct ex_link *link)
{
        return ex_link_is_up(link) ? link->terminal : "";
}
