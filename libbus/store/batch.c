#include "libbus/store/batch.h"

#include "libbus/base/require.h"

/* Holds the operations of a usual turn; what does not fit gets chunks of its own, freed by clear. */
#define CHUNK_BYTES ((size_t)16384)

struct store_batch_chunk {
        struct store_batch_chunk *next;
        size_t used, size;
        uint8_t data[];
};

static struct store_batch_chunk *chunk_new(size_t size, struct store_batch_chunk *next)
{
        struct store_batch_chunk *chunk = bus_xrealloc(NULL, sizeof(*chunk) + size);

        *chunk = (struct store_batch_chunk){ .next = next, .size = size };
        return chunk;
}

struct bus_bytes store_batch_copy(struct store_batch *batch, struct bus_bytes data)
{
        struct store_batch_chunk *chunk = batch->chunks;
        uint8_t *copy;

        if (!data.size)
                return bus_bytes(NULL, 0);
        if (chunk->size - chunk->used < data.size) {
                size_t size = data.size > CHUNK_BYTES ? data.size : CHUNK_BYTES;

                chunk = batch->chunks = chunk_new(size, chunk);
        }
        copy = chunk->data + chunk->used;
        memcpy(copy, data.data, data.size);
        chunk->used += data.size;
        return bus_bytes(copy, data.size);
}

static const char *copy_text(struct store_batch *batch, const char *text)
{
        return (const char *)store_batch_copy(batch, bus_bytes(text, strlen(text) + 1)).data;
}

struct store_batch *store_batch_new(void)
{
        struct store_batch *batch = bus_new(struct store_batch);

        batch->chunks = chunk_new(CHUNK_BYTES, NULL);
        return batch;
}

struct store_batch *store_batch_free(struct store_batch *batch)
{
        if (!batch)
                return NULL;
        store_batch_clear(batch);
        free(batch->chunks);
        free(batch->ops);
        free(batch->results);
        free(batch->appends);
        free(batch);
        return NULL;
}

void store_batch_clear(struct store_batch *batch)
{
        /* the oldest chunk has the standard size and stays */
        while (batch->chunks->next) {
                struct store_batch_chunk *next = batch->chunks->next;

                free(batch->chunks);
                batch->chunks = next;
        }
        batch->chunks->used = 0;
        batch->op_count = 0;
        batch->result_count = 0;
}

bool store_batch_is_empty(const struct store_batch *batch)
{
        return !batch->op_count;
}

static struct store_op *add_op(struct store_batch *batch, enum store_op_kind kind)
{
        if (batch->op_count == batch->op_capacity) {
                batch->op_capacity = batch->op_capacity ? batch->op_capacity * 2 : 16;
                batch->ops = bus_xrealloc(batch->ops, batch->op_capacity * sizeof(*batch->ops));
        }
        batch->ops[batch->op_count] = (struct store_op){ .kind = kind };
        return &batch->ops[batch->op_count++];
}

/* Of the operation that was added last. */
static size_t add_result(struct store_batch *batch)
{
        if (batch->result_count == batch->result_capacity) {
                batch->result_capacity = batch->result_capacity ? batch->result_capacity * 2 : 16;
                batch->results = bus_xrealloc(
                        batch->results, batch->result_capacity * sizeof(*batch->results));
                batch->appends = bus_xrealloc(
                        batch->appends, batch->result_capacity * sizeof(*batch->appends));
        }
        batch->results[batch->result_count] = (struct store_appended){ 0 };
        batch->appends[batch->result_count] = batch->op_count - 1;
        return batch->result_count++;
}

size_t store_batch_append(struct store_batch *batch, const struct store_append *append)
{
        struct store_op *op = add_op(batch, STORE_OP_APPEND);

        op->append = *append;
        op->append.stream = copy_text(batch, append->stream);
        op->append.topic = copy_text(batch, append->topic);
        op->append.body = store_batch_copy(batch, append->body);
        op->append.claim_key = store_batch_copy(batch, append->claim_key);
        op->append.claim_value = store_batch_copy(batch, append->claim_value);
        op->result = add_result(batch);
        return op->result;
}

const struct store_append *store_batch_staged(const struct store_batch *batch, size_t index)
{
        bus_require(index < batch->result_count);
        return &batch->ops[batch->appends[index]].append;
}

void store_batch_put(struct store_batch *batch, struct bus_bytes key, struct bus_bytes value)
{
        struct store_op *op = add_op(batch, STORE_OP_PUT);

        op->key = store_batch_copy(batch, key);
        op->value = store_batch_copy(batch, value);
}

void store_batch_delete(struct store_batch *batch, struct bus_bytes key)
{
        add_op(batch, STORE_OP_DELETE)->key = store_batch_copy(batch, key);
}

void store_batch_cursor(struct store_batch *batch, const char *stream, struct bus_pos position)
{
        struct store_op *op = add_op(batch, STORE_OP_CURSOR);

        op->stream = copy_text(batch, stream);
        op->position = position;
}

const struct store_appended *store_batch_result(const struct store_batch *batch, size_t index)
{
        bus_require(index < batch->result_count);
        return &batch->results[index];
}
