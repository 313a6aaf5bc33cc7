#pragma once
/*
 * What http.c (connections, time) and http_request.c (one request) share. Nobody else includes it.
 *
 * A connection is IDLE, RECEIVING once its request line was read, WAITING while its whole request is
 * with the handler, SENDING until the last byte of the answer is with the kernel, STREAMING while an
 * answer without an end goes out. WAITING and STREAMING have no deadline: there the delay is ours.
 */
#include "libbus/service/http.h"

#include <microhttpd.h>
#include <netinet/in.h>

enum http_phase {
        HTTP_IDLE,
        HTTP_RECEIVING,
        HTTP_WAITING,
        HTTP_SENDING,
        HTTP_STREAMING,
};

struct http_connection {
        struct http_server *server;
        struct http_connection *previous, *next; /* in server->connections */
        struct MHD_Connection *mhd;
        int fd; /* MHD's */
        enum http_phase phase;
        int64_t since_us;             /* monotonic: what the deadline counts from */
        bool answered;                /* at least one request of it was */
        bool ended;                   /* its deadline passed and its socket was shut */
        struct http_request *waiting; /* in phase WAITING */
        struct http_stream *stream;   /* in phase STREAMING */
        char peer[INET6_ADDRSTRLEN];
};

struct http_request {
        struct http_server *server;
        struct http_connection *connection;
        struct MHD_Connection *mhd;
        const char *method, *path; /* MHD's, as long as the request */
        struct bus_buf body;       /* up to the cap */
        uint64_t body_size;        /* all that came, or was announced */
        bool too_large;
        bool delivered;  /* the handler was called */
        bool delivering; /* it has not returned yet */
        int64_t received_us;
        unsigned int status;
        struct MHD_Response *response; /* the answer, until it is queued */
        bool queued;
};

struct http_server {
        struct bus_loop *loop;
        struct MHD_Daemon *daemon;
        struct bus_source *epoll, *run_timer, *sweep_timer;
        struct http_limits limits;
        http_handler handler;
        void *arg;
        int listen_fd;       /* -1 once quiesced */
        bool listen_is_ours; /* to close */
        unsigned int port;
        bool quiesced;
        bool changed; /* a connection began or ended during this MHD_run */
        unsigned int pending, connection_count;
        struct http_connection *connections;
};

/* http_request.c */
enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
        const char *method, const char *version, const char *upload, size_t *upload_size,
        void **context);
void http_on_completed(
        void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why);

/* Takes ANSWER over, with RESPONSE's status and headers. */
void http_answer(struct http_request *request, const struct http_response *response,
        struct MHD_Response *answer, enum http_phase phase);

/* http.c */
struct http_connection *http_connection_of(struct MHD_Connection *mhd);
void http_enter(struct http_connection *connection, enum http_phase phase);
/* Shuts its socket: libmicrohttpd cleans up as for a client that went away. */
void http_end_connection(struct http_connection *connection);

/* http_stream.c */
void http_stream_stop(struct http_stream *stream); /* the server ends */
void http_stream_lose(struct http_stream *stream); /* its connection is being freed */
