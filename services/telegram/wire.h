#pragma once
/*
 * HTTP calls over libcurl's multi interface, on the service's own loop. Nothing here blocks: an
 * answer, a failure or a timeout comes as a callback, in a later turn.
 *
 * Invariant: a URL never leaves this file again. It has a bot's token in it, so no log line, error
 * text or callback carries it.
 */
#include "libbus/base/bytes.h"
#include "libbus/loop/loop.h"

/* Largest answer that is taken: 100 updates of 4096 characters with all that Telegram adds. */
#define TG_ANSWER_MAX_BYTES ((size_t)4 << 20)
#define TG_PROBLEM_SIZE     128

struct tg_wire;
struct tg_call; /* one POST under way */

struct tg_wire_file {
        const char *field, *name, *type; /* of the form: "photo", "equity.png", "image/png" */
        struct bus_bytes content;
};

struct tg_wire_post {
        const char *url;       /* copied, and wiped afterwards */
        struct bus_bytes body; /* JSON; copied */
        /* With a file the body is not sent: FORM, a NULL-terminated list of names and values, and the
         * file go as multipart/form-data. All copied. */
        const char *const *form;
        const struct tg_wire_file *file; /* NULL: none */
        int timeout_ms;
        bool is_get;        /* asks; neither a body nor a form is sent */
        const char *bearer; /* of our own services: a token for the Authorization header, or NULL */
};

struct tg_wire_answer {
        int error;           /* 0: there is an answer; -ETIMEDOUT, -EHOSTUNREACH, -EMSGSIZE, -EIO */
        const char *problem; /* for people, without the URL; borrowed */
        long status;         /* HTTP */
        bool is_http2;
        struct bus_bytes body; /* borrowed */
};
typedef void (*tg_wire_fn)(void *arg, const struct tg_wire_answer *answer);

/* CA_FILE: whom HTTPS servers have their certificates of, PEM; "": as the system has it. Copied. */
struct tg_wire *tg_wire_new(struct bus_loop *loop, const char *ca_file);
/* Has libcurl loaded, which the first call does otherwise, and cannot do without. -errno. */
BUS_MUST int tg_wire_load(struct tg_wire *wire);
/* Ends all calls without their callbacks. Takes NULL, returns NULL. */
struct tg_wire *tg_wire_free(struct tg_wire *wire);

/* FN comes exactly once, never from within this function, unless the call is cancelled. */
struct tg_call *tg_wire_post(
        struct tg_wire *wire, const struct tg_wire_post *post, tg_wire_fn fn, void *arg);
/* Ends CALL without its callback. Takes NULL, returns NULL. */
struct tg_call *tg_wire_cancel(struct tg_call *call);
