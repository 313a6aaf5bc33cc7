/*
 * The server's sockets, connections and deadlines.
 *
 * libmicrohttpd runs without threads on its own epoll descriptor, which our loop watches. Its own
 * timeout counts from the last byte, so that a client sending one byte a second would stay for
 * ever: deadlines are kept here instead, over whole requests, and a connection that misses one has
 * its socket shut, upon which libmicrohttpd cleans up as for any client that went away. Nothing here
 * logs: paths hold tokens.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/base/tcp.h"
#include "libbus/service/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

/* Runs of the daemon a turn: one accepts, the next reads, the next answers. More would be unfair to
 * the other sources of the loop. */
#define RUNS_MAX 4
/* The kernel's queue of connections not accepted yet; it cuts it to net.core.somaxconn. */
#define LISTEN_BACKLOG 4096
/* First descriptor of the LISTEN_FDS protocol. */
#define LISTEN_FDS_START 3
/* How long libmicrohttpd itself waits for a connection whose socket was shut. */
#define ENDED_SECONDS 1U
/* Under this a request line with a long token and a browser's headers would not fit. */
#define HEADER_MIN_BYTES 1024

/* ---- connections ---- */

struct http_connection *http_connection_of(struct MHD_Connection *mhd)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info->socket_context;
}

void http_enter(struct http_connection *connection, enum http_phase phase)
{
        /* The first request's time began when the connection did. */
        if (phase != HTTP_RECEIVING || connection->answered)
                connection->since_us = bus_mono_us();
        connection->phase = phase;
}

static void peer_text(const struct sockaddr *address, char text[static INET6_ADDRSTRLEN])
{
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

        text[0] = 0;
        if (!address)
                return;
        if (address->sa_family == AF_INET)
                inet_ntop(AF_INET, &v4->sin_addr, text, INET6_ADDRSTRLEN);
        else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
                inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, INET6_ADDRSTRLEN);
        else if (address->sa_family == AF_INET6)
                inet_ntop(AF_INET6, &v6->sin6_addr, text, INET6_ADDRSTRLEN);
}

static struct http_connection *connection_new(
        struct http_server *server, struct MHD_Connection *mhd)
{
        struct http_connection *connection = bus_new(struct http_connection);

        connection->server = server;
        connection->mhd = mhd;
        connection->fd =
                MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        peer_text(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
                connection->peer);
        http_enter(connection, HTTP_IDLE);
        connection->since_us = bus_mono_us();
        connection->next = server->connections;
        if (connection->next)
                connection->next->previous = connection;
        server->connections = connection;
        /* Later ones only have later deadlines: the timer is already right for them. */
        if (!server->connection_count++)
                bus_loop_set_timer(server->sweep_timer, server->limits.request_timeout_us);
        return connection;
}

static struct http_connection *connection_free(struct http_connection *connection)
{
        struct http_server *server = connection->server;

        if (connection->previous)
                connection->previous->next = connection->next;
        else
                server->connections = connection->next;
        if (connection->next)
                connection->next->previous = connection->previous;
        server->connection_count--;
        if (connection->stream)
                http_stream_lose(connection->stream);
        free(connection);
        return NULL;
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
        enum MHD_ConnectionNotificationCode what)
{
        struct http_server *server = cls;

        server->changed = true;
        if (what == MHD_CONNECTION_NOTIFY_STARTED)
                *context = connection_new(server, mhd);
        else
                *context = connection_free(*context);
}

static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
        (void)cls;
        (void)uri;
        http_enter(http_connection_of(mhd), HTTP_RECEIVING);
        return NULL;
}

/* ---- deadlines ---- */

void http_end_connection(struct http_connection *connection)
{
        shutdown(connection->fd, SHUT_RDWR);
        /* A connection that was suspended once is not in the epoll set, and one that could not be
         * told 431 is closed but never looked at again (0.9.75): with a timeout of its own it is
         * looked at in every run. */
        (void)MHD_set_connection_option(
                connection->mhd, MHD_CONNECTION_OPTION_TIMEOUT, ENDED_SECONDS);
        bus_loop_set_timer(connection->server->run_timer, 0);
        connection->ended = true;
}

