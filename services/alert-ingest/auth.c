#include "services/alert-ingest/auth.h"

const struct auth_source *auth_find(
        const struct auth_source *sources, size_t count, const char *token)
{
        const struct auth_source *found = NULL;
        uint8_t hash[BUS_SHA256_SIZE];

        bus_sha256(bus_bytes_str(token), hash);
        for (size_t i = 0; i < count; i++)
                if (bus_equal_consttime(sources[i].token_hash, hash, sizeof(hash)))
                        found = &sources[i];
        return found;
}
