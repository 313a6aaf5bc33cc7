/* Sockets have every option set, and readers subscribe to little: what libzmq's defaults hurt others by. */
#include "libbus/base/clock.h"
#include "libbus/bus/reader.h"
#include "libbus/bus/socket.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

static int get_int(void *socket, int option)
{
        int value = -2;
        size_t size = sizeof(value);

        cr_assert_eq(zmq_getsockopt(socket, option, &value, &size), 0);
        return value;
}

Test(socket, of_every_type_has_a_bound_for_everything)
{
        const int types[] = { ZMQ_XPUB, ZMQ_PUB, ZMQ_SUB, ZMQ_ROUTER, ZMQ_DEALER };
        void *context = zmq_ctx_new();

        for (size_t i = 0; i < BUS_COUNT(types); i++) {
                void *socket = bus_socket_new(context, types[i]);
                bool answers = types[i] == ZMQ_ROUTER || types[i] == ZMQ_DEALER;
                int queued_max = answers ? BUS_HWM_MESSAGES : BUS_HWM_PUBLISHED;
                int64_t frame_max = 0;
                size_t size = sizeof(frame_max);

                cr_assert(socket);
                cr_expect_eq(get_int(socket, ZMQ_LINGER), 0);
                cr_expect_eq(get_int(socket, ZMQ_SNDHWM), queued_max);
                cr_expect_eq(get_int(socket, ZMQ_RCVHWM), queued_max);
                cr_expect_eq(get_int(socket, ZMQ_TCP_KEEPALIVE), 1);
                /* libzmq aborts a slow subscriber that has them */
                cr_expect_eq(get_int(socket, ZMQ_HEARTBEAT_IVL) > 0, answers);
                cr_expect_gt(get_int(socket, ZMQ_HANDSHAKE_IVL), 0);
                cr_expect_gt(get_int(socket, ZMQ_RECONNECT_IVL_MAX), 0);
                cr_assert_eq(zmq_getsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, &size), 0);
                cr_expect_eq(frame_max, BUS_FRAME_MAX_BYTES);
                bus_socket_close(socket, 0);
        }
        zmq_ctx_term(context);
}

Test(socket, with_unsent_messages_does_not_hang_the_exit)
{
        void *context = zmq_ctx_new(), *socket = bus_socket_new(context, ZMQ_PUB);
        int64_t before;

        cr_assert_eq(zmq_connect(socket, "ipc:///tmp/umbra-nobody-is-here"), 0);
        for (int i = 0; i < 100; i++)
                zmq_send(socket, "x", 1, ZMQ_DONTWAIT);
        before = bus_mono_us();
        bus_socket_close(socket, 50);
        zmq_ctx_term(context);
        cr_expect_lt(bus_mono_us() - before, 5 * BUS_US_PER_SEC);
}

static int take(void *arg, struct bus_reader *reader, const struct bus_message *message)
{
        (void)arg;
        (void)reader;
        (void)message;
        return 0;
}

/* A resubscription after a reconnect is as large as the subscriptions are many. */
static void expect_subscriptions(bool background, const char *prefix)
{
        struct bus_loop *loop = bus_loop_new();
        void *context = zmq_ctx_new(), *xpub = zmq_socket(context, ZMQ_XPUB);
        char folder[] = "/tmp/umbra-socket-XXXXXX", pub[64], replay[64], error[128];
        int budget = 1, subscriptions = 0, timeout_ms = 2000;
        struct bus_peer_options peer_options = { .loop = loop,
                .zmq = context,
                .writer = "order-executor",
                .pub_endpoint = pub,
                .replay_endpoint = replay,
                .background = background,
                .budget = &budget };
        struct bus_reader_options reader = { .stream_kind = "trade", .deliver = take };
        struct bus_peer *peer;
        char frame[128];

        cr_assert(mkdtemp(folder));
        snprintf(pub, sizeof(pub), "ipc://%s/p", folder);
        snprintf(replay, sizeof(replay), "ipc://%s/r", folder);
        cr_assert_eq(zmq_bind(xpub, pub), 0);
        cr_assert_eq(bus_peer_new(&peer_options, &peer, error, sizeof(error)), 0, "%s", error);
        bus_peer_add(peer, &reader);
        for (;;) {
                int n;

                zmq_setsockopt(xpub, ZMQ_RCVTIMEO, &timeout_ms, sizeof(timeout_ms));
                n = zmq_recv(xpub, frame, sizeof(frame) - 1, 0);
                if (n < 0)
                        break;
                frame[n] = 0;
                cr_expect_eq(frame[0], 1);
                cr_expect(!strcmp(frame + 1, prefix) ||
                                  !strcmp(frame + 1, "beacon.trade@order-executor"),
                        "%s", frame + 1);
                subscriptions++;
                timeout_ms = 200;
        }
        cr_expect_eq(subscriptions, 2);
        bus_peer_free(peer);
        bus_loop_free(loop);
        zmq_close(xpub);
        zmq_ctx_term(context);
        unlink(pub + strlen("ipc://"));
        rmdir(folder);
}

