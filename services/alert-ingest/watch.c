/* What is noticed over time, and raised as alarms: reused ids and silent sources. */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/alert-ingest/ingest.h"

#include <stdio.h>

/* An alarm about reused ids ends after so long without another. */
#define REUSE_QUIET_US  (3600 * BUS_US_PER_SEC)
#define WATCH_PERIOD_US BUS_US_PER_SEC

/* ---- reused ids ---- */

void watch_reused(struct ingest *ingest, const struct auth_source *source, const char *id)
{
        ingest->source_states[source - ingest->sources].reused_us = bus_mono_us();
        bus_alarm(ingest->service, "id_reused", source->name, PB__SEVERITY__SEVERITY_WARNING,
                "%s sends the id \"%s\" again with another body: its entries are refused",
                source->name, id);
}

static void end_quiet_reuses(struct ingest *ingest, int64_t now_us)
{
        for (size_t i = 0; i < ingest->source_count; i++) {
                int64_t *reused_us = &ingest->source_states[i].reused_us;

                if (!*reused_us || now_us - *reused_us < REUSE_QUIET_US)
                        continue;
                *reused_us = 0;
                bus_alarm_end(ingest->service, "id_reused", ingest->sources[i].name);
        }
}

/* ---- silence ---- */

static char *key_of(const struct auth_source *source, const char *symbol)
{
        return bus_xasprintf("heard/%s/%s", source->name, symbol);
}

void watch_heard(
        struct ingest *ingest, const struct auth_source *source, const char *symbol, int64_t now_us)
{
        size_t index = (size_t)(source - ingest->sources);
        BUS_AUTOFREE char *key = NULL;

        if (!ingest->max_silence_us[index])
                return;
        silence_heard(&ingest->silence, index, symbol, now_us);
        key = key_of(source, symbol);
        bus_put(ingest->service, key, bus_bytes(&now_us, sizeof(now_us)), false);
}

static void on_silence(void *arg, const struct silence_track *track)
{
        struct ingest *ingest = arg;
        const char *source = ingest->sources[track->source].name;
        char subject[128], heard[BUS_TIME_TEXT_SIZE];

        snprintf(subject, sizeof(subject), "%s%s%s", source, *track->symbol ? "/" : "",
                track->symbol);
        if (!track->silent)
                bus_alarm_end(ingest->service, "source_silent", subject);
        else
                bus_alarm(ingest->service, "source_silent", subject, PB__SEVERITY__SEVERITY_WARNING,
                        "nothing came from %s since %s", subject,
                        bus_time_format(track->heard_us, heard));
}

struct loading {
        struct ingest *ingest;
        size_t source;
        size_t prefix_size;
};

static int load_heard(struct bus_bytes key, struct bus_bytes value, void *arg)
{
        struct loading *loading = arg;
        char symbol[V3_SYMBOL_SIZE];
        int64_t heard_us;

        if (value.size != sizeof(heard_us))
                return 0;
        memcpy(&heard_us, value.data, sizeof(heard_us));
        snprintf(symbol, sizeof(symbol), "%.*s", (int)(key.size - loading->prefix_size),
                (const char *)key.data + loading->prefix_size);
        silence_heard(&loading->ingest->silence, loading->source, symbol, heard_us);
        return 0;
}

static int load_keys(struct ingest *ingest, size_t index)
{
        BUS_AUTOFREE char *prefix = key_of(&ingest->sources[index], "");
        struct loading loading = { ingest, index, strlen(prefix) };

        return bus_scan(ingest->service, prefix, load_heard, &loading);
}

/* Another replica may have heard a source that this one has not: its alerts go to either. */
static void hear_others(struct ingest *ingest)
{
        struct store *store = bus_service_store(ingest->service);
        int64_t now_us = bus_wall_us();
        struct store_lease lease;

        if (!store)
                return;
        store_lease(store, &lease);
        for (size_t i = 0; lease.shared && i < ingest->source_count; i++)
                if (silence_is_near(&ingest->silence, i, ingest->max_silence_us[i], now_us) &&
                        load_keys(ingest, i) < 0)
                        return; /* a store that is lost is looked after elsewhere */
}

static void check_silence(struct ingest *ingest)
{
        hear_others(ingest);
        silence_check(&ingest->silence, ingest->max_silence_us, bus_wall_us(), on_silence, ingest);
}

static int load_source(struct ingest *ingest, size_t index)
{
        size_t before = ingest->silence.count;
        int r;

        r = load_keys(ingest, index);
        if (r < 0)
                return r;
        if (ingest->silence.count == before)
                silence_heard(&ingest->silence, index, "", bus_wall_us());
        return 0;
}

/* ---- both ---- */

static void on_watch_timer(void *arg)
{
        struct ingest *ingest = arg;

        end_quiet_reuses(ingest, bus_mono_us());
        check_silence(ingest);
}

int watch_start(struct ingest *ingest)
{
        int r;

        for (size_t i = 0; i < ingest->source_count; i++) {
                /* An alarm from before the restart may stand: it ends as if raised now. */
                ingest->source_states[i].reused_us = bus_mono_us();
                if (!ingest->max_silence_us[i])
                        continue;
                r = load_source(ingest, i);
                if (r < 0)
                        return r;
        }
        check_silence(ingest);
        ingest->watch_timer = bus_loop_add_timer(bus_service_loop(ingest->service), WATCH_PERIOD_US,
                WATCH_PERIOD_US, on_watch_timer, ingest);
        return 0;
}
