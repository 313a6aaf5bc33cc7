#include "libbus/store/sqlite/sqlite.h"

#include "libbus/base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#define APPEND                                                                                    \
        "INSERT OR FAIL INTO journal(stream, incarnation, seq, part, pred_incarnation, pred_seq," \
        " pred_part, topic, body, at_us, late_us) VALUES"
#define ROW    "(?,?,?,?,?,?,?,?,?,?,?)"
#define ROWS_4 ROW "," ROW "," ROW "," ROW
#define ROWS_8 ROWS_4 "," ROWS_4
_Static_assert(SQLITE_APPENDS_MAX == 4 * 8, "SQL_APPEND_MANY has a row for each");

static const char *const sql_texts[SQL_COUNT] = {
        [SQL_BEGIN] = "BEGIN IMMEDIATE",
        [SQL_COMMIT] = "COMMIT",
        [SQL_APPLIED_PUT] = "UPDATE meta SET value = CASE key WHEN 'log_applied' THEN ?1"
                            " ELSE ?2 END WHERE key IN ('log_applied', 'log_bytes')",
        [SQL_APPEND] = APPEND ROW,
        [SQL_APPEND_MANY] = APPEND ROWS_8 "," ROWS_8 "," ROWS_8 "," ROWS_8,
        [SQL_CLAIM_GET] = "SELECT expires_us, value, incarnation, seq, part FROM claim"
                          " WHERE stream = ? AND key = ?",
        [SQL_CLAIM_PUT] = "INSERT OR REPLACE INTO claim(stream, key, value, expires_us, until_us,"
                          " incarnation, seq, part) VALUES(?,?,?,?,?,?,?,?)",
        [SQL_PUT] = "INSERT OR REPLACE INTO state(key, value) VALUES(?,?)",
        [SQL_DELETE] = "DELETE FROM state WHERE key = ?",
        [SQL_GET] = "SELECT value FROM state WHERE key = ?",
        [SQL_SCAN] = "SELECT key, value FROM state WHERE key >= ? ORDER BY key",
        [SQL_CURSOR_PUT] = "INSERT OR REPLACE INTO cursor(stream, incarnation, seq, part)"
                           " VALUES(?,?,?,?)",
        [SQL_CURSOR_GET] = "SELECT incarnation, seq, part FROM cursor WHERE stream = ?",
        [SQL_READ] =
                "SELECT incarnation, seq, part, pred_incarnation, pred_seq, pred_part, topic, body,"
                " at_us FROM journal WHERE stream = ? AND (incarnation, seq, part) > (?,?,?)"
                " ORDER BY incarnation, seq, part LIMIT ?",
        [SQL_AT_OR_BEHIND] = "SELECT incarnation, seq, part, pred_incarnation, pred_seq, pred_part,"
                             " at_us + late_us FROM journal"
                             " WHERE stream = ? AND (incarnation, seq, part) >= (?,?,?)"
                             " ORDER BY incarnation, seq, part LIMIT 1",
        [SQL_BEFORE] = "SELECT incarnation, seq, part, pred_incarnation, pred_seq, pred_part,"
                       " at_us + late_us FROM journal"
                       " WHERE stream = ? AND (incarnation, seq, part) < (?,?,?)"
                       " ORDER BY incarnation DESC, seq DESC, part DESC LIMIT 1",
        [SQL_PRUNE_LIST] = "SELECT id, at_us, incarnation, seq, part, pred_incarnation, pred_seq,"
                           " pred_part FROM journal WHERE stream = ?"
                           " ORDER BY incarnation, seq, part LIMIT ?",
        [SQL_PRUNE_RECORD] = "DELETE FROM journal WHERE id = ?",
        [SQL_PRUNE_CLAIMS] =
                "DELETE FROM claim WHERE (stream, key) IN (SELECT stream, key FROM claim"
                " WHERE stream = ?1 AND until_us < ?2 AND (expires_us > 0 OR"
                " (incarnation, seq, part) < (?3,?4,?5)) ORDER BY until_us LIMIT ?6)",
};

