#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/place.h"
#include "libbus/bus/reader_internal.h"
#include "libbus/bus/socket.h"
#include "proto/unpack.h"
#include "proto/validate.h"

#include <errno.h>
#include <stdio.h>
#include <zmq.h>

/* Longest topic anything of ours has: a stream's prefix, a symbol or service name. */
#define TOPIC_MAX_BYTES 200
#define PLACE_RETRY_US  (1 * BUS_US_PER_SEC)
/* A writer sends four beacons a second: one that is silent for so long is connected to anew. */
#define SILENCE_US (5 * BUS_US_PER_SEC)

static void beacon_arrived(struct bus_peer *peer, struct bus_bytes frame)
{
        Pb__Beacon *beacon = MESSAGE_UNPACK(beacon, frame);
        const char *why;

        if (beacon && validate_beacon(beacon, &why) == 0)
                for (struct bus_reader *r = peer->readers; r; r = r->next)
                        if (!strcmp(r->name, beacon->stream))
                                reader_beacon(r, beacon);
        pb__beacon__free_unpacked(beacon, NULL);
}

static struct bus_reader *reader_of_topic(struct bus_peer *peer, const char *topic)
{
        for (struct bus_reader *r = peer->readers; r; r = r->next)
                if (!strncmp(topic, r->kind->topic_prefix, strlen(r->kind->topic_prefix)))
                        return r;
        return NULL;
}

static void heard(struct bus_peer *peer, const char *topic, struct bus_bytes frame)
{
        for (struct listener *l = peer->listeners; l; l = l->next) {
                const struct bus_message message = { .topic = topic, .stream = "", .body = frame };

                if (!strncmp(topic, l->topic_prefix, strlen(l->topic_prefix)))
                        (void)l->handler(l->self, &message);
        }
}

static void live_message(struct bus_peer *peer, const char *topic, struct bus_bytes frame)
{
        struct bus_reader *reader;
        struct held message;

        if (!strncmp(topic, "beacon.", strlen("beacon."))) {
                beacon_arrived(peer, frame);
                return;
        }
        reader = reader_of_topic(peer, topic);
        if (!reader)
                heard(peer, topic, frame);
        else if (reader_unpack(reader, topic, frame, false, &message) == 0)
                reader_take(reader, &message);
}

/* One multipart message off the SUB socket; false when there is none. */
static bool take_live(struct bus_peer *peer)
{
        char topic[TOPIC_MAX_BYTES + 1];
        zmq_msg_t frame;
        int n, more = 0;
        size_t size = sizeof(more);
        bool good;

        n = zmq_recv(peer->sub, topic, TOPIC_MAX_BYTES, ZMQ_DONTWAIT);
        if (n < 0)
                return false; /* and the last thing done with the socket */
        peer->heard = true;
        good = n <= TOPIC_MAX_BYTES && !memchr(topic, 0, (size_t)n);
        zmq_getsockopt(peer->sub, ZMQ_RCVMORE, &more, &size);
        for (int part = 1; more; part++) {
                zmq_msg_init(&frame);
                if (zmq_msg_recv(&frame, peer->sub, ZMQ_DONTWAIT) < 0) {
                        zmq_msg_close(&frame);
                        return true;
                }
                more = zmq_msg_more(&frame);
                good = good && part == 1;
                if (good && !more) {
                        topic[n] = 0;
                        live_message(
                                peer, topic, bus_bytes(zmq_msg_data(&frame), zmq_msg_size(&frame)));
                }
                zmq_msg_close(&frame);
        }
        return true;
}

static void sub_ready(void *arg)
{
        struct bus_peer *peer = arg;

        while (*peer->budget > 0)
                if (!take_live(peer)) {
                        bus_loop_emptied(peer->sub_source);
                        return;
                }
}

static void dealer_ready(void *arg)
{
        struct bus_peer *peer = arg;
        zmq_msg_t frame;

        if (*peer->budget <= 0)
                return; /* the loop calls again: there is still something to read */
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, peer->dealer, ZMQ_DONTWAIT) >= 0)
                fetch_answer(peer, bus_bytes(zmq_msg_data(&frame), zmq_msg_size(&frame)));
        zmq_msg_close(&frame);
}

static bool is_writers_place(struct bus_peer *peer)
{
        char why[BUS_PLACE_WHY_SIZE];
        int r;

        r = bus_place_check_endpoint(peer->config, peer->writer, peer->pub_endpoint, why);
        if (r == 0)
                r = bus_place_check_endpoint(
                        peer->config, peer->writer, peer->replay_endpoint, why);
        if (r < 0 && r != -ENOENT && !peer->told_place) {
                log_error("place_refused", "writer=%s %s", peer->writer, why);
                peer->told_place = true;
        }
        return r == 0;
}

static int connect_both(struct bus_peer *peer)
{
        int r;

        if (peer->config && !is_writers_place(peer)) {
                bus_loop_set_timer(peer->watch, PLACE_RETRY_US);
                return 0;
        }
        r = bus_socket_connect(peer->sub, peer->pub_endpoint);
        if (r == 0)
                r = bus_socket_connect(peer->dealer, peer->replay_endpoint);
        peer->connected = r == 0;
        bus_loop_set_timer(peer->watch, SILENCE_US);
        return r;
}

/* libzmq reconnects by itself, but not behind a handshake that failed: a writer that came with a
 * wrong key once would never be heard again. */
