#pragma once
/* One process a store: a lock beside its path, gone with the process that holds it. */
#include "libbus/base/attr.h"

#include <stdbool.h>

/* Takes PATH.lock; -EBUSY. Without CREATE a missing one means that nobody holds it: 0, *RET_FD as it was. */
BUS_MUST int store_lock(const char *path, bool create, int *ret_fd, char *error, size_t error_size);
