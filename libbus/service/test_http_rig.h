#pragma once
/*
 * A server in its loop and raw sockets against it, all on one thread: the clients' side is never
 * waited for without turning the loop.
 */
#include "libbus/base/clock.h"
#include "libbus/service/http.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

/* Long enough for a loaded machine with sanitizers; reached only by a test that fails. */
#define RIG_PATIENCE_US (10 * BUS_US_PER_SEC)
#define RIG_HELD_MAX    512

struct rig {
        struct bus_loop *loop;
        struct http_server *server;
        bool hold; /* keep requests in HELD instead of answering them */
        struct http_request *held[RIG_HELD_MAX];
        unsigned int held_count, calls;
        char method[16], path[256], peer[64], forwarded[64], query[64];
        char body[8192];
        size_t body_size;
        bool too_large;
};

static inline void rig_answer(struct http_request *request, unsigned int status, const char *text)
{
        const struct http_response response = { .status = status,
                .content_type = "text/plain",
                .body = bus_bytes_str(text),
                .headers = { { "X-Rig", "yes" } } };

        http_respond(request, &response);
}

static inline void rig_copy(char *to, size_t size, const char *from)
{
        snprintf(to, size, "%s", from ? from : "-");
}

static inline void rig_on_request(void *arg, struct http_request *request)
{
        struct rig *rig = arg;
        struct bus_bytes body = http_body(request);

        rig->calls++;
        rig_copy(rig->method, sizeof(rig->method), http_method(request));
        rig_copy(rig->path, sizeof(rig->path), http_path(request));
        rig_copy(rig->peer, sizeof(rig->peer), http_peer(request));
        rig_copy(rig->query, sizeof(rig->query), http_query(request, "q"));
        rig_copy(rig->forwarded, sizeof(rig->forwarded),
                http_header_last(request, "X-Forwarded-For"));
        rig->too_large = http_body_too_large(request);
        cr_assert_leq(body.size, sizeof(rig->body));
        rig->body_size = body.size;
        if (body.size)
                memcpy(rig->body, body.data, body.size);
        if (rig->hold)
                rig->held[rig->held_count++] = request;
        else
                rig_answer(request, rig->too_large ? 413 : 200, "fine");
}

static inline struct http_options rig_defaults(void)
{
        return (struct http_options){ .listen = "127.0.0.1:0",
                .listen_fd = -1,
                .limits = { .body_max_bytes = 4096,
                        .header_max_bytes = 8192,
                        .connections_max = 64,
                        .request_timeout_us = 30 * BUS_US_PER_SEC },
                .handler = rig_on_request };
}

static inline void rig_init(struct rig *rig, struct http_options options)
{
        char error[256] = "";

        *rig = (struct rig){ .loop = bus_loop_new() };
        options.arg = rig;
        cr_assert_eq(http_server_new(rig->loop, &options, &rig->server, error, sizeof(error)), 0,
                "%s", error);
}

static inline void rig_done(struct rig *rig)
{
        http_server_free(rig->server);
        bus_loop_free(rig->loop);
}

static inline void rig_turn(struct rig *rig)
{
        cr_assert_eq(bus_loop_turn(rig->loop, BUS_US_PER_MS), 0);
}

#define rig_wait_until(rig, condition)                                                           \
        do {                                                                                     \
                int64_t rig_deadline_ = bus_mono_us() + RIG_PATIENCE_US;                         \
                while (!(condition)) {                                                           \
                        cr_assert(bus_mono_us() < rig_deadline_, "waited in vain: " #condition); \
                        rig_turn(rig);                                                           \
                }                                                                                \
        } while (0)

static inline int rig_dial_port(unsigned int port)
{
        struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_port = htons((uint16_t)port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        cr_assert_geq(fd, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
                close(fd);
                return -1;
        }
        return fd;
}

static inline int rig_dial(struct rig *rig)
{
        int fd = rig_dial_port(http_server_port(rig->server));

        cr_assert_geq(fd, 0);
        return fd;
}

static inline void rig_send(int fd, const char *text)
{
        cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What FD got, appended to TEXT, while the loop turns, until it contains UNTIL (NULL: until the
 * server closes). Returns false if the connection ended before. */
static inline bool rig_receive(
        struct rig *rig, int fd, char *text, size_t text_size, const char *until)
{
        int64_t deadline_us = bus_mono_us() + RIG_PATIENCE_US;
        size_t used = strlen(text);
        ssize_t n;

        while (!until || !strstr(text, until)) {
                cr_assert(bus_mono_us() < deadline_us, "no \"%s\" in: %s", until ? until : "(end)",
                        text);
                n = recv(fd, text + used, text_size - used - 1, MSG_DONTWAIT);
                if (n > 0) {
                        used += (size_t)n;
                        text[used] = 0;
                } else if (!n || errno != EAGAIN) {
                        return !until;
                } else {
                        rig_turn(rig);
                }
        }
        return true;
}
