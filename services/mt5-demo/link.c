/*
 * Keeps: nothing but Hello, and Proof after a Welcome whose proof and token are good, goes out
 * before the link is up; a message is handed on only while it is up.
 */
#include "services/mt5-demo/link.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/place.h"
#include "libbus/bus/socket.h"

#include <errno.h>
#include <stdio.h>
#include <zmq.h>

#define EXECUTOR "order-executor" /* whose key the other end must hold */

enum {
        READ_MAX = 64, /* messages a turn: then others get their turn too */
        ENDPOINT_SIZE = 64,
};

enum state {
        LINK_IDLE,     /* waits to dial */
        LINK_DIALLING, /* no connection yet */
        LINK_GREETING, /* Hello is out */
        LINK_UP,
};

struct link {
        void *zmq;
        struct bus_loop *loop;
        struct link_options options;
        struct link_owner owner;
        enum state state;
        bool held;
        void *socket, *monitor;
        struct bus_source *socket_source, *monitor_source, *timer;
        unsigned int dials;
        uint8_t nonce[BROKER_NONCE_BYTES];
        int64_t heard_us, beat_us;
        struct bus_buf buf;
        bool reading;         /* what is to be sent waits until all that came is done */
        struct bus_buf ready; /* those frames, each behind its size */
        bool told_place;      /* once is enough */
};

static void on_readable(void *arg);

static void close_socket(struct link *link)
{
        link->socket_source = bus_loop_remove(link->loop, link->socket_source);
        link->monitor_source = bus_loop_remove(link->loop, link->monitor_source);
        if (link->socket) {
                zmq_socket_monitor(link->socket, NULL, 0);
        }
        link->socket = bus_socket_close(link->socket, 0);
        if (link->monitor)
                zmq_close(link->monitor);
        link->monitor = NULL;
}

static void send_frame(struct link *link, struct bus_bytes frame)
{
        link->owner.before_send(link->owner.arg);
        if (zmq_send(link->socket, frame.data, frame.size, ZMQ_DONTWAIT) < 0)
                log_warn("link_send_failed", "why=%s", zmq_strerror(errno));
}

static void keep_frame(struct link *link, struct bus_bytes frame)
{
        bus_buf_add(&link->ready, &frame.size, sizeof(frame.size));
        bus_buf_add(&link->ready, frame.data, frame.size);
}

/* In one go: the peer finds the answers to what it sent together, and need not wake up for each. */
static void send_ready(struct link *link)
{
        struct bus_bytes left = bus_buf_bytes(&link->ready);
        size_t size;

        link->owner.before_send(link->owner.arg);
        while (link->socket && left.size) {
                memcpy(&size, left.data, sizeof(size));
                send_frame(link, bus_bytes(left.data + sizeof(size), size));
                left = bus_bytes(left.data + sizeof(size) + size, left.size - sizeof(size) - size);
        }
        bus_buf_clear(&link->ready);
}

static void hang_up(struct link *link, int64_t pause_us)
{
        send_ready(link);
        close_socket(link);
        link->state = LINK_IDLE;
        bus_loop_set_timer(link->timer, pause_us);
}

static void send_message(struct link *link, const Pb__BrokerMessage *message)
{
        bus_buf_clear(&link->buf);
        broker_pack(message, &link->buf);
        send_frame(link, bus_buf_bytes(&link->buf));
}

/* ---- dialling ---- */

static void greet(struct link *link)
{
        bus_random(link->nonce, sizeof(link->nonce));
        bus_buf_clear(&link->buf);
        link->owner.hello(link->nonce, &link->buf, link->owner.arg);
        link->state = LINK_GREETING;
        link->heard_us = bus_mono_us();
        send_frame(link, bus_buf_bytes(&link->buf));
}

/* One event of the monitor: a frame that starts with its number, and one with the address. */
static int read_event(void *monitor)
{
        uint8_t event[6]; /* a number of 16 bits, in this machine's order, and a value */
        uint16_t number;
        char address[256];

        if (zmq_recv(monitor, event, sizeof(event), ZMQ_DONTWAIT) < (int)sizeof(number))
                return 0;
        (void)zmq_recv(monitor, address, sizeof(address), ZMQ_DONTWAIT);
        memcpy(&number, event, sizeof(number));
        return number;
}

