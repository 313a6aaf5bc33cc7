#pragma once
/*
 * Inside of the sqlite engine. One database, one connection, one process (a lock beside the file and
 * sqlite's exclusive mode), and in front of it the redo log, PATH-log: a commit is one record
 * appended there. What it says is done in the database behind the caller's back (sqlite_settle), or
 * before the next reading; the log is written over only when the database has it on the disk. The
 * database alone is thus never ahead of what was promised and may be behind it; log and database
 * together are the store. Journal rows lie in the order they were appended, all streams together,
 * so that a commit dirties few pages; an index orders each stream by position.
 */
#include "libbus/store/engine.h"
#include "libbus/store/lock.h"
#include "libbus/store/sqlite/pending.h"
#include "libbus/store/sqlite/redo_file.h"
#include "libbus/store/sqlite/vfs.h"

/* PRAGMA user_version of the files this program writes, and the newest it reads. */
#define STORE_SQLITE_FORMAT 1
/* The same, of a file whose log belongs to it: a program that knows of no log must not open it. */
#define STORE_SQLITE_FORMAT_LOGGED 101
/* PRAGMA application_id: "Umbr". A file without it is not one of ours. */
#define STORE_SQLITE_APPLICATION 0x556d6272

enum sqlite_sql {
        SQL_BEGIN,
        SQL_COMMIT,
        SQL_APPLIED_PUT,
        SQL_APPEND,
        SQL_APPEND_MANY,
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

/* What gathers is cut into pieces of so many bytes, each with an index of its own: one is planned,
 * carried over and committed by itself, so that each of these is short. */
#define SQLITE_PIECE_BYTES ((size_t)2 << 20)
/* All that is gathered: a bound for memory, and for what the next start has to apply. */
#define SQLITE_GATHERED_MAX_BYTES ((size_t)12 << 20)
#define SQLITE_WAITING_MAX        8

struct sqlite_piece {
        struct pending pending;
        uint64_t seq; /* of its last record */
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
        bool restored;
        bool busy; /* a callback runs */
        uint64_t commits;

        struct redo_file log;
        struct redo_key key;
        uint64_t seq;       /* of the last record */
        uint64_t synced;    /* the last one known to be on the disk, in the log or the database */
        uint64_t promised;  /* the last one that had to be: STORE_SYNC_FULL */
        uint64_t flushed;   /* the last one committed in the database */
        uint64_t settled;   /* the last one on the disk in the database */
        uint64_t log_after; /* the log begins behind this one */
        uint64_t applied;   /* the last one of what was carried over into the open transaction */
        struct pending pending; /* records that are in the log and not yet in the database */
        struct sqlite_piece waiting[SQLITE_WAITING_MAX]; /* the ones before them, oldest first */
        size_t waiting_count;
        struct pending carried;   /* the oldest, which are being carried over ... */
        struct pending_plan plan; /* ... in these steps */
        uint64_t carried_seq;     /* the last of those */
        uint64_t owed;            /* of work: what came since is not to outgrow what is carried */

