#pragma once
/*
 * What is in the log and not in the database yet: records as they were written, with an index of the
 * keys they touch. A reader finds here what the database does not know, and of a key that changed
 * ten times only the last change is carried over. Not thread-safe; all of it is in memory.
 */
#include "libbus/store/sqlite/redo.h"

/* What a key names. Each kind has keys of its own. */
enum pending_kind {
        PENDING_CLAIM, /* of a stream; operation: the append that took it */
        PENDING_STATE, /* operation: put or delete */
        PENDING_CURSOR,
};

struct pending_key {
        enum pending_kind kind;
        int64_t stream_id; /* claims; else 0 */
        struct bus_bytes key;
};

struct pending_entry {
        uint64_t hash;
        uint32_t at;      /* of the operation within the records */
        uint32_t next;    /* in its bucket, an older one: index + 1, 0 none */
        uint32_t instead; /* of which older one it counts: index + 1, 0 none */
        bool outdated;    /* a newer one counts */
};

struct pending {
        struct bus_buf records;
        struct pending_entry *entries; /* in the order they were made */
        size_t entry_count, entry_capacity;
        uint32_t *buckets; /* index + 1 of the newest entry */
        size_t bucket_count;
        struct redo_key key; /* of its hashes */
};

/* A record under way, to be taken back if it cannot be written. */
struct pending_mark {
        size_t size, entry_count;
};

void pending_done(struct pending *pending);
/* Forgets all; what it held memory for a burst is given back. */
void pending_clear(struct pending *pending);

struct pending_mark pending_mark(const struct pending *pending);
void pending_take_back(struct pending *pending, struct pending_mark mark);
/* Adds an operation to the record that was begun at the end of the records. */
void pending_add(struct pending *pending, const struct redo_op *op);
/* The newest operation on a key, if there is one. Its bytes are valid until the next change. */
bool pending_find(
        const struct pending *pending, const struct pending_key *key, struct redo_op *ret_op);

/* ---- carrying over ---- */

struct pending_step {
        struct bus_bytes key; /* to sort by; empty for an append */
        int64_t stream_id;
        uint32_t at;
        uint8_t kind; /* enum pending_kind; or PENDING_APPEND */
};
#define PENDING_APPEND UINT8_MAX

/* The fewest operations that have the effect of all: every append, in order; then of each key the last
 * change, in the order of the keys, so that neighbours in the database are touched together. */
struct pending_plan {
        struct pending_step *steps;
        size_t count, done;
};

void pending_plan(const struct pending *pending, struct pending_plan *ret_plan);
void pending_plan_done(struct pending_plan *plan);
/* The operation of a step. */
struct redo_op pending_op(const struct pending *pending, uint32_t at);
