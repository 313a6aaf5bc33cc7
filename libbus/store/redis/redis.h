#pragma once
/*
 * Inside of the redis engine. One connection, one process. What a store is made of lies in Redis
 * under the prefix "umbra:SERVICE:" and is changed by the functions of streams.lua and commits.lua, one call a
 * step, and by transactions that do what the function for commits would (transact.c). The service's folder keeps three small files beside the path it gave: PATH.lock (a second
 * process of this folder is refused at once), PATH.owner (who the lease belongs to: a process that
 * has the lock knows that the lease's last holder of this folder is dead), PATH.mark (the last commit
 * that was acknowledged, so that a Redis that has lost it is found out).
 *
 * After an answer that did not come, nobody knows what holds: the connection is given up, and every
 * call fails until the store is opened anew.
 */
#include "libbus/base/hash.h"
#include "libbus/store/engine.h"
#include "libbus/store/store_redis.h"

#include <hiredis.h>

#define REDIS_ID_SIZE    48 /* "INCARNATION-PLACE" */
#define REDIS_OWNER_SIZE 128

/* A command being built: the arguments as the protocol has them, behind room for their number. */
#define REDIS_HEAD_SIZE 24
struct redis_command {
        struct bus_buf args;
        size_t count;
};

struct redis_stream {
        char *name;
        enum store_stream_kind kind;
        struct store_stream now;
        struct bus_pos before_first; /* predecessor of the oldest kept record */
        int64_t top_us;              /* latest at_us of all its records */
        bool in_batch;               /* the batch under way appends to it */
        bool is_stale;               /* another process may have appended: Redis knows, we do not */
        struct bus_pos planned;      /* in a batch that is being looked at */
};

/* A file that outlives the process, mapped: what this folder knows of the store in Redis. */
struct redis_mark {
        char magic[8];
        uint64_t n;  /* the last commit that was acknowledged to us */
        char id[32]; /* of the store it was in */
};

/* Of a batch: of each key the last change. */
struct redis_changes {
        const struct store_op **ops, **table;
        size_t count, capacity;
};

/* Hashes of keys that may be in the store. */
struct redis_known {
        uint64_t *hashes;
        size_t count, capacity, deleted;
        bool is_loaded, too_many;
};

struct redis_store {
        struct store base;
        redisContext *context;
        char *path, *prefix, *meta_key;
        char owner[REDIS_OWNER_SIZE];
        char token[24]; /* of the lease; of a shared store, of the last one there was */
        bool shared;
        int lock_fd;
        struct redis_mark *mark;
        int64_t now_us;
        int64_t held_until_us; /* monotonic: no longer than this is the lease surely ours */
        struct redis_command command;
        struct bus_buf records; /* of a piece of the command under way */
        struct redis_stream **streams;
        size_t stream_count;
        struct redis_stream **order; /* those that the batch under way appends to, as they come */
        size_t order_count;
        uint8_t hash_key[BUS_SIPHASH_KEY_SIZE];
        struct redis_known known;  /* keys of the state */
        struct redis_known claims; /* of all streams */
        struct redis_changes changes;
        size_t queued; /* commands of the transaction under way */
        bool armed, may_not_transact;
        int64_t crowded_until_us; /* monotonic: another process has committed to the shared store */
        bool restored, regressed;
        bool busy;  /* a callback runs */
        int failed; /* -errno: nothing is possible any more */
        uint64_t commits, syncs;
};

static inline struct redis_store *redis_of(const struct store *store)
{
        return (struct redis_store *)(uintptr_t)store;
}

/* ---- wire.c: connection and commands ---- */
const struct store_redis_options *redis_options(void);
BUS_MUST int redis_connect(redisContext **ret_context, char *error, size_t error_size);

void redis_begin(struct redis_command *command);
void redis_add(struct redis_command *command, struct bus_bytes argument);
void redis_add_str(struct redis_command *command, const char *argument);
void redis_add_int(struct redis_command *command, int64_t argument);
/* One argument: the three together. */
void redis_add_key(
        struct redis_command *command, const char *prefix, const char *key, const char *name);
/* FCALL of a function of the library on the store with META_KEY. */
void redis_begin_call(struct redis_command *command, const char *function, const char *meta_key);
/* Sends, and waits for the one answer. -errno of an error answer, too; the caller frees *RET_REPLY. */
BUS_MUST int redis_ask(redisContext *context, struct redis_command *command, redisReply **ret_reply,
        char *error, size_t error_size);
void redis_send(redisContext *context, struct redis_command *command);
BUS_MUST int redis_answer(
        redisContext *context, redisReply **ret_reply, char *error, size_t error_size);