static void end_late_connection(struct http_connection *connection)
{
        static const char late[] = "HTTP/1.1 408 Request Timeout\r\n"
                                   "Connection: close\r\nContent-Length: 0\r\n\r\n";

        /* An idle connection is closed without a word; one in the middle of a request hears why. */
        if (connection->phase == HTTP_RECEIVING)
                (void)send(connection->fd, late, sizeof(late) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        http_end_connection(connection);
}

static void on_sweep(void *arg)
{
        struct http_server *server = arg;
        int64_t now_us = bus_mono_us(), timeout_us = server->limits.request_timeout_us;
        int64_t next_us = timeout_us;

        for (struct http_connection *c = server->connections; c; c = c->next) {
                int64_t left_us = c->since_us + timeout_us - now_us;

                if (c->phase == HTTP_WAITING || c->phase == HTTP_STREAMING || c->ended)
                        continue;
                if (left_us <= 0)
                        end_late_connection(c);
                else if (left_us < next_us)
                        next_us = left_us;
        }
        bus_loop_set_timer(server->sweep_timer, server->connection_count ? next_us : -1);
}

/* ---- running the daemon ---- */

/* When the daemon wants to run without being woken by its descriptor; < 0: not. */
static int64_t next_run_us(struct http_server *server)
{
        MHD_UNSIGNED_LONG_LONG timeout_ms;

        /* A change may have made room for the listening socket, which only another run sees. */
        if (server->changed)
                return 0;
        if (MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES)
                return -1;
        return timeout_ms < ENDED_SECONDS * 1000 ? (int64_t)timeout_ms * BUS_US_PER_MS
                                                 : ENDED_SECONDS * BUS_US_PER_SEC;
}

static void run(struct http_server *server)
{
        int64_t next_us = 0;

        for (int i = 0; next_us == 0 && i < RUNS_MAX; i++) {
                server->changed = false;
                (void)MHD_run(server->daemon);
                next_us = next_run_us(server);
        }
        bus_loop_set_timer(server->run_timer, next_us);
}

static void on_epoll(short revents, void *arg)
{
        (void)revents;
        run(arg);
}

static void on_run_timer(void *arg)
{
        run(arg);
}

/* ---- the listening socket ---- */

int http_listen_fd_from_environment(void)
{
        const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
        int listening = 0;
        socklen_t size = sizeof(listening);

        if (!pid || !count || strtol(pid, NULL, 10) != getpid() || strtol(count, NULL, 10) < 1)
                return -1;
        if (getsockopt(LISTEN_FDS_START, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 ||
                !listening)
                return -1;
        if (fcntl(LISTEN_FDS_START, F_SETFD, FD_CLOEXEC) < 0 ||
                fcntl(LISTEN_FDS_START, F_SETFL, O_NONBLOCK) < 0)
                return -1;
        return LISTEN_FDS_START;
}

/* ---- the server ---- */

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
        return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                http_on_access, server, MHD_OPTION_LISTEN_SOCKET, server->listen_fd,
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, server->limits.header_max_bytes,
                MHD_OPTION_CONNECTION_LIMIT, server->limits.connections_max,
                MHD_OPTION_PER_IP_CONNECTION_LIMIT, server->limits.connections_per_address_max,
                MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
                server, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, server,
                MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server, MHD_OPTION_END);
}

static void watch_daemon(struct http_server *server)
{
        const union MHD_DaemonInfo *info =
                MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);

        server->epoll = bus_loop_add_fd(server->loop, info->epoll_fd, POLLIN, on_epoll, server);
        server->run_timer = bus_loop_add_timer(server->loop, 0, 0, on_run_timer, server);
        server->sweep_timer = bus_loop_add_timer(
                server->loop, server->limits.request_timeout_us, 0, on_sweep, server);
}

