#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/batch.h"
#include "libbus/bus/place.h"
#include "libbus/bus/reader_internal.h"
#include "libbus/bus/socket.h"
#include "proto/unpack.h"
#include "proto/validate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <zmq.h>

/* Longest topic anything of ours has: a stream's prefix, a symbol or service name. */
#define TOPIC_MAX_BYTES 200
#define PLACE_RETRY_US  (1 * BUS_US_PER_SEC)
/* Of what is read first, in one turn: who floods it keeps the rest waiting, but not for ever. */
#define FIRST_MAX      64
#define WARN_PERIOD_US (1 * BUS_US_PER_SEC)
/* A writer sends a beacon a second at least: one that is silent for so long is connected to anew. */
#define SILENCE_US (5 * BUS_US_PER_SEC)

bool peer_admits(struct bus_peer *peer, uint64_t token)
{
        int64_t now_us = bus_mono_us();

        if (!token || token == peer->token)
                return true; /* one without a lease holds a store that nobody else can */
        if (token < peer->token) {
                if (now_us - peer->warned_us >= WARN_PERIOD_US)
                        log_warn("lease_is_older", "writer=%s token=%" PRIu64 " newest=%" PRIu64,
                                peer->writer, token, peer->token);
                if (now_us - peer->warned_us >= WARN_PERIOD_US)
                        peer->warned_us = now_us;
                return false;
        }
        peer->token = token;
        if (peer->token_raised)
                peer->token_raised(peer->token_arg, peer->writer, token);
        return true;
}

static void beacon_arrived(struct bus_peer *peer, struct bus_bytes frame)
{
        Pb__Beacon *beacon = MESSAGE_UNPACK(beacon, frame);
        const char *why;

        if (beacon && validate_beacon(beacon, &why) == 0 && peer_admits(peer, beacon->writer_token))
                for (struct bus_reader *r = peer->readers; r; r = r->next)
                        if (!strcmp(r->name, beacon->stream))
                                reader_beacon(r, beacon);
        pb__beacon__free_unpacked(beacon, NULL);
}

