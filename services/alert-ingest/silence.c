#include "services/alert-ingest/silence.h"

#include "libbus/base/require.h"

#include <stdio.h>
#include <string.h>

void silence_done(struct silence *silence)
{
        free(silence->items);
        *silence = (struct silence){ 0 };
}

static void heard(struct silence *silence, size_t source, const char *symbol, int64_t now_us)
{
        struct silence_track *track;

        for (size_t i = 0; i < silence->count; i++) {
                track = &silence->items[i];
                if (track->source != source || strcmp(track->symbol, symbol))
                        continue;
                if (track->heard_us < now_us)
                        track->heard_us = now_us;
                return;
        }
        silence->items =
                bus_xrealloc(silence->items, (silence->count + 1) * sizeof(*silence->items));
        track = &silence->items[silence->count++];
        *track = (struct silence_track){ .source = source, .heard_us = now_us };
        snprintf(track->symbol, sizeof(track->symbol), "%s", symbol);
}

void silence_heard(struct silence *silence, size_t source, const char *symbol, int64_t now_us)
{
        heard(silence, source, "", now_us);
        if (*symbol)
                heard(silence, source, symbol, now_us);
}

bool silence_is_near(
        const struct silence *silence, size_t source, int64_t max_silence_us, int64_t now_us)
{
        for (size_t i = 0; max_silence_us > 0 && i < silence->count; i++) {
                const struct silence_track *track = &silence->items[i];

                if (track->source == source &&
                        (track->silent || now_us - track->heard_us > max_silence_us))
                        return true;
        }
        return false;
}

void silence_check(struct silence *silence, const int64_t *max_silence_us, int64_t now_us,
        silence_fn fn, void *arg)
{
        for (size_t i = 0; i < silence->count; i++) {
                struct silence_track *track = &silence->items[i];
                int64_t max_us = max_silence_us[track->source];
                bool silent = max_us > 0 && now_us - track->heard_us > max_us;

                if (silent == track->silent)
                        continue;
                track->silent = silent;
                fn(arg, track);
        }
}
