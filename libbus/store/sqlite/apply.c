/*
 * From the log into the database. Commits gather in memory (pending) while their messages matter
 * more. Then all that has gathered is taken over (carried) and applied key by key, in bites, while
 * the next ones gather: so a burst costs the database what has become of it, not each step on the
 * way, and nobody waits for longer than a bite. Applied records lie in a transaction that stays open, so that
 * this connection sees them; it is committed now and then, without a sync. When the log is half
 * full, or it is quiet behind a burst, it begins anew, larger. A record that was promised is then synced in the database first. If none
 * was, the sync is put off until one is: the database may lose its end meanwhile, and what the log
 * then holds does not follow on it, which is a torn end like another (commit.c).
 *
 * Once the database cannot follow, nothing more is promised: what the log holds is applied by the
 * next one who opens the store, when the disk allows.
 */
#include "libbus/store/sqlite/sqlite.h"

#include <errno.h>

/* Of records, in one transaction: a page that many of them change is written once. */
#define OPEN_MAX_BYTES ((size_t)256 << 10)
/* Of the write-ahead log, before it is carried over: 8 MB. */
#define WAL_MAX_PAGES 2000
/* What may gather before it is carried over though there is other work: some thousand alerts. */
#define GATHER_MAX_BYTES ((size_t)8 << 20)
/* Of the log, before it begins anew while it is quiet, so that the next burst has room. */
#define QUIET_LOG_BYTES ((uint64_t)2 << 20)
/* Operations in a bite: about a millisecond. */
#define BITE_STEPS ((size_t)256)

static int refuse(struct sqlite_store *s, int r)
{
        if (r < 0 && !s->refused)
                s->refused = r;
        return r;
}

static int apply_op(struct sqlite_store *s, const struct redo_op *op)
{
        int r;

        if (op->kind != STORE_OP_APPEND)
                return sqlite_apply_state(s, op);
        r = sqlite_apply_appends(s, op, 1);
        return !r && op->key.size ? sqlite_apply_claim(s, op) : r;
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

bool sqlite_find_pending(
        const struct sqlite_store *s, const struct pending_key *key, struct redo_op *ret_op)
{
        return pending_find(&s->pending, key, ret_op) || pending_find(&s->carried, key, ret_op);
}

/* Appends stand before all else, so that the last one of many tells what the others are. */
static int take_appends(struct sqlite_store *s, struct pending_plan *plan, size_t max)
{
        const struct pending_step *steps = &plan->steps[plan->done];
        bool many =
                max >= SQLITE_APPENDS_MAX && steps[SQLITE_APPENDS_MAX - 1].kind == PENDING_APPEND;
        size_t count = many ? SQLITE_APPENDS_MAX : 1;
        struct redo_op ops[SQLITE_APPENDS_MAX];
        int r;

        for (size_t i = 0; i < count; i++)
                ops[i] = pending_op(&s->carried, steps[i].at);
        r = sqlite_apply_appends(s, ops, count);
        plan->done += r < 0 ? 0 : count;
        return r;
}

static int take_steps(struct sqlite_store *s, struct pending_plan *plan, size_t max)
{
        const struct pending_step *step = &plan->steps[plan->done];
        struct redo_op op;
        int r;

        if (step->kind == PENDING_APPEND)
                return take_appends(s, plan, max);
        op = pending_op(&s->carried, step->at);
        r = step->kind == PENDING_CLAIM ? sqlite_apply_claim(s, &op) : sqlite_apply_state(s, &op);
        plan->done += !r;
        return r;
}

static bool is_carrying(const struct sqlite_store *s)
{
        return s->carried.records.size;
}

/* At most MAX steps of what is being carried over. */
static int carry_on(struct sqlite_store *s, size_t max)
{
        struct pending_plan *plan = &s->plan;
        size_t end = plan->count - plan->done > max ? plan->done + max : plan->count;
        int r;

        if (!is_carrying(s))
                return 0;
        r = open_transaction(s);
        while (!r && plan->done < end)
                r = take_steps(s, plan, end - plan->done);
        if (r < 0)
                return refuse(s, r);
        if (plan->done < plan->count)
                return 0;
        s->open_bytes += s->carried.records.size;
        s->applied = s->carried_seq;
        pending_clear(&s->carried);
        pending_plan_done(plan);
        return 0;
}

static void start_carrying(struct sqlite_store *s)
{
        struct pending empty = s->carried;

        s->carried = s->pending;
        s->pending = empty;
        s->carried_seq = s->seq;
        pending_plan(&s->carried, &s->plan);
}

int sqlite_catch_up(struct sqlite_store *s)
{
        int r;

        if (s->refused)
                return s->refused;
        r = carry_on(s, SIZE_MAX);
        if (r < 0 || !s->pending.records.size)
                return r;
        start_carrying(s);
        return carry_on(s, SIZE_MAX);
}

static int put_applied(struct sqlite_store *s)
{
        sqlite3_stmt *stmt;
        int r;

        r = sqlite_sql(s, SQL_APPLIED_PUT, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, (int64_t)s->applied);
        sqlite3_bind_int64(stmt, 2, (int64_t)s->log.size);
        return sqlite_run(s, stmt);
}

/* What was applied, committed; nothing is half carried over. */
static int commit_open(struct sqlite_store *s)
{
        int r;

        r = put_applied(s);
        if (!r)
                r = run(s, SQL_COMMIT);
        if (r < 0)
                return refuse(s, r);
        s->open = false;
        s->flushed = s->applied;
        return 0;
}

int sqlite_flush(struct sqlite_store *s)
{
        int r;

        r = sqlite_catch_up(s);
        return r < 0 || !s->open ? r : commit_open(s);
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

/* It has to begin anew soon, whoever waits. */
static bool log_is_nearly_full(const struct sqlite_store *s)
{
        return s->log.head > s->log.size / 4 * 3;
}

static bool log_is_worn(const struct sqlite_store *s)
{
        return s->log.head > s->log.size / 2 || s->log.head > QUIET_LOG_BYTES;
}

enum store_backlog sqlite_unsettled(const struct store *store)
{
        const struct sqlite_store *s = sqlite_of(store);
        size_t gathered = s->pending.records.size;

        if (sqlite_usable(s) < 0)
                return STORE_BACKLOG_NONE;
        if (gathered > GATHER_MAX_BYTES || log_is_nearly_full(s))
                return STORE_BACKLOG_PRESSING;
        return gathered || is_carrying(s) || log_is_worn(s) ? STORE_BACKLOG_SOME
                                                            : STORE_BACKLOG_NONE;
}

void sqlite_settle(struct store *store)
{
        struct sqlite_store *s = sqlite_of(store);
        int r;

        if (s->busy || sqlite_usable(s) < 0)
                return;
        if (!is_carrying(s) && s->pending.records.size)
                start_carrying(s);
        r = carry_on(s, BITE_STEPS);
        if (r < 0 || is_carrying(s))
                return;
        if (log_is_worn(s) && !s->pending.records.size)
                r = sqlite_recycle(s);
        else if (s->open && s->open_bytes > OPEN_MAX_BYTES)
                r = commit_open(s);
        if (!r && !s->open && s->wal_pages > WAL_MAX_PAGES)
                refuse(s, checkpoint(s));
}

void sqlite_rest(struct store *store)
{
        struct sqlite_store *s = sqlite_of(store);

        if (s->busy || sqlite_usable(s) < 0 || sqlite_flush(s) < 0)
                return;
        pending_done(&s->pending);
        pending_done(&s->carried);
        sqlite3_db_release_memory(s->db);
}