static void watch(void *arg)
{
        struct bus_peer *peer = arg;
        int r;

        if (peer->connected && peer->heard) {
                peer->heard = false;
                bus_loop_set_timer(peer->watch, SILENCE_US);
                return;
        }
        if (peer->connected) {
                zmq_disconnect(peer->sub, peer->pub_endpoint);
                zmq_disconnect(peer->dealer, peer->replay_endpoint);
                peer->connected = false;
        }
        r = connect_both(peer);
        bus_loop_touch(peer->sub_source);
        bus_loop_touch(peer->dealer_source);
        if (r < 0)
                log_error("cannot_connect", "writer=%s endpoint=%s error=\"%s\"", peer->writer,
                        peer->pub_endpoint, zmq_strerror(-r));
}

static int open_both(struct bus_peer *peer, const struct bus_peer_options *options)
{
        int r = 0;

        peer->sub = bus_socket_new(options->zmq, ZMQ_SUB);
        peer->dealer = bus_socket_new(options->zmq, ZMQ_DEALER);
        if (!peer->sub || !peer->dealer)
                return -errno;
        if (options->keys)
                r = bus_socket_trust(peer->sub, options->keys, peer->writer);
        if (!r && options->keys)
                r = bus_socket_trust(peer->dealer, options->keys, peer->writer);
        return r < 0 ? r : connect_both(peer);
}

int bus_peer_new(const struct bus_peer_options *options, struct bus_peer **ret_peer, char *error,
        size_t error_size)
{
        struct bus_peer *peer = bus_new(struct bus_peer);
        int r;

        peer->loop = options->loop;
        peer->writer = options->writer;
        peer->budget = options->budget;
        peer->background = options->background;
        peer->config = options->config;
        peer->pub_endpoint = bus_xstrdup(options->pub_endpoint);
        peer->replay_endpoint = bus_xstrdup(options->replay_endpoint);
        peer->watch = bus_loop_add_timer(peer->loop, -1, 0, watch, peer);
        r = open_both(peer, options);
        if (r < 0) {
                snprintf(error, error_size, "cannot connect to %s at %s: %s", options->writer,
                        options->pub_endpoint, zmq_strerror(-r));
                bus_peer_free(peer);
                return r;
        }
        peer->sub_source = bus_loop_add_touched_socket(peer->loop, peer->sub, sub_ready, peer);
        peer->dealer_source =
                bus_loop_add_touched_socket(peer->loop, peer->dealer, dealer_ready, peer);
        *ret_peer = peer;
        return 0;
}

struct bus_peer *bus_peer_free(struct bus_peer *peer)
{
        struct bus_reader *reader;
        struct listener *listener;

        if (!peer)
                return NULL;
        while ((reader = peer->readers)) {
                peer->readers = reader->next;
                bus_loop_remove(peer->loop, reader->timer);
                for (size_t i = 0; i < reader->held_count; i++)
                        held_done(&reader->held[i]);
                free(reader);
        }
        while ((listener = peer->listeners)) {
                peer->listeners = listener->next;
                free(listener->topic_prefix);
                free(listener);
        }
        bus_loop_remove(peer->loop, peer->watch);
        bus_loop_remove(peer->loop, peer->sub_source);
        bus_loop_remove(peer->loop, peer->dealer_source);
        bus_socket_close(peer->sub, 0);
        bus_socket_close(peer->dealer, 0);
        free(peer->pub_endpoint);
        free(peer->replay_endpoint);
        free(peer);
        return NULL;
}

static void subscribe(struct bus_peer *peer, const char *prefix)
{
        bus_require(zmq_setsockopt(peer->sub, ZMQ_SUBSCRIBE, prefix, strlen(prefix)) == 0);
        bus_loop_touch(peer->sub_source);
}

/*
 * A PUB socket looks for whom a message is from the shortest subscription to the longest, and sends
 * in that order, one after the other. A prefix ends with a point: without it, it matches the same.
 */
static void subscribe_kind(struct bus_peer *peer, const struct bus_stream_kind *kind)
{
        BUS_AUTOFREE char *prefix = bus_xstrdup(kind->topic_prefix);
        size_t length = strlen(prefix);

        if (!peer->background && length > 1 && prefix[length - 1] == '.')
                prefix[length - 1] = 0;
        subscribe(peer, prefix);
}

struct bus_reader *bus_peer_add(struct bus_peer *peer, const struct bus_reader_options *options)
{
        struct bus_reader *reader = bus_new(struct bus_reader);
        BUS_AUTOFREE char *beacon = NULL;

        reader->peer = peer;
        reader->kind = bus_stream_kind(options->stream_kind);
        bus_require(reader->kind && reader->kind->commit != BUS_COMMIT_NONE);
        bus_stream_full_name(options->stream_kind, peer->writer, reader->name);
        reader->deliver = options->deliver;
        reader->stuck = options->stuck;
        reader->arg = options->arg;
        reader->service = options->service;
        reader->cursor = options->has_cursor ? options->cursor : BUS_POS_ZERO;
        reader->placed = options->has_cursor || options->start == BUS_START_BEGINNING;
        reader->wants_latest = options->start == BUS_START_LATEST;
        reader->timer = bus_loop_add_timer(peer->loop, -1, 0, fetch_timer, reader);
        reader->next = peer->readers;
        peer->readers = reader;

        subscribe_kind(peer, reader->kind);
        beacon = bus_xasprintf("beacon.%s", reader->name);
        subscribe(peer, beacon);
        fetch_start(reader); /* live messages wait behind what the journal has */
        return reader;
}

void bus_peer_listen(
        struct bus_peer *peer, const char *topic_prefix, bus_handler handler, void *self)
{
        struct listener *listener = bus_new(struct listener);

        listener->topic_prefix = bus_xstrdup(topic_prefix);
        listener->handler = handler;
        listener->self = self;
        listener->next = peer->listeners;
        peer->listeners = listener;
        subscribe(peer, topic_prefix);
}
