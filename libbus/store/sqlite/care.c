/*
 * Backup, verification, restore. A backup is marked as one while it is made: whichever way it gets
 * back into place, the streams in it go on under new incarnations.
 */
#include "libbus/store/sqlite/sqlite.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* A database opened for care only, with what belongs to it. */
struct tool {
        sqlite3 *db;
        struct sqlite_vfs *vfs;
};

static int tool_open(
        struct tool *tool, const char *path, bool create, char *error, size_t error_size)
{
        tool->vfs = sqlite_vfs_new();
        return sqlite_db_open(path, tool->vfs, create, &tool->db, error, error_size);
}

static void tool_done(struct tool *tool)
{
        sqlite3_close(tool->db);
        tool->vfs = sqlite_vfs_free(tool->vfs);
        tool->db = NULL;
}

static int sync_file(const char *path)
{
        BUS_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
        sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
        int rc;

        if (!backup)
                return sqlite_errno(sqlite3_extended_errcode(to), to);
        rc = sqlite3_backup_step(backup, -1);
        if (rc == SQLITE_DONE)
                rc = SQLITE_OK;
        sqlite3_backup_finish(backup);
        return sqlite_errno(rc, to);
}

/* A backup has no log: what the store had in its own was applied before. */
static int mark_as_backup(sqlite3 *db, int64_t incarnation_floor)
{
        BUS_AUTOFREE char *sql = bus_xasprintf(
                "UPDATE meta SET value = 1 WHERE key IN ('clean', 'restored');"
                "UPDATE meta SET value = max(value, %lld) WHERE key = 'incarnation_floor';"
                "UPDATE stream SET lost = 'restored' WHERE kind <> %d;",
                (long long)incarnation_floor, STORE_STREAM_DERIVED);
        int r;

        r = sqlite_exec(db, "BEGIN IMMEDIATE");
        if (!r)
                r = sqlite_exec(db, sql);
        if (!r)
                r = sqlite_log_unmark(db);
        if (!r)
                r = sqlite_exec(db, "COMMIT");
        return r;
}

/* Closed and whole, a copy needs no journal; in exclusive mode sqlite leaves an empty one behind. */
static void drop_journal_of(const char *path)
{
        BUS_AUTOFREE char *journal = bus_xasprintf("%s-journal", path);

        unlink(journal);
}

/* FROM as one marked, checked and synced file at PATH. */
static int write_copy(
        sqlite3 *from, const char *path, int64_t incarnation_floor, char *error, size_t error_size)
{
        struct tool tool = { 0 };
        int r;

        unlink(path);
        r = tool_open(&tool, path, true, error, error_size);
        if (!r) {
                r = copy_pages(from, tool.db);
                if (!r)
                        r = mark_as_backup(tool.db, incarnation_floor);
                if (r < 0)
                        snprintf(error, error_size, "cannot write %s: %s", path,
                                sqlite3_errmsg(tool.db));
        }
        if (!r)
                r = sqlite_db_check(tool.db, error, error_size);
        tool_done(&tool);
        drop_journal_of(path);
        if (!r) {
                r = sync_file(path);
                if (r < 0)
                        snprintf(error, error_size, "cannot sync %s: %s", path, strerror(-r));
        }
        if (r < 0)
                unlink(path);
        return r;
}

int sqlite_backup(struct store *store, const char *path, char *error, size_t error_size)
{
        BUS_AUTOFREE char *part = bus_xasprintf("%s.part", path);
        struct sqlite_store *s = sqlite_of(store);
        int r;

        r = s->busy ? -EBUSY : sqlite_usable(s);
        if (!r)
                r = sqlite_flush(s);
        if (r < 0) {
                snprintf(error, error_size, "%s is not in a state to be copied", s->path);
                return r;
        }
        r = write_copy(s->db, part, 0, error, error_size);
        if (r < 0)
                return r;
        r = bus_file_put_new(part, path);
        if (r < 0) {
                unlink(part);
                snprintf(error, error_size, "cannot create %s: %s", path, strerror(-r));
        }
        return r;
}

static int check_log(sqlite3 *db, const char *path, char *error, size_t error_size)
{
        bool logged = false;
        int r;

        r = sqlite_log_belongs(db, &logged);
        if (!r && logged)
                r = sqlite_log_check(db, path, error, error_size);
        else if (r < 0)
                snprintf(error, error_size, "%s: %s", path, sqlite3_errmsg(db));
        return r;
}

