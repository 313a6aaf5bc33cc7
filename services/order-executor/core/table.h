#pragma once
/*
 * Things by name or number: a hash table that borrows both. Keys must live as long as their entry;
 * they are part of the things themselves. Not safe to change while iterating, but for taking out
 * the entry at hand.
 */
#include "libbus/base/bytes.h"

struct ex_table_entry;

struct ex_table {
        struct ex_table_entry **buckets;
        size_t bucket_count; /* a power of two */
        size_t count;
};

void ex_table_done(struct ex_table *table); /* frees the table, not the things */
void *ex_table_get(const struct ex_table *table, struct bus_bytes key); /* NULL: absent */
/* KEY must not be there yet (bus_require). */
void ex_table_add(struct ex_table *table, struct bus_bytes key, void *thing);
void *ex_table_take(struct ex_table *table, struct bus_bytes key); /* out of it; NULL: absent */

/* for (void *t = ex_table_first(&table, &at); t; t = ex_table_next(&table, &at)) */
struct ex_table_at {
        size_t bucket;
        struct ex_table_entry *next;
};
void *ex_table_first(const struct ex_table *table, struct ex_table_at *at);
void *ex_table_next(const struct ex_table *table, struct ex_table_at *at);
