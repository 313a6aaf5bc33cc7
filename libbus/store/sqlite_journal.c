#include "libbus/store/sqlite.h"

#include "libbus/store/forks.h"

#include <errno.h>
#include <limits.h>

/* ---- appending ---- */

/* 0: the claim is free; 1: it is taken, *RET says by whom. */
static int look_up_claim(struct sqlite_store *s, const struct sqlite_stream *stream,
        struct store_batch *batch, const struct store_append *append, struct store_appended *ret)
{
        sqlite3_stmt *stmt;
        int64_t expires_us;
        int rc, r;

        r = sqlite_sql(s, SQL_CLAIM_GET, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
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

static int put_claim(struct sqlite_store *s, const struct sqlite_stream *stream,
        const struct store_append *append, struct bus_pos position)
{
        sqlite3_stmt *stmt;
        int r;

        r = sqlite_sql(s, SQL_CLAIM_PUT, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
        sqlite_bind_bytes(stmt, 2, append->claim_key);
        sqlite_bind_bytes(stmt, 3, append->claim_value);
        sqlite3_bind_int64(stmt, 4, append->claim_expires_us);
        sqlite3_bind_int64(
                stmt, 5, append->claim_expires_us ? append->claim_expires_us : append->at_us);
        sqlite_bind_pos(stmt, 6, position);
        return sqlite_run(s, stmt);
}

static int next_position(const struct sqlite_stream *stream, const struct store_append *append,
        struct bus_pos *ret_position)
{
        if (stream->kind != STORE_STREAM_DERIVED) {
                if (!bus_pos_is_zero(append->position))
                        return -EINVAL;
                *ret_position =
                        (struct bus_pos){ stream->now.incarnation, stream->staged_last.seq + 1, 0 };
                return 0;
        }
        if (!sqlite_pos_fits(append->position) ||
                bus_pos_compare(append->position, stream->staged_last) <= 0)
                return -EINVAL;
        *ret_position = append->position;
        return 0;
}

static int insert_record(struct sqlite_store *s, struct sqlite_stream *stream,
        const struct store_append *append, struct bus_pos position)
{
        int64_t late_us =
                stream->staged_top_us > append->at_us ? stream->staged_top_us - append->at_us : 0;
        sqlite3_stmt *stmt;
        int r;

        r = sqlite_sql(s, SQL_APPEND, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
        sqlite_bind_pos(stmt, 2, position);
        sqlite_bind_pos(stmt, 5, stream->staged_last);
        sqlite3_bind_text(stmt, 8, append->topic, -1, SQLITE_STATIC);
        sqlite_bind_bytes(stmt, 9, append->body);
        sqlite3_bind_int64(stmt, 10, append->at_us);
        sqlite3_bind_int64(stmt, 11, late_us);
        r = sqlite_run(s, stmt);
        if (r < 0)
                return r;
        if (bus_pos_is_zero(stream->staged_first))
                stream->staged_first = position;
        stream->staged_last = position;
        stream->staged_top_us = append->at_us + late_us;
        return 0;
}

int sqlite_append(struct sqlite_store *s, struct store_batch *batch, const struct store_op *op)
{
        struct store_appended *result = &batch->results[op->result];
        const struct store_append *append = &op->append;
        struct sqlite_stream *stream = sqlite_stream_find(s, append->stream);
        int r;

        *result = (struct store_appended){ 0 };
        if (!stream || append->at_us < 0)
                return -EINVAL;
        if (append->claim_key.size) {
                r = look_up_claim(s, stream, batch, append, result);
                if (r)
                        return r < 0 ? r : 0;
        }
        result->predecessor = stream->staged_last;
        r = next_position(stream, append, &result->position);
        if (!r)
                r = insert_record(s, stream, append, result->position);
        if (!r && append->claim_key.size)
                r = put_claim(s, stream, append, result->position);
        return r;
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

static int find_start(
        const struct sqlite_stream *stream, struct bus_pos after, struct bus_pos *ret_start)
{
        struct bus_pos start = store_fork_resolve(&stream->now, after);

        if (bus_pos_compare(start, stream->now.last) > 0)
                return STORE_AHEAD;
        /* from zero one takes what there is; from anywhere else nothing may be missing */
        if (!bus_pos_is_zero(after) && bus_pos_compare(start, stream->before_first) < 0)
                return STORE_PRUNED;
        *ret_start = start;
        return 0;
}

int sqlite_read(struct store *store, const char *name, struct bus_pos after, size_t max_count,
        store_record_fn fn, void *arg, struct bus_pos *ret_after)
{
        struct sqlite_store *s = sqlite_of(store);
        const struct sqlite_stream *stream = sqlite_stream_find(s, name);
        struct store_record record;
        struct bus_pos start;
        sqlite3_stmt *stmt;
        int rc, r;

        if (!stream || s->busy)
                return stream ? -EBUSY : -ENOENT;
        r = find_start(stream, after, &start);
        if (r)
                return r;
        r = sqlite_sql(s, SQL_READ, &stmt);
        if (r < 0)
                return r;
        sqlite3_bind_int64(stmt, 1, stream->id);
        sqlite_bind_pos(stmt, 2, start);
        sqlite3_bind_int64(stmt, 5, max_count > INT64_MAX ? INT64_MAX : (int64_t)max_count);
        s->busy = true;
        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && !r) {
                fill_record(stmt, &record);
                r = fn(&record, arg);
        }
        s->busy = false;
        sqlite3_reset(stmt);
        if (r >= 0)
                r = sqlite_errno(rc, s->db);
        if (!r)
                *ret_after = start;
        return r;
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
