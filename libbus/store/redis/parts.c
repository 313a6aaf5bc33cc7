/* What both ways of a commit have in common: the parts of a batch as Redis is told of them. */
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"

#include <errno.h>
#include <inttypes.h>

/* ---- appends ---- */

int redis_check_append(struct redis_store *s, const struct store_append *append)
{
        const struct redis_stream *stream = redis_stream_find(s, append->stream);

        return !stream || append->at_us < 0 || append->claim_expires_us < 0 ||
                               append->body.size > UINT32_MAX ||
                               strlen(append->topic) > UINT16_MAX ||
                               !redis_pos_fits(
                                       append->position, stream->kind == STORE_STREAM_DERIVED)
                       ? -EINVAL
                       : 0;
}

const char *redis_id_of(const struct redis_stream *stream, const struct store_append *append,
        char text[static REDIS_ID_SIZE])
{
        *text = 0;
        if (!bus_pos_is_zero(append->position))
                redis_id(append->position, stream->kind == STORE_STREAM_DERIVED, text);
        return text;
}

void redis_append_add(
        struct redis_store *s, const struct redis_stream *stream, const struct store_append *append)
{
        const struct store_record record = {
                .topic = append->topic, .body = append->body, .at_us = append->at_us
        };
        char id[REDIS_ID_SIZE];

        redis_id_of(stream, append, id);
        redis_record_add(&s->records, &record, stream->kind == STORE_STREAM_DERIVED ? id : "");
}

void redis_take_position(struct redis_stream *stream, const struct store_append *append,
        struct store_appended *result)
{
        result->predecessor = stream->now.last;
        if (stream->kind == STORE_STREAM_DERIVED)
                result->position = append->position;
        else
                result->position =
                        (struct bus_pos){ stream->now.incarnation, stream->now.last.seq + 1, 0 };
        if (bus_pos_is_zero(stream->now.first))
                stream->now.first = result->position;
        stream->now.last = result->position;
        if (append->at_us > stream->top_us)
                stream->top_us = append->at_us;
}

/* ---- state and cursors: of each key the last change ---- */

static bool same_key(const struct store_op *a, const struct store_op *b)
{
        if ((a->kind == STORE_OP_CURSOR) != (b->kind == STORE_OP_CURSOR))
                return false;
        return a->kind == STORE_OP_CURSOR ? !strcmp(a->stream, b->stream)
                                          : bus_bytes_equal(a->key, b->key);
}

static bool is_new(struct redis_store *s, const struct store_op *op)
{
        struct bus_bytes key = op->kind == STORE_OP_CURSOR ? bus_bytes_str(op->stream) : op->key;
        struct redis_changes *changes = &s->changes;
        size_t at = bus_siphash(key, s->hash_key) & (changes->capacity - 1);

        for (; changes->table[at]; at = (at + 1) & (changes->capacity - 1))
                if (same_key(changes->table[at], op))
                        return false;
        changes->table[at] = op;
        return true;
}

static void make_table(struct redis_changes *changes, size_t count)
{
        size_t capacity = changes->capacity ? changes->capacity : 64;

        while (capacity < 2 * count)
                capacity *= 2;
        if (capacity != changes->capacity) {
                redis_changes_done(changes);
                changes->ops = bus_new_n(const struct store_op *, capacity);
                changes->table = bus_new_n(const struct store_op *, capacity);
                changes->capacity = capacity;
                return;
        }
        memset(changes->table, 0, capacity * sizeof(const struct store_op *));
}

void redis_changes_find(struct redis_store *s, const struct store_batch *batch)
{
        struct redis_changes *changes = &s->changes;
        size_t count = batch->op_count - batch->result_count;

        changes->count = 0;
        if (!count)
                return;
        make_table(changes, count);
        for (size_t i = batch->op_count; i-- > 0;) {
                const struct store_op *op = &batch->ops[i];

                if (op->kind == STORE_OP_APPEND || !is_new(s, op))
                        continue;
                changes->ops[changes->count++] = op;
                redis_known_commit(s, op);
        }
}

void redis_changes_done(struct redis_changes *changes)
{
        free(changes->ops);
        free(changes->table);
        *changes = (struct redis_changes){ 0 };
}

size_t redis_changes_count(const struct redis_store *s, enum store_op_kind kind)
{
        size_t count = 0;

        for (size_t i = 0; i < s->changes.count; i++)
                count += s->changes.ops[i]->kind == kind;
        return count;
}

void redis_change_add(struct redis_store *s, const struct store_op *op)
{
        char position[BUS_POS_TEXT_SIZE];

        if (op->kind == STORE_OP_CURSOR) {
                redis_add_str(&s->command, op->stream);
                redis_add_str(&s->command, bus_pos_format(op->position, position));
                return;
        }
        redis_add(&s->command, op->key);
        if (op->kind == STORE_OP_PUT)
                redis_add(&s->command, op->value);
}

void redis_claim_text(struct redis_store *s, const struct redis_stream *stream,
        const struct store_append *append, struct bus_pos position)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        char id[REDIS_ID_SIZE];

        bus_buf_printf(&text, "%" PRId64 " %s ", append->claim_expires_us,
                redis_id(position, stream->kind == STORE_STREAM_DERIVED, id));
        bus_buf_add(&text, append->claim_value.data, append->claim_value.size);
        redis_add(&s->command, bus_buf_bytes(&text));
}
