#pragma once
/*
 * Who may ask and switch: whoever has the admin token; and, where that is configured, a program on
 * this machine. A browser on this machine may be led here by any web page, so a request with an
 * Origin, or for another host's name (DNS rebinding), or passed on by a proxy, needs the token.
 * Pure.
 */
#include "libbus/base/hash.h"

struct access_rule {
        bool has_token;
        uint8_t token_sha256[BUS_SHA256_SIZE];
        bool loopback; /* let this machine in without a token */
};

/* What is known of a request; NULL where it has no such header. */
struct access_request {
        const char *peer;
        const char *authorization, *host, *origin, *forwarded, *x_forwarded_for;
};

bool access_allowed(const struct access_rule *rule, const struct access_request *request);
