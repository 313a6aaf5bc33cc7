#pragma once
/*
 * A rehearsal on a staging system: alerts as seen in practice, posted to its webhook. All must come to
 * their end, no log may have an ERROR, and what the trails say of their orders has to be what the
 * broker's ledger says, each once. Blocks.
 */
#include "services/umbra/client.h"

struct rehearsal {
        size_t sent, accepted, duplicates, rejected;
        size_t orders, executed; /* of the accepted alerts; at the broker */
        bool has_ledger;         /* it is mt5-demo's, so that orders could be held against it */
        int64_t slowest_us;
};

/* -errno: ERROR is one line that says what was not as it should be. */
BUS_MUST int rehearse(const struct layout *layout, const struct client *health, unsigned int count,
        struct rehearsal *ret, char *error, size_t error_size);
