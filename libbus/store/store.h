#pragma once
/*
 * The store of one service: its journal (what it published), its state (key -> bytes), its claims
 * (keys taken once), its cursors (how far it has read other writers' streams). One batch changes
 * all four in one transaction, or none.
 *
 * Two engines behind one interface, held to one conformance suite (test_conformance.c): "sqlite",
 * embedded, a file per service; "redis", on a server (store_redis.h), for more than one machine. A
 * batch is a list of operations without reads in between, and the engine alone gives out positions:
 * several replicas may append to one stream.
 *
 * Not thread-safe: one store, one thread. Calls block on the disk (or the network).
 */
#include "libbus/base/bytes.h"
#include "libbus/wire/position.h"

#define STORE_ABSENT 1 /* store_get, store_cursor: no such key */
#define STORE_AHEAD  2 /* store_read: the position lies behind the stream's end */
#define STORE_PRUNED 3 /* store_read: what follows the position is gone */

struct store;
struct store_batch;

enum store_sync {
        STORE_SYNC_NORMAL, /* atomic and ordered; a power cut may take the last ones */
        STORE_SYNC_FULL,   /* on the disk when store_commit returns */
};

enum store_stream_kind {
        STORE_STREAM_FULL,    /* its messages are committed with STORE_SYNC_FULL */
        STORE_STREAM_NORMAL,  /* a power cut may take its end: then a new incarnation begins */
        STORE_STREAM_DERIVED, /* the caller gives the positions */
};

struct store_options {
        const char *engine; /* "sqlite", "redis" */
        /* sqlite: the file. redis: names the store (STATE/SERVICE/SERVICE.db is "umbra:SERVICE:"), and
         * where small files beside it go; a backup that lies there becomes the store. Its folder must
         * exist, and is nobody else's. */
        const char *path;
        bool shared;    /* redis: several processes have it at once, from a folder each */
        int64_t now_us; /* wall clock: numbers a new incarnation */
        const char *
                boot_id; /* of this boot of the machine; tells a power cut from a mere kill. "" if unknown */
};

/*
 * Opens or creates. -EBUSY if another process holds it (redis: or its lease has not run out), -EUCLEAN if it is damaged, -EPROTO if its
 * format is newer than this program, else the system's error; ERROR gets one line for people.
 */
BUS_MUST int store_open(const struct store_options *options, struct store **ret_store, char *error,
        size_t error_size);
/* Marks the store cleanly closed and closes it. Takes NULL, returns NULL. */
struct store *store_free(struct store *store);
/* Closes without the mark and without a last write, as a dying process would: after a failed sync
 * nothing may be tried again on the same descriptor; open anew and look. Takes NULL, returns NULL. */
struct store *store_abandon(struct store *store);

/* ---- streams ---- */

struct store_fork {
        uint64_t incarnation; /* begins ... */
        struct bus_pos fork;  /* ... behind this position of an earlier one */
};

#define STORE_FORKS_MAX \
        16 /* newest kept in memory and told in beacons; more restores than that is not a use */

struct store_stream {
        struct bus_pos first,
                last; /* zero while empty; last is zero or the newest even if all is pruned */
        uint64_t incarnation; /* current; 0 for a derived stream */
        size_t fork_count;
        struct store_fork forks[STORE_FORKS_MAX]; /* oldest first */
        bool new_incarnation; /* this open began one; reason: "created", "restored", "power_loss", "regressed" */
        const char *reason; /* static text, or NULL */
};

/*
 * Registers a stream of this store ("signal@alert-ingest") and tells how it stands. A new
 * incarnation begins when the stream is created, when the store was put back from a backup, and,
 * for a NORMAL stream, when the machine went down uncleanly since. -EINVAL if it exists with another kind.
 * Each begins with a fork: behind the last position there was, which is zero for a stream created
 * (so that readers of an earlier life of it start over). seq goes on counting across forks.
 */
BUS_MUST int store_stream_open(struct store *store, const char *stream, enum store_stream_kind kind,
        struct store_stream *ret_stream);
