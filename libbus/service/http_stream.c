/*
 * Invariant: a stream lives exactly as long as libmicrohttpd holds its response; its owner knows it
 * until gone() was called, or until the owner itself has freed it or seen it dropped. With nothing to
 * send its connection is suspended, so that it costs no turns.
 */
#include "libbus/service/http_stream.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/service/http_internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

/* What libmicrohttpd asks for at a time. */
#define PIECE_BYTES 8192
/* A phone that went out of reach says nothing: what is sent to it and not confirmed for so long ends
 * the connection. */
#define SILENT_MS 60000U

struct http_stream {
        struct http_server *server;
        struct http_connection *connection;
        struct bus_buf out;
        size_t sent; /* of OUT */
        bool is_suspended, is_ended;
        http_stream_gone gone; /* NULL: the owner knows it no more */
        void *arg;
};

/* ---- what libmicrohttpd calls ---- */

static ssize_t on_read(void *cls, uint64_t position, char *to, size_t max)
{
        struct http_stream *stream = cls;
        size_t left = stream->out.size - stream->sent, n = left < max ? left : max;

        (void)position;
        if (n) {
                memcpy(to, stream->out.data + stream->sent, n);
                stream->sent += n;
                if (stream->sent == stream->out.size) {
                        bus_buf_clear(&stream->out);
                        stream->sent = 0;
                }
                return (ssize_t)n;
        }
        if (stream->is_ended)
                return MHD_CONTENT_READER_END_OF_STREAM;
        stream->is_suspended = true;
        MHD_suspend_connection(stream->connection->mhd);
        return 0;
}

static void tell_gone(struct http_stream *stream)
{
        http_stream_gone gone = stream->gone;

        stream->gone = NULL;
        if (gone)
                gone(stream->arg, stream);
}

static void on_free(void *cls)
{
        struct http_stream *stream = cls;

        if (stream->connection)
                stream->connection->stream = NULL;
        tell_gone(stream);
        bus_buf_done(&stream->out);
        free(stream);
}

/* ---- the server's side ---- */

void http_stream_lose(struct http_stream *stream)
{
        stream->connection = NULL;
        tell_gone(stream);
}

/* ---- the owner's side ---- */

static void wake(struct http_stream *stream)
{
        if (stream->is_suspended) {
                stream->is_suspended = false;
                MHD_resume_connection(stream->connection->mhd);
        }
        bus_loop_set_timer(stream->server->run_timer, 0);
}

struct http_stream *http_stream_new(struct http_request *request,
        const struct http_response *response, http_stream_gone gone, void *arg)
{
        struct http_stream *stream = bus_new(struct http_stream);
        const unsigned int silent_ms = SILENT_MS;
        struct MHD_Response *answer;

        stream->server = request->server;
        stream->connection = request->connection;
        stream->gone = gone;
        stream->arg = arg;
        bus_buf_add(&stream->out, response->body.data, response->body.size);
        answer = MHD_create_response_from_callback(
                MHD_SIZE_UNKNOWN, PIECE_BYTES, on_read, stream, on_free);
        bus_require(answer);
        (void)setsockopt(request->connection->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms,
                sizeof(silent_ms));
        request->connection->stream = stream;
        http_answer(request, response, answer, HTTP_STREAMING);
        return stream;
}

void http_stream_stop(struct http_stream *stream)
{
        tell_gone(stream);
        stream->is_ended = true;
        wake(stream);
}

static void drop(struct http_stream *stream)
{
        stream->gone = NULL;
        http_end_connection(stream->connection);
        stream->is_ended = true;
        wake(stream);
}

int http_stream_send(struct http_stream *stream, struct bus_bytes piece)
{
        if (stream->out.size - stream->sent + piece.size > HTTP_STREAM_MAX_BYTES) {
                drop(stream);
                return -ENOBUFS;
        }
        bus_buf_add(&stream->out, piece.data, piece.size);
        wake(stream);
        return 0;
}

struct http_stream *http_stream_free(struct http_stream *stream)
{
        if (!stream)
                return NULL;
        stream->gone = NULL;
        stream->is_ended = true;
        wake(stream);
        return NULL;
}

bool http_stream_is_cut(const struct http_stream *stream)
{
        struct pollfd poll_fd = { .fd = stream->connection->fd, .events = POLLRDHUP };

        return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR);
}
