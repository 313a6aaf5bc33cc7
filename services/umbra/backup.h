#pragma once
/*
 * Backups of all stores, STATE/backup/SERVICE/NAME.db: checking one, and putting it in place.
 */
#include "services/umbra/layout.h"

/*
 * Reads each store of backup NAME whole. 0: all are sound; RET_FOUND tells how many. -ENOENT: there is
 * none of that name. Else -errno. ERROR is one line; what is wrong inside of a file goes to stderr.
 * Changes nothing, also while the system runs.
 */
BUS_MUST int backup_verify(const struct layout *layout, const char *name, unsigned int *ret_found,
        char *error, size_t error_size);
/*
 * Puts backup NAME in place of the stores, after checking all of it; what was there is kept beside. The
 * caller holds the lock of the state folder. A line a service on stdout, what is wrong on stderr.
 */
BUS_MUST int backup_restore(const struct layout *layout, const char *name);