int http_server_new(struct bus_loop *loop, const struct http_options *options,
        struct http_server **ret_server, char *error, size_t error_size)
{
        struct http_server *server = bus_new(struct http_server);
        int r = 0;

        bus_require(options->limits.header_max_bytes >= HEADER_MIN_BYTES);
        bus_require(options->limits.connections_max && options->limits.request_timeout_us > 0);
        server->loop = loop;
        server->limits = options->limits;
        server->handler = options->handler;
        server->arg = options->arg;
        server->listen_fd = options->listen_fd;
        if (server->listen_fd < 0) {
                server->listen_is_ours = true;
                r = bus_tcp_listen(options->listen, LISTEN_BACKLOG, &server->listen_fd);
        }
        if (r < 0) {
                snprintf(error, error_size, "cannot listen at %s: %s", options->listen,
                        strerror(-r));
                free(server);
                return r;
        }
        server->port = bus_tcp_port(server->listen_fd);
        server->daemon = start_daemon(server);
        if (!server->daemon) {
                snprintf(error, error_size, "cannot start the HTTP server: %s", strerror(errno));
                if (server->listen_is_ours)
                        close(server->listen_fd);
                free(server);
                return -EIO;
        }
        watch_daemon(server);
        *ret_server = server;
        return 0;
}

/* Closing the socket resets whoever waits in its queue: those are taken in first. */
static void accept_waiting(struct http_server *server)
{
        unsigned int before;

        do {
                before = server->connection_count;
                (void)MHD_run(server->daemon);
        } while (server->connection_count > before);
}

static void stop_listening(struct http_server *server)
{
        (void)MHD_quiesce_daemon(server->daemon);
        /* One from outside stays open: what it has queued is for the next process. */
        if (server->listen_is_ours)
                close(server->listen_fd);
        server->listen_fd = -1;
}

void http_server_quiesce(struct http_server *server)
{
        if (server->quiesced)
                return;
        server->quiesced = true;
        if (server->listen_is_ours)
                accept_waiting(server);
        stop_listening(server);
}

/* The service behind the handler is being taken apart: it is not asked any more. */
static void refuse_all(void *arg, struct http_request *request)
{
        const struct http_response gone = { .status = MHD_HTTP_SERVICE_UNAVAILABLE };

        (void)arg;
        http_respond(request, &gone);
}

static void refuse_pending(struct http_server *server)
{
        server->handler = refuse_all;
        for (struct http_connection *c = server->connections; c; c = c->next)
                if (c->waiting)
                        refuse_all(NULL, c->waiting);
                else if (c->stream)
                        http_stream_stop(c->stream);
        server->changed = true; /* one run at least, to send them */
}

struct http_server *http_server_free(struct http_server *server)
{
        if (!server)
                return NULL;
        if (!server->quiesced)
                stop_listening(server);
        server->quiesced = true;
        refuse_pending(server);
        for (int i = 0; i < RUNS_MAX && next_run_us(server) == 0; i++)
                (void)MHD_run(server->daemon);
        MHD_stop_daemon(server->daemon);
        bus_loop_remove(server->loop, server->epoll);
        bus_loop_remove(server->loop, server->run_timer);
        bus_loop_remove(server->loop, server->sweep_timer);
        free(server);
        return NULL;
}

int http_server_adopt(struct http_server *server, int fd)
{
        const struct sockaddr_in nobody = { .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

        if (MHD_add_connection(server->daemon, fd, (const struct sockaddr *)&nobody,
                    sizeof(nobody)) != MHD_YES)
                return -errno;
        bus_loop_set_timer(server->run_timer, 0);
        return 0;
}

unsigned int http_server_port(const struct http_server *server)
{
        return server->port;
}

unsigned int http_server_pending(const struct http_server *server)
{
        return server->pending;
}

unsigned int http_server_connections(const struct http_server *server)
{
        return server->connection_count;
}
