#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/batch.h"
#include "libbus/bus/canary.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/place.h"
#include "libbus/bus/socket.h"
#include "libbus/bus/writer_internal.h"

#include "replay.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <zmq.h>

#define BEACON_PERIOD_US (250 * BUS_US_PER_MS)
/* Beacons are most of what a quiet system does: of a stream that has told its end so many times in
 * a row, only every fourth goes out, those of all streams together. */
#define BEACONS_FRESH 8
#define BEACONS_QUIET 4
/* Long enough for readers on this machine to take the last messages, short enough for any drain. */
#define PUB_LINGER_MS 200
#define PRUNE_STEP    1000
/* A batch is sent when it holds so much: a reader takes it in one turn, and as many as may be queued for
 * one that does not read (BUS_HWM_PUBLISHED) are no more than some megabytes. */
#define BATCH_MAX_MESSAGES 64
#define BATCH_MAX_BYTES    ((size_t)16 << 10)
/* Of a subscription, as told by XPUB: a byte that says which way, and the topic. */
#define SUBSCRIPTION_MAX_BYTES 256
#define SINGLES_MAX            256
/* Taken in one look, so that nobody keeps the loop busy with them. */
#define SUBSCRIPTIONS_MAX 1000
#define US_PER_DAY        (INT64_C(86400) * BUS_US_PER_SEC)

static enum store_stream_kind stored_kind(enum bus_commit commit)
{
        switch (commit) {
        case BUS_COMMIT_DERIVED: return STORE_STREAM_DERIVED;
        case BUS_COMMIT_NORMAL: return STORE_STREAM_NORMAL;
        case BUS_COMMIT_FULL:
        case BUS_COMMIT_NONE: break;
        }
        return STORE_STREAM_FULL;
}

static int open_stream(struct bus_writer *writer, struct bus_writer_stream *stream)
{
        char fork[BUS_POS_TEXT_SIZE];
        int r;

        r = store_stream_open(
                writer->store, stream->name, stored_kind(stream->kind->commit), &stream->stored);
        if (r < 0)
                return r;
        stream->published = stream->stored.last;
        if (stream->stored.new_incarnation)
                log_info("incarnation_begins",
                        "stream=%s incarnation=%" PRIu64 " reason=%s behind=%s", stream->name,
                        stream->stored.incarnation, stream->stored.reason,
                        bus_pos_format(stream->stored.last, fork));
        return 0;
}

static void use_store(struct bus_writer *writer, struct store *store)
{
        writer->store = store;
        writer->lease = (struct store_lease){ 0 };
        if (store)
                store_lease(store, &writer->lease);
        writer->token = writer->lease.token;
}

static int add_output(struct bus_writer *writer, const char *service, const char *kind_name)
{
        const struct bus_stream_kind *kind = bus_stream_kind(kind_name);
        struct bus_writer_stream *stream;

        bus_require(kind && kind->commit != BUS_COMMIT_NONE);
        bus_require(writer->stream_count < WRITER_STREAMS_MAX);
        stream = &writer->streams[writer->stream_count++];
        stream->kind = kind;
        bus_stream_full_name(kind_name, service, stream->name);
        return open_stream(writer, stream);
}

static int bind_socket(void *socket, const char *endpoint, char *error, size_t error_size)
{
        int r;

        r = bus_endpoint_prepare(endpoint);
        if (r == 0)
                r = bus_socket_bind(socket, endpoint);
        if (r == 0)
                r = bus_place_open(endpoint);
        if (r < 0)
                snprintf(error, error_size, "cannot bind %s: %s", endpoint, zmq_strerror(-r));
        return r;
}