/* Behind -EBUSY: for people, who it is. */
void redis_say_who(char *error, size_t error_size);
/* Behind -EACCES: for people, which right is missing. */
void redis_say_right(char *error, size_t error_size);

/* The same for a store that is open: what cannot be mended ends it. */
BUS_MUST int redis_do(struct redis_store *s, redisReply **ret_reply);
BUS_MUST int redis_take_answer(struct redis_store *s, redisReply **ret_reply);
void redis_call(struct redis_store *s, const char *function); /* begins s->command */
/* 0, or why nothing can be done any more. */
BUS_MUST int redis_usable(const struct redis_store *s);

static inline void redis_reply_freep(redisReply **reply)
{
        if (*reply)
                freeReplyObject(*reply);
}
#define REDIS_AUTOREPLY BUS_CLEANUP(redis_reply_freep)

/* ---- reply.c: what answers say; pure ---- */
int redis_errno(const char *error);
/* An array of at least COUNT elements. */
bool redis_is_array(const redisReply *reply, size_t count);
bool redis_is_text(const redisReply *reply); /* a string, maybe empty */
struct bus_bytes redis_bytes(const redisReply *reply);
const char *redis_id(struct bus_pos pos, bool derived, char text[static REDIS_ID_SIZE]);
BUS_MUST int redis_parse_id(struct bus_bytes text, bool derived, struct bus_pos *ret_pos);
BUS_MUST int redis_parse_number(struct bus_bytes text, int64_t *ret_number);
/* What describe() of streams.lua says. */
BUS_MUST int redis_parse_stream(const redisReply *reply, struct redis_stream *ret_stream);
/* Numbers in an id have bounds: a position beyond is none that we ever gave out. */
bool redis_pos_fits(struct bus_pos pos, bool derived);

/* ---- entry.c: what an entry of a journal holds; pure ---- */
struct redis_entry {
        struct bus_pos id;   /* the position of its last record */
        struct bus_pos last; /* of the record handed over last; at first the predecessor of all */
        int64_t top_us;      /* latest at_us of all records up to that one */
        size_t count;        /* records still to come */
        struct bus_bytes rest;
        bool derived, is_old;
        struct store_record old;
};
/* REPLY: [id, [field, value, ...]]; the records borrow from it. */
BUS_MUST int redis_entry_begin(
        const redisReply *reply, bool derived, struct redis_entry *ret_entry);
/* 0, STORE_ABSENT: that was all, -EBADMSG. */
BUS_MUST int redis_entry_next(struct redis_entry *entry, struct store_record *ret_record);
/* ID: "" in a stream that is not derived. Of RECORD only topic, body and time count. */
void redis_record_add(struct bus_buf *out, const struct store_record *record, const char *id);

/* ---- streams.c ---- */
struct redis_stream *redis_stream_find(struct redis_store *s, const char *name);
void redis_streams_done(struct redis_store *s);
/* Of a shared store: what the others made of it meanwhile. */
BUS_MUST int redis_stream_refresh(struct redis_store *s, struct redis_stream *stream);
int redis_stream_open(struct store *store, const char *name, enum store_stream_kind kind,
        struct store_stream *ret_stream);
int redis_stream_fork(
        struct store *store, const char *name, uint64_t above, struct store_stream *ret_stream);
int redis_stream_get(struct store *store, const char *name, struct store_stream *ret_stream);
int redis_stream_seen(struct store *store, const char *name, struct store_stream *ret_stream);

/* ---- commit.c ---- */
int redis_commit(struct store *store, struct store_batch *batch, enum store_sync sync);

/* ---- parts.c: what a batch is made of ---- */
BUS_MUST int redis_check_append(struct redis_store *s, const struct store_append *append);
/* "" where the position is given out by Redis. */
const char *redis_id_of(const struct redis_stream *stream, const struct store_append *append,
        char text[static REDIS_ID_SIZE]);
/* Adds the record to s->records. */
void redis_append_add(struct redis_store *s, const struct redis_stream *stream,
        const struct store_append *append);
/* It is done: the record is the stream's last. */
void redis_take_position(struct redis_stream *stream, const struct store_append *append,
        struct store_appended *result);
/* Into s->changes; pointers into the batch. */
void redis_changes_find(struct redis_store *s, const struct store_batch *batch);
void redis_changes_done(struct redis_changes *changes);
size_t redis_changes_count(const struct redis_store *s, enum store_op_kind kind);
void redis_change_add(struct redis_store *s, const struct store_op *op);
/* Adds "EXPIRES POSITION VALUE". */
void redis_claim_text(struct redis_store *s, const struct redis_stream *stream,
        const struct store_append *append, struct bus_pos position);

