/*
 * Keeps: at most CONNECTIONS_MAX descriptors, each for LATE_US at most and with one bounded request;
 * whoever comes when all are taken takes the place of the one that has been there longest, so that
 * no number of silent ones keeps a prober out.
 */
#include "libbus/service/probe.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/base/tcp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

/* Probers ask one at a time: a few of them, and some that hang. */
#define CONNECTIONS_MAX 16
#define BACKLOG         64
#define LATE_US         (5 * BUS_US_PER_SEC)
#define SWEEP_US        BUS_US_PER_SEC
/* What is read and thrown away behind the answer, in one go. */
#define REST_BYTES  1024
#define ANSWER_SIZE 512

struct connection {
        struct probe_server *server;
        struct bus_source *source;
        int fd;
        int64_t since_us;
        bool answered; /* only the client's end is waited for: closing sooner might cost it the answer */
        size_t size;
        uint8_t request[PROBE_REQUEST_MAX_BYTES];
};

struct probe_server {
        struct bus_loop *loop;
        probe_missing_fn missing;
        void *arg;
        int fd;
        unsigned int port;
        struct bus_source *listener, *sweep;
        bool sweeping;                                   /* it is on its way */
        struct connection *connections[CONNECTIONS_MAX]; /* NULL: free */
};

static void connection_end(struct probe_server *server, size_t n)
{
        struct connection *c = server->connections[n];

        bus_loop_remove(server->loop, c->source);
        close(c->fd);
        free(c);
        server->connections[n] = NULL;
}

static size_t place_of(const struct connection *c)
{
        size_t n = 0;

        while (c->server->connections[n] != c)
                n++;
        return n;
}

/* ---- the answer ---- */

static int status_of(enum probe_question question, const char *missing)
{
        switch (question) {
        case PROBE_LIVE: return 200;
        case PROBE_READY: return missing ? 503 : 200;
        case PROBE_ELSEWHERE: return 404;
        case PROBE_OTHER_METHOD: return 405;
        default: return 400;
        }
}

static const char *phrase_of(int status)
{
        switch (status) {
        case 200: return "OK";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 503: return "Service Unavailable";
        default: return "Bad Request";
        }
}

static int write_body(char *body, size_t size, enum probe_question question, const char *missing)
{
        if (question == PROBE_LIVE)
                return snprintf(body, size, "{\"status\":\"alive\"}");
        if (question != PROBE_READY)
                return snprintf(body, size, "{\"status\":\"refused\"}");
        if (!missing)
                return snprintf(body, size, "{\"status\":\"ready\"}");
        return snprintf(
                body, size, "{\"status\":\"not_ready\",\"waiting_for\":\"%.120s\"}", missing);
}

static void answer(struct connection *c, enum probe_question question, bool head)
{
        const char *missing = question == PROBE_READY ? c->server->missing(c->server->arg) : NULL;
        int status = status_of(question, missing);
        char body[ANSWER_SIZE / 2], text[ANSWER_SIZE];
        int body_size = write_body(body, sizeof(body), question, missing), size;

        size = snprintf(text, sizeof(text),
                "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
                status, phrase_of(status), body_size, head ? "" : body);
        bus_require(size > 0 && (size_t)size < sizeof(text));
        /* It fits into the empty buffer of a new connection; where not, the client went away. */
        (void)send(c->fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)shutdown(c->fd, SHUT_WR);
        c->answered = true;
}

/* ---- connections ---- */

/* > 0: bytes came; 0: not now; < 0: it is over. */
static ssize_t take(struct connection *c)
{
        uint8_t rest[REST_BYTES];
        ssize_t n;

        if (c->answered)
                n = recv(c->fd, rest, sizeof(rest), MSG_DONTWAIT);
        else
                n = recv(c->fd, c->request + c->size, sizeof(c->request) - c->size, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0)
                return -1;
        if (!c->answered)
                c->size += (size_t)n;
        return n;
}

static void on_readable(short revents, void *arg)
{
        struct connection *c = arg;
        enum probe_question question;
        bool head = false;
        ssize_t n = take(c);

        (void)revents;
        if (n < 0)
                connection_end(c->server, place_of(c));
        if (n <= 0 || c->answered)
                return;
        question = probe_question(bus_bytes(c->request, c->size), &head);
        if (question != PROBE_UNFINISHED)
                answer(c, question, head);
}

static size_t free_place(struct probe_server *server)
{
        size_t oldest = 0;

        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
                if (!server->connections[i])
                        return i;
                if (server->connections[i]->since_us < server->connections[oldest]->since_us)
                        oldest = i;
        }
        connection_end(server, oldest);
        return oldest;
}

static void connection_begin(struct probe_server *server, int fd)
{
        struct connection *c = bus_new(struct connection);

        c->server = server;
        c->fd = fd;
        c->since_us = bus_mono_us();
        server->connections[free_place(server)] = c;
        c->source = bus_loop_add_fd(server->loop, fd, POLLIN, on_readable, c);
}

static void sweep_later(struct probe_server *server)
{
        if (!server->sweeping)
                bus_loop_set_timer(server->sweep, SWEEP_US);
        server->sweeping = true;
}

static void on_connect(short revents, void *arg)
{
        struct probe_server *server = arg;
        int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        (void)revents;
        sweep_later(server);
        if (fd >= 0)
                connection_begin(server, fd);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                /* asked again at once it would say the same: wait for the sweep */
                server->listener = bus_loop_remove(server->loop, server->listener);
}

static void on_sweep(void *arg)
{
        struct probe_server *server = arg;
        int64_t now_us = bus_mono_us();
        bool any = false;

        server->sweeping = false;
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
                if (!server->connections[i])
                        continue;
                if (now_us - server->connections[i]->since_us >= LATE_US)
                        connection_end(server, i);
                else
                        any = true;
        }
        if (!server->listener)
                server->listener =
                        bus_loop_add_fd(server->loop, server->fd, POLLIN, on_connect, server);
        if (any)
                sweep_later(server);
}

/* ---- the server ---- */

int probe_server_new(struct bus_loop *loop, const char *address, probe_missing_fn missing,
        void *arg, struct probe_server **ret_server, char *error, size_t error_size)
{
        struct probe_server *server;
        int fd, r;

        r = bus_tcp_listen(address, BACKLOG, &fd);
        if (r < 0) {
                snprintf(error, error_size, "cannot listen at %s: %s", address, strerror(-r));
                return r;
        }
        server = bus_new(struct probe_server);
        server->loop = loop;
        server->missing = missing;
        server->arg = arg;
        server->fd = fd;
        server->port = bus_tcp_port(fd);
        server->listener = bus_loop_add_fd(loop, fd, POLLIN, on_connect, server);
        server->sweep = bus_loop_add_timer(loop, -1, 0, on_sweep, server);
        *ret_server = server;
        return 0;
}

struct probe_server *probe_server_free(struct probe_server *server)
{
        if (!server)
                return NULL;
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (server->connections[i])
                        connection_end(server, i);
        bus_loop_remove(server->loop, server->sweep);
        bus_loop_remove(server->loop, server->listener);
        close(server->fd);
        free(server);
        return NULL;
}

unsigned int probe_server_port(const struct probe_server *server)
{
        return server->port;
}
