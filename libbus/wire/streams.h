#pragma once
/*
 * The table of streams: the one place that says what exists on the bus, how it is committed and how
 * long it is kept. docs/topics.md is held against it by a test. Names only: which protobuf message
 * a stream carries is known to its writers and readers, so that a program links no message it has
 * no business with.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum bus_commit {
        BUS_COMMIT_FULL,    /* synced before it is published */
        BUS_COMMIT_NORMAL,  /* written, not synced: a power cut may take the last moments */
        BUS_COMMIT_DERIVED, /* published first, written behind: derived again after a power cut */
        BUS_COMMIT_NONE,    /* not journaled */
};

struct bus_stream_kind {
        const char *name;         /* "decision.shadow" */
        const char *topic_prefix; /* "decision.shadow.": every topic of the stream begins with it */
        enum bus_commit commit;
        int32_t kept_days;
        const char *body; /* name of the protobuf message, for people and tools */
        /* Service names with a space between, or BUS_STREAM_EVERYONE: who may connect where is
         * derived from them (libbus/bus/policy.h). What is not a service reads with a key of its own. */
        const char *writers, *readers;
};

#define BUS_STREAM_EVERYONE "*"

extern const struct bus_stream_kind bus_stream_kinds[];
extern const size_t bus_stream_kind_count;

/* By name ("signal"); NULL if there is none. */
const struct bus_stream_kind *bus_stream_kind(const char *name);
/* The stream kind a topic belongs to; NULL if none. */
const struct bus_stream_kind *bus_stream_of_topic(const char *topic);

#define BUS_STREAM_NAME_SIZE 96 /* "decision.shadow@strategy-v3-shadow" */
/* "signal" + "alert-ingest" -> "signal@alert-ingest". Returns TEXT. */
const char *bus_stream_full_name(
        const char *kind, const char *writer, char text[static BUS_STREAM_NAME_SIZE]);
/* Whether NAME is among NAMES, a kind's writers or readers. */
bool bus_stream_names(const char *names, const char *name);
