/* Handing over a whole store, and making one of what was handed over (dump.h). */
#include "libbus/store/sqlite/sqlite.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/store/dump.h"
#include "libbus/store/forks.h"

#include <errno.h>
#include <stdio.h>

/* ---- handing over ---- */

static int prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_stmt)
{
        return sqlite_errno(sqlite3_prepare_v2(db, sql, -1, ret_stmt, NULL), db);
}

/* What SQL gives, a row at a time; R is 0 or what ended it. */
#define EACH_ROW(stmt, rc, r) while (!(r) && ((rc) = sqlite3_step(stmt)) == SQLITE_ROW)

static int end_rows(sqlite3_stmt *stmt, sqlite3 *db, int rc, int r)
{
        if (!r && rc != SQLITE_DONE)
                r = sqlite_errno(rc, db);
        sqlite3_finalize(stmt);
        return r;
}

static const char *text_at(sqlite3_stmt *stmt, int column)
{
        return (const char *)sqlite3_column_text(stmt, column);
}

/* The forks as a stream that is open has them, and its ends. */
static int load_stand(sqlite3 *db, int64_t id, struct store_dump_stream *dumped)
{
        struct store_stream forks = { 0 };
        sqlite3_stmt *stmt = NULL;
        int rc = SQLITE_DONE, r;

        r = prepare(db,
                "SELECT incarnation, fork_incarnation, fork_seq, fork_part FROM fork"
                " WHERE stream = ? ORDER BY incarnation",
                &stmt);
        sqlite3_bind_int64(stmt, 1, id);
        EACH_ROW(stmt, rc, r)
        store_fork_add(&forks, (struct store_fork){ (uint64_t)sqlite3_column_int64(stmt, 0),
                                       sqlite_column_pos(stmt, 1) });
        r = end_rows(stmt, db, rc, r);
        dumped->fork_count = forks.fork_count;
        memcpy(dumped->forks, forks.forks, sizeof(forks.forks));
        if (r < 0)
                return r;
        r = prepare(db,
                "SELECT incarnation, seq, part, pred_incarnation, pred_seq, pred_part,"
                " at_us + late_us FROM journal WHERE stream = ?"
                " ORDER BY incarnation, seq, part",
                &stmt);
        sqlite3_bind_int64(stmt, 1, id);
        EACH_ROW(stmt, rc, r)
        {
                dumped->last = sqlite_column_pos(stmt, 0);
                dumped->top_us = sqlite3_column_int64(stmt, 6);
                if (bus_pos_is_zero(dumped->first)) {
                        dumped->first = dumped->last;
                        dumped->before_first = sqlite_column_pos(stmt, 3);
                }
        }
        return end_rows(stmt, db, rc, r);
}

static int dump_records(sqlite3 *db, int64_t id, const char *name, const struct store_sink *sink)
{
        sqlite3_stmt *stmt = NULL;
        int rc = SQLITE_DONE, r;

        r = prepare(db,
                "SELECT incarnation, seq, part, pred_incarnation, pred_seq, pred_part, topic, body,"
                " at_us, at_us + late_us FROM journal WHERE stream = ?"
                " ORDER BY incarnation, seq, part",
                &stmt);
        sqlite3_bind_int64(stmt, 1, id);
        EACH_ROW(stmt, rc, r)
        {
                const struct store_dump_record dumped = { .stream = name,
                        .record = { .position = sqlite_column_pos(stmt, 0),
                                .predecessor = sqlite_column_pos(stmt, 3),
                                .topic = text_at(stmt, 6),
                                .body = sqlite_column_bytes(stmt, 7),
                                .at_us = sqlite3_column_int64(stmt, 8) },
                        .top_us = sqlite3_column_int64(stmt, 9) };

                r = sink->record(sink->arg, &dumped);
        }
        return end_rows(stmt, db, rc, r);
}

static int dump_claims(sqlite3 *db, int64_t id, const char *name, const struct store_sink *sink)
{
        sqlite3_stmt *stmt = NULL;
        int rc = SQLITE_DONE, r;

        r = prepare(db,
                "SELECT key, value, expires_us, until_us, incarnation, seq, part FROM claim"
                " WHERE stream = ? ORDER BY key",
                &stmt);
        sqlite3_bind_int64(stmt, 1, id);
        EACH_ROW(stmt, rc, r)
        {
                const struct store_dump_claim claim = { .stream = name,
                        .key = sqlite_column_bytes(stmt, 0),
                        .value = sqlite_column_bytes(stmt, 1),
                        .expires_us = sqlite3_column_int64(stmt, 2),
                        .until_us = sqlite3_column_int64(stmt, 3),
                        .position = sqlite_column_pos(stmt, 4) };

                r = sink->claim(sink->arg, &claim);
        }
        return end_rows(stmt, db, rc, r);
}