/* TOPIC begins like a batch's: whose it is. */
static struct bus_reader *reader_of_batch(struct bus_peer *peer, const char *topic)
{
        for (struct bus_reader *r = peer->readers; r; r = r->next)
                if (!strcmp(topic + strlen(BUS_BATCH_TOPIC), r->kind->topic_prefix))
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

static void take_one(struct bus_reader *reader, struct bus_bytes topic, struct bus_bytes envelope,
        bool more_follow)
{
        char text[TOPIC_MAX_BYTES + 1];
        struct held message;

        if (topic.size > TOPIC_MAX_BYTES || memchr(topic.data, 0, topic.size)) {
                reader_refuse(reader, BUS_BATCH_TOPIC, "holds what is no topic");
                return;
        }
        memcpy(text, topic.data, topic.size);
        text[topic.size] = 0;
        if (reader_unpack(reader, text, envelope, false, &message) < 0)
                return;
        message.more_follow = more_follow;
        if (peer_admits(reader->peer, message.envelope->writer_token))
                reader_take(reader, &message);
        else
                held_done(&message);
}

void peer_take_batch(struct bus_reader *reader, struct bus_bytes frame)
{
        struct bus_bytes topic, envelope;
        int r;

        while ((r = bus_batch_next(&frame, &topic, &envelope)) > 0)
                take_one(reader, topic, envelope, frame.size);
        if (r < 0)
                reader_refuse(reader, BUS_BATCH_TOPIC, "is not a batch");
}

static void live_message(struct bus_peer *peer, const char *topic, struct bus_bytes frame)
{
        struct bus_reader *reader;

        if (!strncmp(topic, "beacon.", strlen("beacon."))) {
                beacon_arrived(peer, frame);
        } else if (!strncmp(topic, BUS_BATCH_TOPIC, strlen(BUS_BATCH_TOPIC))) {
                reader = reader_of_batch(peer, topic);
                if (reader)
                        peer_take_batch(reader, frame);
        } else {
                heard(peer, topic, frame);
        }
}

/* One multipart message off a SUB socket; false when there is none. */
static bool take_live(struct lane *lane)
{
        struct link *link = lane->link;
        char topic[TOPIC_MAX_BYTES + 1];
        zmq_msg_t frame;
        int n, more = 0;
        size_t size = sizeof(more);
        bool good;

        n = zmq_recv(lane->sub, topic, TOPIC_MAX_BYTES, ZMQ_DONTWAIT);
        if (n < 0)
                return false; /* and the last thing done with the socket */
        link->heard = true;
        good = n <= TOPIC_MAX_BYTES && !memchr(topic, 0, (size_t)n);
        zmq_getsockopt(lane->sub, ZMQ_RCVMORE, &more, &size);
        for (int part = 1; more; part++) {
                zmq_msg_init(&frame);
                if (zmq_msg_recv(&frame, lane->sub, ZMQ_DONTWAIT) < 0) {
                        zmq_msg_close(&frame);
                        return true;
                }
                more = zmq_msg_more(&frame);
                good = good && part == 1;
                if (good && !more) {
                        topic[n] = 0;
                        live_message(link->peer, topic,
                                bus_bytes(zmq_msg_data(&frame), zmq_msg_size(&frame)));
                }
                zmq_msg_close(&frame);
        }
        return true;
}

static void bulk_ready(void *arg)
{
        struct lane *lane = arg;

        while (*lane->link->peer->budget > 0)
                if (!take_live(lane)) {
                        bus_loop_emptied(lane->source);
                        return;
                }
}

static void first_ready(void *arg)
{
        struct lane *lane = arg;

        for (int i = 0; i < FIRST_MAX; i++)
                if (!take_live(lane)) {
                        bus_loop_emptied(lane->source);
                        return;
                }
}

static void dealer_ready(void *arg)
{
        struct link *link = arg;
        zmq_msg_t frame;

        if (*link->peer->budget <= 0)
                return; /* the loop calls again: there is still something to read */
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, link->dealer, ZMQ_DONTWAIT) >= 0)
                fetch_answer(link->peer, bus_bytes(zmq_msg_data(&frame), zmq_msg_size(&frame)));
        zmq_msg_close(&frame);
}

/* ---- asking ---- */

bool peer_ask(struct bus_peer *peer, struct bus_bytes frame)
{
        for (size_t i = 0; i < peer->link_count; i++) {
                struct link *link = &peer->links[peer->asked];
                int n = zmq_send(link->dealer, frame.data, frame.size, ZMQ_DONTWAIT);

                bus_loop_touch(link->dealer_source);
                if (n >= 0)
                        return true;
                peer_ask_another(peer);
        }
        return false;
}

void peer_ask_another(struct bus_peer *peer)
{
        peer->asked = (peer->asked + 1) % peer->link_count;
}

/* ---- connecting ---- */

static bool is_writers_place(struct link *link)
{
        const struct bus_peer *peer = link->peer;
        char why[BUS_PLACE_WHY_SIZE];
        int r;

        r = bus_place_check_endpoint(peer->config, peer->writer, link->pub_endpoint, why);
        if (r == 0)
                r = bus_place_check_endpoint(
                        peer->config, peer->writer, link->replay_endpoint, why);
        if (r < 0 && r != -ENOENT && !link->told_place) {
                log_error("place_refused", "writer=%s %s", peer->writer, why);
                link->told_place = true;
        }
        return r == 0;
}

static int connect_lane(const struct lane *lane)
{
        return lane->sub ? bus_socket_connect(lane->sub, lane->link->pub_endpoint) : 0;
}

static int connect_all(struct link *link)
{
        int r;

        if (link->peer->config && !is_writers_place(link)) {
                bus_loop_set_timer(link->watch, PLACE_RETRY_US);
                return 0;
        }
        r = connect_lane(&link->bulk);
        if (r == 0)
                r = connect_lane(&link->first);
        if (r == 0)
                r = bus_socket_connect(link->dealer, link->replay_endpoint);
        link->connected = r == 0;
        bus_loop_set_timer(link->watch, link->peer->silence_us);
        return r;
}

