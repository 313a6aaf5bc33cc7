#include "services/health/beats.h"

#include "libbus/base/require.h"

#include <errno.h>
#include <string.h>

void beats_add(struct beats *beats, const char *service, bool core)
{
        bus_require(beats->count < BEATS_SERVICES_MAX);
        beats->items[beats->count++] =
                (struct beat){ .service = service, .core = core, .expected = true };
}

void beats_done(struct beats *beats)
{
        for (size_t i = 0; i < beats->count; i++)
                pb__heartbeat__free_unpacked(beats->items[i].last, NULL);
        *beats = (struct beats){ 0 };
}

struct beat *beats_find(struct beats *beats, const char *service)
{
        for (size_t i = 0; i < beats->count; i++)
                if (!strcmp(beats->items[i].service, service))
                        return &beats->items[i];
        return NULL;
}

int beats_expect(struct beats *beats, const char *expected)
{
        BUS_AUTOFREE char *names = bus_xstrdup(expected);
        char *rest = NULL;
        struct beat *beat;

        for (size_t i = 0; i < beats->count; i++)
                beats->items[i].expected = false;
        for (char *name = strtok_r(names, " ,", &rest); name; name = strtok_r(NULL, " ,", &rest)) {
                beat = beats_find(beats, name);
                if (!beat)
                        return -EINVAL;
                beat->expected = true;
        }
        return 0;
}

bool beats_take(struct beats *beats, Pb__Heartbeat *heartbeat, int64_t now_us)
{
        struct beat *beat = beats_find(beats, heartbeat->service);

        if (!beat) {
                pb__heartbeat__free_unpacked(heartbeat, NULL);
                return false;
        }
        if (!beat->last || beat->last->pid != heartbeat->pid ||
                beat->last->started_us != heartbeat->started_us)
                beat->starts++;
        pb__heartbeat__free_unpacked(beat->last, NULL);
        beat->last = heartbeat;
        beat->heard_us = now_us;
        return true;
}

bool beat_is_alive(const struct beat *beat, int64_t now_us)
{
        return beat->last && now_us - beat->heard_us < BEATS_GONE_US;
}

bool beat_is_lost(const struct beat *beat, int64_t now_us)
{
        return beat->last && beat->last->state != PB__SERVICE_STATE__SERVICE_STATE_DRAINING &&
               now_us - beat->heard_us >= BEATS_LOST_US;
}

bool beat_is_ready(const struct beat *beat, int64_t now_us)
{
        return beat_is_alive(beat, now_us) &&
               beat->last->state == PB__SERVICE_STATE__SERVICE_STATE_READY;
}

const char *beat_fact(const struct beat *beat, const char *key)
{
        size_t length = strlen(key);

        for (size_t i = 0; beat->last && i < beat->last->n_facts; i++) {
                const char *fact = beat->last->facts[i];

                if (!strncmp(fact, key, length) && fact[length] == '=')
                        return fact + length + 1;
        }
        return NULL;
}

bool beats_ready(const struct beats *beats, int64_t now_us, const char **ret_missing)
{
        for (size_t i = 0; i < beats->count; i++)
                if (beats->items[i].expected && !beat_is_ready(&beats->items[i], now_us)) {
                        *ret_missing = beats->items[i].service;
                        return false;
                }
        return true;
}