static void on_monitor(void *arg)
{
        struct link *link = arg;
        int event;

        while (link->monitor && (event = read_event(link->monitor))) {
                if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED && link->state == LINK_DIALLING)
                        greet(link);
                if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
                        /* libzmq tries no more by itself */
                        log_warn("link_key_refused", "endpoint=%s", link->options.endpoint);
                        hang_up(link, LINK_DEAD_US);
                        continue;
                }
                if (event != ZMQ_EVENT_DISCONNECTED || link->state < LINK_GREETING)
                        continue;
                log_info("link_lost", "endpoint=%s", link->options.endpoint);
                hang_up(link, link->options.redial_us);
        }
}

static bool is_executors_place(struct link *link)
{
        char why[BUS_PLACE_WHY_SIZE];
        int r = 0;

        if (link->options.config)
                r = bus_place_check_endpoint(
                        link->options.config, EXECUTOR, link->options.endpoint, why);
        if (r < 0 && r != -ENOENT && !link->told_place) {
                log_error("place_refused", "writer=%s %s", EXECUTOR, why);
                link->told_place = true;
        }
        return r == 0;
}

static void dial(struct link *link)
{
        char endpoint[ENDPOINT_SIZE];

        snprintf(endpoint, sizeof(endpoint), "inproc://link-monitor-%u", link->dials++);
        link->socket = bus_socket_new(link->zmq, ZMQ_DEALER);
        bus_require(link->socket);
        bus_require(zmq_socket_monitor(link->socket, endpoint,
                            ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                    ZMQ_EVENT_DISCONNECTED) == 0);
        link->monitor = zmq_socket(link->zmq, ZMQ_PAIR);
        bus_require(link->monitor && zmq_connect(link->monitor, endpoint) == 0);
        link->monitor_source = bus_loop_add_socket(link->loop, link->monitor, on_monitor, link);
        if (!link->held)
                link->socket_source =
                        bus_loop_add_socket(link->loop, link->socket, on_readable, link);
        link->state = LINK_DIALLING;
        if (link->options.keys &&
                bus_socket_trust(link->socket, link->options.keys, EXECUTOR) < 0) {
                log_error("link_no_key", "of=%s in=%s", EXECUTOR, link->options.keys->folder);
                hang_up(link, LINK_DEAD_US);
                return;
        }
        if (!is_executors_place(link)) {
                hang_up(link, LINK_HEARTBEAT_US);
                return;
        }
        /* the form of the endpoint was checked with the configuration */
        if (zmq_connect(link->socket, link->options.endpoint) < 0) {
                log_error("link_endpoint", "endpoint=%s why=%s", link->options.endpoint,
                        zmq_strerror(errno));
                hang_up(link, LINK_DEAD_US);
                return;
        }
        bus_loop_set_timer(link->timer, LINK_HEARTBEAT_US);
}

/* ---- the handshake ---- */

static void refuse(struct link *link, enum link_refusal why, uint64_t token, const char *words)
{
        link->owner.refused(why, token, words, link->owner.arg);
        /* Not at once: who was refused now will be refused again. */
        hang_up(link, LINK_HEARTBEAT_US);
}

static void send_token_refused(struct link *link, const Pb__Welcome *welcome, uint64_t highest)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__TokenRefused refused = PB__TOKEN_REFUSED__INIT;
        uint8_t mac[BUS_SHA256_SIZE];

        broker_proof(BROKER_ROLE_TERMINAL, link->options.secret, link->nonce, welcome->nonce.data,
                link->options.terminal_id, mac);
        refused.proof.data = mac;
        refused.proof.len = sizeof(mac);
        refused.token = welcome->executor_token;
        refused.highest = highest;
        message.kind = PB__BROKER_KIND__BROKER_KIND_TOKEN_REFUSED;
        message.token_refused = &refused;
        send_message(link, &message);
}

static void send_proof(struct link *link, const Pb__Welcome *welcome)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Proof proof = PB__PROOF__INIT;
        uint8_t mac[BUS_SHA256_SIZE];

        broker_proof(BROKER_ROLE_TERMINAL, link->options.secret, link->nonce, welcome->nonce.data,
                link->options.terminal_id, mac);
        proof.proof.data = mac;
        proof.proof.len = sizeof(mac);
        message.kind = PB__BROKER_KIND__BROKER_KIND_PROOF;
        message.proof = &proof;
        send_message(link, &message);
}