/* PUB never blocks: what a slow reader has no room for is dropped, and fetched by replay. */
static void publish(struct bus_writer *writer, const char *topic, struct bus_bytes frame)
{
        if (zmq_send(writer->pub, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
                zmq_send(writer->pub, frame.data, frame.size, ZMQ_DONTWAIT) < 0)
                log_warn("publish_failed", "topic=%s error=%s", topic, zmq_strerror(errno));
}

void bus_writer_publish_raw(struct bus_writer *writer, const char *topic, struct bus_bytes frame)
{
        if (!store_lease_is_over(writer->store, bus_mono_us()))
                publish(writer, topic, frame);
}

static void send_beacon(struct bus_writer *writer, const struct bus_writer_stream *stream)
{
        Pb__Beacon beacon = PB__BEACON__INIT;
        Pb__Position first, last, forks_at[STORE_FORKS_MAX];
        Pb__Fork forks[STORE_FORKS_MAX], *fork_pointers[STORE_FORKS_MAX];
        char topic[sizeof("beacon.") + BUS_STREAM_NAME_SIZE];

        bus_pos_to(stream->stored.first, &first);
        bus_pos_to(stream->stored.last, &last);
        beacon.stream = (char *)stream->name;
        beacon.incarnation = stream->stored.incarnation;
        beacon.first = &first;
        beacon.last = &last;
        for (size_t i = 0; i < stream->stored.fork_count; i++) {
                pb__fork__init(&forks[i]);
                bus_pos_to(stream->stored.forks[i].fork, &forks_at[i]);
                forks[i].incarnation = stream->stored.forks[i].incarnation;
                forks[i].fork = &forks_at[i];
                fork_pointers[i] = &forks[i];
        }
        beacon.writer_token = writer->token;
        beacon.forks = fork_pointers;
        beacon.n_forks = stream->stored.fork_count;

        bus_buf_clear(&writer->frame);
        bus_pack(&beacon.base, &writer->frame);
        snprintf(topic, sizeof(topic), "beacon.%s", stream->name);
        bus_writer_publish_raw(writer, topic, bus_buf_bytes(&writer->frame));
}

void bus_writer_refresh(struct bus_writer *writer, struct bus_writer_stream *stream)
{
        int r;

        r = store_stream_get(writer->store, stream->name, &stream->stored);
        bus_require(r == 0 || writer->lease.shared); /* the next commit finds out */
}

void bus_writer_committed(struct bus_writer *writer, struct bus_writer_stream *stream)
{
        bus_require(store_stream_seen(writer->store, stream->name, &stream->stored) == 0);
}

/* What other replicas appended to the same stream is told and replayed as well. */
static void refresh_shared(struct bus_writer *writer)
{
        for (size_t i = 0; writer->store && writer->lease.shared && i < writer->stream_count; i++)
                bus_writer_refresh(writer, &writer->streams[i]);
}

static bool is_due(const struct bus_writer *writer, struct bus_writer_stream *stream)
{
        const struct store_stream *now = &stream->stored;

        if (!bus_pos_equal(now->last, stream->told) || now->incarnation != stream->told_of ||
                writer->token != stream->told_token) {
                stream->told = now->last;
                stream->told_of = now->incarnation;
                stream->told_token = writer->token;
                stream->told_times = 0;
        }
        if (stream->told_times < BEACONS_FRESH) {
                stream->told_times++;
                return true;
        }
        return writer->beacons % BEACONS_QUIET == 0;
}

/* ---- who wants single messages ---- */

static bool is_prefix(const char *prefix, const char *text)
{
        return !strncmp(prefix, text, strlen(prefix));
}

/* Whether a message of ours can have a topic that begins so. Beacons, batches and the like have not. */
static bool is_for_singles(const struct bus_writer *writer, const char *prefix)
{
        for (size_t i = 0; i < writer->stream_count; i++) {
                const char *topics = writer->streams[i].kind->topic_prefix;

                if (is_prefix(prefix, topics) || is_prefix(topics, prefix))
                        return true;
        }
        return false;
}

static void add_single(struct bus_writer *writer, const char *topic)
{
        if (writer->single_count == SINGLES_MAX) {
                log_warn("subscription_refused", "topic=\"%s\" most=%d", topic, SINGLES_MAX);
                return;
        }
        writer->singles = bus_xrealloc(
                writer->singles, (writer->single_count + 1) * sizeof(writer->singles[0]));
        writer->singles[writer->single_count++] = bus_xstrdup(topic);
}

static void remove_single(struct bus_writer *writer, const char *topic)
{
        for (size_t i = 0; i < writer->single_count; i++)
                if (!strcmp(writer->singles[i], topic)) {
                        free(writer->singles[i]);
                        writer->singles[i] = writer->singles[--writer->single_count];
                        return;
                }
}

/* XPUB tells of the first subscription to a topic and of the end of the last one. */
static void take_subscriptions(struct bus_writer *writer)
{
        char event[SUBSCRIPTION_MAX_BYTES + 1];
        int n;

        for (int i = 0; i < SUBSCRIPTIONS_MAX; i++) {
                n = zmq_recv(writer->pub, event, SUBSCRIPTION_MAX_BYTES, ZMQ_DONTWAIT);
                if (n < 0)
                        return;
                if (n < 1 || n > SUBSCRIPTION_MAX_BYTES)
                        continue; /* no topic is so long */
                event[n] = 0;
                if (event[0] == 0)
                        remove_single(writer, event + 1);
                else if (event[0] == 1 && is_for_singles(writer, event + 1))
                        add_single(writer, event + 1);
        }
}

static bool is_wanted_singly(const struct bus_writer *writer, const char *topic)
{
        for (size_t i = 0; i < writer->single_count; i++)
                if (is_prefix(writer->singles[i], topic))
                        return true;
        return false;
}

/* ---- beacons ---- */

static void send_beacons(void *arg)
{
        struct bus_writer *writer = arg;

        take_subscriptions(writer);
        refresh_shared(writer);
        writer->beacons++;
        for (size_t i = 0; i < writer->stream_count; i++)
                if (is_due(writer, &writer->streams[i]))
                        send_beacon(writer, &writer->streams[i]);
}

static int bind_all(struct bus_writer *writer, const struct bus_writer_options *options,
        char *error, size_t error_size)
{
        int r;

        writer->pub = bus_socket_new(options->zmq, ZMQ_XPUB);
        writer->router = bus_socket_new(options->zmq, ZMQ_ROUTER);
        if (!writer->pub || !writer->router) {
                snprintf(error, error_size, "cannot make a socket: %s", zmq_strerror(errno));
                return -errno;
        }
        if (options->pub_behind)
                bus_socket_move(writer->pub, 1);
        if (options->keys) {
                bus_socket_guard(writer->pub, options->keys, options->service);
                bus_socket_guard(writer->router, options->keys, options->service);
        }
        r = bind_socket(writer->pub, options->pub_endpoint, error, error_size);
        if (r == 0)
                r = bind_socket(writer->router, options->replay_endpoint, error, error_size);
        return r;
}

static int prove(struct bus_writer *writer, const struct bus_writer_options *options, char *error,
        size_t error_size)
{
        const struct bus_canary_target targets[] = { { writer->pub, ZMQ_SUB },
                { writer->router, ZMQ_DEALER } };

        return options->keys ? bus_canary(options->zmq, options->zap, options->keys, targets,
                                       BUS_COUNT(targets), error, error_size)
                             : 0;
}

int bus_writer_new(const struct bus_writer_options *options, struct bus_writer **ret_writer,
        char *error, size_t error_size)
{
        struct bus_writer *writer = bus_new(struct bus_writer);
        int r = 0;

        writer->loop = options->loop;
        use_store(writer, options->store);
        writer->regressed = options->regressed;
        writer->arg = options->arg;
        for (const char *const *kind = options->outputs; r == 0 && *kind; kind++) {
                r = add_output(writer, options->service, *kind);
                if (r < 0)
                        snprintf(error, error_size, "cannot open stream %s: %s", *kind,
                                r == -EUCLEAN ? "it is damaged: umbra restore" : strerror(-r));
        }
        if (r == 0)
                r = bind_all(writer, options, error, error_size);
        if (r == 0)
                r = prove(writer, options, error, error_size);
        if (r < 0) {
                bus_writer_free(writer);
                return r;
        }
        writer->router_source = bus_loop_add_touched_socket(
                writer->loop, writer->router, writer_serve_replay, writer);
        writer->beacon_timer =
                bus_loop_add_timer(writer->loop, 0, BEACON_PERIOD_US, send_beacons, writer);
        *ret_writer = writer;
        return 0;
}

struct bus_writer *bus_writer_free(struct bus_writer *writer)
{
        if (!writer)
                return NULL;
        bus_loop_remove(writer->loop, writer->router_source);
        bus_loop_remove(writer->loop, writer->beacon_timer);
        bus_socket_close(writer->pub, PUB_LINGER_MS);
        bus_socket_close(writer->router, 0);
        for (size_t i = 0; i < writer->stream_count; i++)
                bus_buf_done(&writer->streams[i].batch);
        while (writer->single_count)
                free(writer->singles[--writer->single_count]);
        free(writer->singles);
        bus_buf_done(&writer->frame);
        bus_buf_done(&writer->answer);
        free(writer);
        return NULL;
}

struct bus_writer_stream *bus_writer_stream(struct bus_writer *writer, const char *kind)
{
        for (size_t i = 0; i < writer->stream_count; i++)
                if (!strcmp(writer->streams[i].kind->name, kind))
                        return &writer->streams[i];
        return NULL;
}

static Pb__Step publish_step(const struct bus_writer_stream *stream)
{
        return strcmp(stream->kind->name, "signal") ? PB__STEP__STEP_UNSPECIFIED
                                                    : PB__STEP__STEP_SIGNAL_PUBLISHED;
}

static void send_batch(struct bus_writer *writer, struct bus_writer_stream *stream)
{
        char topic[sizeof(BUS_BATCH_TOPIC) + BUS_STREAM_NAME_SIZE];

        if (!stream->batched)
                return;
        snprintf(topic, sizeof(topic), BUS_BATCH_TOPIC "%s", stream->kind->topic_prefix);
        bus_writer_publish_raw(writer, topic, bus_buf_bytes(&stream->batch));
        bus_buf_clear(&stream->batch);
        stream->batched = 0;
}

/* Its place is in the frame already. */
static void publish_single(struct bus_writer *writer, const char *topic, struct bus_bytes envelope)
{
        BUS_AUTOBUF struct bus_buf whole = BUS_BUF_INIT;

        bus_buf_add(&whole, envelope.data, envelope.size);
        bus_buf_add(&whole, writer->frame.data, writer->frame.size);
        bus_writer_publish_raw(writer, topic, bus_buf_bytes(&whole));
}

void bus_writer_publish(struct bus_writer *writer, struct bus_writer_stream *stream,
        const char *topic, struct bus_bytes envelope, struct bus_pos position,
        struct bus_pos predecessor)
{
        Pb__Step step = publish_step(stream);

        bus_buf_clear(&writer->frame);
        bus_envelope_place(&writer->frame, position, predecessor, step,
                step == PB__STEP__STEP_UNSPECIFIED ? 0 : bus_wall_us());
        if (writer->token)
                bus_envelope_sign(&writer->frame, writer->token);
        bus_batch_add(
                &stream->batch, BUS_BATCH_RECORDS, topic, envelope, bus_buf_bytes(&writer->frame));
        stream->batched++;
        if (is_wanted_singly(writer, topic))
                publish_single(writer, topic, envelope);
        stream->published = position;
        if (!writer->gathers || stream->batched == BATCH_MAX_MESSAGES ||
                stream->batch.size > BATCH_MAX_BYTES)
                send_batch(writer, stream);
}

void bus_writer_gather(struct bus_writer *writer)
{
        writer->gathers = true;
}

void bus_writer_flush(struct bus_writer *writer)
{
        writer->gathers = false;
        for (size_t i = 0; i < writer->stream_count; i++)
                send_batch(writer, &writer->streams[i]);
}

void bus_writer_detach(struct bus_writer *writer)
{
        writer->store = NULL;
}

int bus_writer_reopen(struct bus_writer *writer, struct store *store)
{
        int r = 0;

        use_store(writer, store);
        for (size_t i = 0; r == 0 && i < writer->stream_count; i++)
                r = open_stream(writer, &writer->streams[i]);
        if (r < 0)
                bus_writer_detach(writer);
        return r;
}

void bus_writer_prune(struct bus_writer *writer, int64_t now_us)
{
        int r;

        for (size_t i = 0; writer->store && i < writer->stream_count; i++) {
                struct bus_writer_stream *stream = &writer->streams[i];

                r = store_prune(writer->store, stream->name,
                        now_us - stream->kind->kept_days * US_PER_DAY, PRUNE_STEP);
                if (r > 0)
                        bus_writer_refresh(writer, stream);
                else if (r < 0)
                        log_warn("prune_failed", "stream=%s error=%s", stream->name, strerror(-r));
        }
}
