#include "libbus/store/sqlite/sqlite.h"

#include "libbus/store/forks.h"

#include <errno.h>
#include <limits.h>

/* ---- appending ---- */

int sqlite_look_up_claim(struct sqlite_store *s, int64_t stream_id,
        const struct store_append *append, struct store_batch *batch, struct store_appended *ret)
{
        sqlite3_stmt *stmt;
        int64_t expires_us;
        int rc, r;

        r = sqlite_sql(s, SQL_CLAIM_GET, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream_id);
        sqlite_bind_bytes(stmt, 2, append->claim_key);
        rc = sqlite3_step(stmt);
        r = rc == SQLITE_DONE ? 0 : sqlite_errno(rc, s->db);
        if (rc == SQLITE_ROW) {
                expires_us = sqlite3_column_int64(stmt, 0);
                if (!expires_us || expires_us > append->at_us) {
                        ret->duplicate = true;
                        ret->claim_value = store_batch_copy(batch, sqlite_column_bytes(stmt, 1));
                        ret->position = sqlite_column_pos(stmt, 2);
                        r = 1;
                }
        }
        sqlite3_reset(stmt);
        return r;
}

int sqlite_apply_claim(struct sqlite_store *s, const struct redo_op *op)
{
        sqlite3_stmt *stmt;
        int r;

        r = sqlite_sql(s, SQL_CLAIM_PUT, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, op->stream_id);
        sqlite_bind_bytes(stmt, 2, op->key);
        sqlite_bind_bytes(stmt, 3, op->value);
        sqlite3_bind_int64(stmt, 4, op->claim_expires_us);
        sqlite3_bind_int64(stmt, 5, op->claim_expires_us ? op->claim_expires_us : op->at_us);
        sqlite_bind_pos(stmt, 6, op->position);
        return sqlite_run(s, stmt);
}

#define APPEND_COLUMNS 11

static void bind_append(sqlite3_stmt *stmt, int first, const struct redo_op *op)
{
        sqlite3_bind_int64(stmt, first, op->stream_id);
        sqlite_bind_pos(stmt, first + 1, op->position);
        sqlite_bind_pos(stmt, first + 4, op->predecessor);
        sqlite_bind_text(stmt, first + 7, op->name);
        sqlite_bind_bytes(stmt, first + 8, op->body);
        sqlite3_bind_int64(stmt, first + 9, op->at_us);
        sqlite3_bind_int64(stmt, first + 10, op->late_us);
}

int sqlite_apply_appends(struct sqlite_store *s, const struct redo_op *ops, size_t count)
{
        sqlite3_stmt *stmt;
        int r;

        r = sqlite_sql(s, count == 1 ? SQL_APPEND : SQL_APPEND_MANY, &stmt);
        if (r < 0)
                return r;
        for (size_t i = 0; i < count; i++)
                bind_append(stmt, (int)i * APPEND_COLUMNS + 1, &ops[i]);
        return sqlite_run(s, stmt);
}

/* ---- reading ---- */

static void fill_record(sqlite3_stmt *stmt, struct store_record *ret_record)
{
        *ret_record = (struct store_record){
                .position = sqlite_column_pos(stmt, 0),
                .predecessor = sqlite_column_pos(stmt, 3),
                .topic = (const char *)sqlite3_column_text(stmt, 6),
                .body = sqlite_column_bytes(stmt, 7),
                .at_us = sqlite3_column_int64(stmt, 8),
        };
}

/* Goes on behind *AFTER with what the database has, *LEFT records at most; > 0: FN wants no more. */
static int read_some(struct sqlite_store *s, const struct sqlite_stream *stream,
        struct bus_pos *after, size_t *left, store_record_fn fn, void *arg)
{
        struct store_record record;
        sqlite3_stmt *stmt;
        int rc, r;