static void disconnect_all(struct link *link)
{
        if (link->bulk.sub)
                zmq_disconnect(link->bulk.sub, link->pub_endpoint);
        if (link->first.sub)
                zmq_disconnect(link->first.sub, link->pub_endpoint);
        zmq_disconnect(link->dealer, link->replay_endpoint);
        link->connected = false;
}

static bool has_waiting(const struct lane *lane)
{
        int events = 0;
        size_t size = sizeof(events);

        return lane->sub && zmq_getsockopt(lane->sub, ZMQ_EVENTS, &events, &size) == 0 &&
               events & ZMQ_POLLIN;
}

/*
 * A reader that has not got to what waits has no silent writer. And libzmq must not be told to drop a
 * connection then: who asks a SUB socket for its events has it take the first frame of the next
 * message, and when the second is gone with the connection, it aborts the process (fq.cpp, !_more).
 */
static bool is_silent(struct link *link)
{
        bool heard = link->heard;

        link->heard = false;
        return !heard && !has_waiting(&link->first) && !has_waiting(&link->bulk);
}

/* libzmq reconnects by itself, but not behind a handshake that failed: a writer that came with a
 * wrong key once would never be heard again. */
static void watch(void *arg)
{
        struct link *link = arg;
        int r;

        if (link->connected && !is_silent(link)) {
                bus_loop_touch(link->bulk.source);
                bus_loop_touch(link->first.source);
                bus_loop_set_timer(link->watch, link->peer->silence_us);
                return;
        }
        if (link->connected)
                disconnect_all(link);
        r = connect_all(link);
        bus_loop_touch(link->bulk.source);
        bus_loop_touch(link->first.source);
        bus_loop_touch(link->dealer_source);
        if (r < 0)
                log_error("cannot_connect", "writer=%s endpoint=%s error=\"%s\"",
                        link->peer->writer, link->pub_endpoint, zmq_strerror(-r));
}

static int open_socket(const struct bus_peer_options *options, int type, void **ret_socket)
{
        *ret_socket = bus_socket_new(options->zmq, type);
        if (!*ret_socket)
                return -errno;
        return options->keys ? bus_socket_trust(*ret_socket, options->keys, options->writer) : 0;
}

static int open_all(struct link *link, const struct bus_peer_options *options)
{
        int r;

        r = open_socket(options, ZMQ_DEALER, &link->dealer);
        if (!r && options->lanes != BUS_LANE_FIRST)
                r = open_socket(options, ZMQ_SUB, &link->bulk.sub);
        if (!r && options->lanes != BUS_LANE_BULK)
                r = open_socket(options, ZMQ_SUB, &link->first.sub);
        return r < 0 ? r : connect_all(link);
}

static void watch_all(struct link *link)
{
        struct bus_loop *loop = link->peer->loop;

        if (link->first.sub)
                link->first.source = bus_loop_add_touched_socket(
                        loop, link->first.sub, first_ready, &link->first);
        if (link->bulk.sub)
                link->bulk.source =
                        bus_loop_add_touched_socket(loop, link->bulk.sub, bulk_ready, &link->bulk);
        link->dealer_source = bus_loop_add_touched_socket(loop, link->dealer, dealer_ready, link);
}

/* The N-th of words that one blank separates; NULL: there are fewer. The caller frees. */
static char *word(const char *text, size_t n)
{
        for (; n && text; n--) {
                text = strchr(text, ' ');
                text += text != NULL;
        }
        return text ? bus_xasprintf("%.*s", (int)strcspn(text, " "), text) : NULL;
}

static int add_link(
        struct bus_peer *peer, const struct bus_peer_options *options, char *pub, char *replay)
{
        struct link *link = &peer->links[peer->link_count++];
        int r;

        *link = (struct link){ .peer = peer, .pub_endpoint = pub, .replay_endpoint = replay };
        link->bulk.link = link->first.link = link;
        link->watch = bus_loop_add_timer(peer->loop, -1, 0, watch, link);
        r = open_all(link, options);
        if (r < 0)
                return r;
        watch_all(link);
        return 0;
}

