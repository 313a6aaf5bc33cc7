#include "services/health/beats.h"

#include "libbus/base/require.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void beats_add(struct beats *beats, const char *service, bool core)
{
        struct beat *beat = &beats->items[beats->count];

        bus_require(beats->count < BEATS_SERVICES_MAX && beats->count == beats->services);
        beats->services = ++beats->count;
        *beat = (struct beat){ .service = service, .core = core, .expected = true };
        snprintf(beat->label, sizeof(beat->label), "%s", service);
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

static bool is_replica(const struct beat *beat, const Pb__Heartbeat *heartbeat)
{
        return beat->last && !strcmp(beat->last->replica, heartbeat->replica);
}

/* Replicas that are gone make room; those of a service are as good as each other. */
static void forget_gone(struct beats *beats, int64_t now_us)
{
        for (size_t i = beats->services; i < beats->count; i++)
                if (beats->items[i].last && !beat_is_alive(&beats->items[i], now_us)) {
                        pb__heartbeat__free_unpacked(beats->items[i].last, NULL);
                        beats->items[i].last = NULL;
                }
}

/* Of a further replica: where it is kept, or an empty place; NULL if there is none. */
static struct beat *find_further(struct beats *beats, const Pb__Heartbeat *heartbeat)
{
        struct beat *empty = NULL;

        for (size_t i = beats->services; i < beats->count; i++) {
                struct beat *beat = &beats->items[i];

                if (!beat->last)
                        empty = beat;
                else if (!strcmp(beat->service, heartbeat->service) && is_replica(beat, heartbeat))
                        return beat;
        }
        if (empty || beats->count == BEATS_SERVICES_MAX)
                return empty;
        return &beats->items[beats->count++];
}

/* The service's own place is for whichever is alive; others come behind all services. */
static struct beat *place_of(struct beats *beats, const Pb__Heartbeat *heartbeat, int64_t now_us)
{
        struct beat *first = beats_find(beats, heartbeat->service), *beat;

        if (!first || is_replica(first, heartbeat) || !beat_is_alive(first, now_us))
                return first;
        beat = find_further(beats, heartbeat);
        if (beat)
                beat->service = first->service;
        return beat;
}

/* Of a process that hung for longer than its lease, while another one took over. */
static bool is_superseded(struct beats *beats, const Pb__Heartbeat *heartbeat)
{
        const struct beat *first = beats_find(beats, heartbeat->service);

        return heartbeat->writer_token && first && first->last &&
               heartbeat->writer_token < first->last->writer_token;
}

struct beat *beats_take(struct beats *beats, Pb__Heartbeat *heartbeat, int64_t now_us)
{
        struct beat *beat = NULL;

        forget_gone(beats, now_us);
        if (!is_superseded(beats, heartbeat))
                beat = place_of(beats, heartbeat, now_us);
        if (!beat) {
                pb__heartbeat__free_unpacked(heartbeat, NULL);
                return NULL;
        }
        if (!beat->last || beat->last->pid != heartbeat->pid ||
                beat->last->started_us != heartbeat->started_us)
                beat->starts++;
        pb__heartbeat__free_unpacked(beat->last, NULL);
        beat->last = heartbeat;
        beat->heard_us = now_us;
        if (*heartbeat->replica)
                snprintf(beat->label, sizeof(beat->label), "%s\",replica=\"%s", beat->service,
                        heartbeat->replica);
        else
                snprintf(beat->label, sizeof(beat->label), "%s", beat->service);
        return beat;
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

/* It works, but has not heard of the account from an executor that should be there: entries that it took
 * now would be rejected. Any replica may get the next alert. */
static bool lacks_account(const struct beats *beats, int64_t now_us)
{
        for (size_t i = 0; i < beats->count; i++) {
                const char *fact = beat_fact(&beats->items[i], "lacks_account");

                if (fact && !strcmp(fact, "yes") && beat_is_alive(&beats->items[i], now_us))
                        return true;
        }
        return false;
}

bool beats_ready(const struct beats *beats, int64_t now_us, const char **ret_missing)
{
        bool has_executor = false;

        for (size_t i = 0; i < beats->count; i++) {
                const struct beat *beat = &beats->items[i];

                if (beat->expected && !beat_is_ready(beat, now_us)) {
                        *ret_missing = beat->service;
                        return false;
                }
                has_executor |= beat->expected && !strcmp(beat->service, "order-executor");
        }
        if (!has_executor || !lacks_account(beats, now_us))
                return true;
        *ret_missing = "the account at alert-ingest";
        return false;
}
