/*
 * The log and the database it belongs to. The database knows the key of its log while it is open
 * (or was left open by a process that died), the last record it has applied, and how long the log
 * is at least. Without a key there is no log, whatever file lies there.
 */
#include "libbus/store/sqlite/sqlite.h"

#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <stdio.h>

/* A log is never longer; what a failed growth left behind it may be. */
#define READ_MAX_BYTES (REDO_LAST_BYTES * 2)

struct mark {
        struct redo_key key;
        int64_t applied;
        int64_t bytes;
};

char *sqlite_log_path(const char *path)
{
        return bus_xasprintf("%s-log", path);
}

int sqlite_log_belongs(sqlite3 *db, bool *ret_logged)
{
        int64_t count;
        int r;

        r = sqlite_number(db, "SELECT count(*) FROM meta WHERE key = 'log_key'", &count);
        if (!r)
                *ret_logged = count > 0;
        return r;
}

static int read_key(sqlite3 *db, struct redo_key *ret_key)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(
                db, "SELECT value FROM meta WHERE key = 'log_key'", -1, &stmt, NULL);
        struct bus_bytes key;
        int r = -EUCLEAN;

        if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
                key = sqlite_column_bytes(stmt, 0);
                if (key.size == REDO_KEY_BYTES) {
                        memcpy(ret_key->bytes, key.data, key.size);
                        r = 0;
                }
        }
        sqlite3_finalize(stmt);
        return r;
}

static int read_mark(sqlite3 *db, struct mark *ret_mark)
{
        int r;

        r = read_key(db, &ret_mark->key);
        if (!r)
                r = sqlite_number(
                        db, "SELECT value FROM meta WHERE key = 'log_applied'", &ret_mark->applied);
        if (!r)
                r = sqlite_number(
                        db, "SELECT value FROM meta WHERE key = 'log_bytes'", &ret_mark->bytes);
        return r == -ENODATA ? -EUCLEAN : r;
}

static int read_log(sqlite3 *db, const char *path, struct mark *mark, struct bus_buf *ret_image,
        char *error, size_t error_size)
{
        BUS_AUTOFREE char *log = sqlite_log_path(path);
        int r;

        r = read_mark(db, mark);
        if (r < 0) {
                snprintf(error, error_size, "%s does not tell of its log", path);
                return r;
        }
        r = bus_file_read(log, READ_MAX_BYTES, ret_image);
        if (r == -ENOENT || (!r && ret_image->size < (size_t)mark->bytes)) {
                snprintf(error, error_size,
                        "damaged: %s is %s, and may have held what is not in %s yet", log,
                        r ? "gone" : "cut short", path);
                return -EUCLEAN;
        }
        if (r < 0)
                snprintf(error, error_size, "cannot read %s: %s", log, strerror(-r));
        return r;
}

struct replay {
        struct sqlite_store *s; /* NULL: only look */
        uint64_t seq;
};

static int replay_record(const struct redo_record *record, void *arg)
{
        struct replay *replay = arg;
        struct bus_bytes ops = record->ops;
        struct redo_op op;
        int r = 0;

        replay->seq = record->seq;
        if (replay->s)
                return sqlite_apply_record(replay->s, record);
        for (uint32_t i = 0; i < record->op_count && !r; i++)
                r = redo_next(&ops, &op);
        return r;
}

static int scan(
        sqlite3 *db, const char *path, struct replay *replay, char *error, size_t error_size)
{
        BUS_AUTOBUF struct bus_buf image = BUS_BUF_INIT;
        struct mark mark = { 0 };
        int r;

        r = read_log(db, path, &mark, &image, error, error_size);
        if (r < 0)
                return r;
        replay->seq = (uint64_t)mark.applied;
        r = redo_scan(
                bus_buf_bytes(&image), &mark.key, (uint64_t)mark.applied, replay_record, replay);
        if (r < 0)
                snprintf(error, error_size, "%s: record %llu of the log: %s", path,
                        (unsigned long long)replay->seq,
                        r == -EUCLEAN ? "what follows it was on the disk and is damaged"
                                      : strerror(-r));
        return r;
}

int sqlite_log_check(sqlite3 *db, const char *path, char *error, size_t error_size)
{
        struct replay replay = { 0 };

        return scan(db, path, &replay, error, error_size);
}

int sqlite_log_replay(struct sqlite_store *s, const char *path, char *error, size_t error_size)
{
        struct replay replay = { .s = s };
        int r;

        r = scan(s->db, path, &replay, error, error_size);
        if (!r)
                s->seq = s->synced = s->applied = s->flushed = replay.seq;
        return r;
}

int sqlite_log_begin(struct sqlite_store *s, bool reuse, char *error, size_t error_size)
{
        BUS_AUTOFREE char *log = sqlite_log_path(s->path);
        int r;

        bus_random(s->key.bytes, sizeof(s->key.bytes));
        s->pending.key = s->carried.key = s->key;
        r = reuse ? redo_file_reuse(&s->log, log) : redo_file_create(&s->log, log);
        if (r < 0)
                snprintf(error, error_size, "cannot make %s: %s", log, strerror(-r));
        return r;
}

static int set_format(sqlite3 *db, int format)
{
        BUS_AUTOFREE char *sql = bus_xasprintf("PRAGMA user_version=%d", format);

        return sqlite_exec(db, sql);
}

int sqlite_log_mark(struct sqlite_store *s)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(s->db,
                "INSERT OR REPLACE INTO meta VALUES"
                "('log_key', ?), ('log_applied', ?), ('log_bytes', ?)",
                -1, &stmt, NULL);
        int r = sqlite_errno(rc, s->db);

        if (!r) {
                sqlite_bind_bytes(stmt, 1, bus_bytes(s->key.bytes, sizeof(s->key.bytes)));
                sqlite3_bind_int64(stmt, 2, (int64_t)s->seq);
                sqlite3_bind_int64(stmt, 3, (int64_t)s->log.size);
                r = sqlite_run(s, stmt);
        }
        sqlite3_finalize(stmt);
        return r < 0 ? r : set_format(s->db, STORE_SQLITE_FORMAT_LOGGED);
}

int sqlite_log_unmark(sqlite3 *db)
{
        int r;

        r = sqlite_exec(
                db, "DELETE FROM meta WHERE key IN ('log_key', 'log_applied', 'log_bytes')");
        return r < 0 ? r : set_format(db, STORE_SQLITE_FORMAT);
}
