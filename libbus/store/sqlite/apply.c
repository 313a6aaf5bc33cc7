/*
 * From the log into the database. Commits gather in memory (pending) while their messages matter
 * more, in pieces. The oldest piece is taken over (carried) and applied key by key, in bites, while
 * the next ones gather: so a burst costs the database what has become of it, not each step on the
 * way, and nobody waits for longer than a bite. Applied records lie in a transaction that stays open,
 * so that this connection sees them; it is committed behind a piece, without a sync.
 *
 * When the log is half full, or it is quiet behind a burst, all is carried over and the log begins
 * anew; if it was half full, it then grows, step by step. While that has to be, each bite carries twice
 * what came since the last one, so that the log does not fill up before all of it is in the database. A
 * record that was promised is synced in the database before the log begins anew. If none was, the sync is put off
 * until one is: the database may lose its end meanwhile, and what the log then holds does not follow
 * on it, which is a torn end like another (commit.c).
 *
 * Once the database cannot follow, nothing more is promised: what the log holds is applied by the
 * next one who opens the store, when the disk allows.
 */
#include "libbus/store/sqlite/sqlite.h"

#include "libbus/base/require.h"

#include <errno.h>

/* Of records, in one transaction: a page that many of them change is written once. */
#define OPEN_MAX_BYTES ((size_t)256 << 10)
/* Of the write-ahead log, before it is carried over: 2 MB. */
#define WAL_MAX_PAGES 500
/* What may gather before it is carried over though there is other work: some thousand alerts. */
#define GATHER_MAX_BYTES ((size_t)8 << 20)
/* Of the log, before it begins anew while it is quiet, so that the next burst has room: an eighth of one
 * that has grown, a quarter of one that has not. */
#define QUIET_LOG_BYTES ((uint64_t)2 << 20)
/* Work is counted in small operations: so many bytes are one more. */
#define WORK_BYTES 256
/* In a bite: about a millisecond. */
#define BITE_WORK ((uint64_t)512)
/* In one that has to keep up with what comes; the rest is owed. */
#define BITE_MAX_WORK ((uint64_t)4096)
#define OWED_MAX_WORK (4 * BITE_MAX_WORK)

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
        bool found = pending_find(&s->pending, key, ret_op);

        for (size_t i = s->waiting_count; !found && i > 0; i--)
                found = pending_find(&s->waiting[i - 1].pending, key, ret_op);
        return found || pending_find(&s->carried, key, ret_op);
}

static uint64_t work_of(const struct redo_op *op)
{
        return 1 + (op->key.size + op->value.size + op->body.size) / WORK_BYTES;
}

/* Appends stand before all else, so that the last one of many tells what the others are. */
static int take_appends(struct sqlite_store *s, struct pending_plan *plan, uint64_t *work)
{
        const struct pending_step *steps = &plan->steps[plan->done];
        bool many = plan->count - plan->done >= SQLITE_APPENDS_MAX &&
                    steps[SQLITE_APPENDS_MAX - 1].kind == PENDING_APPEND;
        size_t count = many ? SQLITE_APPENDS_MAX : 1;
        struct redo_op ops[SQLITE_APPENDS_MAX];
        int r;

        for (size_t i = 0; i < count; i++) {
                ops[i] = pending_op(&s->carried, steps[i].at);
                *work += work_of(&ops[i]);
        }
        r = sqlite_apply_appends(s, ops, count);
        plan->done += r < 0 ? 0 : count;
        return r;
}

static int take_steps(struct sqlite_store *s, struct pending_plan *plan, uint64_t *work)
{
        const struct pending_step *step = &plan->steps[plan->done];
        struct redo_op op;
        int r;

        if (step->kind == PENDING_APPEND)
                return take_appends(s, plan, work);
        op = pending_op(&s->carried, step->at);
        *work += work_of(&op);
        r = step->kind == PENDING_CLAIM ? sqlite_apply_claim(s, &op) : sqlite_apply_state(s, &op);
        plan->done += !r;
        return r;
}

static bool is_carrying(const struct sqlite_store *s)
{
        return s->carried.records.size;
}