Test(socket, a_reader_subscribes_to_its_stream_and_its_beacon_and_nothing_else)
{
        expect_subscriptions(true, "batch.trade.");
}

/* The shorter subscription is served first. */
Test(socket, who_is_not_in_the_background_is_served_before)
{
        expect_subscriptions(false, "batch.trade");
}

/* Listens at PATH as somebody who speaks another mechanism than the reader does. */
static int listen_as_another(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        cr_assert_eq(listen(fd, 1), 0);
        return fd;
}

/* Greets (ZMTP 3.0) and waits until the reader has hung up. */
static void greet_and_wait(int listener)
{
        static const unsigned char greeting[64] = "\xff\0\0\0\0\0\0\0\x01\x7f\x03\0PLAIN";
        int fd = accept(listener, NULL, NULL);
        char taken[64];

        cr_assert_geq(fd, 0);
        cr_assert_eq(write(fd, greeting, sizeof(greeting)), (ssize_t)sizeof(greeting));
        while (read(fd, taken, sizeof(taken)) > 0)
                ;
        close(fd);
}

/* Turns the loop until SOCKET has something. */
static bool comes(struct bus_loop *loop, void *socket)
{
        const int64_t deadline_us = bus_mono_us() + 20 * BUS_US_PER_SEC;
        zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };

        while (bus_mono_us() < deadline_us) {
                cr_assert_eq(bus_loop_turn(loop, 10 * BUS_US_PER_MS), 0);
                if (zmq_poll(&item, 1, 0) > 0)
                        return true;
        }
        return false;
}

Test(socket, a_reader_comes_back_behind_a_handshake_that_failed)
{
        struct bus_loop *loop = bus_loop_new();
        void *context = zmq_ctx_new(), *writer = zmq_socket(context, ZMQ_XPUB);
        char folder[] = "/tmp/umbra-socket-XXXXXX", pub[64], replay[64], error[128];
        int budget = 1, listener;
        struct bus_peer_options options = { .loop = loop,
                .zmq = context,
                .writer = "order-executor",
                .pub_endpoint = pub,
                .replay_endpoint = replay,
                .budget = &budget };
        struct bus_reader_options reader = { .stream_kind = "trade", .deliver = take };
        struct bus_peer *peer;

        cr_assert(mkdtemp(folder));
        snprintf(pub, sizeof(pub), "ipc://%s/p", folder);
        snprintf(replay, sizeof(replay), "ipc://%s/r", folder);
        listener = listen_as_another(pub + strlen("ipc://"));
        cr_assert_eq(bus_peer_new(&options, &peer, error, sizeof(error)), 0, "%s", error);
        bus_peer_add(peer, &reader);
        greet_and_wait(listener);
        close(listener);
        cr_assert_eq(zmq_bind(writer, pub), 0);
        cr_expect(comes(loop, writer), "the reader is deaf for good");
        bus_peer_free(peer);
        bus_loop_free(loop);
        zmq_close(writer);
        zmq_ctx_term(context);
        unlink(pub + strlen("ipc://"));
        rmdir(folder);
}
