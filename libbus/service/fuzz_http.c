/*
 * Any bytes on a connection: never a crash, every whole request answered once, and the connection
 * gone when the client is.
 */
#include "libbus/base/require.h"
#include "libbus/service/http.h"

#include <sys/socket.h>

/* Turns a connection may need: a request of the longest input is read in bites of about a KiB. */
#define TURNS_MAX   400
#define HELD_MAX    8
#define INPUT_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rig {
        struct bus_loop *loop;
        struct http_server *server;
        struct http_request *held[HELD_MAX];
        size_t held_count;
        bool hold;
};

static void answer(struct http_request *request)
{
        const struct http_response response = { .status = http_body_too_large(request) ? 413 : 200,
                .body = bus_bytes_str(http_path(request)) };

        bus_require(http_method(request) && http_peer(request)[0]);
        bus_require(http_body(request).size <= http_body_size(request));
        (void)http_query(request, "a");
        (void)http_header(request, "X-Forwarded-For");
        (void)http_header_last(request, "X-Forwarded-For");
        http_respond(request, &response);
}

static void on_request(void *arg, struct http_request *request)
{
        struct rig *rig = arg;

        if (rig->hold && rig->held_count < HELD_MAX)
                rig->held[rig->held_count++] = request;
        else
                answer(request);
}

static void rig_init(struct rig *rig)
{
        const struct http_options options = { .listen = "127.0.0.1:0",
                .listen_fd = -1,
                .limits = { .body_max_bytes = 512,
                        .header_max_bytes = 1024,
                        .connections_max = 2,
                        .request_timeout_us = 100 * BUS_US_PER_MS },
                .handler = on_request,
                .arg = rig };
        char error[128];

        rig->loop = bus_loop_new();
        bus_require(http_server_new(rig->loop, &options, &rig->server, error, sizeof(error)) == 0);
}

static void turn(struct rig *rig, int64_t wait_us)
{
        bus_require(bus_loop_turn(rig->loop, wait_us) == 0);
        while (rig->held_count)
                answer(rig->held[--rig->held_count]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rig rig = { .hold = size % 2 };
        size_t half = size > 1 ? data[0] * size / 256 : 0;
        int ends[2];

        if (size > INPUT_BYTES)
                return 0;
        rig_init(&rig);
        bus_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        bus_require(http_server_adopt(rig.server, ends[0]) == 0);
        (void)send(ends[1], data, half, MSG_NOSIGNAL | MSG_DONTWAIT);
        turn(&rig, 0);
        (void)send(ends[1], data + half, size - half, MSG_NOSIGNAL | MSG_DONTWAIT);
        shutdown(ends[1], SHUT_WR);
        for (int i = 0; i < TURNS_MAX && http_server_connections(rig.server); i++)
                turn(&rig, 0);
        close(ends[1]);
        /* What the client's end does not end at once, its deadline does. */
        for (int i = 0; i < TURNS_MAX && http_server_connections(rig.server); i++)
                turn(&rig, i < TURNS_MAX / 2 ? 0 : 20 * BUS_US_PER_MS);
        bus_require(!http_server_connections(rig.server) && !http_server_pending(rig.server));
        http_server_free(rig.server);
        bus_loop_free(rig.loop);
        return 0;
}
