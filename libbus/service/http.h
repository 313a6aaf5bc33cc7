#pragma once
/*
 * A small HTTP/1.1 server in the service's own loop (libmicrohttpd behind, by its epoll descriptor).
 * A handler gets whole requests and may answer at once or later: a request whose answer waits for a
 * commit is held without a thread. Every resource a stranger controls has a cap.
 */
#include "libbus/base/bytes.h"
#include "libbus/loop/loop.h"

#include <sys/types.h>

struct http_server;
struct http_request;

struct http_limits {
        size_t body_max_bytes;   /* more: the handler is called with body_too_large set */
        size_t header_max_bytes; /* memory a connection: request line and headers; more is 431 */
        unsigned int connections_max;
        unsigned int connections_per_address_max; /* 0: no cap (behind a proxy) */
        /* From connect to the first whole request; later from the end of an answer to the next request
         * line, from there to the whole request, and for the client to take its answer. In the middle
         * of a request it is answered 408, else the connection is closed. */
        int64_t request_timeout_us;
};

/*
 * Called once for each request, when its body is complete (or too large). REQUEST lives until it is answered:
 * http_respond must be called exactly once, now or later. If the client has gone meanwhile, the
 * answer goes nowhere, and nobody is told.
 */
typedef void (*http_handler)(void *arg, struct http_request *request);

struct http_options {
        const char *listen; /* "127.0.0.1:8080", "[::1]:8080"; port 0: any */
        int listen_fd;      /* >= 0: taken instead of LISTEN (LISTEN_FDS, see sd_listen_fds(3)) */
        struct http_limits limits;
        http_handler handler;
        void *arg;
};

/* -EADDRINUSE and the like; ERROR gets one line. */
BUS_MUST int http_server_new(struct bus_loop *loop, const struct http_options *options,
        struct http_server **ret_server, char *error, size_t error_size);
/* Requests not answered yet are answered 503, and must not be touched any more. Takes NULL, returns
 * NULL. */
struct http_server *http_server_free(struct http_server *server);
unsigned int http_server_port(const struct http_server *server);
/* Stops accepting, behind those who have connected already (their requests may come in during the
 * call, so it is not for within a handler); open connections are told to close with their next answer. A socket that came
 * from outside stays open for the next process. Connections without a request stay until they send
 * one or time out: who wants to end sooner looks at http_server_connections. */
void http_server_quiesce(struct http_server *server);
unsigned int http_server_pending(const struct http_server *server); /* requests not answered yet */
unsigned int http_server_connections(const struct http_server *server);
/* Takes a connected socket as if it had been accepted from loopback: for tests and fuzzing. */
BUS_MUST int http_server_adopt(struct http_server *server, int fd);
/* File descriptor passed by the service manager (LISTEN_FDS, LISTEN_PID), or -1. */
int http_listen_fd_from_environment(void);

const char *http_method(const struct http_request *request); /* "POST" */
const char *http_path(const struct http_request *request);   /* decoded, without the query */
/* Decoded; NULL if absent. */
const char *http_query(const struct http_request *request, const char *key);
/* The first of that name, or the last where a name comes more than once (X-Forwarded-For); NULL. */
const char *http_header(const struct http_request *request, const char *name);
const char *http_header_last(const struct http_request *request, const char *name);
/* Of one that is too large, as much of its beginning as the cap allows, maybe nothing. */
struct bus_bytes http_body(const struct http_request *request);
/* What came, or of a too large one at least what was announced. */
uint64_t http_body_size(const struct http_request *request);
bool http_body_too_large(const struct http_request *request);
int64_t http_received_us(
        const struct http_request *request); /* wall clock, last byte of the request */
/* The peer's address as text without port: "127.0.0.1". IPv4 in IPv6 is written as IPv4. */
const char *http_peer(const struct http_request *request);
/* Of a peer on this machine: the user it runs as (bus_tcp_peer_uid). -errno where nobody can say. */
BUS_MUST int http_peer_uid(const struct http_request *request, uid_t *ret_uid);

struct http_response {
        unsigned int status;
        const char *content_type;  /* NULL: application/json */
        struct bus_bytes body;     /* copied */
        const char *headers[8][2]; /* name, value; ends with NULL */
};
void http_respond(struct http_request *request, const struct http_response *response);
