#pragma once
/*
 * Inside of the sqlite engine. One file, one connection, one process (a lock beside the file and
 * sqlite's exclusive mode). Journal rows lie in the order they were appended, all streams together,
 * so that a commit dirties few pages; an index orders each stream by position.
 */
#include "libbus/store/engine.h"
#include "libbus/store/sqlite_vfs.h"

/* PRAGMA user_version of the files this program writes, and the newest it reads. */
#define STORE_SQLITE_FORMAT 1
/* PRAGMA application_id: "Umbr". A file without it is not one of ours. */
#define STORE_SQLITE_APPLICATION 0x556d6272

enum sqlite_sql {
        SQL_BEGIN,
        SQL_COMMIT,
        SQL_ROLLBACK,
        SQL_APPEND,
        SQL_CLAIM_GET,
        SQL_CLAIM_PUT,
        SQL_PUT,
        SQL_DELETE,
        SQL_GET,
        SQL_SCAN,
        SQL_CURSOR_PUT,
        SQL_CURSOR_GET,
        SQL_READ,
        SQL_AT_OR_BEHIND,
        SQL_BEFORE,
        SQL_PRUNE_LIST,
        SQL_PRUNE_RECORD,
        SQL_PRUNE_CLAIMS,
        SQL_COUNT,
};

struct sqlite_stream {
        char *name;
        int64_t id;
        enum store_stream_kind kind;
        struct store_stream now;
        struct bus_pos
                before_first; /* predecessor of the oldest kept record: not zero once pruned */
        int64_t top_us;       /* latest at_us of all its records */
        /* What the running transaction makes of it; taken over when that is committed. */
        struct bus_pos staged_first, staged_last, staged_before_first;
        int64_t staged_top_us;
};

struct sqlite_store {
        struct store base;
        sqlite3 *db;
        struct sqlite_vfs *vfs;
        sqlite3_stmt *statements[SQL_COUNT];
        int lock_fd;
        char *path;
        int64_t now_us;
        struct sqlite_stream **streams;
        size_t stream_count;
        int synchronous; /* as last set: enum store_sync, or -1 */
        bool restored;
        bool broken; /* a sync failed: no more writing here */
        bool busy;   /* a callback runs */
        uint64_t commits;
};

static inline struct sqlite_store *sqlite_of(const struct store *store)
{
        return (struct sqlite_store *)(uintptr_t)store;
}

/* ---- sqlite_db.c: one database, statements, errors ---- */

#define STORE_SQLITE_EMPTY 1 /* sqlite_db_judge: nothing is in it yet */

/* Opens PATH through VFS, for this process alone. */
BUS_MUST int sqlite_db_open(const char *path, struct sqlite_vfs *vfs, bool create, sqlite3 **ret_db,
        char *error, size_t error_size);
/* Is it one of ours? 0, STORE_SQLITE_EMPTY, -EUCLEAN, -EPROTO, -errno. */
BUS_MUST int sqlite_db_judge(sqlite3 *db, const char *path, char *error, size_t error_size);
/* Judges it and makes it a store in use: our settings, and our tables where it is empty. */
BUS_MUST int sqlite_db_prepare(sqlite3 *db, const char *path, char *error, size_t error_size);
int sqlite_errno(int rc, sqlite3 *db); /* -errno for a result code */
BUS_MUST int sqlite_exec(sqlite3 *db, const char *sql);
/* First column of the first row, as a number. -ENODATA where there is none. */
BUS_MUST int sqlite_number(sqlite3 *db, const char *sql, int64_t *ret_value);
/* Takes PATH.lock; -EBUSY. Without CREATE a missing one means that nobody holds it: 0, *RET_FD as it was. */
BUS_MUST int sqlite_lock(
        const char *path, bool create, int *ret_fd, char *error, size_t error_size);
/* All that sqlite can check; DB is open. */
BUS_MUST int sqlite_db_check(sqlite3 *db, char *error, size_t error_size);

/* The statement, prepared once, reset and ready for binding. */
BUS_MUST int sqlite_sql(struct sqlite_store *s, enum sqlite_sql id, sqlite3_stmt **ret_stmt);
/* Steps a statement that gives no rows, and resets it. */
BUS_MUST int sqlite_run(struct sqlite_store *s, sqlite3_stmt *stmt);
void sqlite_bind_bytes(sqlite3_stmt *stmt, int index, struct bus_bytes bytes);
void sqlite_bind_pos(sqlite3_stmt *stmt, int index, struct bus_pos pos); /* three, from INDEX */
struct bus_pos sqlite_column_pos(sqlite3_stmt *stmt, int column);        /* three, from COLUMN */
struct bus_bytes sqlite_column_bytes(sqlite3_stmt *stmt, int column);
/* Numbers in a file are signed: a position beyond is none that we ever gave out. */
bool sqlite_pos_fits(struct bus_pos pos);

BUS_MUST int sqlite_begin(struct sqlite_store *s, enum store_sync sync);
/* Ends the transaction: commits if R is 0, else rolls back and returns R. */
BUS_MUST int sqlite_end(struct sqlite_store *s, int r);

/* ---- sqlite_streams.c ---- */
struct sqlite_stream *sqlite_stream_find(struct sqlite_store *s, const char *name);
void sqlite_streams_done(struct sqlite_store *s);
int sqlite_stream_open(struct store *store, const char *name, enum store_stream_kind kind,
        struct store_stream *ret_stream);
int sqlite_stream_fork(
        struct store *store, const char *name, uint64_t above, struct store_stream *ret_stream);
int sqlite_stream_get(struct store *store, const char *name, struct store_stream *ret_stream);

/* ---- sqlite_journal.c ---- */
BUS_MUST int sqlite_append(
        struct sqlite_store *s, struct store_batch *batch, const struct store_op *op);
int sqlite_read(struct store *store, const char *name, struct bus_pos after, size_t max_count,
        store_record_fn fn, void *arg, struct bus_pos *ret_after);
int sqlite_seek_time(
        struct store *store, const char *name, int64_t since_us, struct bus_pos *ret_after);
int sqlite_prune(struct store *store, const char *name, int64_t before_us, size_t max_count);

/* ---- sqlite_state.c ---- */
BUS_MUST int sqlite_state_op(struct sqlite_store *s, const struct store_op *op);
int sqlite_get(struct store *store, struct bus_bytes key, struct bus_buf *ret_value);
int sqlite_scan(struct store *store, struct bus_bytes prefix, store_state_fn fn, void *arg);
int sqlite_cursor(struct store *store, const char *name, struct bus_pos *ret_position);

/* ---- sqlite_care.c ---- */
int sqlite_backup(struct store *store, const char *path, char *error, size_t error_size);
int sqlite_verify(const char *path, char *error, size_t error_size);
int sqlite_restore(const char *backup, const char *path, char *error, size_t error_size);
