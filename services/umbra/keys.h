#pragma once
/*
 * Keys and tokens in the state folder. Nothing that exists is ever replaced: others rely on it.
 */
#include "services/umbra/layout.h"

/* keys/SERVICE.cert and SERVICE.cert_secret for every service that has none; tells on stdout. */
BUS_MUST int keys_make_certificates(const struct layout *layout, char *error, size_t error_size);
/* A webhook token for one more sender. -EEXIST if there is a [source.NAME]; -EINVAL for a bad name. */
BUS_MUST int keys_add_source(
        const struct layout *layout, const char *name, char *error, size_t error_size);
