/*
 * A batch becomes one record of the log: everything that depends on what was before (positions,
 * predecessors, whose claim it is) is decided here, against the streams in memory, the claims that
 * are pending and those in the database. So a record can be applied at any later time, also by the
 * next process, without asking again.
 */
#include "libbus/store/sqlite/sqlite.h"

#include "libbus/base/hash.h"
#include "libbus/base/require.h"

#include <errno.h>

/* ---- claims ---- */

/* 0: the claim is free; 1: it is taken, *RET says by whom. */
static int look_up_claim(struct sqlite_store *s, int64_t stream_id,
        const struct store_append *append, struct store_batch *batch, struct store_appended *ret)
{
        const struct pending_key wanted = { PENDING_CLAIM, stream_id, append->claim_key };
        struct redo_op first;

        if (!sqlite_find_pending(s, &wanted, &first))
                return sqlite_look_up_claim(s, stream_id, append, batch, ret);
        if (first.claim_expires_us && first.claim_expires_us <= append->at_us)
                return 0;
        ret->duplicate = true;
        ret->position = first.position;
        ret->claim_value = store_batch_copy(batch, first.value);
        return 1;
}

/* ---- deciding ---- */

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

static void record_append(struct sqlite_store *s, struct sqlite_stream *stream,
        const struct store_append *append, struct bus_pos position)
{
        const struct redo_op op = { .kind = STORE_OP_APPEND,
                .stream_id = stream->id,
                .position = position,
                .predecessor = stream->staged_last,
                .name = bus_bytes_str(append->topic),
                .key = append->claim_key,
                .value = append->claim_value,
                .body = append->body,
                .at_us = append->at_us,
                .late_us = stream->staged_top_us > append->at_us
                                   ? stream->staged_top_us - append->at_us
                                   : 0,
                .claim_expires_us = append->claim_expires_us };

        pending_add(&s->pending, &op);
        if (bus_pos_is_zero(stream->staged_first))
                stream->staged_first = position;
        stream->staged_last = position;
        stream->staged_top_us = append->at_us + op.late_us;
}

/* How many operations that makes: none for a duplicate. */
static int plan_append(struct sqlite_store *s, struct store_batch *batch, const struct store_op *op)
{
        struct store_appended result = { 0 };
        const struct store_append *append = &op->append;
        struct sqlite_stream *stream = sqlite_stream_find(s, append->stream);
        int r;

        if (!stream || append->at_us < 0)
                return -EINVAL;
        if (append->claim_key.size) {
                r = look_up_claim(s, stream->id, append, batch, &result);
                if (r == 1)
                        batch->results[op->result] = result;
                if (r)
                        return r < 0 ? r : 0;
        }
        result.predecessor = stream->staged_last;
        r = next_position(stream, append, &result.position);
        if (r < 0)
                return r;
        record_append(s, stream, append, result.position);
        batch->results[op->result] = result;
        return 1;
}

static int plan_state(struct sqlite_store *s, const struct store_op *op)
{
        const struct redo_op redo = { .kind = op->kind,
                .key = op->key,
                .value = op->value,
                .name = op->stream ? bus_bytes_str(op->stream) : bus_bytes(NULL, 0),
                .position = op->position };

        if (op->kind == STORE_OP_CURSOR && !sqlite_pos_fits(op->position))
                return -EINVAL;
        pending_add(&s->pending, &redo);
        return 1;
}

/* A record at the end of what is pending; how many operations it has. */
static int plan(struct sqlite_store *s, struct store_batch *batch)
{
        int count = 0;

        sqlite_stage_streams(s);
        redo_begin(&s->pending.records);
        for (size_t i = 0; i < batch->op_count; i++) {
                const struct store_op *op = &batch->ops[i];
                int r = op->kind == STORE_OP_APPEND ? plan_append(s, batch, op) : plan_state(s, op);

                if (r < 0)
                        return r;
                count += r;
        }
        return count;
}

/* ---- writing ---- */

/* Everything up to the last record is on the disk; the log alone where it follows on what is. */
static int sync_log(struct sqlite_store *s, uint64_t last)
{
        int r = 0;

        if (s->settled < s->log_after)
                r = sqlite_sync(s);
        if (!r && s->log.unsynced)
                r = redo_file_sync(&s->log);
        if (!r)
                s->synced = last;
        return r;
}

static int write_record(struct sqlite_store *s, size_t start, enum store_sync sync)
{
        const struct bus_buf *records = &s->pending.records;
        const struct bus_bytes record = bus_bytes(records->data + start, records->size - start);
        int r;

        if (sync != STORE_SYNC_FULL)
                return redo_file_append(&s->log, record);
        if (s->settled < s->log_after) {
                r = sqlite_sync(s);
                if (r < 0)
                        return r;
        }
        r = redo_file_append_synced(&s->log, record);
        if (!r)
                s->synced = s->seq + 1;
        return r;
}

/* A batch of which all may be planned and written: small enough for the log, with room for it. */
static int make_room(struct sqlite_store *s, size_t bound, bool through)
{
        int r;

        if (!through && redo_file_fits(&s->log, bound))
                return sqlite_cut_piece(s);
        r = redo_file_grow(&s->log);
        return r < 0 || through ? r : sqlite_recycle(s);
}

int sqlite_commit(struct store *store, struct store_batch *batch, enum store_sync sync)
{
        struct sqlite_store *s = sqlite_of(store);
        size_t bound = redo_bound(batch);
        bool through = bound > s->log.size / 2; /* too large for the log: by way of the database */
        struct pending_mark mark;
        int count, r;

        r = s->busy ? -EBUSY : sqlite_usable(s);
        if (!r)
                r = make_room(s, bound, through);
        if (r < 0)
                return r;
        mark = pending_mark(&s->pending);
        count = plan(s, batch);
        r = count < 0 ? count : 0;
        if (count > 0) {
                redo_end(&s->pending.records, mark.size, &s->key, s->seq + 1, s->synced,
                        (uint32_t)count);
                if (!through)
                        r = write_record(s, mark.size, sync);
        }
        if (count <= 0 || r < 0)
                pending_take_back(&s->pending, mark);
        if (count == 0 && sync == STORE_SYNC_FULL)
                r = sync_log(s, s->seq); /* what it was a duplicate of may not be on the disk yet */
        if (r < 0)
                return r;
        s->seq += count > 0;
        sqlite_owe(s, count, s->pending.records.size - mark.size);
        if (sync == STORE_SYNC_FULL)
                s->promised = s->seq;
        sqlite_adopt_staged(s);
        if (count > 0 && through)
                r = sqlite_recycle(s);
        if (!r)
                s->commits++;
        return r;
}
