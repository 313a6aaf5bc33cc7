#pragma once
/*
 * One JSON body posted to a service of ours, out of the loop: sent now, answered later, nobody waits.
 * For loopback and private networks: numeric addresses, no TLS.
 */
#include "libbus/base/bytes.h"
#include "libbus/loop/loop.h"

struct post;

/* RESULT: 0 and what was answered (any status), or -ETIMEDOUT, -ECANCELED (it was freed), -EBADMSG
 * (no HTTP), -errno of the socket. BODY lives during the call; the post itself ends behind it. */
typedef void (*post_fn)(void *arg, int result, unsigned int status, struct bus_bytes body);

struct post_options {
        const char *host; /* numeric */
        uint16_t port;
        const char *path; /* "/webhook/..." */
        struct bus_bytes body;
        int64_t timeout_us;
        post_fn fn; /* called exactly once, from the loop or post_free */
        void *arg;
};

/* -errno if it cannot even begin; FN is then not called. */
BUS_MUST int post_new(
        struct bus_loop *loop, const struct post_options *options, struct post **ret_post);
struct post *post_free(struct post *post); /* takes NULL, returns NULL; not within its FN */

/* The status and where the body begins of a whole answer. Pure. -EBADMSG. */
BUS_MUST int post_parse(
        struct bus_bytes answer, unsigned int *ret_status, struct bus_bytes *ret_body);
