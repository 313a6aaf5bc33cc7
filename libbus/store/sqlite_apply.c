/*
 * From the log into the database. Applied records lie in a transaction that stays open, so that
 * this connection sees them; it is committed now and then, without a sync. When the log is half
 * full it begins anew. A record that was promised is then synced in the database first. If none
 * was, the sync is put off until one is: the database may lose its end meanwhile, and what the log
 * then holds does not follow on it, which is a torn end like another (sqlite_commit.c).
 *
 * Once the database cannot follow, nothing more is promised: what the log holds is applied by the
 * next one who opens the store, when the disk allows.
 */
#include "libbus/store/sqlite.h"

#include <errno.h>

/* Of records, in one transaction: a page that many of them change is written once, and what they
 * change fits into sqlite's cache. */
#define OPEN_MAX_BYTES ((size_t)256 << 10)
/* Of the write-ahead log, before it is carried over: 8 MB. */
#define WAL_MAX_PAGES 2000

static int refuse(struct sqlite_store *s, int r)
{
        if (r < 0 && !s->refused)
                s->refused = r;
        return r;
}

static int apply_op(struct sqlite_store *s, const struct redo_op *op)
{
        return op->kind == STORE_OP_APPEND ? sqlite_apply_append(s, op) : sqlite_apply_state(s, op);
}

int sqlite_apply_record(struct sqlite_store *s, const struct redo_record *record)
{
        struct bus_bytes ops = record->ops;
        struct redo_op op;
        int r;

        for (uint32_t i = 0; i < record->op_count; i++) {
                r = redo_next(&ops, &op);
                if (!r)
                        r = apply_op(s, &op);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int run(struct sqlite_store *s, enum sqlite_sql id)
{
        sqlite3_stmt *stmt;
        int r;

        r = sqlite_sql(s, id, &stmt);
        return r < 0 ? r : sqlite_run(s, stmt);
}

static int open_transaction(struct sqlite_store *s)
{
        int r;

        if (s->open)
                return 0;
        r = run(s, SQL_BEGIN);
        s->open = !r;
        s->open_bytes = 0;
        return r;
}

static int apply_pending(struct sqlite_store *s)
{
        struct redo_record record;
        int r = 0;

        for (size_t at = 0; at < s->pending.size && !r; at += record.size) {
                if (!redo_parse(
                            bus_bytes(s->pending.data + at, s->pending.size - at), NULL, &record))
                        return -EUCLEAN; /* of memory, then */
                r = sqlite_apply_record(s, &record);
        }
        return r;
}

int sqlite_catch_up(struct sqlite_store *s)
{
        int r;

        if (s->refused || !s->pending.size)
                return s->refused;
        r = open_transaction(s);
        if (!r)
                r = apply_pending(s);
        if (r < 0)
                return refuse(s, r);
        s->open_bytes += s->pending.size;
        sqlite_forget_pending(s);
        return 0;
}

static int put_applied(struct sqlite_store *s)
{
        sqlite3_stmt *stmt;
        int r;

        r = sqlite_sql(s, SQL_APPLIED_PUT, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, (int64_t)s->seq);
        sqlite3_bind_int64(stmt, 2, (int64_t)s->log.size);
        return sqlite_run(s, stmt);
}

int sqlite_flush(struct sqlite_store *s)
{
        int r;

        r = sqlite_catch_up(s);
        if (r < 0 || !s->open)
                return r;
        r = put_applied(s);
        if (!r)
                r = run(s, SQL_COMMIT);
        if (r < 0)
                return refuse(s, r);
        s->open = false;
        s->flushed = s->seq;
        return 0;
}

static void flushed_is_settled(struct sqlite_store *s)
{
        s->settled = s->flushed;
        if (s->synced < s->settled)
                s->synced = s->settled;
}

int sqlite_sync(struct sqlite_store *s)
{
        int r;

        r = sqlite_vfs_sync_wal(s->vfs);
        if (!r)
                flushed_is_settled(s);
        return r;
}

void sqlite_restart_log(struct sqlite_store *s)
{
        redo_file_restart(&s->log);
        s->log_after = s->seq;
}

int sqlite_recycle(struct sqlite_store *s)
{
        int r;

        r = redo_file_grow(&s->log);
        if (!r)
                r = sqlite_flush(s);
        if (!r && s->promised > s->settled)
                r = sqlite_sync(s);
        if (r < 0)
                return refuse(s, r);
        sqlite_restart_log(s);
        return 0;
}

static int checkpoint(struct sqlite_store *s)
{
        int r = sqlite_errno(
                sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL),
                s->db);

        s->wal_pages = 0;
        if (!r)
                flushed_is_settled(s);
        return r;
}

void sqlite_settle(struct store *store)
{
        struct sqlite_store *s = sqlite_of(store);
        int r;

        if (s->busy || sqlite_usable(s) < 0)
                return;
        r = sqlite_catch_up(s);
        if (!r && s->log.head > s->log.size / 2)
                r = sqlite_recycle(s);
        else if (!r && s->open && s->open_bytes > OPEN_MAX_BYTES)
                r = sqlite_flush(s);
        if (!r && !s->open && s->wal_pages > WAL_MAX_PAGES)
                refuse(s, checkpoint(s));
}

void sqlite_rest(struct store *store)
{
        struct sqlite_store *s = sqlite_of(store);

        if (s->busy || sqlite_usable(s) < 0 || sqlite_flush(s) < 0)
                return;
        bus_buf_done(&s->pending);
        bus_buf_done(&s->claim_bytes);
        free(s->claims);
        s->claims = NULL;
        s->claim_capacity = 0;
        sqlite3_db_release_memory(s->db);
}
