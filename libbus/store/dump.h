#pragma once
/*
 * A whole store, piece by piece, in an order that any engine can take: each stream before its records
 * and claims; records in the order of their positions. Engines hand theirs over and take another's
 * (migration), a file keeps one (backups of the redis engine), and what came through is counted and
 * hashed, so that two stores can be told to hold the same.
 */
#include "libbus/base/hash.h"
#include "libbus/store/store.h"

struct store_dump_stream {
        const char *name;
        enum store_stream_kind kind;
        uint64_t incarnation;
        const char *lost; /* reason of the incarnation that has to begin, or NULL */
        struct bus_pos first, last, before_first;
        int64_t top_us; /* latest at_us of all its records */
        size_t fork_count;
        struct store_fork forks[STORE_FORKS_MAX];
};

struct store_dump_record {
        const char *stream;
        struct store_record record;
        int64_t top_us; /* latest at_us up to it */
};

struct store_dump_claim {
        const char *stream;
        struct bus_bytes key, value;
        int64_t expires_us; /* 0: as long as its record is kept ... */
        int64_t until_us;   /* ... which is of this time */
        struct bus_pos position;
};

/* Takes the pieces, all borrowed; each returns 0 or -errno, which ends the dump. */
struct store_sink {
        int (*stream)(void *arg, const struct store_dump_stream *stream);
        int (*record)(void *arg, const struct store_dump_record *record);
        int (*claim)(void *arg, const struct store_dump_claim *claim);
        int (*state)(void *arg, struct bus_bytes key, struct bus_bytes value);
        int (*cursor)(void *arg, const char *stream, struct bus_pos position);
        void *arg;
};

/* All of STORE, which is open, to SINK. */
BUS_MUST int store_dump(
        struct store *store, const struct store_sink *sink, char *error, size_t error_size);
/*
 * Makes the store of PATH of what the file DUMP holds, in the place of what redis had of it; sqlite's
 * must not be there (-EEXIST). Nobody may have it open. RESTORED: it counts as one that was.
 */
BUS_MUST int store_load(const char *engine, const char *path, const char *dump, bool restored,
        char *error, size_t error_size);

/* ---- in a file (dump_file.c) ---- */

#define STORE_DUMP_NONE 1 /* store_dump_probe: no file, or none of ours */
/* What lies at PATH: 0 a dump, STORE_DUMP_NONE, -errno. */
BUS_MUST int store_dump_probe(const char *path);

struct store_dump_file;
/* PATH must not exist: -EEXIST. Each piece is written as it comes. */
BUS_MUST int store_dump_create(
        const char *path, struct store_dump_file **ret_file, struct store_sink *ret_sink);
/* Ends and syncs it. Either way FILE is gone; on failure so is what was written. */
BUS_MUST int store_dump_finish(struct store_dump_file *file, int r);
/*
 * Hands what PATH holds to SINK. -EUCLEAN, and a line in ERROR, if it is not whole: that is known only
 * at its end, so check before anything depends on it. SINK may be NULL: it is only checked.
 */
BUS_MUST int store_dump_read(
        const char *path, const struct store_sink *sink, char *error, size_t error_size);
/* The same from memory; for the fuzzer. */
BUS_MUST int store_dump_parse(struct bus_bytes data, const struct store_sink *sink);

/* ---- what came through (dump_sum.c) ---- */

#define STORE_SUM_STREAMS_MAX 32

struct store_sum {
        uint64_t count;
        uint8_t hash[BUS_SHA256_SIZE]; /* of its pieces, in whatever order they came */
};

struct store_sums {
        size_t stream_count;
        struct {
                char name[64];
                struct store_sum stands, records, claims;
        } streams[STORE_SUM_STREAMS_MAX];
        struct store_sum state, cursors;
};

struct store_sum_sink;
/* A sink that counts into SUMS and hands on to NEXT, which may be NULL. */
void store_sums_begin(struct store_sums *sums, const struct store_sink *next,
        struct store_sum_sink **ret_summing, struct store_sink *ret_sink);
struct store_sum_sink *store_sums_end(struct store_sum_sink *summing); /* returns NULL */
/* 0, or -EUCLEAN and the first thing that differs. */
BUS_MUST int store_sums_compare(
        const struct store_sums *from, const struct store_sums *to, char *error, size_t error_size);
