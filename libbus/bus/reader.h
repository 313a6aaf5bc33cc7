#pragma once
/*
 * The reading end: one peer for each writer that a service reads, with SUB sockets for what comes
 * live and a DEALER for what must be fetched. No SUB has two writers, so that no writer can speak in
 * the name of another: a topic counts only on the sockets of the service that owns its stream.
 *
 * What is few and waited for (commands, their results, alarms) has a lane of its own, a second SUB
 * to the same writer, which is read before all else: a reader that is behind with a stream still
 * hears it at once. Between the streams of two lanes there is no order.
 *
 * Invariant: the messages of an input are handed over in the order of the stream, each exactly
 * once since the cursor it started from, whatever is lost, repeated or late on the sockets. Every
 * message names its predecessor; one whose predecessor is not the cursor waits a moment, then what
 * lies between is fetched from the writer's journal.
 */
#include "libbus/base/bytes.h"
#include "libbus/bus/message.h"
#include "libbus/config/config.h"
#include "libbus/loop/loop.h"
#include "libbus/wire/position.h"

struct bus_keys;
struct bus_peer;
struct bus_reader; /* one input */

/* Hands over a message; what bus_handler returns. After < 0 nothing more is handed over. */
typedef int (*bus_deliver_fn)(
        void *arg, struct bus_reader *reader, const struct bus_message *message);

/* A sender had a higher token than all before: to be kept, for those that come later. */
typedef void (*bus_token_fn)(void *arg, const char *writer, uint64_t token);

/* Processes of one writer, at most. */
#define BUS_REPLICAS_MAX 8

enum bus_lanes {
        BUS_LANE_BULK,  /* one connection, taken by turns as the budget allows */
        BUS_LANE_FIRST, /* one, read whatever the budget says */
        BUS_LANES_BOTH,
};

struct bus_peer_options {
        struct bus_loop *loop;
        void *zmq;
        const char *writer; /* service name; borrowed */
        /* Several, separated by one blank, where the writer runs several times: as many of both. */
        const char *pub_endpoint, *replay_endpoint;
        enum bus_lanes lanes;
        const struct config *config; /* says whose place they are (place.h); NULL: not asked */
        const struct bus_keys
                *keys;      /* of who reads; NULL: a plain connection, for tests over ipc */
        bool background;    /* others who read the same are served before */
        int64_t silence_us; /* a writer that is silent for so long is connected to anew; 0: 5 s */
        int *budget; /* messages that may still be handed over in this turn; shared by all peers */
        unsigned int
                fetched_max; /* messages asked for at once of a journal; 0: as many as may be */
        uint64_t token;      /* of the newest lease its senders are known to have had */
        bus_token_fn token_raised; /* may be NULL */
        void *token_arg;
};

/* It cannot go on with this stream by itself, or (CODE NULL) it does again. CODE is the log line's
 * event, SETTLE what a person may do. */
typedef void (*bus_stuck_fn)(
        void *arg, struct bus_reader *reader, const char *code, const char *settle);

struct bus_reader_options {
        const char *stream_kind; /* "signal" */
        bool first;              /* on the lane that is read first, where its peer has one */
        enum bus_start start;    /* where to start without a cursor */
        bool has_cursor;
        struct bus_pos cursor;
        bus_deliver_fn deliver;
        bus_stuck_fn stuck; /* may be NULL */
        void *arg;
        const char *service; /* whose cursor it is, durably; NULL: nobody's, of a tool. Borrowed */
};

/*
 * -errno, and one line in ERROR. While the sockets' place is not there, or not the writer's, the
 * peer is not connected: the latter is an ERROR line, and both are asked again each second.
 */
BUS_MUST int bus_peer_new(const struct bus_peer_options *options, struct bus_peer **ret_peer,
        char *error, size_t error_size);
struct bus_peer *bus_peer_free(
        struct bus_peer *peer); /* takes NULL, returns NULL; frees its readers */

struct bus_reader *bus_peer_add(struct bus_peer *peer, const struct bus_reader_options *options);
/* Topics without a journal. */
void bus_peer_listen(struct bus_peer *peer, const char *topic_prefix, bool first,
        bus_handler handler, void *self);

const char *bus_reader_stream(const struct bus_reader *reader);      /* full name */
struct bus_pos bus_reader_position(const struct bus_reader *reader); /* last handed over */
/* False until a reader without a cursor that starts at now has learnt where that is. */
bool bus_reader_placed(const struct bus_reader *reader);
/* True once it has reached the end that a beacon or a replay told of. */
bool bus_reader_caught_up(const struct bus_reader *reader);
/* Messages between the cursor and the newest position known of; 0 for derived streams' gaps. */
uint64_t bus_reader_behind(const struct bus_reader *reader);
void bus_reader_hold(struct bus_reader *reader, bool hold);
/* From the next turn on, what came behind POSITION is handed over again. */
void bus_reader_back(struct bus_reader *reader, struct bus_pos position);

struct bus_reader_counts {
        uint64_t handed_over, replayed, repeated, gaps, refused;
};
struct bus_reader_counts bus_reader_counts(const struct bus_reader *reader);
