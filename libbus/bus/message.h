#pragma once
/*
 * A message as a reader hands it over, and what the one who takes it may say.
 */
#include "libbus/base/bytes.h"
#include "libbus/wire/position.h"

#include "envelope.pb-c.h"

/* Already validated as an envelope. Borrowed during the call. */
struct bus_message {
        const char *topic;
        const char *stream; /* "signal@alert-ingest" */
        struct bus_pos position, predecessor;
        const Pb__Envelope *envelope;
        struct bus_bytes body;
        int64_t received_us; /* wall clock when it was taken off the socket */
        bool replayed;       /* came by the replay socket, not live */
        bool more_follow;    /* others came with it, and are handed over next: mostly, not always */
};

/*
 * Takes one message. 0: done (staged). BUS_QUARANTINE: the message itself is bad; the runtime sets it aside
 * with an alarm and goes on behind it. < 0: the service cannot go on: the process ends with an ERROR.
 */
#define BUS_QUARANTINE 1
typedef int (*bus_handler)(void *self, const struct bus_message *message);

enum bus_start {
        BUS_START_BEGINNING, /* a new reader takes the whole stream */
        BUS_START_NOW,       /* a new reader starts at what comes next */
        BUS_START_LATEST,    /* with the newest there is: streams whose last message says it all */
};
