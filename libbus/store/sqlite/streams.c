/*
 * The streams of one store: which there are, where each stands, where it forked. A position is
 * given out once: whenever the end of a stream may have been published and then lost, it goes on
 * under a new incarnation.
 */
#include "libbus/store/sqlite/sqlite.h"

#include "libbus/base/require.h"
#include "libbus/store/forks.h"

#include <errno.h>

struct sqlite_stream *sqlite_stream_find(struct sqlite_store *s, const char *name)
{
        for (size_t i = 0; i < s->stream_count; i++)
                if (!strcmp(s->streams[i]->name, name))
                        return s->streams[i];
        return NULL;
}

static void stream_free(struct sqlite_stream *stream)
{
        free(stream->name);
        free(stream);
}

void sqlite_streams_done(struct sqlite_store *s)
{
        for (size_t i = 0; i < s->stream_count; i++)
                stream_free(s->streams[i]);
        free(s->streams);
}

static int load_forks(struct sqlite_store *s, struct sqlite_stream *stream)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(s->db,
                "SELECT incarnation, fork_incarnation, fork_seq, fork_part FROM fork WHERE stream = ?"
                " ORDER BY incarnation",
                -1, &stmt, NULL);

        if (rc == SQLITE_OK) {
                sqlite3_bind_int64(stmt, 1, stream->id);
                while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
                        store_fork_add(&stream->now,
                                (struct store_fork){ (uint64_t)sqlite3_column_int64(stmt, 0),
                                        sqlite_column_pos(stmt, 1) });
        }
        sqlite3_finalize(stmt);
        return sqlite_errno(rc, s->db);
}

static int load_ends(struct sqlite_store *s, struct sqlite_stream *stream)
{
        static const struct bus_pos past_all = { INT64_MAX, INT64_MAX, UINT32_MAX };
        sqlite3_stmt *stmt;
        int rc, r;

        r = sqlite_sql(s, SQL_AT_OR_BEHIND, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
        sqlite_bind_pos(stmt, 2, BUS_POS_ZERO);
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
                stream->now.first = sqlite_column_pos(stmt, 0);
                stream->before_first = sqlite_column_pos(stmt, 3);
        }
        sqlite3_reset(stmt);
        if (rc != SQLITE_ROW)
                return sqlite_errno(rc, s->db);

        r = sqlite_sql(s, SQL_BEFORE, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
        sqlite_bind_pos(stmt, 2, past_all);
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
                stream->now.last = sqlite_column_pos(stmt, 0);
                stream->top_us = sqlite3_column_int64(stmt, 6);
        }
        sqlite3_reset(stmt);
        return sqlite_errno(rc, s->db);
}

static const char *known_reason(const char *lost)
{
        return !strcmp(lost, "restored") ? "restored" : "power_loss";
}

/* 0: it is there; 1: it is not. */
static int load(struct sqlite_store *s, struct sqlite_stream *stream)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(s->db,
                "SELECT id, kind, incarnation, lost FROM stream WHERE name = ?", -1, &stmt, NULL);

        if (rc == SQLITE_OK) {
                sqlite3_bind_text(stmt, 1, stream->name, -1, SQLITE_STATIC);
                rc = sqlite3_step(stmt);
        }
        if (rc == SQLITE_ROW) {
                stream->id = sqlite3_column_int64(stmt, 0);
                stream->kind = (enum store_stream_kind)sqlite3_column_int(stmt, 1);
                stream->now.incarnation = (uint64_t)sqlite3_column_int64(stmt, 2);
                if (sqlite3_column_type(stmt, 3) != SQLITE_NULL)
                        stream->now.reason =
                                known_reason((const char *)sqlite3_column_text(stmt, 3));
        }
        sqlite3_finalize(stmt);
        return rc == SQLITE_DONE ? 1 : sqlite_errno(rc, s->db);
}

static int write_stream(struct sqlite_store *s, struct sqlite_stream *stream, bool create)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(s->db,
                create ? "INSERT INTO stream(incarnation, kind, name) VALUES(?,?,?)"
                       : "UPDATE stream SET incarnation = ?, lost = NULL WHERE kind = ? AND name = ?",
                -1, &stmt, NULL);
        int r;

        if (rc != SQLITE_OK)
                return sqlite_errno(rc, s->db);
        sqlite3_bind_int64(stmt, 1, (int64_t)stream->now.incarnation);
        sqlite3_bind_int(stmt, 2, (int)stream->kind);
        sqlite3_bind_text(stmt, 3, stream->name, -1, SQLITE_STATIC);
        r = sqlite_run(s, stmt);
        sqlite3_finalize(stmt);
        if (!r && create)
                stream->id = sqlite3_last_insert_rowid(s->db);
        return r;
}

