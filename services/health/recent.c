/*
 * Invariant: slots[] is an open-addressing index over the ring's entries, at most half full; an
 * entry is in it exactly once.
 */
#include "services/health/recent.h"

#include "libbus/base/require.h"

#include <string.h>

struct recent {
        size_t size, count, next; /* next: where the ring writes */
        struct summary *ring;
        uint32_t *slots; /* 0: free; else index into ring + 1 */
};

struct recent *recent_new(size_t size)
{
        struct recent *recent = bus_new(struct recent);

        bus_require(size && !(size & (size - 1)));
        recent->size = size;
        recent->ring = bus_new_n(struct summary, size);
        recent->slots = bus_new_n(uint32_t, 2 * size);
        return recent;
}

struct recent *recent_free(struct recent *recent)
{
        if (recent) {
                free(recent->ring);
                free(recent->slots);
                free(recent);
        }
        return NULL;
}

/* FNV-1a: ids are random already, and nobody outside can choose them. */
static size_t hash_of(const struct recent *recent, const char *alert_id)
{
        uint64_t hash = 14695981039346656037u;

        for (const char *p = alert_id; *p; p++)
                hash = (hash ^ (uint8_t)*p) * 1099511628211u;
        return (size_t)(hash >> 16) & (2 * recent->size - 1);
}

static size_t next_slot(const struct recent *recent, size_t slot)
{
        return (slot + 1) & (2 * recent->size - 1);
}

static size_t slot_of(const struct recent *recent, const char *alert_id)
{
        size_t slot = hash_of(recent, alert_id);

        while (recent->slots[slot] &&
                strcmp(recent->ring[recent->slots[slot] - 1].alert_id, alert_id))
                slot = next_slot(recent, slot);
        return slot;
}

struct summary *recent_find(struct recent *recent, const char *alert_id)
{
        uint32_t index = recent->slots[slot_of(recent, alert_id)];

        return index ? &recent->ring[index - 1] : NULL;
}

/* Takes an entry out of the index and moves up those that had to go around it. */
static void unindex(struct recent *recent, const char *alert_id)
{
        size_t hole = slot_of(recent, alert_id), slot = next_slot(recent, hole);

        recent->slots[hole] = 0;
        for (; recent->slots[slot]; slot = next_slot(recent, slot)) {
                uint32_t index = recent->slots[slot];

                recent->slots[slot] = 0;
                recent->slots[slot_of(recent, recent->ring[index - 1].alert_id)] = index;
        }
}

struct summary *recent_add(struct recent *recent, const struct summary *summary)
{
        struct summary *entry = &recent->ring[recent->next];

        if (recent->count == recent->size)
                unindex(recent, entry->alert_id);
        else
                recent->count++;
        *entry = *summary;
        recent->slots[slot_of(recent, entry->alert_id)] = (uint32_t)recent->next + 1;
        recent->next = (recent->next + 1) & (recent->size - 1);
        return entry;
}

bool recent_is_past(const struct recent *recent, const char *alert_id)
{
        return recent->count == recent->size &&
               strcmp(alert_id, recent_at(recent, 0)->alert_id) < 0;
}

size_t recent_count(const struct recent *recent)
{
        return recent->count;
}

const struct summary *recent_at(const struct recent *recent, size_t n)
{
        bus_require(n < recent->count);
        return &recent->ring[(recent->next + recent->size - recent->count + n) &
                             (recent->size - 1)];
}
