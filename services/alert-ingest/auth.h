#pragma once
/*
 * Which source a token belongs to. The server knows only the tokens' hashes. Pure.
 */
#include "libbus/base/hash.h"

struct auth_source {
        const char *name; /* "tradingview"; borrowed from the config */
        uint8_t token_hash[BUS_SHA256_SIZE];
        bool test; /* its alerts go the whole way and end before the broker */
};

/* NULL if TOKEN is nobody's. Every source is looked at, each in constant time, so that the time
 * taken tells nothing of how close a guess came. */
const struct auth_source *auth_find(
        const struct auth_source *sources, size_t count, const char *token);