static int dump_streams(sqlite3 *db, const struct store_sink *sink)
{
        sqlite3_stmt *stmt = NULL;
        int rc = SQLITE_DONE, r;

        r = prepare(
                db, "SELECT id, name, kind, incarnation, lost FROM stream ORDER BY name", &stmt);
        EACH_ROW(stmt, rc, r)
        {
                struct store_dump_stream dumped = { .name = text_at(stmt, 1),
                        .kind = (enum store_stream_kind)sqlite3_column_int(stmt, 2),
                        .incarnation = (uint64_t)sqlite3_column_int64(stmt, 3),
                        .lost = text_at(stmt, 4) };
                int64_t id = sqlite3_column_int64(stmt, 0);

                r = load_stand(db, id, &dumped);
                if (!r)
                        r = sink->stream(sink->arg, &dumped);
                if (!r)
                        r = dump_records(db, id, dumped.name, sink);
                if (!r)
                        r = dump_claims(db, id, dumped.name, sink);
        }
        return end_rows(stmt, db, rc, r);
}

static int dump_pairs(sqlite3 *db, const struct store_sink *sink)
{
        sqlite3_stmt *stmt = NULL;
        int rc = SQLITE_DONE, r;

        r = prepare(db, "SELECT stream, incarnation, seq, part FROM cursor ORDER BY stream", &stmt);
        EACH_ROW(stmt, rc, r)
        r = sink->cursor(sink->arg, text_at(stmt, 0), sqlite_column_pos(stmt, 1));
        r = end_rows(stmt, db, rc, r);
        if (r < 0)
                return r;
        r = prepare(db, "SELECT key, value FROM state ORDER BY key", &stmt);
        EACH_ROW(stmt, rc, r)
        r = sink->state(sink->arg, sqlite_column_bytes(stmt, 0), sqlite_column_bytes(stmt, 1));
        return end_rows(stmt, db, rc, r);
}

int sqlite_dump(struct store *store, const struct store_sink *sink, char *error, size_t error_size)
{
        struct sqlite_store *s = sqlite_of(store);
        int r;

        r = s->busy ? -EBUSY : sqlite_usable(s);
        if (!r)
                r = sqlite_flush(s);
        if (!r)
                r = dump_streams(s->db, sink);
        if (!r)
                r = dump_pairs(s->db, sink);
        if (r < 0 && !*error)
                snprintf(error, error_size, "%s: %s", s->path, strerror(-r));
        return r;
}

/* ---- taking over ---- */

enum load_sql { LOAD_STREAM, LOAD_FORK, LOAD_RECORD, LOAD_CLAIM, LOAD_STATE, LOAD_CURSOR, LOADS };

static const char *const load_sqls[LOADS] = {
        [LOAD_STREAM] = "INSERT INTO stream(name, kind, incarnation, lost) VALUES(?,?,?,?)",
        [LOAD_FORK] = "INSERT INTO fork VALUES((SELECT id FROM stream WHERE name = ?),?,?,?,?)",
        [LOAD_RECORD] = ("INSERT INTO journal(stream, incarnation, seq, part, pred_incarnation,"
                         " pred_seq, pred_part, topic, body, at_us, late_us)"
                         " VALUES((SELECT id FROM stream WHERE name = ?),?,?,?,?,?,?,?,?,?,?)"),
        [LOAD_CLAIM] = ("INSERT INTO claim(stream, key, value, expires_us, until_us, incarnation,"
                        " seq, part) VALUES((SELECT id FROM stream WHERE name = ?),?,?,?,?,?,?,?)"),
        [LOAD_STATE] = "INSERT INTO state VALUES(?,?)",
        [LOAD_CURSOR] = "INSERT INTO cursor VALUES(?,?,?,?)",
};

struct loader {
        sqlite3 *db;
        sqlite3_stmt *statements[LOADS];
};

static int run_load(struct loader *loader, enum load_sql id)
{
        sqlite3_stmt *stmt = loader->statements[id];
        int rc = sqlite3_step(stmt);

        sqlite3_reset(stmt);
        return rc == SQLITE_DONE ? 0 : sqlite_errno(rc, loader->db);
}

static void bind_name(sqlite3_stmt *stmt, const char *name)
{
        sqlite_bind_text(stmt, 1, bus_bytes_str(name));
}

static int load_fork(struct loader *loader, const char *name, const struct store_fork *fork)
{
        sqlite3_stmt *stmt = loader->statements[LOAD_FORK];

        bind_name(stmt, name);
        sqlite3_bind_int64(stmt, 2, (int64_t)fork->incarnation);
        sqlite_bind_pos(stmt, 3, fork->fork);
        return run_load(loader, LOAD_FORK);
}

static int load_stream(void *arg, const struct store_dump_stream *dumped)
{
        struct loader *loader = arg;
        sqlite3_stmt *stmt = loader->statements[LOAD_STREAM];
        int r;

        bind_name(stmt, dumped->name);
        sqlite3_bind_int(stmt, 2, (int)dumped->kind);
        sqlite3_bind_int64(stmt, 3, (int64_t)dumped->incarnation);
        if (dumped->lost)
                sqlite_bind_text(stmt, 4, bus_bytes_str(dumped->lost));
        else
                sqlite3_bind_null(stmt, 4);
        r = run_load(loader, LOAD_STREAM);
        for (size_t i = 0; i < dumped->fork_count && !r; i++)
                r = load_fork(loader, dumped->name, &dumped->forks[i]);
        return r;
}

