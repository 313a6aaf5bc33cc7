#pragma once
/*
 * Keys and tokens in the state folder. Nothing that exists is ever replaced: others rely on it.
 */
#include "services/umbra/layout.h"

#include <stdbool.h>

/* A CURVE pair for everybody on the bus who has none (libbus/bus/keys.h). TELL: each on stdout. */
BUS_MUST int keys_make(const struct layout *layout, bool tell, char *error, size_t error_size);
/* A webhook token for one more sender. -EEXIST if there is a [source.NAME]; -EINVAL for a bad name. */
BUS_MUST int keys_add_source(
        const struct layout *layout, const char *name, char *error, size_t error_size);
