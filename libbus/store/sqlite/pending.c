/*
 * Invariant: of the entries with one key all but the newest are outdated, and each bucket's chain
 * leads from newer to older. So the first entry found is the one that counts, and taking back the
 * newest entries restores what was before them.
 */
#include "libbus/store/sqlite/pending.h"

#include "libbus/base/hash.h"
#include "libbus/base/require.h"

#define BUCKETS_FIRST ((size_t)64)
/* More than that is not kept for the next burst. */
#define KEEP_BYTES ((size_t)64 << 10)

void pending_done(struct pending *pending)
{
        bus_buf_done(&pending->records);
        free(pending->entries);
        free(pending->buckets);
        *pending = (struct pending){ .key = pending->key };
}

void pending_clear(struct pending *pending)
{
        if (pending->records.capacity > KEEP_BYTES) {
                pending_done(pending);
                return;
        }
        bus_buf_clear(&pending->records);
        pending->entry_count = 0;
        if (pending->bucket_count)
                memset(pending->buckets, 0, pending->bucket_count * sizeof(*pending->buckets));
}

struct redo_op pending_op(const struct pending *pending, uint32_t at)
{
        struct bus_bytes rest = bus_bytes(pending->records.data + at, pending->records.size - at);
        struct redo_op op = { 0 };
        int r = redo_next(&rest, &op);

        bus_require(!r); /* it never left us */
        return op;
}

static bool key_of(const struct redo_op *op, struct pending_key *ret_key)
{
        switch (op->kind) {
        case STORE_OP_APPEND:
                *ret_key = (struct pending_key){ PENDING_CLAIM, op->stream_id, op->key };
                return op->key.size;
        case STORE_OP_CURSOR: *ret_key = (struct pending_key){ PENDING_CURSOR, 0, op->name }; break;
        default: *ret_key = (struct pending_key){ PENDING_STATE, 0, op->key }; break;
        }
        return true;
}

static uint64_t hash_of(const struct pending *pending, const struct pending_key *key)
{
        uint64_t salt = ((uint64_t)key->stream_id << 2 | (uint64_t)key->kind) + 1;

        return bus_siphash(key->key, pending->key.bytes) ^ salt * UINT64_C(0x9e3779b97f4a7c15);
}

static bool is_of(const struct pending *pending, const struct pending_entry *entry,
        const struct pending_key *key)
{
        struct redo_op op = pending_op(pending, entry->at);
        struct pending_key other;

        return key_of(&op, &other) && other.kind == key->kind &&
               other.stream_id == key->stream_id && bus_bytes_equal(other.key, key->key);
}

static uint32_t *bucket_of(const struct pending *pending, uint64_t hash)
{
        return &pending->buckets[hash & (pending->bucket_count - 1)];
}

/* Index + 1 of the newest entry of KEY, or 0. */
static uint32_t find(const struct pending *pending, const struct pending_key *key, uint64_t hash)
{
        uint32_t at = pending->entry_count ? *bucket_of(pending, hash) : 0;

        while (at) {
                const struct pending_entry *entry = &pending->entries[at - 1];

                if (entry->hash == hash && is_of(pending, entry, key))
                        break;
                at = entry->next;
        }
        return at;
}

bool pending_find(
        const struct pending *pending, const struct pending_key *key, struct redo_op *ret_op)
{
        uint32_t at = pending->entry_count ? find(pending, key, hash_of(pending, key)) : 0;

        if (at)
                *ret_op = pending_op(pending, pending->entries[at - 1].at);
        return at;
}

/* ---- adding ---- */

static void link_entry(struct pending *pending, size_t i)
{
        uint32_t *bucket = bucket_of(pending, pending->entries[i].hash);

        pending->entries[i].next = *bucket;
        *bucket = (uint32_t)(i + 1);
}

static void make_room(struct pending *pending)
{
        if (pending->entry_count == pending->entry_capacity) {
                pending->entry_capacity =
                        pending->entry_capacity ? 2 * pending->entry_capacity : BUCKETS_FIRST;
                pending->entries = bus_xrealloc(
                        pending->entries, pending->entry_capacity * sizeof(*pending->entries));
        }
        if (pending->entry_count < pending->bucket_count)
                return;
        pending->bucket_count = pending->bucket_count ? 2 * pending->bucket_count : BUCKETS_FIRST;
        free(pending->buckets);
        pending->buckets = bus_xcalloc(pending->bucket_count, sizeof(*pending->buckets));
        for (size_t i = 0; i < pending->entry_count; i++)
                link_entry(pending, i);
}

