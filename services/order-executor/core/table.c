#include "services/order-executor/core/table.h"

#include "libbus/base/require.h"

enum {
        FIRST_BUCKETS = 64,
};

struct ex_table_entry {
        struct ex_table_entry *next;
        struct bus_bytes key;
        uint64_t hash;
        void *thing;
};

/* FNV-1a: keys are hashes, ids and tickets of ours, nothing a stranger could choose to collide. */
static uint64_t hash_of(struct bus_bytes key)
{
        uint64_t hash = UINT64_C(14695981039346656037);

        for (size_t i = 0; i < key.size; i++)
                hash = (hash ^ key.data[i]) * UINT64_C(1099511628211);
        return hash;
}

static struct ex_table_entry **slot_of(const struct ex_table *table, uint64_t hash)
{
        return &table->buckets[hash & (table->bucket_count - 1)];
}

void ex_table_done(struct ex_table *table)
{
        for (size_t i = 0; i < table->bucket_count; i++) {
                struct ex_table_entry *entry = table->buckets[i];

                while (entry) {
                        struct ex_table_entry *next = entry->next;

                        free(entry);
                        entry = next;
                }
        }
        free(table->buckets);
        *table = (struct ex_table){ 0 };
}

static void grow(struct ex_table *table)
{
        struct ex_table old = *table;

        table->bucket_count = old.bucket_count ? 2 * old.bucket_count : FIRST_BUCKETS;
        table->buckets = bus_new_n(struct ex_table_entry *, table->bucket_count);
        for (size_t i = 0; i < old.bucket_count; i++) {
                struct ex_table_entry *entry = old.buckets[i];

                while (entry) {
                        struct ex_table_entry *next = entry->next;
                        struct ex_table_entry **slot = slot_of(table, entry->hash);

                        entry->next = *slot;
                        *slot = entry;
                        entry = next;
                }
        }
        free(old.buckets);
}

static struct ex_table_entry **find(const struct ex_table *table, struct bus_bytes key)
{
        uint64_t hash = hash_of(key);
        struct ex_table_entry **at;

        if (!table->bucket_count)
                return NULL;
        for (at = slot_of(table, hash); *at; at = &(*at)->next)
                if ((*at)->hash == hash && bus_bytes_equal((*at)->key, key))
                        return at;
        return NULL;
}

void *ex_table_get(const struct ex_table *table, struct bus_bytes key)
{
        struct ex_table_entry **at = find(table, key);

        return at ? (*at)->thing : NULL;
}

void ex_table_add(struct ex_table *table, struct bus_bytes key, void *thing)
{
        struct ex_table_entry *entry, **slot;

        bus_require(!find(table, key));
        if (table->count >= table->bucket_count)
                grow(table);
        entry = bus_new(struct ex_table_entry);
        entry->key = key;
        entry->hash = hash_of(key);
        entry->thing = thing;
        slot = slot_of(table, entry->hash);
        entry->next = *slot;
        *slot = entry;
        table->count++;
}

void *ex_table_take(struct ex_table *table, struct bus_bytes key)
{
        struct ex_table_entry **at = find(table, key), *entry;
        void *thing;

        if (!at)
                return NULL;
        entry = *at;
        thing = entry->thing;
        *at = entry->next;
        free(entry);
        table->count--;
        return thing;
}

void *ex_table_first(const struct ex_table *table, struct ex_table_at *at)
{
        *at = (struct ex_table_at){ 0 };
        return ex_table_next(table, at);
}

void *ex_table_next(const struct ex_table *table, struct ex_table_at *at)
{
        struct ex_table_entry *entry = at->next;

        while (!entry && at->bucket < table->bucket_count)
                entry = table->buckets[at->bucket++];
        at->next = entry ? entry->next : NULL;
        return entry ? entry->thing : NULL;
}
