#pragma once
/*
 * Who may connect where. Everybody on the bus has a name and a key under it; a service's sockets
 * admit the names that its line of [policy] lists, or, without a line, those that read one of its
 * streams in the table of streams (libbus/wire/streams.h), and the operator's tools. Itself it
 * admits in either case.
 *
 *      [policy]
 *      alert-ingest = strategy-v3 strategy-v3-shadow health telegram-analytics tools
 *
 * A connection is admitted or not, whatever it subscribes to: who may read one stream of a service
 * may read all that it writes. Therefore the shadow is never admitted where orders are written, and
 * a line that says so is a fault.
 *
 * Pure: names and bits.
 */
#include "libbus/config/config.h"

#include <stdint.h>

/* Everybody who has a key. */
extern const char *const bus_principals[];
extern const size_t bus_principal_count;

#define BUS_PRINCIPAL_TOOLS "tools" /* umbra tap, umbra reader */

/* Index into bus_principals; -1 for a name that is not there. */
int bus_principal(const char *name);

/* Sets of principals: bit i is bus_principals[i]. */
typedef uint32_t bus_principals_set;

static inline bus_principals_set bus_principal_bit(int principal)
{
        return principal < 0 ? 0 : UINT32_C(1) << principal;
}

/* Whom SERVICE admits when the configuration says nothing. */
bus_principals_set bus_policy_default(const char *service);
/* Whom SERVICE admits. -EINVAL and one line in ERROR for a fault in its line. */
BUS_MUST int bus_policy(const struct config *config, const char *service,
        bus_principals_set *ret_admitted, char *error, size_t error_size);
/* Looks at all lines. */
BUS_MUST int bus_policy_check(const struct config *config, char *error, size_t error_size);
