/*
 * The store as an embedded database: opening, closing, and the transactions beside the log.
 *
 * The mark "clean" is off, durably, whenever somebody has the store open. Found off under another
 * boot of the machine, it means that commits without a sync may be gone.
 */
#include "libbus/store/sqlite/sqlite.h"

#include "libbus/base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static bool sync_failed(const struct sqlite_store *s)
{
        return s->log.sync_failed || s->vfs->sync_failed;
}

int sqlite_usable(const struct sqlite_store *s)
{
        if (s->log.failed || sync_failed(s))
                return -EIO;
        return s->refused;
}

void sqlite_stage_streams(struct sqlite_store *s)
{
        for (size_t i = 0; i < s->stream_count; i++) {
                struct sqlite_stream *stream = s->streams[i];

                stream->staged_first = stream->now.first;
                stream->staged_last = stream->now.last;
                stream->staged_before_first = stream->before_first;
                stream->staged_top_us = stream->top_us;
        }
}

void sqlite_adopt_staged(struct sqlite_store *s)
{
        for (size_t i = 0; i < s->stream_count; i++) {
                struct sqlite_stream *stream = s->streams[i];

                stream->now.first = stream->staged_first;
                stream->now.last = stream->staged_last;
                stream->before_first = stream->staged_before_first;
                stream->top_us = stream->staged_top_us;
        }
}

int sqlite_begin(struct sqlite_store *s, enum store_sync sync)
{
        sqlite3_stmt *stmt;
        int r;

        r = s->busy ? -EBUSY : sqlite_usable(s);
        if (!r)
                r = sqlite_flush(s);
        if (!r)
                r = sqlite_sql(s, SQL_BEGIN, &stmt);
        if (!r)
                r = sqlite_run(s, stmt);
        if (r < 0)
                return r;
        s->sync = sync;
        sqlite_stage_streams(s);
        return 0;
}

int sqlite_end(struct sqlite_store *s, int r)
{
        sqlite3_stmt *stmt;

        if (!r)
                r = sqlite_sql(s, SQL_COMMIT, &stmt);
        if (!r)
                r = sqlite_run(s, stmt);
        if (r < 0 && !sqlite3_get_autocommit(s->db))
                sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        if (!r && s->sync == STORE_SYNC_FULL)
                r = sqlite_sync(s);
        if (sync_failed(s))
                return r < 0 ? r : -EIO;
        if (r < 0)
                return r;
        if (s->sync == STORE_SYNC_FULL)
                sqlite_restart_log(s);
        sqlite_adopt_staged(s);
        return 0;
}

/* Left by a process whose sync failed: the system may have dropped what it could not write. */
static char *unsure_path(const char *path)
{
        return bus_xasprintf("%s.unsure", path);
}

/* In a transaction. */
static int write_mark(struct sqlite_store *s, bool clean, const char *boot_id)
{
        sqlite3_stmt *stmt = NULL;
        int r;

        r = sqlite_errno(sqlite3_prepare_v2(s->db,
                                 "INSERT OR REPLACE INTO meta VALUES('clean', ?), ('boot_id', ?)",
                                 -1, &stmt, NULL),
                s->db);
        if (!r) {
                sqlite3_bind_int(stmt, 1, clean);
                sqlite3_bind_text(stmt, 2, boot_id, -1, SQLITE_STATIC);
                r = sqlite_run(s, stmt);
        }
        sqlite3_finalize(stmt);
        return r;
}

static int mark_lost_ends(struct sqlite_store *s)
{
        BUS_AUTOFREE char *sql = bus_xasprintf("UPDATE stream SET lost = 'power_loss'"
                                               " WHERE kind = %d AND lost IS NULL",
                STORE_STREAM_NORMAL);

        return sqlite_exec(s->db, sql);
}