static void on_welcome(struct link *link, const Pb__Welcome *welcome)
{
        uint64_t highest;

        if (!welcome->accepted) {
                refuse(link, LINK_UNWANTED, welcome->executor_token, welcome->refusal);
                return;
        }
        if (!broker_proof_holds(bus_bytes(welcome->proof.data, welcome->proof.len),
                    BROKER_ROLE_EXECUTOR, link->options.secret, link->nonce, welcome->nonce.data,
                    link->options.terminal_id)) {
                refuse(link, LINK_BAD_PROOF, welcome->executor_token, "wrong proof");
                return;
        }
        if (!link->owner.token(welcome->executor_token, &highest, link->owner.arg)) {
                send_token_refused(link, welcome, highest);
                link->owner.refused(
                        LINK_TOKEN, welcome->executor_token, "token is too low", link->owner.arg);
                /* Left open, so that the refusal gets out; it ends by silence. */
                return;
        }
        send_proof(link, welcome);
        link->state = LINK_UP;
        link->beat_us = 0;
        link->owner.up(welcome->executor_token, link->owner.arg);
}

/* ---- traffic ---- */

static void on_message(struct link *link, const Pb__BrokerMessage *message)
{
        if (link->state == LINK_UP)
                link->heard_us = bus_mono_us();
        if (message->kind == PB__BROKER_KIND__BROKER_KIND_WELCOME) {
                if (link->state == LINK_GREETING || !message->welcome->accepted)
                        on_welcome(link, message->welcome);
                return;
        }
        if (link->state == LINK_UP)
                link->owner.message(message, link->owner.arg);
}

static void take_frame(struct link *link, zmq_msg_t *frame)
{
        size_t max = link->state == LINK_UP ? BROKER_FRAME_MAX_BYTES : BROKER_GREETING_MAX_BYTES;
        BROKER_AUTOFREE Pb__BrokerMessage *message = NULL;
        const char *why;

        if (broker_unpack(
                    bus_bytes(zmq_msg_data(frame), zmq_msg_size(frame)), max, &message, &why) < 0)
                log_warn("link_bad_message", "why=%s", why);
        else
                on_message(link, message);
}

static void on_readable(void *arg)
{
        struct link *link = arg;
        zmq_msg_t frame;

        link->reading = true;
        for (int i = 0; i < READ_MAX && link->socket && !link->held; i++) {
                zmq_msg_init(&frame);
                if (zmq_msg_recv(&frame, link->socket, ZMQ_DONTWAIT) < 0)
                        i = READ_MAX;
                else
                        take_frame(link, &frame);
                zmq_msg_close(&frame);
        }
        link->reading = false;
        send_ready(link);
}

static void on_timer(void *arg)
{
        struct link *link = arg;
        int64_t now = bus_mono_us();

        if (link->state == LINK_IDLE) {
                dial(link);
                return;
        }
        bus_loop_set_timer(link->timer, LINK_HEARTBEAT_US / 4);
        if (link->held)
                return;
        if (link->state >= LINK_GREETING && now - link->heard_us > LINK_DEAD_US) {
                log_warn("link_dead", "endpoint=%s", link->options.endpoint);
                hang_up(link, link->options.redial_us);
                return;
        }
        if (link->state == LINK_UP && now - link->beat_us >= LINK_HEARTBEAT_US) {
                link->beat_us = now;
                bus_buf_clear(&link->buf);
                link->owner.heartbeat(&link->buf, link->owner.arg);
                send_frame(link, bus_buf_bytes(&link->buf));
        }
}

struct link *link_new(void *zmq, struct bus_loop *loop, const struct link_options *options,
        const struct link_owner *owner)
{
        struct link *link = bus_new(struct link);

        link->zmq = zmq;
        link->loop = loop;
        link->options = *options;
        link->owner = *owner;
        link->timer = bus_loop_add_timer(loop, 0, 0, on_timer, link);
        return link;
}

struct link *link_free(struct link *link)
{
        if (!link)
                return NULL;
        close_socket(link);
        bus_loop_remove(link->loop, link->timer);
        bus_buf_done(&link->buf);
        bus_buf_done(&link->ready);
        free(link);
        return NULL;
}

bool link_is_up(const struct link *link)
{
        return link->state == LINK_UP;
}

bool link_is_reading(const struct link *link)
{
        return link->reading;
}

void link_send(struct link *link, struct bus_bytes frame)
{
        if (link->state != LINK_UP || link->held)
                return;
        if (link->reading)
                keep_frame(link, frame);
        else
                send_frame(link, frame);
}

void link_cut(struct link *link)
{
        log_info("link_cut", "endpoint=%s", link->options.endpoint);
        hang_up(link, link->options.cut_us);
}

void link_hold(struct link *link, bool hold)
{
        if (hold == link->held)
                return;
        link->held = hold;
        link->heard_us = bus_mono_us(); /* the silence was ours */
        if (hold)
                link->socket_source = bus_loop_remove(link->loop, link->socket_source);
        else if (link->socket)
                link->socket_source =
                        bus_loop_add_socket(link->loop, link->socket, on_readable, link);
}