static int refuse_places(const struct bus_peer_options *options, char *error, size_t error_size)
{
        snprintf(error, error_size,
                "endpoint.%s: pub and replay must name as many, at most %d, one blank between",
                options->writer, BUS_REPLICAS_MAX);
        return -EINVAL;
}

static int add_links(struct bus_peer *peer, const struct bus_peer_options *options, char *error,
        size_t error_size)
{
        int r = 0;

        for (size_t n = 0; !r; n++) {
                char *pub = word(options->pub_endpoint, n);
                char *replay = word(options->replay_endpoint, n);

                if (!pub || !replay || !*pub || !*replay || n == BUS_REPLICAS_MAX) {
                        if (pub || replay || !n)
                                r = refuse_places(options, error, error_size);
                        free(pub);
                        free(replay);
                        break;
                }
                r = add_link(peer, options, pub, replay);
                if (r < 0)
                        snprintf(error, error_size, "cannot connect to %s at %s, %s: %s",
                                options->writer, pub, replay, zmq_strerror(-r));
        }
        return r;
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
        peer->fetched_max = options->fetched_max ? options->fetched_max : FETCH_MESSAGES;
        peer->silence_us = options->silence_us ? options->silence_us : SILENCE_US;
        peer->config = options->config;
        peer->token = options->token;
        peer->token_raised = options->token_raised;
        peer->token_arg = options->token_arg;
        r = add_links(peer, options, error, error_size);
        if (r < 0) {
                bus_peer_free(peer);
                return r;
        }
        *ret_peer = peer;
        return 0;
}

static void link_done(struct link *link)
{
        struct bus_loop *loop = link->peer->loop;

        bus_loop_remove(loop, link->watch);
        bus_loop_remove(loop, link->bulk.source);
        bus_loop_remove(loop, link->first.source);
        bus_loop_remove(loop, link->dealer_source);
        bus_socket_close(link->bulk.sub, 0);
        bus_socket_close(link->first.sub, 0);
        bus_socket_close(link->dealer, 0);
        free(link->pub_endpoint);
        free(link->replay_endpoint);
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
        for (size_t i = 0; i < peer->link_count; i++)
                link_done(&peer->links[i]);
        free(peer);
        return NULL;
}

static struct lane *lane_of(struct link *link, bool first)
{
        return (first && link->first.sub) || !link->bulk.sub ? &link->first : &link->bulk;
}

static void subscribe(struct bus_peer *peer, bool first, const char *prefix)
{
        for (size_t i = 0; i < peer->link_count; i++) {
                struct lane *lane = lane_of(&peer->links[i], first);

                bus_require(zmq_setsockopt(lane->sub, ZMQ_SUBSCRIBE, prefix, strlen(prefix)) == 0);
                bus_loop_touch(lane->source);
        }
}

/*
 * A PUB socket looks for whom a message is from the shortest subscription to the longest, and sends
 * in that order, one after the other. A prefix ends with a point: without it, it matches the same.
 */
static void subscribe_kind(struct bus_peer *peer, bool first, const struct bus_stream_kind *kind)
{
        BUS_AUTOFREE char *prefix = bus_xasprintf(BUS_BATCH_TOPIC "%s", kind->topic_prefix);
        size_t length = strlen(prefix);

        if (!peer->background && length > 1 && prefix[length - 1] == '.')
                prefix[length - 1] = 0;
        subscribe(peer, first, prefix);
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

        subscribe_kind(peer, options->first, reader->kind);
        /* a beacon must not come before what it tells of */
        beacon = bus_xasprintf("beacon.%s", reader->name);
        subscribe(peer, options->first, beacon);
        fetch_start(reader); /* live messages wait behind what the journal has */
        return reader;
}

void bus_peer_listen(struct bus_peer *peer, const char *topic_prefix, bool first,
        bus_handler handler, void *self)
{
        struct listener *listener = bus_new(struct listener);

        listener->topic_prefix = bus_xstrdup(topic_prefix);
        listener->handler = handler;
        listener->self = self;
        listener->next = peer->listeners;
        peer->listeners = listener;
        subscribe(peer, first, topic_prefix);
}