int sqlite_verify(const char *path, char *error, size_t error_size)
{
        BUS_AUTOCLOSE int lock_fd = -1;
        struct tool tool = { 0 };
        int r;

        r = store_lock(path, false, &lock_fd, error, error_size);
        if (r < 0)
                return r;
        r = tool_open(&tool, path, false, error, error_size);
        if (!r) {
                /* what a killed process left in the log is read, not carried over */
                sqlite3_db_config(tool.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
                r = sqlite_db_judge(tool.db, path, error, error_size);
        }
        if (r == STORE_SQLITE_EMPTY) {
                snprintf(error, error_size, "%s is empty", path);
                r = -EUCLEAN;
        }
        if (!r)
                r = sqlite_db_check(tool.db, error, error_size);
        if (!r)
                r = check_log(tool.db, path, error, error_size);
        tool_done(&tool);
        return r;
}

/* Applies the log of PATH, so that the file alone is all there is of it. True if there is none
 * any more. */
static bool settle_log(sqlite3 *db, const char *path)
{
        struct sqlite_store s = { .db = db };
        bool logged = false;
        char error[256];
        int r;

        if (sqlite_log_belongs(db, &logged) < 0)
                return false;
        if (!logged)
                return true;
        r = sqlite_exec(db, "BEGIN IMMEDIATE");
        if (!r)
                r = sqlite_log_replay(&s, path, error, sizeof(error));
        if (!r)
                r = sqlite_log_unmark(db);
        for (size_t i = 0; i < SQL_COUNT; i++)
                sqlite3_finalize(s.statements[i]);
        if (!r)
                r = sqlite_exec(db, "COMMIT");
        if (r < 0)
                sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return r == 0;
}

static void drop_log_of(const char *path)
{
        BUS_AUTOFREE char *log = sqlite_log_path(path);

        unlink(log);
}

/* The highest incarnation the file to be replaced gave out, and its logs carried over into it. As
 * far as it can be told: it may well be damaged, that is what restores are for. */
static int64_t settle_old(const char *path)
{
        struct tool tool = { 0 };
        int64_t incarnation = 0, earlier = 0;
        bool settled = false;
        char error[256];

        if (tool_open(&tool, path, false, error, sizeof(error)) == 0 &&
                sqlite_db_judge(tool.db, path, error, sizeof(error)) == 0) {
                if (sqlite_number(tool.db, "SELECT ifnull(max(incarnation), 0) FROM stream",
                            &incarnation) < 0)
                        incarnation = 0;
                if (sqlite_number(tool.db, "SELECT value FROM meta WHERE key = 'incarnation_floor'",
                            &earlier) == 0 &&
                        earlier > incarnation)
                        incarnation = earlier;
                settled = settle_log(tool.db, path);
        }
        tool_done(&tool); /* the last connection carries sqlite's log over and removes it */
        if (settled)
                drop_log_of(path);
        return incarnation;
}

static int move_away(const char *path, const char *suffix)
{
        BUS_AUTOFREE char *from = bus_xasprintf("%s%s", path, suffix);
        BUS_AUTOFREE char *to = bus_xasprintf("%s.before-restore%s", path, suffix);

        if (unlink(to) < 0 && errno != ENOENT)
                return -errno;
        if (link(from, to) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

/* At every instant there is a file at PATH: a missing one would be taken for a new installation. */
static int put_in_place(const char *part, const char *path)
{
        BUS_AUTOFREE char *wal = bus_xasprintf("%s-wal", path);
        int r;

        r = move_away(path, "");
        if (!r)
                r = move_away(path, "-wal");
        if (!r)
                r = move_away(path, "-log");
        if (r < 0)
                return r;
        drop_log_of(path); /* what gets into its place has none */
        if (unlink(wal) < 0 && errno != ENOENT)
                return -errno;
        if (rename(part, path) < 0)
                return -errno;
        return bus_sync_folder_of(path);
}

static int copy_backup(const char *backup, const char *part, int64_t incarnation_floor, char *error,
        size_t error_size)
{
        struct tool from = { 0 };
        int r;

        r = tool_open(&from, backup, false, error, error_size);
        if (!r)
                r = write_copy(from.db, part, incarnation_floor, error, error_size);
        tool_done(&from);
        return r;
}

int sqlite_restore(const char *backup, const char *path, char *error, size_t error_size)
{
        BUS_AUTOFREE char *part = bus_xasprintf("%s.restoring", path);
        BUS_AUTOCLOSE int lock_fd = -1;
        int r;

        r = store_lock(path, true, &lock_fd, error, error_size);
        if (!r)
                r = sqlite_verify(backup, error, error_size);
        if (!r)
                r = copy_backup(backup, part, settle_old(path), error, error_size);
        if (r < 0)
                return r;
        r = put_in_place(part, path);
        if (r < 0) {
                snprintf(error, error_size, "cannot replace %s: %s", path, strerror(-r));
                unlink(part);
        }
        return r;
}
