#pragma once
/*
 * The last heartbeat of each service, and when it was heard. In memory only: a heartbeat of before
 * a restart says nothing. Times are of the monotonic clock, given by the caller.
 */
#include "heartbeat.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BEATS_SERVICES_MAX 20
#define BEATS_LABEL_SIZE   128

/* A service; where it runs several times, one more for each further replica that is heard, behind all
 * the services: neither expected nor core. */
struct beat {
        const char *service; /* borrowed from the table of services */
        char label
                [BEATS_LABEL_SIZE]; /* within Prometheus' quotes: the service, and which replica */
        bool expected;              /* this installation is to have it */
        bool core;                  /* without it no alert becomes an order */
        Pb__Heartbeat *last;        /* NULL: none heard; owned */
        int64_t heard_us;
        unsigned int starts; /* of that service seen since health runs, by its pid and start time */
};

struct beats {
        struct beat items[BEATS_SERVICES_MAX];
        size_t count;
        size_t services; /* so many of them are the services */
};

/* A service that beats once a second and was not heard for this long is gone. */
#define BEATS_GONE_US (3 * INT64_C(1000000))

void beats_add(struct beats *beats, const char *service, bool core);
void beats_done(struct beats *beats);
/* EXPECTED: names separated by spaces; the others need not be there. -EINVAL for an unknown name. */
int beats_expect(struct beats *beats, const char *expected) __attribute__((warn_unused_result));

/* NULL if SERVICE is not in the table. */
struct beat *beats_find(struct beats *beats, const char *service);
/* Takes HEARTBEAT over (validated): whose it is now. NULL if no such service is known, there is no
 * room for so many replicas, or its sender's lease is older than one that was heard; then it is freed. */
struct beat *beats_take(struct beats *beats, Pb__Heartbeat *heartbeat, int64_t now_us);

bool beat_is_alive(const struct beat *beat, int64_t now_us);
/* It was heard, did not say that it ends, and has been silent for longer than a restart takes. */
#define BEATS_LOST_US (10 * INT64_C(1000000))
bool beat_is_lost(const struct beat *beat, int64_t now_us);
bool beat_is_ready(const struct beat *beat, int64_t now_us);
/* The value of a fact (key=value) of the last heartbeat; NULL if it has none. */
const char *beat_fact(const struct beat *beat, const char *key);
/* Whether every expected service is alive and ready, and alert-ingest has heard of the account of an expected
 * executor; else *RET_MISSING names the first that is not. */
bool beats_ready(const struct beats *beats, int64_t now_us, const char **ret_missing);