        bool open;            /* a transaction is, with what was applied since the last */
        size_t open_bytes;    /* of the records applied in it */
        enum store_sync sync; /* of a transaction of its own: sqlite_begin */
        int wal_pages;
        int refused; /* the database cannot follow: no more is promised. -errno, or 0 */
};

static inline struct sqlite_store *sqlite_of(const struct store *store)
{
        return (struct sqlite_store *)(uintptr_t)store;
}

/* ---- db.c: one database, statements, errors ---- */

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
/* All that sqlite can check; DB is open. */
BUS_MUST int sqlite_db_check(sqlite3 *db, char *error, size_t error_size);

/* The statement, prepared once, reset and ready for binding. */
BUS_MUST int sqlite_sql(struct sqlite_store *s, enum sqlite_sql id, sqlite3_stmt **ret_stmt);
/* Steps a statement that gives no rows, and resets it. */
BUS_MUST int sqlite_run(struct sqlite_store *s, sqlite3_stmt *stmt);
void sqlite_bind_bytes(sqlite3_stmt *stmt, int index, struct bus_bytes bytes);
void sqlite_bind_text(sqlite3_stmt *stmt, int index, struct bus_bytes text);
void sqlite_bind_pos(sqlite3_stmt *stmt, int index, struct bus_pos pos); /* three, from INDEX */
struct bus_pos sqlite_column_pos(sqlite3_stmt *stmt, int column);        /* three, from COLUMN */
struct bus_bytes sqlite_column_bytes(sqlite3_stmt *stmt, int column);
/* Numbers in a file are signed: a position beyond is none that we ever gave out. */
bool sqlite_pos_fits(struct bus_pos pos);

/* ---- sqlite.c: transactions ---- */

/* A transaction of its own, beside the log; what is pending goes before it. */
BUS_MUST int sqlite_begin(struct sqlite_store *s, enum store_sync sync);
/* Ends the transaction: commits if R is 0, else rolls back and returns R. */
BUS_MUST int sqlite_end(struct sqlite_store *s, int r);
void sqlite_stage_streams(struct sqlite_store *s);
void sqlite_adopt_staged(struct sqlite_store *s);
/* 0, or why nothing may be written or believed any more. */
BUS_MUST int sqlite_usable(const struct sqlite_store *s);

/* ---- apply.c: from the log into the database ---- */
BUS_MUST int sqlite_apply_record(struct sqlite_store *s, const struct redo_record *record);
/* The newest operation on a key that the database does not have yet, if there is one. */
bool sqlite_find_pending(
        const struct sqlite_store *s, const struct pending_key *key, struct redo_op *ret_op);
/* Before a commit: what is pending is a piece of its own once it is large enough, and the oldest piece
 * is carried over where so much waits that memory would have no bound, as when nobody settles. */
BUS_MUST int sqlite_cut_piece(struct sqlite_store *s);
/* Behind a commit of so many operations. */
void sqlite_owe(struct sqlite_store *s, int ops, size_t bytes);
/* Of all records that are in the log and not yet in the database. */
size_t sqlite_gathered_bytes(const struct sqlite_store *s);
/* The oldest of what is pending: 1, or 0 if there is nothing. */
BUS_MUST int sqlite_catch_up_some(struct sqlite_store *s);
/* All that is pending, so that readings see it. */
BUS_MUST int sqlite_catch_up(struct sqlite_store *s);
/* And committed, but not synced. */
BUS_MUST int sqlite_flush(struct sqlite_store *s);
/* What was flushed is on the disk as well. */
BUS_MUST int sqlite_sync(struct sqlite_store *s);
/* All is flushed, and synced where a promise depends on it; the log begins anew, and is to grow if it
 * may. */
BUS_MUST int sqlite_recycle(struct sqlite_store *s);
void sqlite_restart_log(struct sqlite_store *s);
enum store_backlog sqlite_unsettled(const struct store *store);
void sqlite_settle(struct store *store);
void sqlite_rest(struct store *store);

/* ---- commit.c: a batch into the log ---- */
int sqlite_commit(struct store *store, struct store_batch *batch, enum store_sync sync);

/* ---- log.c: recovery ---- */
char *sqlite_log_path(const char *path); /* the caller frees */
/* Is there a log that belongs to DB? 0 and *RET_LOGGED. */
BUS_MUST int sqlite_log_belongs(sqlite3 *db, bool *ret_logged);
/* Reads the log of the database at PATH, and, into a transaction that the caller opened, applies
 * what S (with db and nothing else) does not have. */
BUS_MUST int sqlite_log_replay(
        struct sqlite_store *s, const char *path, char *error, size_t error_size);
/* Checks it only. */
BUS_MUST int sqlite_log_check(sqlite3 *db, const char *path, char *error, size_t error_size);
/* Makes the log ready for a new time of being open; S's key is new. */
BUS_MUST int sqlite_log_begin(struct sqlite_store *s, bool reuse, char *error, size_t error_size);
/* In a transaction: the database says that it has a log, with this key; or none. */
BUS_MUST int sqlite_log_mark(struct sqlite_store *s);
BUS_MUST int sqlite_log_unmark(sqlite3 *db);

/* ---- streams.c ---- */
struct sqlite_stream *sqlite_stream_find(struct sqlite_store *s, const char *name);
void sqlite_streams_done(struct sqlite_store *s);
int sqlite_stream_open(struct store *store, const char *name, enum store_stream_kind kind,
        struct store_stream *ret_stream);
int sqlite_stream_fork(
        struct store *store, const char *name, uint64_t above, struct store_stream *ret_stream);
int sqlite_stream_get(struct store *store, const char *name, struct store_stream *ret_stream);

/* ---- journal.c ---- */
/* 0: no; 1: the claim is taken at AT_US, *RET says by whom. */
BUS_MUST int sqlite_look_up_claim(struct sqlite_store *s, int64_t stream_id,
        const struct store_append *append, struct store_batch *batch, struct store_appended *ret);
/* So many in one statement cost half of what they cost one by one: the trees are opened once, and
 * each row finds its place beside the one before. */
#define SQLITE_APPENDS_MAX 32
/* COUNT is 1 or SQLITE_APPENDS_MAX. */
BUS_MUST int sqlite_apply_appends(struct sqlite_store *s, const struct redo_op *ops, size_t count);
BUS_MUST int sqlite_apply_claim(struct sqlite_store *s, const struct redo_op *op);
int sqlite_read(struct store *store, const char *name, struct bus_pos after, size_t max_count,
        store_record_fn fn, void *arg, struct bus_pos *ret_after);
int sqlite_seek_time(
        struct store *store, const char *name, int64_t since_us, struct bus_pos *ret_after);
int sqlite_prune(struct store *store, const char *name, int64_t before_us, size_t max_count);

/* ---- state.c ---- */
BUS_MUST int sqlite_apply_state(struct sqlite_store *s, const struct redo_op *op);
int sqlite_get(struct store *store, struct bus_bytes key, struct bus_buf *ret_value);
int sqlite_scan(struct store *store, struct bus_bytes prefix, store_state_fn fn, void *arg);
int sqlite_cursor(struct store *store, const char *name, struct bus_pos *ret_position);

/* ---- dump.c ---- */
struct store_sink;
int sqlite_dump(struct store *store, const struct store_sink *sink, char *error, size_t error_size);
int sqlite_load(const char *path, const char *dump, bool restored, char *error, size_t error_size);

/* ---- care.c ---- */
int sqlite_backup(struct store *store, const char *path, char *error, size_t error_size);
int sqlite_verify(const char *path, char *error, size_t error_size);
int sqlite_restore(const char *backup, const char *path, char *error, size_t error_size);
