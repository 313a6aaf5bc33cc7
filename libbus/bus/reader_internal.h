#pragma once
/* Shared by peer.c (sockets), reader.c (order) and fetch.c (replay). */
#include "libbus/bus/envelope.h"
#include "libbus/bus/reader.h"
#include "libbus/wire/streams.h"

#include "replay.pb-c.h"

/* Out-of-order messages held before the gap is fetched, and for how long. */
#define READER_HELD_MAX     256
#define READER_HOLD_TIME_US (20 * BUS_US_PER_MS)
#define FETCH_MESSAGES      256
/* A request without an answer is asked again: the writer was restarted. */
#define FETCH_TIMEOUT_US (1 * BUS_US_PER_SEC)
#define FETCH_RETRY_US   (50 * BUS_US_PER_MS)
/* A writer that is told of a cursor ahead of it begins a new incarnation; one that has answered
 * so often that it is behind does not. */
#define AHEAD_ANSWERS_MAX 4

/* A message taken off a socket and unpacked, kept until its turn comes. */
struct held {
        const char *topic;
        struct message_arena arena; /* of topic and envelope */
        Pb__Envelope *envelope;
        struct bus_pos position, predecessor;
        int64_t received_us;
        bool replayed, more_follow;
};

struct bus_reader {
        struct bus_peer *peer;
        struct bus_reader *next;
        const struct bus_stream_kind *kind;
        char name[BUS_STREAM_NAME_SIZE];
        bus_deliver_fn deliver;
        bus_stuck_fn stuck;
        void *arg;
        const char *service;
        struct bus_pos cursor, known_end;
        bool placed; /* the cursor is meant: false until a reader that starts at now knows where that is */
        bool wants_latest;  /* not placed: the newest message is handed over first */
        bool asking_latest; /* that is what the request under way is for */
        bool caught_up, hold, failed;
        bool told_pruned, told_unknown; /* said once */
        unsigned int ahead_answers;     /* in a row: the writer knows less than the cursor */

        struct held held[READER_HELD_MAX]; /* sorted by position */
        size_t held_count;
        struct bus_source *timer; /* a gap has waited long enough, or a fetch must be asked again */

        bool fetching;
        uint64_t request_id;        /* of the request under way; 0: none was sent yet */
        struct bus_pos asked_after; /* the cursor when it was sent: live messages may move it on */
        struct bus_reader_counts counts;
};

struct listener {
        struct listener *next;
        char *topic_prefix;
        bus_handler handler;
        void *self;
};

/* A SUB socket of a link. */
struct lane {
        struct link *link;
        void *sub; /* NULL: there is none of this kind */
        struct bus_source *source;
};

/* One process of the writer's: there are several where replicas share its store. */
struct link {
        struct bus_peer *peer;
        char *pub_endpoint, *replay_endpoint;
        struct lane bulk, first;
        void *dealer;
        struct bus_source *watch; /* connects: at last, or anew behind a silence */
        bool connected, heard, told_place;
        struct bus_source *dealer_source;
};

struct bus_peer {
        struct bus_loop *loop;
        const char *writer;
        const struct config *config;
        struct link links[BUS_REPLICAS_MAX];
        size_t link_count;
        size_t asked;   /* which of them is asked for what is missing */
        uint64_t token; /* highest a sender had: who has a lower one has lost its lease */
        bus_token_fn token_raised;
        void *token_arg;
        struct bus_reader *readers;
        struct listener *listeners;
        bool background;
        int64_t silence_us;
        unsigned int fetched_max;
        int *budget;
        uint64_t next_request_id;
        int64_t warned_us; /* refused messages are told at most once a second */
};

/* reader.c */
/* Takes over what MESSAGE owns. */
void reader_take(struct bus_reader *reader, struct held *message);
void reader_drain(struct bus_reader *reader); /* hands over what now fits */
void reader_beacon(struct bus_reader *reader, const Pb__Beacon *beacon);
void held_done(struct held *message);
/* Counted, and said at a bounded rate. */
void reader_refuse(struct bus_reader *reader, const char *topic, const char *why);
/* Unpacks and checks that it belongs to READER. Says why not, at a bounded rate. */
BUS_MUST int reader_unpack(struct bus_reader *reader, const char *topic, struct bus_bytes envelope,
        bool replayed, struct held *ret_message);

/* fetch.c */
void fetch_start(struct bus_reader *reader);
void fetch_timer(void *reader);
void fetch_answer(struct bus_peer *peer, struct bus_bytes frame);

/* peer.c */
/* Sends to one that is there. False: nobody is. */
bool peer_ask(struct bus_peer *peer, struct bus_bytes frame);
void peer_ask_another(struct bus_peer *peer); /* from now on: this one does not answer */
/* Messages that came together. What is bad among them is refused, and what is then missing is fetched. */
void peer_take_batch(struct bus_reader *reader, struct bus_bytes frame);
/* Whether the sender's lease is not older than one that was seen. */
bool peer_admits(struct bus_peer *peer, uint64_t token);