static const char schema[] =
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
        "CREATE TABLE stream(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL,"
        " incarnation INTEGER NOT NULL, lost TEXT);"
        "CREATE TABLE fork(stream INTEGER NOT NULL, incarnation INTEGER NOT NULL,"
        " fork_incarnation INTEGER NOT NULL, fork_seq INTEGER NOT NULL, fork_part INTEGER NOT NULL,"
        " PRIMARY KEY(stream, incarnation)) WITHOUT ROWID;"
        "CREATE TABLE journal(id INTEGER PRIMARY KEY, stream INTEGER NOT NULL,"
        " incarnation INTEGER NOT NULL, seq INTEGER NOT NULL, part INTEGER NOT NULL,"
        " pred_incarnation INTEGER NOT NULL, pred_seq INTEGER NOT NULL, pred_part INTEGER NOT NULL,"
        " topic TEXT NOT NULL, at_us INTEGER NOT NULL, late_us INTEGER NOT NULL, body BLOB);"
        "CREATE UNIQUE INDEX journal_position ON journal(stream, incarnation, seq, part);"
        "CREATE TABLE claim(stream INTEGER NOT NULL, key BLOB NOT NULL, expires_us INTEGER NOT NULL,"
        " until_us INTEGER NOT NULL, incarnation INTEGER NOT NULL, seq INTEGER NOT NULL,"
        " part INTEGER NOT NULL, value BLOB, PRIMARY KEY(stream, key)) WITHOUT ROWID;"
        "CREATE INDEX claim_until ON claim(stream, until_us);"
        "CREATE TABLE state(key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;"
        "CREATE TABLE cursor(stream TEXT PRIMARY KEY, incarnation INTEGER NOT NULL,"
        " seq INTEGER NOT NULL, part INTEGER NOT NULL) WITHOUT ROWID;"
        "INSERT INTO meta VALUES('clean', 1), ('boot_id', ''), ('restored', 0),"
        " ('incarnation_floor', 0);";

/*
 * The log in front makes commits durable, so none is synced here but by sqlite_recycle, and
 * checkpoints are made between turns (apply.c). A write-ahead log grown beyond 16 MB is cut
 * back. The cache holds the right edges of all tables and what one transaction changes; little more
 * is ever looked at again.
 */
static const char settings[] = "PRAGMA journal_mode=WAL;"
                               "PRAGMA wal_autocheckpoint=0;"
                               "PRAGMA journal_size_limit=16777216;"
                               "PRAGMA cache_size=-1024;"
                               "PRAGMA mmap_size=0;"
                               "PRAGMA temp_store=MEMORY;"
                               "PRAGMA synchronous=NORMAL;";

int sqlite_errno(int rc, sqlite3 *db)
{
        int system = db ? sqlite3_system_errno(db) : 0;

        switch (rc & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE: return 0;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return -EBUSY;
        case SQLITE_FULL: return -ENOSPC;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return -EUCLEAN;
        case SQLITE_NOMEM: return -ENOMEM;
        case SQLITE_READONLY: return -EROFS;
        case SQLITE_PERM: return -EACCES;
        case SQLITE_TOOBIG: return -EFBIG;
        case SQLITE_CONSTRAINT:
        case SQLITE_MISUSE:
        case SQLITE_ERROR: return -EINVAL;
        case SQLITE_CANTOPEN: return system ? -system : -ENOENT;
        default: return rc == SQLITE_IOERR_DATA ? -EUCLEAN : -EIO;
        }
}

int sqlite_exec(sqlite3 *db, const char *sql)
{
        return sqlite_errno(sqlite3_exec(db, sql, NULL, NULL, NULL), db);
}

int sqlite_number(sqlite3 *db, const char *sql, int64_t *ret_value)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
        int r;

        if (rc == SQLITE_OK)
                rc = sqlite3_step(stmt);
        r = rc == SQLITE_DONE ? -ENODATA : sqlite_errno(rc, db);
        if (rc == SQLITE_ROW)
                *ret_value = sqlite3_column_int64(stmt, 0);
        sqlite3_finalize(stmt);
        return r;
}

static int create_schema(sqlite3 *db)
{
        BUS_AUTOFREE char *stamp =
                bus_xasprintf("PRAGMA application_id=%d; PRAGMA user_version=%d;",
                        STORE_SQLITE_APPLICATION, STORE_SQLITE_FORMAT);
        int r;

        r = sqlite_exec(db, "BEGIN IMMEDIATE");
        if (!r)
                r = sqlite_exec(db, schema);
        if (!r)
                r = sqlite_exec(db, stamp);
        if (!r)
                r = sqlite_exec(db, "COMMIT");
        return r;
}

int sqlite_db_judge(sqlite3 *db, const char *path, char *error, size_t error_size)
{
        int64_t application = 0, format = 0, tables = 0;
        int r;

        r = sqlite_number(db, "SELECT count(*) FROM sqlite_master", &tables);
        if (!r)
                r = sqlite_number(db, "PRAGMA application_id", &application);
        if (!r)
                r = sqlite_number(db, "PRAGMA user_version", &format);
        if (r < 0) {
                snprintf(error, error_size, "%s cannot be read: %s", path, sqlite3_errmsg(db));
                return r;
        }
        if (!tables && !application && !format)
                return STORE_SQLITE_EMPTY;
        if (application != STORE_SQLITE_APPLICATION) {
                snprintf(error, error_size, "%s is not a store", path);
                return -EUCLEAN;
        }
        if (format > STORE_SQLITE_FORMAT && format != STORE_SQLITE_FORMAT_LOGGED) {
                snprintf(error, error_size, "%s has format %lld, this program knows up to %d", path,
                        (long long)format, STORE_SQLITE_FORMAT);
                return -EPROTO;
        }
        return 0;
}

