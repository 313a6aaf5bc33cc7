/*
 * One request, from its headers to its answer.
 *
 * The handler is called exactly once for a whole request and answers exactly once; between the two
 * the connection is suspended, so that libmicrohttpd neither reads on nor ends it: a request that
 * was handed over is there until its answer comes, whether its client is or not.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/base/tcp.h"
#include "libbus/service/http_internal.h"

/* A body beyond the cap but not beyond this is read to its end and thrown away: answered in the
 * middle, the client would see a reset instead of the 413. */
#define DISCARD_MAX_BYTES ((uint64_t)1 << 20)

/* Far above any request_timeout, which ends slow readers. */
#define ANSWER_SECONDS 3600U

/* ---- taking it in ---- */

static const char *raw_header(struct MHD_Connection *mhd, const char *name)
{
        return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

/* libmicrohttpd has checked that it is a number, or answered itself. */
static uint64_t declared_length(struct MHD_Connection *mhd)
{
        const char *length = raw_header(mhd, MHD_HTTP_HEADER_CONTENT_LENGTH);

        return length ? strtoull(length, NULL, 10) : 0;
}

/* Two lengths are how one request is smuggled inside another past a proxy. */
static bool is_malformed(struct MHD_Connection *mhd, const char *version)
{
        if (raw_header(mhd, MHD_HTTP_HEADER_TRANSFER_ENCODING) &&
                raw_header(mhd, MHD_HTTP_HEADER_CONTENT_LENGTH))
                return true;
        return !strcmp(version, MHD_HTTP_VERSION_1_1) && !raw_header(mhd, MHD_HTTP_HEADER_HOST);
}

static enum MHD_Result refuse_malformed(struct MHD_Connection *mhd)
{
        struct MHD_Response *response =
                MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        enum MHD_Result queued;

        bus_require(response);
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        queued = MHD_queue_response(mhd, MHD_HTTP_BAD_REQUEST, response);
        MHD_destroy_response(response);
        return queued;
}

static struct http_request *request_new(
        struct http_server *server, struct MHD_Connection *mhd, const char *url, const char *method)
{
        struct http_request *request = bus_new(struct http_request);

        request->server = server;
        request->connection = http_connection_of(mhd);
        request->mhd = mhd;
        request->path = url;
        request->method = method;
        return request;
}

static void request_free(struct http_request *request)
{
        if (request->response)
                MHD_destroy_response(request->response);
        bus_buf_done(&request->body);
        free(request);
}

static enum MHD_Result queue_answer(struct http_request *request)
{
        enum MHD_Result queued =
                MHD_queue_response(request->mhd, request->status, request->response);

        MHD_destroy_response(request->response);
        request->response = NULL;
        request->queued = true;
        return queued;
}

static enum MHD_Result deliver(struct http_request *request)
{
        struct http_server *server = request->server;

        request->received_us = bus_wall_us();
        request->delivered = request->delivering = true;
        server->pending++;
        request->connection->waiting = request;
        http_enter(request->connection, HTTP_WAITING);
        server->handler(server->arg, request);
        request->delivering = false;
        if (request->response)
                return queue_answer(request);
        MHD_suspend_connection(request->mhd);
        return MHD_YES;
}

static enum MHD_Result on_headers(struct http_request *request)
{
        uint64_t length = declared_length(request->mhd);
        bool over = length > request->server->limits.body_max_bytes;

        /* A client that waits for "100 Continue" has not sent the body yet and need not. */
        if (length > DISCARD_MAX_BYTES ||
                (over && raw_header(request->mhd, MHD_HTTP_HEADER_EXPECT))) {
                request->too_large = true;
                request->body_size = length;
                return deliver(request);
        }
        return MHD_YES;
}

static void on_body(struct http_request *request, const char *data, size_t size)
{
        size_t room = request->server->limits.body_max_bytes - request->body.size;

        request->body_size += size;
        request->too_large |= size > room;
        bus_buf_add(&request->body, data, size < room ? size : room);
}

enum MHD_Result http_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
        const char *method, const char *version, const char *upload, size_t *upload_size,
        void **context)
{
        struct http_request *request = *context;

        if (!request) {
                if (is_malformed(mhd, version))
                        return refuse_malformed(mhd);
                *context = request_new(cls, mhd, url, method);
                return on_headers(*context);
        }
        if (request->response)
                return queue_answer(request);
        if (*upload_size) {
                on_body(request, upload, *upload_size);
                *upload_size = 0;
                return MHD_YES;
        }
        return request->delivered ? MHD_YES : deliver(request);
}

