#pragma once
/*
 * An answer without an end: pieces are sent as they come up, to a client that keeps the connection
 * open (text/event-stream). A client slower than what is sent to it is dropped; nobody waits for it.
 */
#include "libbus/service/http.h"

/* Sent and not taken by the client: more, and it is dropped. Some minutes of events. */
#define HTTP_STREAM_MAX_BYTES ((size_t)256 * 1024)

struct http_stream;

/* The client has gone, or the server is being freed: STREAM must not be touched any more. Never
 * called from within a call of STREAM's own. */
typedef void (*http_stream_gone)(void *arg, struct http_stream *stream);

/*
 * Answers REQUEST, as http_respond does: at once or later, once. RESPONSE's body is the first piece.
 * How many streams there are is for the caller to bound.
 */
struct http_stream *http_stream_new(struct http_request *request,
        const struct http_response *response, http_stream_gone gone, void *arg);
/* Copies PIECE. -ENOBUFS: the client is too slow; it was dropped, and STREAM must not be touched any
 * more (GONE is not called). */
BUS_MUST int http_stream_send(struct http_stream *stream, struct bus_bytes piece);
/* Ends the answer behind what was sent; GONE is not called. Takes NULL, returns NULL. */
struct http_stream *http_stream_free(struct http_stream *stream);
/* Whether the client has hung up; the server itself notices with the next piece only. */
bool http_stream_is_cut(const struct http_stream *stream);
