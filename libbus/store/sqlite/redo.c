#include "libbus/store/sqlite/redo.h"

#include "libbus/base/hash.h"
#include "libbus/base/require.h"

#include <endian.h>
#include <errno.h>

#define MAGIC UINT32_C(0x52626d55) /* "UmbR" */

struct header {
        uint64_t sum; /* over all that follows, up to size */
        uint32_t magic;
        uint32_t size; /* without the padding */
        uint64_t seq;
        uint64_t synced;
        uint32_t op_count;
        uint32_t reserved;
};
_Static_assert(sizeof(struct header) == 40, "the header has no holes");

/* ---- making ---- */

/* Of an operation, beside its names and values. */
#define OP_MAX_BYTES 112

size_t redo_bound(const struct store_batch *batch)
{
        size_t bound = sizeof(struct header) + REDO_ALIGN_BYTES;

        for (size_t i = 0; i < batch->op_count; i++) {
                const struct store_op *op = &batch->ops[i];

                bound += OP_MAX_BYTES + op->key.size + op->value.size;
                if (op->kind == STORE_OP_APPEND)
                        bound += strlen(op->append.topic) + op->append.body.size +
                                 op->append.claim_key.size + op->append.claim_value.size;
                else if (op->kind == STORE_OP_CURSOR)
                        bound += strlen(op->stream);
        }
        return bound;
}

static void add_u32(struct bus_buf *buf, uint32_t value)
{
        value = htole32(value);
        bus_buf_add(buf, &value, sizeof(value));
}

static void add_u64(struct bus_buf *buf, uint64_t value)
{
        value = htole64(value);
        bus_buf_add(buf, &value, sizeof(value));
}

static void add_bytes(struct bus_buf *buf, struct bus_bytes bytes)
{
        add_u32(buf, (uint32_t)bytes.size);
        bus_buf_add(buf, bytes.data, bytes.size);
}

static void add_pos(struct bus_buf *buf, struct bus_pos pos)
{
        add_u64(buf, pos.incarnation);
        add_u64(buf, pos.seq);
        add_u32(buf, pos.part);
}

void redo_begin(struct bus_buf *buf)
{
        bus_require(buf->size % REDO_ALIGN_BYTES == 0);
        memset(bus_buf_reserve(buf, sizeof(struct header)), 0, sizeof(struct header));
        buf->size += sizeof(struct header);
}

static void add_append(struct bus_buf *buf, const struct redo_op *op)
{
        add_u64(buf, (uint64_t)op->stream_id);
        add_pos(buf, op->position);
        add_pos(buf, op->predecessor);
        add_u64(buf, (uint64_t)op->at_us);
        add_u64(buf, (uint64_t)op->late_us);
        add_bytes(buf, op->name);
        add_bytes(buf, op->body);
        add_bytes(buf, op->key);
        if (op->key.size) {
                add_bytes(buf, op->value);
                add_u64(buf, (uint64_t)op->claim_expires_us);
        }
}

void redo_add(struct bus_buf *buf, const struct redo_op *op)
{
        uint8_t kind = (uint8_t)op->kind;

        bus_buf_add(buf, &kind, 1);
        switch (op->kind) {
        case STORE_OP_APPEND: add_append(buf, op); break;
        case STORE_OP_PUT:
                add_bytes(buf, op->key);
                add_bytes(buf, op->value);
                break;
        case STORE_OP_DELETE: add_bytes(buf, op->key); break;
        case STORE_OP_CURSOR:
                add_bytes(buf, op->name);
                add_pos(buf, op->position);
                break;
        }
}

static uint64_t seal_of(const struct redo_key *key, const uint8_t *record, size_t size)
{
        size_t skip = sizeof(uint64_t);

        return bus_siphash(bus_bytes(record + skip, size - skip), key->bytes);
}

void redo_end(struct bus_buf *buf, size_t start, const struct redo_key *key, uint64_t seq,
        uint64_t synced, uint32_t op_count)
{
        size_t size = buf->size - start;
        size_t padding = (REDO_ALIGN_BYTES - size % REDO_ALIGN_BYTES) % REDO_ALIGN_BYTES;
        struct header header = { .magic = htole32(MAGIC),
                .size = htole32((uint32_t)size),
                .seq = htole64(seq),
                .synced = htole64(synced),
                .op_count = htole32(op_count) };

        bus_require(size <= REDO_RECORD_MAX_BYTES);
        memset(bus_buf_reserve(buf, padding), 0, padding);
        buf->size += padding;
        memcpy(buf->data + start, &header, sizeof(header));
        header.sum = htole64(seal_of(key, buf->data + start, size));
        memcpy(buf->data + start, &header.sum, sizeof(header.sum));
}