        r = sqlite_sql(s, SQL_READ, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
        sqlite_bind_pos(stmt, 2, *after);
        sqlite3_bind_int64(stmt, 5, *left > INT64_MAX ? INT64_MAX : (int64_t)*left);
        s->busy = true;
        while (!r && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
                fill_record(stmt, &record);
                *after = record.position;
                --*left;
                r = fn(&record, arg);
        }
        s->busy = false;
        sqlite3_reset(stmt);
        return r ? r : sqlite_errno(rc, s->db);
}

/* What is pending gets into the database in the order it came, so that what is read ends where that
 * begins, and only as much is carried over as is asked for. */
int sqlite_read(struct store *store, const char *name, struct bus_pos after, size_t max_count,
        store_record_fn fn, void *arg, struct bus_pos *ret_after)
{
        struct sqlite_store *s = sqlite_of(store);
        const struct sqlite_stream *stream = sqlite_stream_find(s, name);
        struct bus_pos start, at;
        int r;

        if (!stream || s->busy)
                return stream ? -EBUSY : -ENOENT;
        r = store_fork_start(&stream->now, stream->before_first, after, &start);
        if (!r)
                r = s->refused;
        if (r)
                return r;
        at = start;
        do {
                r = read_some(s, stream, &at, &max_count, fn, arg);
                if (r > 0 || (!r && !max_count))
                        break;
                if (!r)
                        r = sqlite_catch_up_some(s);
        } while (r > 0);
        if (r < 0)
                return r;
        *ret_after = start;
        return 0;
}

/* ---- seeking by time ---- */

struct mark {
        struct bus_pos position, predecessor;
        int64_t top_us; /* latest at_us up to this record: never falls, whatever the clock did */
};

/* The first record at or behind FROM. 0, or STORE_ABSENT. */
static int probe(struct sqlite_store *s, const struct sqlite_stream *stream, struct bus_pos from,
        struct mark *ret_mark)
{
        sqlite3_stmt *stmt;
        int rc, r;