static int load_record(void *arg, const struct store_dump_record *dumped)
{
        struct loader *loader = arg;
        sqlite3_stmt *stmt = loader->statements[LOAD_RECORD];
        const struct store_record *record = &dumped->record;

        if (!sqlite_pos_fits(record->position) || dumped->top_us < record->at_us)
                return -EUCLEAN;
        bind_name(stmt, dumped->stream);
        sqlite_bind_pos(stmt, 2, record->position);
        sqlite_bind_pos(stmt, 5, record->predecessor);
        sqlite_bind_text(stmt, 8, bus_bytes_str(record->topic));
        sqlite_bind_bytes(stmt, 9, record->body);
        sqlite3_bind_int64(stmt, 10, record->at_us);
        sqlite3_bind_int64(stmt, 11, dumped->top_us - record->at_us);
        return run_load(loader, LOAD_RECORD);
}

static int load_claim(void *arg, const struct store_dump_claim *claim)
{
        struct loader *loader = arg;
        sqlite3_stmt *stmt = loader->statements[LOAD_CLAIM];

        bind_name(stmt, claim->stream);
        sqlite_bind_bytes(stmt, 2, claim->key);
        sqlite_bind_bytes(stmt, 3, claim->value);
        sqlite3_bind_int64(stmt, 4, claim->expires_us);
        sqlite3_bind_int64(stmt, 5, claim->until_us);
        sqlite_bind_pos(stmt, 6, claim->position);
        return run_load(loader, LOAD_CLAIM);
}

static int load_state(void *arg, struct bus_bytes key, struct bus_bytes value)
{
        struct loader *loader = arg;

        sqlite_bind_bytes(loader->statements[LOAD_STATE], 1, key);
        sqlite_bind_bytes(loader->statements[LOAD_STATE], 2, value);
        return run_load(loader, LOAD_STATE);
}

static int load_cursor(void *arg, const char *stream, struct bus_pos position)
{
        struct loader *loader = arg;

        bind_name(loader->statements[LOAD_CURSOR], stream);
        sqlite_bind_pos(loader->statements[LOAD_CURSOR], 2, position);
        return run_load(loader, LOAD_CURSOR);
}

static int load_all(sqlite3 *db, const char *dump, bool restored, char *error, size_t error_size)
{
        struct loader loader = { .db = db };
        const struct store_sink sink = { load_stream, load_record, load_claim, load_state,
                load_cursor, &loader };
        int r = 0;

        for (size_t i = 0; i < LOADS && !r; i++)
                r = prepare(db, load_sqls[i], &loader.statements[i]);
        if (!r)
                r = sqlite_exec(db, "BEGIN IMMEDIATE");
        if (!r)
                r = store_dump_read(dump, &sink, error, error_size);
        if (!r && restored)
                r = sqlite_exec(db, "UPDATE meta SET value = 1 WHERE key = 'restored'");
        if (!r)
                r = sqlite_exec(db, "COMMIT");
        if (r < 0 && !*error)
                snprintf(error, error_size, "%s", sqlite3_errmsg(db));
        for (size_t i = 0; i < LOADS; i++)
                sqlite3_finalize(loader.statements[i]);
        return r;
}

/* What closing does as well, but does not say how it went. */
static int carry_journal_over(sqlite3 *db, const char *path, char *error, size_t error_size)
{
        int r = sqlite_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)");

        if (r < 0)
                snprintf(error, error_size, "%s: %s", path, sqlite3_errmsg(db));
        return r;
}

static int make_store(
        const char *path, const char *dump, bool restored, char *error, size_t error_size)
{
        struct sqlite_vfs *vfs = sqlite_vfs_new();
        sqlite3 *db = NULL;
        int r;

        r = sqlite_db_open(path, vfs, true, &db, error, error_size);
        if (!r)
                r = sqlite_db_prepare(db, path, error, error_size);
        if (!r)
                r = load_all(db, dump, restored, error, error_size);
        if (!r)
                r = carry_journal_over(db, path, error, error_size);
        if (!r)
                r = sqlite_db_check(db, error, error_size);
        sqlite3_close(db);
        sqlite_vfs_free(vfs);
        return r;
}

int sqlite_load(const char *path, const char *dump, bool restored, char *error, size_t error_size)
{
        BUS_AUTOFREE char *part = bus_xasprintf("%s.loading", path);
        BUS_AUTOFREE char *journal = bus_xasprintf("%s-wal", part);
        BUS_AUTOCLOSE int lock_fd = -1;
        int r;

        r = store_lock(path, true, &lock_fd, error, error_size);
        if (!r && access(path, F_OK) == 0) {
                snprintf(error, error_size, "%s is there already", path);
                r = -EEXIST;
        }
        if (r < 0)
                return r;
        unlink(part);
        r = make_store(part, dump, restored, error, error_size);
        if (!r)
                r = bus_file_put_new(part, path);
        if (r < 0) {
                unlink(part);
                unlink(journal);
        }
        return r;
}
