#pragma once
/*
 * What must be known of the past to tell the present: decisions by alert, positions by ticket, alarms
 * by name. In memory and in the store, each a bounded list: what is oldest goes first, and is then
 * not told of, which is all that it costs.
 */
#include "libbus/service/service.h"

struct memory {
        struct bus_service *service;
        const char *prefix; /* of the keys in the store */
        size_t max;
        struct memo *items; /* the oldest first */
        size_t count, capacity;
};

void memory_init(
        struct memory *memory, struct bus_service *service, const char *prefix, size_t max);
void memory_done(struct memory *memory);
BUS_MUST int memory_load(struct memory *memory);
/* Staged with the turn's batch. VALUE is copied. */
void memory_put(struct memory *memory, const char *key, struct bus_bytes value);
/* Borrowed until the next change; size 0: there is none. */
struct bus_bytes memory_find(const struct memory *memory, const char *key);
void memory_forget(struct memory *memory, const char *key);