        r = sqlite_sql(s, SQL_AT_OR_BEHIND, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
        sqlite_bind_pos(stmt, 2, from);
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
                *ret_mark = (struct mark){ sqlite_column_pos(stmt, 0), sqlite_column_pos(stmt, 3),
                        sqlite3_column_int64(stmt, 6) };
        sqlite3_reset(stmt);
        return rc == SQLITE_DONE ? STORE_ABSENT : sqlite_errno(rc, s->db);
}

/* The last incarnation whose first record is too old; its first record, and one behind its last seq. */
static int seek_incarnation(struct sqlite_store *s, const struct sqlite_stream *stream,
        int64_t since_us, struct mark *first, uint64_t *ret_end_seq)
{
        struct mark next = { 0 };
        sqlite3_stmt *stmt;
        int rc, r;

        for (;;) {
                r = probe(s, stream, (struct bus_pos){ first->position.incarnation + 1, 0, 0 },
                        &next);
                if (r < 0)
                        return r;
                if (r == STORE_ABSENT || next.top_us >= since_us)
                        break;
                *first = next;
        }
        r = sqlite_sql(s, SQL_BEFORE, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
        sqlite_bind_pos(stmt, 2, (struct bus_pos){ first->position.incarnation + 1, 0, 0 });
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
                *ret_end_seq = (uint64_t)sqlite3_column_int64(stmt, 1) + 1;
        sqlite3_reset(stmt);
        return rc == SQLITE_DONE ? -EUCLEAN : sqlite_errno(rc, s->db);
}

/* FIRST is too old, the stream's last record is not: halves the seqs between, then walks the parts. */
static int seek_within(struct sqlite_store *s, const struct sqlite_stream *stream, int64_t since_us,
        struct mark first, uint64_t end_seq, struct bus_pos *ret_after)
{
        uint64_t incarnation = first.position.incarnation, low = first.position.seq;
        struct mark mark = { 0 };
        int r;

        while (end_seq - low > 1) {
                uint64_t middle = low + (end_seq - low) / 2;

                r = probe(s, stream, (struct bus_pos){ incarnation, middle, 0 }, &mark);
                if (r)
                        return r < 0 ? r : -EUCLEAN;
                if (mark.top_us >= since_us)
                        end_seq = middle;
                else
                        low = middle;
        }
        mark = (struct mark){ .position = { incarnation, low, 0 } };
        do {
                r = probe(s, stream, mark.position, &mark);
                if (r)
                        return r < 0 ? r : -EUCLEAN;
                mark.position.part++; /* from here on, in the next turn */
        } while (mark.top_us < since_us);
        *ret_after = mark.predecessor;
        return 0;
}

int sqlite_seek_time(
        struct store *store, const char *name, int64_t since_us, struct bus_pos *ret_after)
{
        struct sqlite_store *s = sqlite_of(store);
        const struct sqlite_stream *stream = sqlite_stream_find(s, name);
        struct mark first = { 0 };
        uint64_t end_seq = 0;
        int r;

        if (!stream)
                return -ENOENT;
        if (bus_pos_is_zero(stream->now.last) || stream->top_us < since_us) {
                *ret_after = stream->now.last;
                return 0;
        }
        r = sqlite_catch_up(s);
        if (!r)
                r = probe(s, stream, BUS_POS_ZERO, &first);
        if (r)
                return r < 0 ? r : -EUCLEAN;
        if (first.top_us >= since_us) {
                *ret_after = first.predecessor;
                return 0;
        }
        r = seek_incarnation(s, stream, since_us, &first, &end_seq);
        if (r < 0)
                return r;
        return seek_within(s, stream, since_us, first, end_seq, ret_after);
}

/* ---- pruning ---- */

static int remove_record(struct sqlite_store *s, int64_t id)
{
        sqlite3_stmt *stmt;
        int r;

        r = sqlite_sql(s, SQL_PRUNE_RECORD, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, id);
        return sqlite_run(s, stmt);
}

/* How many were removed. One more than may go is looked at: it becomes the first. */
static int prune_records(
        struct sqlite_store *s, struct sqlite_stream *stream, int64_t before_us, int max_count)
{
        sqlite3_stmt *stmt;
        int removed = 0;
        int rc, r;

        r = sqlite_sql(s, SQL_PRUNE_LIST, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
        sqlite3_bind_int64(stmt, 2, (int64_t)max_count + 1);
        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
                struct bus_pos position = sqlite_column_pos(stmt, 2);

                stream->staged_first = position;
                stream->staged_before_first = sqlite_column_pos(stmt, 5);
                if (removed == max_count || sqlite3_column_int64(stmt, 1) >= before_us ||
                        bus_pos_equal(position, stream->staged_last))
                        break;
                r = remove_record(s, sqlite3_column_int64(stmt, 0));
                if (r < 0)
                        break;
                removed++;
        }
        sqlite3_reset(stmt);
        if (!r)
                r = sqlite_errno(rc, s->db);
        return r < 0 ? r : removed;
}

static int prune_claims(
        struct sqlite_store *s, struct sqlite_stream *stream, int64_t before_us, int max_count)
{
        sqlite3_stmt *stmt;
        int r;

        r = sqlite_sql(s, SQL_PRUNE_CLAIMS, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
        sqlite3_bind_int64(stmt, 2, before_us);
        sqlite_bind_pos(stmt, 3, stream->staged_first);
        sqlite3_bind_int64(stmt, 6, max_count);
        r = sqlite_run(s, stmt);
        return r < 0 ? r : sqlite3_changes(s->db);
}

int sqlite_prune(struct store *store, const char *name, int64_t before_us, size_t max_count)
{
        struct sqlite_store *s = sqlite_of(store);
        struct sqlite_stream *stream = sqlite_stream_find(s, name);
        int limit = max_count > INT_MAX / 2 ? INT_MAX / 2 : (int)max_count;
        int records, claims = 0, r;

        if (!stream)
                return -ENOENT;
        r = sqlite_begin(s, STORE_SYNC_NORMAL);
        if (r < 0)
                return r;
        records = prune_records(s, stream, before_us, limit);
        if (records >= 0)
                claims = prune_claims(s, stream, before_us, limit - records);
        r = records < 0 ? records : claims < 0 ? claims : 0;
        r = sqlite_end(s, r);
        return r < 0 ? r : records + claims;
}
