#pragma once
/*
 * Becoming another user for good: what stands between fork and exec of a service that runs under a
 * uid of its own.
 */
#include "libbus/base/attr.h"

#include <sys/types.h>

/*
 * The uid and the gid ID, no other groups, no capabilities and no way to new privileges; what is
 * made from now on is for its owner alone. Irrevocable. -errno if any of that cannot be had, and
 * then the process must not go on. Clears PR_SET_PDEATHSIG: set it behind this.
 */
BUS_MUST int identity_become(uid_t id);

/*
 * Whether ID, once it had become that, could reach each of PATHS (search folders, execute programs,
 * read the rest). Tried in a process of its own. 0; -errno if nobody can be made ID here; else the
 * number of the first path that is out of reach, from 1.
 */
BUS_MUST int identity_reaches(uid_t id, const char *const *paths, size_t count);