/*
 * Begins a new incarnation, above ABOVE, behind the last position there is: a reader has handled
 * more than this store knows of, so what follows must not be numbered like what it handled.
 * -EINVAL for a derived stream, -EOPNOTSUPP where the engine cannot.
 */
BUS_MUST int store_stream_fork(
        struct store *store, const char *stream, uint64_t above, struct store_stream *ret_stream);
/* How it stands now. -ENOENT if it was not opened. */
BUS_MUST int store_stream_get(
        struct store *store, const char *stream, struct store_stream *ret_stream);

/* The same as of the last commit or question of this process: nobody is asked, and what others have
 * appended to a shared store since is not in it. */
BUS_MUST int store_stream_seen(
        struct store *store, const char *stream, struct store_stream *ret_stream);

/* A journaled message as it is read back. All borrowed: valid during the callback. */
struct store_record {
        struct bus_pos position, predecessor;
        const char *topic;
        struct bus_bytes body; /* what was appended */
        int64_t at_us;
};

/* Return 0 to go on, > 0 to stop (not an error), < 0 to stop with that error. */
typedef int (*store_record_fn)(const struct store_record *record, void *arg);

/*
 * Hands over the records behind AFTER, oldest first, at most MAX_COUNT. AFTER may belong to an
 * earlier incarnation: what that one had behind its fork is void, and reading goes on at the fork;
 * *RET_AFTER tells where it really started. Zero: from the oldest kept. FN must not read or commit.
 * 0, STORE_AHEAD, STORE_PRUNED, or -errno.
 */
BUS_MUST int store_read(struct store *store, const char *stream, struct bus_pos after,
        size_t max_count, store_record_fn fn, void *arg, struct bus_pos *ret_after);
/* The position before the first record with at_us >= SINCE_US; the last position if there is none. */
BUS_MUST int store_seek_time(
        struct store *store, const char *stream, int64_t since_us, struct bus_pos *ret_after);
/* Forgets records with at_us < BEFORE_US (never the newest one) and claims that expired before it.
 * At most MAX_COUNT a call, so that it can be done in small bites; > 0: how many were removed. */
BUS_MUST int store_prune(
        struct store *store, const char *stream, int64_t before_us, size_t max_count);

/* ---- state and cursors ---- */

BUS_MUST int store_get(struct store *store, struct bus_bytes key, struct bus_buf *ret_value);
/* KEY and VALUE are borrowed. Return as for store_record_fn. */
typedef int (*store_state_fn)(struct bus_bytes key, struct bus_bytes value, void *arg);
/* Every key that begins with PREFIX, in byte order. The callback must not call the store. */
BUS_MUST int store_scan(struct store *store, struct bus_bytes prefix, store_state_fn fn, void *arg);
BUS_MUST int store_cursor(struct store *store, const char *stream, struct bus_pos *ret_position);

/* ---- batches ---- */

struct store_batch *store_batch_new(void);
struct store_batch *store_batch_free(struct store_batch *batch); /* takes NULL, returns NULL */
void store_batch_clear(struct store_batch *batch);
bool store_batch_is_empty(const struct store_batch *batch);

struct store_append {
        const char *stream;
        const char *topic;
        struct bus_bytes body;
        int64_t at_us;
        struct bus_pos position; /* derived streams: where; else zero */
        /* The append happens only if CLAIM_KEY is free: not taken, or taken with an expiry <= at_us.
         * Size 0: unconditional. CLAIM_VALUE is kept with it for whoever comes second. */
        struct bus_bytes claim_key;
        struct bus_bytes claim_value;
        int64_t claim_expires_us; /* 0: as long as the record is kept */
};

/* All of these copy what they are given. */
size_t store_batch_append(
        struct store_batch *batch, const struct store_append *append); /* its index */
/* What store_batch_append took, by the index it gave: the batch's copies, until it is cleared. */
const struct store_append *store_batch_staged(const struct store_batch *batch, size_t index);
void store_batch_put(struct store_batch *batch, struct bus_bytes key, struct bus_bytes value);
void store_batch_delete(struct store_batch *batch, struct bus_bytes key);
void store_batch_cursor(struct store_batch *batch, const char *stream, struct bus_pos position);