/* About MAX work of what is being carried over. */
static int carry_on(struct sqlite_store *s, uint64_t max)
{
        struct pending_plan *plan = &s->plan;
        uint64_t work = 0;
        int r;

        if (!is_carrying(s))
                return 0;
        r = open_transaction(s);
        while (!r && plan->done < plan->count && work < max)
                r = take_steps(s, plan, &work);
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

static bool has_more(const struct sqlite_store *s)
{
        return s->waiting_count || s->pending.records.size;
}

/* The oldest that there is. */
static void start_carrying(struct sqlite_store *s)
{
        struct pending empty = s->carried;

        if (s->waiting_count) {
                pending_done(&empty);
                s->carried = s->waiting[0].pending;
                s->carried_seq = s->waiting[0].seq;
                s->waiting_count--;
                memmove(s->waiting, s->waiting + 1, s->waiting_count * sizeof(s->waiting[0]));
        } else {
                s->carried = s->pending;
                s->pending = empty;
                s->carried_seq = s->seq;
        }
        pending_plan(&s->carried, &s->plan);
}

static int carry_piece(struct sqlite_store *s)
{
        if (!is_carrying(s) && has_more(s))
                start_carrying(s);
        return carry_on(s, UINT64_MAX);
}

int sqlite_catch_up_some(struct sqlite_store *s)
{
        int r = s->refused;

        if (r < 0 || !(is_carrying(s) || has_more(s)))
                return r;
        r = carry_piece(s);
        return r < 0 ? r : 1;
}

int sqlite_catch_up(struct sqlite_store *s)
{
        int r;

        do
                r = sqlite_catch_up_some(s);
        while (r > 0);
        return r;
}

size_t sqlite_gathered_bytes(const struct sqlite_store *s)
{
        size_t bytes = s->pending.records.size + s->carried.records.size;

        for (size_t i = 0; i < s->waiting_count; i++)
                bytes += s->waiting[i].pending.records.size;
        return bytes;
}

int sqlite_cut_piece(struct sqlite_store *s)
{
        int r = 0;

        if (s->pending.records.size < SQLITE_PIECE_BYTES)
                return 0;
        while (!r && sqlite_gathered_bytes(s) > SQLITE_GATHERED_MAX_BYTES - SQLITE_PIECE_BYTES)
                r = carry_piece(s);
        if (r < 0 || !s->pending.records.size)
                return r;
        bus_require(s->waiting_count < SQLITE_WAITING_MAX); /* that many are more than may gather */
        s->waiting[s->waiting_count++] = (struct sqlite_piece){ s->pending, s->seq };
        s->pending = (struct pending){ .key = s->key };
        return 0;
}

void sqlite_owe(struct sqlite_store *s, int ops, size_t bytes)
{
        if (is_carrying(s))
                s->owed += 2 * ((uint64_t)ops + bytes / WORK_BYTES);
        if (s->owed > OWED_MAX_WORK)
                s->owed = OWED_MAX_WORK;
}

static uint64_t next_bite(struct sqlite_store *s)
{
        uint64_t owed = s->owed;

        if (owed > BITE_MAX_WORK - BITE_WORK)
                owed = BITE_MAX_WORK - BITE_WORK;
        s->owed -= owed;
        return BITE_WORK + owed;
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

static bool log_is_half_full(const struct sqlite_store *s)
{
        return s->log.head > s->log.size / 2;
}

int sqlite_recycle(struct sqlite_store *s)
{
        bool was_short = log_is_half_full(s);
        int r;

        r = sqlite_flush(s);
        if (!r && s->promised > s->settled)
                r = sqlite_sync(s);
        if (r < 0)
                return refuse(s, r);
        sqlite_restart_log(s);
        if (was_short)
                redo_file_want_more(&s->log);
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

static bool log_is_worn(const struct sqlite_store *s)
{
        return s->log.head > s->log.size / 4 || s->log.head > QUIET_LOG_BYTES;
}

static bool wal_is_long(const struct sqlite_store *s)
{
        return !s->open && s->wal_pages > WAL_MAX_PAGES;
}

enum store_backlog sqlite_unsettled(const struct store *store)
{
        const struct sqlite_store *s = sqlite_of(store);
        size_t gathered = sqlite_gathered_bytes(s);

        if (sqlite_usable(s) < 0)
                return STORE_BACKLOG_NONE;
        if (gathered > GATHER_MAX_BYTES || log_is_half_full(s) || wal_is_long(s))
                return STORE_BACKLOG_PRESSING;
        return gathered || log_is_worn(s) || redo_file_wants_more(&s->log) ? STORE_BACKLOG_SOME
                                                                           : STORE_BACKLOG_NONE;
}

/* One of them, so that none waits for another's disk. */
void sqlite_settle(struct store *store)
{
        struct sqlite_store *s = sqlite_of(store);

        if (s->busy || sqlite_usable(s) < 0)
                return;
        if (redo_file_wants_more(&s->log)) {
                refuse(s, redo_file_grow(&s->log));
                return;
        }
        if (wal_is_long(s)) {
                refuse(s, checkpoint(s));
                return;
        }
        if (!is_carrying(s) && has_more(s))
                start_carrying(s);
        if (carry_on(s, next_bite(s)) < 0 || is_carrying(s))
                return;
        if (log_is_worn(s) && !has_more(s))
                refuse(s, sqlite_recycle(s));
        else if (s->open && s->open_bytes > OPEN_MAX_BYTES)
                refuse(s, commit_open(s));
}

void sqlite_rest(struct store *store)
{
        struct sqlite_store *s = sqlite_of(store);

        if (s->busy || sqlite_usable(s) < 0 || sqlite_flush(s) < 0)
                return;
        pending_done(&s->pending);
        pending_done(&s->carried); /* and no piece waits */
        sqlite3_db_release_memory(s->db);
}