static void add_entry(struct pending *pending, const struct pending_key *key, size_t at)
{
        struct pending_entry *entry;

        make_room(pending);
        entry = &pending->entries[pending->entry_count];
        *entry = (struct pending_entry){ .hash = hash_of(pending, key), .at = (uint32_t)at };
        entry->instead = find(pending, key, entry->hash);
        if (entry->instead)
                pending->entries[entry->instead - 1].outdated = true;
        link_entry(pending, pending->entry_count++);
}

void pending_add(struct pending *pending, const struct redo_op *op)
{
        size_t at = pending->records.size;
        struct pending_key key;

        redo_add(&pending->records, op);
        bus_require(pending->records.size <= UINT32_MAX);
        if (key_of(op, &key))
                add_entry(pending, &key, at);
}

struct pending_mark pending_mark(const struct pending *pending)
{
        return (struct pending_mark){ pending->records.size, pending->entry_count };
}

void pending_take_back(struct pending *pending, struct pending_mark mark)
{
        while (pending->entry_count > mark.entry_count) {
                const struct pending_entry *entry = &pending->entries[--pending->entry_count];

                *bucket_of(pending, entry->hash) = entry->next;
                if (entry->instead)
                        pending->entries[entry->instead - 1].outdated = false;
        }
        pending->records.size = mark.size;
}

/* ---- carrying over ---- */

static void add_step(struct pending_plan *plan, size_t *capacity, struct pending_step step)
{
        if (plan->count == *capacity) {
                *capacity = *capacity ? 2 * *capacity : BUCKETS_FIRST;
                plan->steps = bus_xrealloc(plan->steps, *capacity * sizeof(*plan->steps));
        }
        plan->steps[plan->count++] = step;
}

static void add_appends(const struct pending *pending, struct pending_plan *plan, size_t *capacity)
{
        const uint8_t *start = pending->records.data;
        struct redo_record record;

        for (size_t at = 0; at < pending->records.size; at += record.size) {
                bool whole = redo_parse(
                        bus_bytes(start + at, pending->records.size - at), NULL, &record);
                struct redo_op op;

                bus_require(whole);
                for (uint32_t i = 0; i < record.op_count; i++) {
                        uint32_t op_at = (uint32_t)(record.ops.data - start);
                        int r = redo_next(&record.ops, &op);

                        bus_require(!r);
                        if (op.kind == STORE_OP_APPEND)
                                add_step(plan, capacity,
                                        (struct pending_step){
                                                .at = op_at, .kind = PENDING_APPEND });
                }
        }
}

static int compare_bytes(struct bus_bytes a, struct bus_bytes b)
{
        size_t size = a.size < b.size ? a.size : b.size;
        int order = size ? memcmp(a.data, b.data, size) : 0;

        return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int by_key(const void *left, const void *right)
{
        const struct pending_step *a = left, *b = right;

        if (a->kind != b->kind)
                return a->kind < b->kind ? -1 : 1;
        if (a->stream_id != b->stream_id)
                return a->stream_id < b->stream_id ? -1 : 1;
        return compare_bytes(a->key, b->key);
}

void pending_plan(const struct pending *pending, struct pending_plan *ret_plan)
{
        struct pending_plan plan = { 0 };
        size_t capacity = 0, appends;

        add_appends(pending, &plan, &capacity);
        appends = plan.count;
        for (size_t i = 0; i < pending->entry_count; i++) {
                const struct pending_entry *entry = &pending->entries[i];
                struct redo_op op;
                struct pending_key key;

                if (entry->outdated)
                        continue;
                op = pending_op(pending, entry->at);
                (void)key_of(&op, &key);
                add_step(&plan, &capacity,
                        (struct pending_step){
                                key.key, key.stream_id, entry->at, (uint8_t)key.kind });
        }
        if (plan.count > appends)
                qsort(plan.steps + appends, plan.count - appends, sizeof(*plan.steps), by_key);
        *ret_plan = plan;
}

void pending_plan_done(struct pending_plan *plan)
{
        free(plan->steps);
        *plan = (struct pending_plan){ 0 };
}