static int same_boot(struct sqlite_store *s, const char *boot_id, bool *ret_same)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(
                s->db, "SELECT value FROM meta WHERE key = 'boot_id'", -1, &stmt, NULL);
        const char *before;

        if (rc == SQLITE_OK)
                rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
                before = (const char *)sqlite3_column_text(stmt, 0);
                *ret_same = *boot_id && before && !strcmp(before, boot_id);
        }
        sqlite3_finalize(stmt);
        return rc == SQLITE_ROW ? 0 : -EUCLEAN;
}

struct left {
        int64_t clean, restored;
        bool same_boot, logged;
};

static int look_at_left(struct sqlite_store *s, const char *boot_id, struct left *ret_left)
{
        int r;

        r = sqlite_number(s->db, "SELECT value FROM meta WHERE key = 'clean'", &ret_left->clean);
        if (!r)
                r = sqlite_number(s->db, "SELECT value FROM meta WHERE key = 'restored'",
                        &ret_left->restored);
        if (!r)
                r = same_boot(s, boot_id, &ret_left->same_boot);
        if (!r)
                r = sqlite_log_belongs(s->db, &ret_left->logged);
        return r == -ENODATA ? -EUCLEAN : r;
}

/* What the last holder left: applies its log, marks streams that may have lost their end, and gives
 * the log a new key, all in one transaction. */
static int take_over(struct sqlite_store *s, const char *boot_id, char *error, size_t error_size)
{
        BUS_AUTOFREE char *unsure = unsure_path(s->path);
        struct left left = { 0 };
        int r;

        /* what is read from now on is on the disk, not only in the cache of a failed sync */
        r = sqlite_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)");
        if (!r)
                r = look_at_left(s, boot_id, &left);
        if (!r)
                r = sqlite_begin(s, STORE_SYNC_FULL);
        if (r < 0)
                return r;
        if (left.logged)
                r = sqlite_log_replay(s, s->path, error, error_size);
        if (!r)
                r = sqlite_log_begin(s, left.logged, error, error_size);
        if (!r)
                r = sqlite_log_mark(s);
        if (!r)
                r = write_mark(s, false, boot_id);
        if (!r && (access(unsure, F_OK) == 0 || (!left.clean && !left.same_boot)))
                r = mark_lost_ends(s);
        r = sqlite_end(s, r);
        if (r < 0)
                return r;
        s->restored = left.restored;
        unlink(unsure);
        return 0;
}

static void release(struct sqlite_store *s)
{
        for (size_t i = 0; i < SQL_COUNT; i++)
                sqlite3_finalize(s->statements[i]);
        if (s->db)
                bus_require(sqlite3_close(s->db) == SQLITE_OK);
        sqlite_vfs_free(s->vfs);
        redo_file_done(&s->log);
        pending_done(&s->pending);
        for (size_t i = 0; i < s->waiting_count; i++)
                pending_done(&s->waiting[i].pending);
        pending_done(&s->carried);
        pending_plan_done(&s->plan);
        if (s->lock_fd >= 0)
                close(s->lock_fd);
        sqlite_streams_done(s);
        free(s->path);
        free(s);
}