static int write_fork(struct sqlite_store *s, int64_t stream_id, struct store_fork fork)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(s->db, "INSERT INTO fork VALUES(?,?,?,?,?)", -1, &stmt, NULL);
        int r;

        if (rc != SQLITE_OK)
                return sqlite_errno(rc, s->db);
        sqlite3_bind_int64(stmt, 1, stream_id);
        sqlite3_bind_int64(stmt, 2, (int64_t)fork.incarnation);
        sqlite_bind_pos(stmt, 3, fork.fork);
        r = sqlite_run(s, stmt);
        sqlite3_finalize(stmt);
        return r;
}

/* Higher than any incarnation this stream ever had, also in the file a restore replaced. */
static int next_incarnation(struct sqlite_store *s, uint64_t before, uint64_t *ret_incarnation)
{
        uint64_t now_ms = s->now_us > 0 ? (uint64_t)(s->now_us / BUS_US_PER_MS) : 0;
        int64_t floor;
        int r;

        r = sqlite_number(s->db, "SELECT value FROM meta WHERE key = 'incarnation_floor'", &floor);
        if (r < 0)
                return r;
        if ((uint64_t)floor > before)
                before = (uint64_t)floor;
        *ret_incarnation = now_ms > before ? now_ms : before + 1;
        return 0;
}

static int begin_incarnation(struct sqlite_store *s, struct sqlite_stream *stream, bool create)
{
        struct store_fork fork = { 0, stream->now.last };
        int r;

        r = sqlite_begin(s, STORE_SYNC_FULL);
        if (r < 0)
                return r;
        if (stream->kind != STORE_STREAM_DERIVED) {
                r = next_incarnation(s, stream->now.incarnation, &fork.incarnation);
                stream->now.incarnation = fork.incarnation;
                stream->now.new_incarnation = true;
                store_fork_add(&stream->now, fork);
        }
        if (!r)
                r = write_stream(s, stream, create);
        if (!r && stream->kind != STORE_STREAM_DERIVED)
                r = write_fork(s, stream->id, fork);
        return sqlite_end(s, r);
}

static int open_new(
        struct sqlite_store *s, struct sqlite_stream *stream, enum store_stream_kind kind)
{
        bool create;
        int r;

        r = sqlite_catch_up(s);
        if (!r)
                r = load(s, stream);
        if (r < 0)
                return r;
        create = r == 1;
        if (!create && stream->kind != kind)
                return -EINVAL;
        if (create) {
                stream->kind = kind;
                if (kind != STORE_STREAM_DERIVED)
                        stream->now.reason = "created";
        } else {
                r = load_forks(s, stream);
                if (!r)
                        r = load_ends(s, stream);
                if (r < 0)
                        return r;
        }
        return create || stream->now.reason ? begin_incarnation(s, stream, create) : 0;
}

int sqlite_stream_open(struct store *store, const char *name, enum store_stream_kind kind,
        struct store_stream *ret_stream)
{
        struct sqlite_store *s = sqlite_of(store);
        struct sqlite_stream *stream = sqlite_stream_find(s, name);
        int r;

        if (stream && stream->kind != kind)
                return -EINVAL;
        if (!stream) {
                stream = bus_new(struct sqlite_stream);
                stream->name = bus_xstrdup(name);
                r = open_new(s, stream, kind);
                if (r < 0) {
                        stream_free(stream);
                        return r;
                }
                s->streams = bus_xrealloc(s->streams, (s->stream_count + 1) * sizeof(*s->streams));
                s->streams[s->stream_count++] = stream;
        }
        *ret_stream = stream->now;
        return 0;
}

int sqlite_stream_fork(
        struct store *store, const char *name, uint64_t above, struct store_stream *ret_stream)
{
        struct sqlite_store *s = sqlite_of(store);
        struct sqlite_stream *stream = sqlite_stream_find(s, name);
        struct store_stream before;
        int r;

        if (!stream)
                return -ENOENT;
        if (stream->kind == STORE_STREAM_DERIVED || above >= INT64_MAX)
                return -EINVAL;
        before = stream->now;
        if (above > stream->now.incarnation)
                stream->now.incarnation = above;
        r = begin_incarnation(s, stream, false);
        if (r < 0) {
                stream->now = before;
                return r;
        }
        stream->now.reason = "regressed";
        *ret_stream = stream->now;
        return 0;
}

int sqlite_stream_get(struct store *store, const char *name, struct store_stream *ret_stream)
{
        struct sqlite_stream *stream = sqlite_stream_find(sqlite_of(store), name);

        if (!stream)
                return -ENOENT;
        *ret_stream = stream->now;
        return 0;
}
