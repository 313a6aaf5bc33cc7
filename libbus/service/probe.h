#pragma once
/*
 * The answer to a prober: GET /livez and GET /readyz over HTTP/1, one request a connection, in the
 * service's own loop. It needs no library and no thread, so that a service pays next to nothing for
 * it: services that speak HTTP for other reasons answer these two there.
 *
 * /livez is 200 as long as the loop turns; one that hangs does not answer at all. /readyz is 200, or
 * 503 with what it is waiting for. Who asks is not asked for a token: there is nothing else to learn.
 */
#include "libbus/base/bytes.h"
#include "libbus/loop/loop.h"

/* ---- what was asked (pure) ---- */

/* More than a prober's request line and headers ever are; what is longer is refused. */
#define PROBE_REQUEST_MAX_BYTES 2048

enum probe_question {
        PROBE_UNFINISHED, /* wait for more */
        PROBE_LIVE,
        PROBE_READY,
        PROBE_ELSEWHERE,    /* 404 */
        PROBE_OTHER_METHOD, /* 405 */
        PROBE_NONSENSE,     /* 400 */
};

/* What the bytes that came so far ask. HEAD sets *RET_HEAD: no body is wanted. */
enum probe_question probe_question(struct bus_bytes request, bool *ret_head);

/* ---- the server ---- */

struct probe_server;

/* NULL: ready; else what is missing: a word or a line without quotation marks, borrowed during the call. */
typedef const char *(*probe_missing_fn)(void *arg);

/* Listens at ADDRESS ("host:port"). -errno with one line in ERROR. */
BUS_MUST int probe_server_new(struct bus_loop *loop, const char *address, probe_missing_fn missing,
        void *arg, struct probe_server **ret_server, char *error, size_t error_size);
/* Before its loop is freed. Takes NULL, returns NULL. */
struct probe_server *probe_server_free(struct probe_server *server);
unsigned int probe_server_port(const struct probe_server *server);