/* ---- reading ---- */

bool redo_parse(struct bus_bytes data, const struct redo_key *key, struct redo_record *ret_record)
{
        struct header header;
        size_t size;

        if (data.size < sizeof(header))
                return false;
        memcpy(&header, data.data, sizeof(header));
        size = le32toh(header.size);
        if (header.magic != htole32(MAGIC) || size < sizeof(header) || size > data.size ||
                size > REDO_RECORD_MAX_BYTES)
                return false;
        if (key && le64toh(header.sum) != seal_of(key, data.data, size))
                return false;
        *ret_record = (struct redo_record){ .seq = le64toh(header.seq),
                .synced = le64toh(header.synced),
                .op_count = le32toh(header.op_count),
                .ops = bus_bytes(data.data + sizeof(header), size - sizeof(header)),
                .size = (size + REDO_ALIGN_BYTES - 1) / REDO_ALIGN_BYTES * REDO_ALIGN_BYTES };
        return true;
}

/* What is left of an operation; taking what is not there leaves it bad. */
struct cursor {
        struct bus_bytes rest;
        bool bad;
};

static const uint8_t *take(struct cursor *c, size_t size)
{
        const uint8_t *at = c->rest.data;

        if (c->bad || c->rest.size < size) {
                c->bad = true;
                return NULL;
        }
        c->rest = bus_bytes(at + size, c->rest.size - size);
        return at;
}

static uint32_t take_u32(struct cursor *c)
{
        const uint8_t *at = take(c, sizeof(uint32_t));
        uint32_t value = 0;

        if (at)
                memcpy(&value, at, sizeof(value));
        return le32toh(value);
}

static uint64_t take_u64(struct cursor *c)
{
        const uint8_t *at = take(c, sizeof(uint64_t));
        uint64_t value = 0;

        if (at)
                memcpy(&value, at, sizeof(value));
        return le64toh(value);
}

static struct bus_bytes take_bytes(struct cursor *c)
{
        size_t size = take_u32(c);
        const uint8_t *at = take(c, size);

        return at ? bus_bytes(at, size) : bus_bytes(NULL, 0);
}

static struct bus_pos take_pos(struct cursor *c)
{
        struct bus_pos pos;

        pos.incarnation = take_u64(c);
        pos.seq = take_u64(c);
        pos.part = take_u32(c);
        return pos;
}

static void take_append(struct cursor *c, struct redo_op *op)
{
        op->stream_id = (int64_t)take_u64(c);
        op->position = take_pos(c);
        op->predecessor = take_pos(c);
        op->at_us = (int64_t)take_u64(c);
        op->late_us = (int64_t)take_u64(c);
        op->name = take_bytes(c);
        op->body = take_bytes(c);
        op->key = take_bytes(c);
        if (op->key.size) {
                op->value = take_bytes(c);
                op->claim_expires_us = (int64_t)take_u64(c);
        }
}

int redo_next(struct bus_bytes *ops, struct redo_op *ret_op)
{
        struct cursor c = { .rest = *ops };
        const uint8_t *kind = take(&c, 1);
        struct redo_op op = { 0 };

        if (!kind || *kind > STORE_OP_CURSOR)
                return -EUCLEAN;
        op.kind = (enum store_op_kind) * kind;
        switch (op.kind) {
        case STORE_OP_APPEND: take_append(&c, &op); break;
        case STORE_OP_PUT:
                op.key = take_bytes(&c);
                op.value = take_bytes(&c);
                break;
        case STORE_OP_DELETE: op.key = take_bytes(&c); break;
        case STORE_OP_CURSOR:
                op.name = take_bytes(&c);
                op.position = take_pos(&c);
                break;
        }
        if (c.bad)
                return -EUCLEAN;
        *ops = c.rest;
        *ret_op = op;
        return 0;
}

int redo_scan(struct bus_bytes image, const struct redo_key *key, uint64_t applied,
        redo_record_fn fn, void *arg)
{
        struct redo_record record;
        uint64_t next = applied + 1;
        bool torn = false;
        size_t at = 0;
        int r;

        while (at < image.size) {
                if (!redo_parse(bus_bytes(image.data + at, image.size - at), key, &record)) {
                        at += REDO_ALIGN_BYTES;
                        continue;
                }
                at += record.size;
                if (record.seq < next)
                        continue;
                torn |= record.seq > next;
                if (torn && record.synced >= next)
                        return -EUCLEAN;
                if (torn)
                        continue;
                r = fn(&record, arg);
                if (r < 0)
                        return r;
                next++;
        }
        return 0;
}
