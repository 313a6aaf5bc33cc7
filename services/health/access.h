#pragma once
/*
 * Who may ask and switch: whoever has the admin token; and, where that is configured, a program on
 * this machine. A browser on this machine may be led here by any web page, so a request with an
 * Origin, or for another host's name (DNS rebinding), or passed on by a proxy, needs the token. So does
 * a switch that one of our own services asks for, where each has a user of its own: none has reason
 * to, and whoever has taken one over must not rule the others by it. Pure.
 */
#include "libbus/base/hash.h"

/* Services that have a user. */
#define ACCESS_USERS_MAX 16

struct access_rule {
        bool has_token;
        uint8_t token_sha256[BUS_SHA256_SIZE];
        bool loopback;                     /* let this machine in without a token ... */
        uint32_t barred[ACCESS_USERS_MAX]; /* ... but none of these to switch */
        size_t barred_count;
};

/* What is known of a request; NULL where it has no such header. */
struct access_request {
        const char *peer;
        const char *authorization, *host, *origin, *forwarded, *x_forwarded_for;
};

bool access_allowed(const struct access_rule *rule, const struct access_request *request);

/* Whether it matters who somebody is that shows no token. */
bool access_asks_user(const struct access_rule *rule, const struct access_request *request);
/* Of one who was let in and for whom it matters: whether he may switch. USER: NULL where it is not known. */
bool access_may_switch(const struct access_rule *rule, const uint32_t *user);