/* ---- call.c: a commit by the function ---- */
BUS_MUST int redis_call_begin(struct redis_store *s, const struct store_batch *batch);
BUS_MUST int redis_call_results(
        struct redis_store *s, struct store_batch *batch, const redisReply *reply);

/* ---- transact.c: a commit by a transaction ---- */
#define REDIS_CONFLICT 1
/* 0; REDIS_CONFLICT: nothing was sent, the function has to do it; -EINVAL. */
BUS_MUST int redis_transact_send(struct redis_store *s, struct store_batch *batch);
/* 0; REDIS_CONFLICT: nothing happened; -errno. */
BUS_MUST int redis_transact_take(struct redis_store *s, struct store_batch *batch);
/* So that the next commit may go this way: sent behind something else, taken behind its answer. */
bool redis_may_arm(const struct redis_store *s);
void redis_arm_send(struct redis_store *s);
void redis_arm_take(struct redis_store *s);
/* Another process has committed to the shared store. */
void redis_crowded(struct redis_store *s);

/* ---- read.c ---- */
int redis_read(struct store *store, const char *name, struct bus_pos after, size_t max_count,
        store_record_fn fn, void *arg, struct bus_pos *ret_after);
int redis_seek_time(
        struct store *store, const char *name, int64_t since_us, struct bus_pos *ret_after);
int redis_prune(struct store *store, const char *name, int64_t before_us, size_t max_count);

/* ---- state.c ---- */
int redis_get(struct store *store, struct bus_bytes key, struct bus_buf *ret_value);
int redis_scan(struct store *store, struct bus_bytes prefix, store_state_fn fn, void *arg);
int redis_cursor(struct store *store, const char *name, struct bus_pos *ret_position);

/* At most COUNT keys in order, at or behind FROM, which has its '[' or '(' in front; "-": from the first. */
BUS_MUST int redis_next_keys(
        struct redis_store *s, struct bus_bytes from, size_t count, redisReply **ret_keys);

/* ---- known.c: keys that are not there, without a question ---- */
BUS_MUST int redis_known_absent(struct redis_store *s, struct bus_bytes key, bool *ret_absent);
/* Before a commit with OP, of the state, is sent. */
void redis_known_commit(struct redis_store *s, const struct store_op *op);
void redis_known_done(struct redis_known *known);
/* Whether it is surely free. From now on it is taken, as far as this process knows. */
BUS_MUST int redis_claim_take(struct redis_store *s, const struct redis_stream *stream,
        struct bus_bytes key, bool *ret_free);
/* The function has decided on a claim. */
void redis_claim_seen(
        struct redis_store *s, const struct redis_stream *stream, struct bus_bytes key);

/* ---- place.c: what a store's path means ---- */
char *redis_prefix_of(const char *path); /* the caller frees */
/* Takes PATH.lock and tells who holds what this folder holds. */
BUS_MUST int redis_place_take(
        struct redis_store *s, const char *path, char *error, size_t error_size);
void redis_place_done(struct redis_store *s);
void redis_mark_set(struct redis_store *s, const char *id, uint64_t n);
/* PATH's mark is forgotten: the store it spoke of was replaced. */
void redis_mark_drop(const char *path);

/* ---- care.c ---- */
int redis_backup(struct store *store, const char *path, char *error, size_t error_size);
int redis_verify(const char *path, char *error, size_t error_size);
int redis_restore(const char *backup, const char *path, char *error, size_t error_size);
int redis_load(const char *path, const char *dump, bool restored, char *error, size_t error_size);
/* A backup that lies at S's path becomes the store. 0 also where there is none. */
BUS_MUST int redis_adopt_file(struct redis_store *s, char *error, size_t error_size);

/* ---- dump.c ---- */
int redis_dump(struct store *store, const struct store_sink *sink, char *error, size_t error_size);

/* ---- load.c: a whole store, put in the place of what is there ---- */
struct redis_loader {
        struct redis_store *s; /* connected, its place taken, not open */
        char token[24];
        size_t pieces;
        struct bus_buf full_forks;
        /* kinds of the streams that came: positions depend on them */
        char (*names)[64];
        bool *derived;
        size_t count;
        int error;
};
BUS_MUST int redis_load_begin(struct redis_loader *loader, struct redis_store *s,
        struct store_sink *ret_sink, char *error, size_t error_size);
/* RESTORED: its streams have to go on under new incarnations. Either way the loader is
 * done; after a failure the store cannot be opened until a load has succeeded. */
BUS_MUST int redis_load_end(
        struct redis_loader *loader, int r, bool restored, char *error, size_t error_size);