int sqlite_db_open(const char *path, struct sqlite_vfs *vfs, bool create, sqlite3 **ret_db,
        char *error, size_t error_size)
{
        int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (create ? SQLITE_OPEN_CREATE : 0);
        int reserve = SQLITE_VFS_SUM_BYTES;
        sqlite3 *db = NULL;
        int r;

        r = sqlite_errno(sqlite3_open_v2(path, &db, flags, vfs->name), db);
        if (!r)
                r = sqlite_exec(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=4096");
        if (!r) /* has no effect on a file that has its pages already */
                r = sqlite_errno(
                        sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve), db);
        if (r < 0) {
                snprintf(error, error_size, "cannot open %s: %s", path, sqlite3_errmsg(db));
                sqlite3_close_v2(db);
                return r;
        }
        *ret_db = db;
        return 0;
}

int sqlite_db_prepare(sqlite3 *db, const char *path, char *error, size_t error_size)
{
        int judged, r;

        judged = sqlite_db_judge(db, path, error, error_size);
        if (judged < 0)
                return judged;
        r = sqlite_exec(db, settings);
        if (!r && judged == STORE_SQLITE_EMPTY)
                r = create_schema(db);
        if (r < 0)
                snprintf(error, error_size, "%s: %s", path, sqlite3_errmsg(db));
        return r;
}

int sqlite_db_check(sqlite3 *db, char *error, size_t error_size)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &stmt, NULL);
        const char *verdict = NULL;
        int r = -EUCLEAN;

        if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
                verdict = (const char *)sqlite3_column_text(stmt, 0);
        if (verdict && !strcmp(verdict, "ok"))
                r = 0;
        else
                snprintf(error, error_size, "damaged: %s", verdict ? verdict : sqlite3_errmsg(db));
        sqlite3_finalize(stmt);
        return r;
}

int sqlite_sql(struct sqlite_store *s, enum sqlite_sql id, sqlite3_stmt **ret_stmt)
{
        int rc;

        if (!s->statements[id]) {
                rc = sqlite3_prepare_v3(s->db, sql_texts[id], -1, SQLITE_PREPARE_PERSISTENT,
                        &s->statements[id], NULL);
                if (rc != SQLITE_OK)
                        return sqlite_errno(rc, s->db);
        }
        *ret_stmt = s->statements[id];
        return 0;
}

int sqlite_run(struct sqlite_store *s, sqlite3_stmt *stmt)
{
        int rc = sqlite3_step(stmt);

        sqlite3_reset(stmt);
        return sqlite_errno(rc, s->db);
}

void sqlite_bind_bytes(sqlite3_stmt *stmt, int index, struct bus_bytes bytes)
{
        /* a NULL pointer would bind NULL, and an empty value is not an absent one */
        sqlite3_bind_blob64(
                stmt, index, bytes.size ? (const void *)bytes.data : "", bytes.size, SQLITE_STATIC);
}

void sqlite_bind_text(sqlite3_stmt *stmt, int index, struct bus_bytes text)
{
        sqlite3_bind_text64(stmt, index, text.size ? (const char *)text.data : "", text.size,
                SQLITE_STATIC, SQLITE_UTF8);
}

void sqlite_bind_pos(sqlite3_stmt *stmt, int index, struct bus_pos pos)
{
        sqlite3_bind_int64(stmt, index, (int64_t)pos.incarnation);
        sqlite3_bind_int64(stmt, index + 1, (int64_t)pos.seq);
        sqlite3_bind_int64(stmt, index + 2, (int64_t)pos.part);
}

struct bus_pos sqlite_column_pos(sqlite3_stmt *stmt, int column)
{
        return (struct bus_pos){
                .incarnation = (uint64_t)sqlite3_column_int64(stmt, column),
                .seq = (uint64_t)sqlite3_column_int64(stmt, column + 1),
                .part = (uint32_t)sqlite3_column_int64(stmt, column + 2),
        };
}

struct bus_bytes sqlite_column_bytes(sqlite3_stmt *stmt, int column)
{
        const void *data = sqlite3_column_blob(stmt, column);

        return bus_bytes(data, (size_t)sqlite3_column_bytes(stmt, column));
}

bool sqlite_pos_fits(struct bus_pos pos)
{
        return pos.incarnation <= INT64_MAX && pos.seq <= INT64_MAX;
}
