#pragma once
/*
 * Who has not been heard for how long. A sender loses alerts itself now and then, and silence is the
 * only sign of it: each source, and each symbol a source has sent once, is expected again within the
 * source's max_silence. Pure; wall clock, as it spans restarts.
 */
#include "umbra/v3.h"

#include <stddef.h>

struct silence_track {
        size_t source;               /* the caller's index of the source */
        char symbol[V3_SYMBOL_SIZE]; /* "": the source as a whole */
        int64_t heard_us;
        bool silent; /* as silence_check last found it */
};

struct silence {
        struct silence_track *items; /* owned; at most sources x (symbols + 1) */
        size_t count;
};

void silence_done(struct silence *silence);
/* The source was heard with SYMBOL ("": only that it is expected from now on). */
void silence_heard(struct silence *silence, size_t source, const char *symbol, int64_t now_us);

/* Whether something of the source is, or was last found, silent: others may have heard it. */
bool silence_is_near(
        const struct silence *silence, size_t source, int64_t max_silence_us, int64_t now_us);

/* Called for each track whose state changed. */
typedef void (*silence_fn)(void *arg, const struct silence_track *track);
/* MAX_SILENCE_US by source; 0: not watched. */
void silence_check(struct silence *silence, const int64_t *max_silence_us, int64_t now_us,
        silence_fn fn, void *arg);
