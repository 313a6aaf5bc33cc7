#pragma once
/*
 * The writing end of a service: one PUB socket for all its streams, a beacon four times a second
 * for each (once a second where nothing has changed for two), and a ROUTER socket that replays what is
 * journaled.
 *
 * Invariant: a beacon, and a replay, tell only what is committed. Live messages are published when
 * the runtime says so: behind the commit, or before it for derived streams.
 *
 * Those of one stream that are published together go out in one frame (batch.h). Who subscribed to
 * topics of single messages, as debugging tools do, gets these by themselves.
 */
#include "libbus/base/bytes.h"
#include "libbus/bus/zap.h"
#include "libbus/loop/loop.h"
#include "libbus/store/store.h"
#include "libbus/wire/streams.h"

#include "envelope.pb-c.h"

struct bus_keys;
struct bus_writer;

/* One stream of this writer. */
struct bus_writer_stream {
        const struct bus_stream_kind *kind;
        char name[BUS_STREAM_NAME_SIZE];
        struct bus_pos published; /* newest sent: the next derived message's predecessor */
        struct bus_buf batch;     /* gathered, to be sent in one */
        unsigned int batched;
        struct store_stream stored;
        /* what its beacons tell, and how often they have: writer.c alone */
        struct bus_pos told;
        uint64_t told_of, told_token; /* incarnation, and token of the lease */
        unsigned int told_times;
};

/* A reader had handled more of STREAM than its journal holds; a new incarnation has begun. */
typedef void (*bus_regressed_fn)(void *arg, const char *stream);

struct bus_writer_options {
        struct bus_loop *loop;
        void *zmq;
        struct store *store;
        const char *service;
        const char *const *outputs; /* kinds, NULL-terminated */
        const char *pub_endpoint, *replay_endpoint;
        bool pub_behind;            /* the context's second I/O thread publishes */
        bus_regressed_fn regressed; /* may be NULL */
        void *arg;
        /* Both, or none of them (then in tests, over ipc): SERVICE's key, and who minds its door. */
        const struct bus_keys *keys;
        struct bus_zap *zap;
};

/* Opens the streams in the store, binds both sockets, and with KEYS has a canary prove that they
 * refuse strangers: -EKEYREJECTED if they do not, -ETIMEDOUT if they say nothing. One line in ERROR
 * on failure. */
BUS_MUST int bus_writer_new(const struct bus_writer_options *options,
        struct bus_writer **ret_writer, char *error, size_t error_size);
struct bus_writer *bus_writer_free(struct bus_writer *writer); /* takes NULL, returns NULL */

/* By kind; NULL if it is not an output of this writer. */
struct bus_writer_stream *bus_writer_stream(struct bus_writer *writer, const char *kind);
/* ENVELOPE is packed without position (bus_envelope_pack). */
void bus_writer_publish(struct bus_writer *writer, struct bus_writer_stream *stream,
        const char *topic, struct bus_bytes envelope, struct bus_pos position,
        struct bus_pos predecessor);
/* From here on what is published waits for bus_writer_flush, if there is not much of it. */
void bus_writer_gather(struct bus_writer *writer);
void bus_writer_flush(struct bus_writer *writer);
/* For what is not journaled. Nothing goes out past the lease: whoever hung for so long is about to find out that
 * another process has it. */
void bus_writer_publish_raw(struct bus_writer *writer, const char *topic, struct bus_bytes frame);
/* How the stream stands after a commit of this process that appended, without a question. */
void bus_writer_committed(struct bus_writer *writer, struct bus_writer_stream *stream);
/* Reads anew how it stands, whoever appended. */
void bus_writer_refresh(struct bus_writer *writer, struct bus_writer_stream *stream);
/* The store is gone for now: replay requests go unanswered until bus_writer_reopen. */
void bus_writer_detach(struct bus_writer *writer);
/* After the store was opened anew: the streams are opened in it again. On failure it stays detached. */
BUS_MUST int bus_writer_reopen(struct bus_writer *writer, struct store *store);
/* BUSY: the service makes up for much itself, and replay requests wait a little for it. */
void bus_writer_busy(struct bus_writer *writer, bool busy);
/* Forgets what is older than each kind keeps, a bounded amount a call. */
void bus_writer_prune(struct bus_writer *writer, int64_t now_us);
