#pragma once
/*
 * The alerts of the demo: a stream as a trader's charts send it, with bursts at bar close, mostly
 * pulses, then entries, exits and reversals, some sent twice, some broken. Pure: the same seed makes
 * the same stream.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shot_kind {
        SHOT_PULSE,
        SHOT_SQUEEZE,
        SHOT_ENTRY,
        SHOT_EXIT,
        SHOT_DUPLICATE, /* the same body again */
        SHOT_BAD,       /* refused with the right token */
        SHOT_STRANGER,  /* any body, under a token that is none */
};

struct shot {
        int64_t at_us; /* from the start of the stream */
        enum shot_kind kind;
        char *body;
        size_t original; /* of a DUPLICATE: whose body it is, by index; it comes later */
};

struct traffic {
        struct shot *shots; /* by time */
        size_t count;
};

struct traffic_options {
        uint64_t seed;
        size_t count;        /* about how many alerts */
        int64_t duration_us; /* bursts are spread over it */
        const char *tag;     /* of this run: makes ids unlike those of another run */
};

void traffic_init(struct traffic *traffic, const struct traffic_options *options);
void traffic_done(struct traffic *traffic);