static void note_unsure(const struct sqlite_store *s)
{
        BUS_AUTOFREE char *unsure = unsure_path(s->path);
        BUS_AUTOCLOSE int fd = open(unsure, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        (void)fd; /* the best that can be done with this disk */
}

/* As a process would that dies: closing writes nothing more, and syncs nothing again. */
static void give_up(struct sqlite_store *s)
{
        if (s->db) {
                if (sync_failed(s))
                        note_unsure(s);
                s->vfs->dead = true;
                sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        }
        release(s);
}

static void sqlite_abandon(struct store *store)
{
        give_up(sqlite_of(store));
}

/* All of it is in the database, and says so: there is no log any more. */
static int close_log(struct sqlite_store *s)
{
        int r;

        r = sqlite_begin(s, STORE_SYNC_FULL);
        if (r < 0)
                return r;
        r = write_mark(s, true, "");
        if (!r)
                r = sqlite_log_unmark(s->db);
        r = sqlite_end(s, r);
        if (!r)
                unlink(s->log.path);
        return r;
}

static void sqlite_close(struct store *store)
{
        struct sqlite_store *s = sqlite_of(store);

        if (close_log(s) < 0)
                sqlite_abandon(store);
        else
                release(s);
}

static int count_wal_pages(void *arg, sqlite3 *db, const char *name, int pages)
{
        struct sqlite_store *s = arg;

        (void)db;
        (void)name;
        s->wal_pages = pages;
        return SQLITE_OK;
}

/* What another engine took over (migrate.h) is no new installation. */
static int check_moved(const char *path, char *error, size_t error_size)
{
        BUS_AUTOFREE char *moved = bus_xasprintf("%s.migrated", path);

        if (access(path, F_OK) == 0 || access(moved, F_OK) < 0)
                return 0;
        snprintf(error, error_size,
                "%s is another engine's store by now, and %s what it was: bus.store, or umbra migrate",
                path, moved);
        return -EPROTO;
}

static int sqlite_open(const struct store_options *options, struct store **ret_store, char *error,
        size_t error_size)
{
        struct sqlite_store *s = bus_new(struct sqlite_store);
        int r;

        s->base.engine = &store_engine_sqlite;
        s->path = bus_xstrdup(options->path);
        s->now_us = options->now_us;
        s->lock_fd = -1;
        s->log.fd = -1;
        r = store_lock(s->path, true, &s->lock_fd, error, error_size);
        if (!r)
                r = check_moved(s->path, error, error_size);
        if (r < 0)
                goto fail;
        s->vfs = sqlite_vfs_new();
        r = sqlite_db_open(s->path, s->vfs, true, &s->db, error, error_size);
        if (!r)
                r = sqlite_db_prepare(s->db, s->path, error, error_size);
        if (r < 0)
                goto fail;
        sqlite3_wal_hook(s->db, count_wal_pages, s);
        *error = 0;
        r = take_over(s, options->boot_id ? options->boot_id : "", error, error_size);
        if (r < 0) {
                if (!*error)
                        snprintf(error, error_size, "%s: %s", s->path, sqlite3_errmsg(s->db));
                goto fail;
        }
        *ret_store = &s->base;
        return 0;
fail:
        give_up(s);
        return r;
}

static bool sqlite_was_restored(const struct store *store)
{
        return sqlite_of(store)->restored;
}

static int sqlite_restored_done(struct store *store)
{
        struct sqlite_store *s = sqlite_of(store);
        int r;

        r = sqlite_begin(s, STORE_SYNC_FULL);
        if (r < 0)
                return r;
        r = sqlite_end(s, sqlite_exec(s->db, "UPDATE meta SET value = 0 WHERE key = 'restored'"));
        if (!r)
                s->restored = false;
        return r;
}

static void sqlite_stats(const struct store *store, struct store_stats *ret_stats)
{
        const struct sqlite_store *s = sqlite_of(store);

        *ret_stats = (struct store_stats){ .commits = s->commits,
                .syncs = s->vfs->syncs + s->log.syncs };
}

const struct store_engine store_engine_sqlite = {
        .name = "sqlite",
        .open = sqlite_open,
        .close = sqlite_close,
        .abandon = sqlite_abandon,
        .stream_open = sqlite_stream_open,
        .stream_fork = sqlite_stream_fork,
        .stream_get = sqlite_stream_get,
        .read = sqlite_read,
        .seek_time = sqlite_seek_time,
        .prune = sqlite_prune,
        .get = sqlite_get,
        .scan = sqlite_scan,
        .cursor = sqlite_cursor,
        .commit = sqlite_commit,
        .unsettled = sqlite_unsettled,
        .settle = sqlite_settle,
        .rest = sqlite_rest,
        .backup = sqlite_backup,
        .verify = sqlite_verify,
        .restore = sqlite_restore,
        .dump = sqlite_dump,
        .load = sqlite_load,
        .was_restored = sqlite_was_restored,
        .restored_done = sqlite_restored_done,
        .stats = sqlite_stats,
};