/*
 * Carries the batch out in one transaction. 0: done, and the results below are valid until the
 * batch is cleared. < 0: nothing of it happened, or (after a failed sync) nobody knows: abandon the
 * store and open it again. Errors in the batch itself (-EINVAL: unknown stream, a derived position
 * that does not go forward) leave the store usable.
 */
BUS_MUST int store_commit(struct store *store, struct store_batch *batch, enum store_sync sync);

/*
 * What commits left to be done behind the caller's back, such as moving them from a log to a
 * database. PRESSING: so much of it that a later commit would have to do it first.
 */
enum store_backlog {
        STORE_BACKLOG_NONE,
        STORE_BACKLOG_SOME,
        STORE_BACKLOG_PRESSING,
};
enum store_backlog store_unsettled(const struct store *store);
/*
 * Does a bite of it, about a millisecond: to be called when nobody waits. It may write, and now and
 * then it syncs; how it went, the next commit tells. Whoever never calls it has the same results,
 * but now and then a slow commit.
 */
void store_settle(struct store *store);

/* Gives back the memory that a burst took: for when little is to be done. What comes next reads
 * from the disk again. */
void store_rest(struct store *store);

struct store_appended {
        bool duplicate;             /* the claim was taken: nothing was appended */
        struct bus_pos position;    /* of the record; for a duplicate, of the first one's */
        struct bus_pos predecessor; /* not for a duplicate */
        struct bus_bytes
                claim_value; /* for a duplicate: the first one's; borrowed from the batch */
};
/* INDEX as store_batch_append gave it. */
const struct store_appended *store_batch_result(const struct store_batch *batch, size_t index);

/* ---- care ---- */

/* An online copy, consistent, checked (integrity) and synced, at PATH, which must not exist. */
BUS_MUST int store_backup(struct store *store, const char *path, char *error, size_t error_size);
/* Checks a file that nobody has open: 0, -EUCLEAN damaged, ... ERROR says what. */
BUS_MUST int store_verify(const char *engine, const char *path, char *error, size_t error_size);
/* Puts a backup in place of PATH (the old file is kept beside it as PATH.before-restore) and marks
 * it, so that the next open begins new incarnations. Nobody may have PATH open: -EBUSY. */
BUS_MUST int store_restore(
        const char *engine, const char *backup, const char *path, char *error, size_t error_size);
/* True until the mark of a restore is taken off by store_restored_done. A store that has lost commits
 * which it had acknowledged (store_has_regressed) counts as restored. */
bool store_was_restored(const struct store *store);
bool store_has_regressed(const struct store *store);
BUS_MUST int store_restored_done(struct store *store);

/* ---- whose it is ---- */

struct store_lease {
        uint64_t token; /* higher with each opening; 0: there is no lease, or the store is shared */
        int64_t until_us; /* monotonic: so long it is surely ours; INT64_MAX where nobody can take it */
        int64_t period_us;  /* store_renew wants to be called so often; 0: never */
        bool shared;        /* other processes may have the store as well ... */
        const char *holder; /* ... and this is who we are among them; borrowed */
};
void store_lease(const struct store *store, struct store_lease *ret_lease);
/* Another process may have it by now: whoever hung for so long says nothing more. False where STORE is NULL. */
bool store_lease_is_over(const struct store *store, int64_t now_us);
/* Keeps the lease: 0; -ESTALE: another process has it; -ENOTRECOVERABLE: the store has lost what it
 * had acknowledged. After any failure the store is as after a failed commit. */
BUS_MUST int store_renew(struct store *store);

struct store_stats {
        uint64_t commits,
                syncs; /* fdatasync/fsync calls this process made for it, checkpoints counted; redis:
                          commits that were acknowledged as synced */
};
void store_stats(const struct store *store, struct store_stats *ret_stats);
