/*
 * A batch becomes one record of the log: everything that depends on what was before (positions,
 * predecessors, whose claim it is) is decided here, against the streams in memory, the claims that
 * are pending and those in the database. So a record can be applied at any later time, also by the
 * next process, without asking again.
 */
#include "libbus/store/sqlite.h"

#include "libbus/base/hash.h"
#include "libbus/base/require.h"

#include <errno.h>

/* What is pending when nobody settles: a bound for memory, and for the search among the claims. */
#define PENDING_MAX_BYTES  ((size_t)256 << 10)
#define PENDING_MAX_CLAIMS 512

/* ---- claims of what is pending ---- */

static uint64_t claim_hash(const struct sqlite_store *s, struct bus_bytes key)
{
        return bus_siphash(key, s->key.bytes);
}

static struct bus_bytes claim_part(const struct sqlite_store *s, size_t at, size_t size)
{
        return bus_bytes(s->claim_bytes.data + at, size);
}

/* The newest one with this key, or NULL. */
static const struct sqlite_claim *find_pending(
        const struct sqlite_store *s, int64_t stream_id, struct bus_bytes key)
{
        uint64_t hash = s->claim_count ? claim_hash(s, key) : 0;

        for (size_t i = s->claim_count; i-- > 0;) {
                const struct sqlite_claim *claim = &s->claims[i];

                if (claim->hash == hash && claim->stream_id == stream_id &&
                        bus_bytes_equal(claim_part(s, claim->key_at, claim->key_size), key))
                        return claim;
        }
        return NULL;
}

static void add_claim(struct sqlite_store *s, int64_t stream_id, const struct store_append *append,
        struct bus_pos position)
{
        struct sqlite_claim *claim;

        if (s->claim_count == s->claim_capacity) {
                s->claim_capacity = s->claim_capacity ? s->claim_capacity * 2 : 64;
                s->claims = bus_xrealloc(s->claims, s->claim_capacity * sizeof(*s->claims));
        }
        claim = &s->claims[s->claim_count++];
        *claim = (struct sqlite_claim){ .hash = claim_hash(s, append->claim_key),
                .stream_id = stream_id,
                .key_at = s->claim_bytes.size,
                .key_size = append->claim_key.size,
                .value_at = s->claim_bytes.size + append->claim_key.size,
                .value_size = append->claim_value.size,
                .expires_us = append->claim_expires_us,
                .position = position };
        bus_buf_add(&s->claim_bytes, append->claim_key.data, append->claim_key.size);
        bus_buf_add(&s->claim_bytes, append->claim_value.data, append->claim_value.size);
}

void sqlite_forget_pending(struct sqlite_store *s)
{
        bus_buf_clear(&s->pending);
        bus_buf_clear(&s->claim_bytes);
        s->claim_count = 0;
}

/* 0: the claim is free; 1: it is taken, *RET says by whom. */
static int look_up_claim(struct sqlite_store *s, int64_t stream_id,
        const struct store_append *append, struct store_batch *batch, struct store_appended *ret)
{
        const struct sqlite_claim *claim = find_pending(s, stream_id, append->claim_key);

        if (!claim)
                return sqlite_look_up_claim(s, stream_id, append, batch, ret);
        if (claim->expires_us && claim->expires_us <= append->at_us)
                return 0;
        ret->duplicate = true;
        ret->position = claim->position;
        ret->claim_value =
                store_batch_copy(batch, claim_part(s, claim->value_at, claim->value_size));
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

        redo_add(&s->pending, &op);
        if (append->claim_key.size)
                add_claim(s, stream->id, append, position);
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
        redo_add(&s->pending, &redo);
        return 1;
}

/* A record at the end of what is pending; how many operations it has. */
static int plan(struct sqlite_store *s, struct store_batch *batch)
{
        int count = 0;

        sqlite_stage_streams(s);
        redo_begin(&s->pending);
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
        int r;

        r = redo_file_append(&s->log, bus_bytes(s->pending.data + start, s->pending.size - start));
        if (!r && sync == STORE_SYNC_FULL)
                r = sync_log(s, s->seq + 1);
        return r;
}

/* A batch of which all may be planned and written: small enough for the log, with room for it. */
static int make_room(struct sqlite_store *s, size_t bound, bool through)
{
        if (!through && !redo_file_fits(&s->log, bound))
                return sqlite_recycle(s);
        if (s->pending.size > PENDING_MAX_BYTES || s->claim_count > PENDING_MAX_CLAIMS)
                return sqlite_catch_up(s);
        return 0;
}

int sqlite_commit(struct store *store, struct store_batch *batch, enum store_sync sync)
{
        struct sqlite_store *s = sqlite_of(store);
        size_t bound = redo_bound(batch), start, claims, claim_bytes;
        bool through = bound > s->log.size / 2; /* too large for the log: by way of the database */
        int count, r;

        r = s->busy ? -EBUSY : sqlite_usable(s);
        if (!r)
                r = make_room(s, bound, through);
        if (r < 0)
                return r;
        start = s->pending.size;
        claims = s->claim_count;
        claim_bytes = s->claim_bytes.size;
        count = plan(s, batch);
        r = count < 0 ? count : 0;
        if (count > 0) {
                redo_end(&s->pending, start, &s->key, s->seq + 1, s->synced, (uint32_t)count);
                if (!through)
                        r = write_record(s, start, sync);
        }
        if (count <= 0 || r < 0) {
                s->pending.size = start;
                s->claim_count = claims;
                s->claim_bytes.size = claim_bytes;
        }
        if (count == 0 && sync == STORE_SYNC_FULL)
                r = sync_log(s, s->seq); /* what it was a duplicate of may not be on the disk yet */
        if (r < 0)
                return r;
        s->seq += count > 0;
        if (sync == STORE_SYNC_FULL)
                s->promised = s->seq;
        sqlite_adopt_staged(s);
        if (count > 0 && through)
                r = sqlite_recycle(s);
        if (!r)
                s->commits++;
        return r;
}