void http_on_completed(
        void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why)
{
        struct http_connection *connection = http_connection_of(mhd);

        (void)cls;
        (void)why;
        connection->answered = true;
        http_enter(connection, HTTP_IDLE);
        if (!connection->ended)
                (void)MHD_set_connection_option(mhd, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
        if (*context)
                request_free(*context);
        *context = NULL;
}

/* ---- the answer ---- */

void http_answer(struct http_request *request, const struct http_response *response,
        struct MHD_Response *answer, enum http_phase phase)
{
        bus_require(request->delivered && !request->response && !request->queued);
        (void)MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE,
                response->content_type ? response->content_type : "application/json");
        for (size_t i = 0; i < BUS_COUNT(response->headers) && response->headers[i][0]; i++)
                bus_require(MHD_add_response_header(answer, response->headers[i][0],
                                    response->headers[i][1]) == MHD_YES);
        if (request->server->quiesced)
                (void)MHD_add_response_header(answer, MHD_HTTP_HEADER_CONNECTION, "close");
        request->status = response->status;
        request->response = answer;
        request->server->pending--;
        request->connection->waiting = NULL;
        http_enter(request->connection, phase);
        if (request->delivering)
                return;
        /* Connections with a timeout of their own are looked at before sockets are read. Without it
         * the end of a client that closed its sending side would be read before its answer is queued
         * (0.9.75), and the answer lost. */
        (void)MHD_set_connection_option(
                request->mhd, MHD_CONNECTION_OPTION_TIMEOUT, ANSWER_SECONDS);
        /* Without threads libmicrohttpd has no means to wake its epoll descriptor. */
        MHD_resume_connection(request->mhd);
        bus_loop_set_timer(request->server->run_timer, 0);
}

void http_respond(struct http_request *request, const struct http_response *response)
{
        struct MHD_Response *answer = MHD_create_response_from_buffer(
                response->body.size, (void *)(uintptr_t)response->body.data, MHD_RESPMEM_MUST_COPY);

        bus_require(answer);
        http_answer(request, response, answer, HTTP_SENDING);
}

/* ---- what the handler may ask ---- */

const char *http_method(const struct http_request *request)
{
        return request->method;
}

const char *http_path(const struct http_request *request)
{
        return request->path;
}

const char *http_query(const struct http_request *request, const char *key)
{
        const char *value = NULL;
        size_t size = 0;

        if (MHD_lookup_connection_value_n(request->mhd, MHD_GET_ARGUMENT_KIND, key, strlen(key),
                    &value, &size) != MHD_YES)
                return NULL;
        return value ? value : "";
}

const char *http_header(const struct http_request *request, const char *name)
{
        return raw_header(request->mhd, name);
}

struct last_header {
        const char *name, *value;
};

static enum MHD_Result keep_last(
        void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
        struct last_header *last = cls;

        (void)kind;
        if (!strcasecmp(key, last->name))
                last->value = value;
        return MHD_YES;
}

const char *http_header_last(const struct http_request *request, const char *name)
{
        struct last_header last = { .name = name };

        MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, keep_last, &last);
        return last.value;
}

struct bus_bytes http_body(const struct http_request *request)
{
        return bus_buf_bytes(&request->body);
}

uint64_t http_body_size(const struct http_request *request)
{
        return request->body_size;
}

bool http_body_too_large(const struct http_request *request)
{
        return request->too_large;
}

int64_t http_received_us(const struct http_request *request)
{
        return request->received_us;
}

const char *http_peer(const struct http_request *request)
{
        return request->connection->peer;
}

int http_peer_uid(const struct http_request *request, uid_t *ret_uid)
{
        return bus_tcp_peer_uid(request->connection->fd, ret_uid);
}
