#pragma once
/* Shared by writer.c and replay.c. */
#include "libbus/bus/writer.h"

/* More outputs than this has no service: signal to alarm are eleven kinds. */
#define WRITER_STREAMS_MAX 8

struct bus_writer {
        struct bus_loop *loop;
        struct store *store;
        void *pub, *router;
        struct bus_source *router_source, *beacon_timer;
        struct bus_writer_stream streams[WRITER_STREAMS_MAX];
        size_t stream_count;
        unsigned int beacons; /* turns of them so far */
        struct bus_buf frame;
        bool gathers; /* bus_writer_gather */
        /* Subscriptions to topics of single messages: their prefixes. */
        char **singles;
        size_t single_count;
        struct bus_buf answer; /* to a request, being made */
        bool busy;             /* bus_writer_busy */
        int64_t answered_us;   /* when the last request was, monotonic */
        struct store_lease lease;
        uint64_t token; /* of the lease: readers refuse who has an older one */
        bus_regressed_fn regressed;
        void *arg;
};

/* One request, by its frame, from IDENTITY. */
void writer_take_question(
        struct bus_writer *writer, struct bus_bytes identity, struct bus_bytes frame);
/* Answers at most one replay request; the loop calls again while more wait. */
void writer_serve_replay(void *writer);
