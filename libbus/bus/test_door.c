/*
 * The door of strategy-v3, with real sockets: who knocks is a context of its own, as another process
 * would be. The shadow, a stranger, and somebody without a key stay outside, at PUB and at replay.
 */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/bus/canary.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/socket.h"
#include "libbus/bus/zap.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <zmq.h>

#define SERVER      "strategy-v3"
#define PATIENCE_US (20 * BUS_US_PER_SEC)
#define EVENTS                                                                 \
        (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |     \
                ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_DISCONNECTED | \
                ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)

struct door {
        char folder[32], keys_folder[48], pub_endpoint[64], replay_endpoint[64];
        struct bus_loop *loop;
        void *zmq, *other, *pub, *router; /* other: whose sockets knock */
        struct bus_metrics *metrics;
        struct bus_metric *refused;
        struct bus_zap *zap;
        struct bus_keys *keys;
};

static struct bus_keys *load(const struct door *door, const char *name)
{
        struct bus_keys *keys;
        char error[256];

        cr_assert_eq(bus_keys_load(door->keys_folder, name, &keys, error, sizeof(error)), 0, "%s",
                error);
        return keys;
}

static void *guarded(struct door *door, int type, const char *endpoint)
{
        void *socket = bus_socket_new(door->zmq, type);

        bus_socket_guard(socket, door->keys, SERVER);
        cr_assert_eq(bus_socket_bind(socket, endpoint), 0);
        return socket;
}

static void door_init(struct door *door)
{
        *door = (struct door){ .folder = "/tmp/umbra-door-XXXXXX" };
        cr_assert(mkdtemp(door->folder));
        snprintf(door->keys_folder, sizeof(door->keys_folder), "%s/keys", door->folder);
        snprintf(door->pub_endpoint, sizeof(door->pub_endpoint), "ipc://%s/pub", door->folder);
        snprintf(door->replay_endpoint, sizeof(door->replay_endpoint), "ipc://%s/replay",
                door->folder);
        cr_assert_eq(bus_keys_make_all(door->keys_folder), 0);
        door->loop = bus_loop_new();
        door->zmq = zmq_ctx_new();
        door->other = zmq_ctx_new();
        door->metrics = bus_metrics_new();
        door->refused = bus_counter(door->metrics, "refused", "", "");
        cr_assert_eq(
                bus_zap_new(door->loop, door->zmq, door->keys_folder, door->refused, &door->zap),
                0);
        bus_zap_admit(door->zap, SERVER, bus_policy_default(SERVER));
        door->keys = load(door, SERVER);
        door->pub = guarded(door, ZMQ_PUB, door->pub_endpoint);
        door->router = guarded(door, ZMQ_ROUTER, door->replay_endpoint);
}

static void door_done(struct door *door)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -r %s", door->folder);

        bus_socket_close(door->pub, 0);
        bus_socket_close(door->router, 0);
        bus_zap_free(door->zap);
        bus_loop_free(door->loop);
        bus_metrics_free(door->metrics);
        bus_keys_free(door->keys);
        zmq_ctx_term(door->other);
        zmq_ctx_term(door->zmq);
        cr_expect_eq(system(clean), 0);
}

/* ---- somebody knocks ---- */

struct guest {
        void *socket, *monitor;
};

static void guest_init(struct guest *guest, struct door *door, int type)
{
        static unsigned int guests;
        char monitor[64];

        guest->socket = bus_socket_new(door->other, type);
        guest->monitor = zmq_socket(door->other, ZMQ_PAIR);
        snprintf(monitor, sizeof(monitor), "inproc://guest-%u", guests++);
        cr_assert_eq(zmq_socket_monitor(guest->socket, monitor, EVENTS), 0);
        cr_assert_eq(zmq_connect(guest->monitor, monitor), 0);
        if (type == ZMQ_SUB)
                cr_assert_eq(zmq_setsockopt(guest->socket, ZMQ_SUBSCRIBE, "", 0), 0);
}

static void guest_done(struct guest *guest)
{
        zmq_socket_monitor(guest->socket, NULL, 0);
        bus_socket_close(guest->socket, 0);
        bus_socket_close(guest->monitor, 0);
}

/* The first thing that happened at the guest's end. */
static int outcome(struct door *door, struct guest *guest)
{
        int64_t until_us = bus_mono_us() + PATIENCE_US;
        uint8_t event[6];
        uint16_t number;

        while (zmq_recv(guest->monitor, event, sizeof(event), ZMQ_DONTWAIT) < 0) {
                cr_assert_lt(bus_mono_us(), until_us, "nothing happened");
                cr_assert_eq(bus_loop_turn(door->loop, 5 * BUS_US_PER_MS), 0);
        }
        memcpy(&number, event, sizeof(number));
        return number;
}

/* What becomes of who comes with KEYS (NULL: none) and believes the server has SERVER_KEY. */
static int knock(struct door *door, int type, const char *endpoint, const struct bus_keys *keys,
        const uint8_t *server_key)
{
        struct guest guest;
        int event;

        guest_init(&guest, door, type);
        if (keys)
                bus_socket_trust_key(guest.socket, keys, server_key);
        cr_assert_eq(bus_socket_connect(guest.socket, endpoint), 0);
        event = outcome(door, &guest);
        guest_done(&guest);
        return event;
}

static void expect_both(struct door *door, const struct bus_keys *keys, int event)
{
        cr_expect_eq(knock(door, ZMQ_SUB, door->pub_endpoint, keys, door->keys->public_key), event);
        cr_expect_eq(knock(door, ZMQ_DEALER, door->replay_endpoint, keys, door->keys->public_key),
                event);
}

static void expect_as(struct door *door, const char *name, int event)
{
        struct bus_keys *keys = load(door, name);

        expect_both(door, keys, event);
        bus_keys_free(keys);
}

Test(door, opens_to_whom_the_policy_names)
{
        struct door door;

        door_init(&door);
        expect_as(&door, "order-executor", ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        expect_as(&door, "health", ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        expect_as(&door, "tools", ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        cr_expect_eq(bus_metric_value(door.refused), 0);
        door_done(&door);
}

Test(door, stays_shut_for_the_shadow)
{
        struct door door;

        door_init(&door);
        expect_as(&door, "strategy-v3-shadow", ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        cr_expect_eq(bus_metric_value(door.refused), 2);
        door_done(&door);
}

Test(door, stays_shut_for_a_key_of_ones_own_making)
{
        struct bus_keys *stranger = bus_keys_stranger();
        struct door door;

        door_init(&door);
        expect_both(&door, stranger, ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        cr_expect_eq(bus_metric_value(door.refused), 2);
        bus_keys_free(stranger);
        door_done(&door);
}

Test(door, stays_shut_for_who_has_no_key)
{
        struct door door;

        door_init(&door);
        cr_expect_neq(knock(&door, ZMQ_SUB, door.pub_endpoint, NULL, NULL),
                ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        cr_expect_neq(knock(&door, ZMQ_DEALER, door.replay_endpoint, NULL, NULL),
                ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        door_done(&door);
}

/* A reader that is led to a false writer: it talks to nobody without the key it was told. */
Test(door, of_somebody_else_is_not_entered)
{
        struct bus_keys *health, *other;
        struct door door;

        door_init(&door);
        health = load(&door, "health");
        other = load(&door, "alert-ingest");
        cr_expect_neq(knock(&door, ZMQ_SUB, door.pub_endpoint, health, other->public_key),
                ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        bus_keys_free(health);
        bus_keys_free(other);
        door_done(&door);
}

Test(door, is_shut_in_a_domain_nobody_was_admitted_to)
{
        struct bus_keys *health;
        struct door door;
        void *socket;
        char endpoint[64];

        door_init(&door);
        health = load(&door, "health");
        snprintf(endpoint, sizeof(endpoint), "ipc://%s/third", door.folder);
        socket = bus_socket_new(door.zmq, ZMQ_PUB);
        bus_socket_guard(socket, door.keys, "strategy-v3/third");
        cr_assert_eq(bus_socket_bind(socket, endpoint), 0);
        cr_expect_eq(knock(&door, ZMQ_SUB, endpoint, health, door.keys->public_key),
                ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        bus_socket_close(socket, 0);
        bus_keys_free(health);
        door_done(&door);
}

/* Not the handshake alone: what is published reaches the one and not the other. */
Test(door, keeps_what_is_said_inside)
{
        struct guest friend, shadow;
        struct bus_keys *keys, *shadows;
        struct door door;
        int64_t until_us;
        char frame[8];

        door_init(&door);
        keys = load(&door, "health");
        shadows = load(&door, "strategy-v3-shadow");
        guest_init(&friend, &door, ZMQ_SUB);
        guest_init(&shadow, &door, ZMQ_SUB);
        bus_socket_trust_key(shadow.socket, shadows, door.keys->public_key);
        cr_assert_eq(bus_socket_connect(shadow.socket, door.pub_endpoint), 0);
        cr_assert_eq(outcome(&door, &shadow), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        bus_socket_trust_key(friend.socket, keys, door.keys->public_key);
        cr_assert_eq(bus_socket_connect(friend.socket, door.pub_endpoint), 0);
        until_us = bus_mono_us() + PATIENCE_US;
        while (zmq_recv(friend.socket, frame, sizeof(frame), ZMQ_DONTWAIT) != 5) {
                cr_assert_lt(bus_mono_us(), until_us);
                cr_assert_eq(zmq_send(door.pub, "order", 5, 0), 5);
                cr_assert_eq(bus_loop_turn(door.loop, BUS_US_PER_MS), 0);
        }
        cr_expect_lt(zmq_recv(shadow.socket, frame, sizeof(frame), ZMQ_DONTWAIT), 0);
        guest_done(&friend);
        guest_done(&shadow);
        bus_keys_free(keys);
        bus_keys_free(shadows);
        door_done(&door);
}

Test(door, over_a_network_needs_a_key)
{
        struct bus_keys *stranger;
        struct door door;
        void *plain, *curve;
        char endpoint[64];
        size_t size = sizeof(endpoint);

        door_init(&door);
        plain = bus_socket_new(door.zmq, ZMQ_PUB);
        cr_expect_eq(bus_socket_bind(plain, "tcp://127.0.0.1:*"), -EPERM);
        cr_expect_eq(bus_socket_connect(plain, "tcp://127.0.0.1:9"), -EPERM);
        curve = guarded(&door, ZMQ_PUB, "tcp://127.0.0.1:*");
        cr_assert_eq(zmq_getsockopt(curve, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
        stranger = bus_keys_stranger();
        cr_expect_eq(knock(&door, ZMQ_SUB, endpoint, stranger, door.keys->public_key),
                ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
        bus_keys_free(stranger);
        bus_socket_close(plain, 0);
        bus_socket_close(curve, 0);
        door_done(&door);
}

Test(door, has_one_keeper_a_context)
{
        struct bus_zap *second = NULL;
        struct door door;

        door_init(&door);
        cr_expect_eq(
                bus_zap_new(door.loop, door.zmq, door.keys_folder, NULL, &second), -EADDRINUSE);
        cr_expect_null(second);
        door_done(&door);
}

/* ---- the canary ---- */

static int fly(struct door *door, void *pub, void *router, char error[static 256])
{
        const struct bus_canary_target targets[] = { { pub, ZMQ_SUB }, { router, ZMQ_DEALER } };

        return bus_canary(door->zmq, door->zap, door->keys, targets, 2, error, 256);
}

Test(canary, comes_home_refused_and_uncounted)
{
        struct door door;
        char error[256] = "";

        door_init(&door);
        cr_expect_eq(fly(&door, door.pub, door.router, error), 0, "%s", error);
        cr_expect_eq(bus_metric_value(door.refused), 0);
        door_done(&door);
}

/* libzmq admits everyone where no handler answers: here the handler is another context's. */
Test(canary, that_is_let_in_says_so)
{
        struct door door;
        void *unwatched = zmq_ctx_new(), *pub, *mine;
        char error[256] = "", endpoint[64];

        door_init(&door);
        mine = door.zmq;
        door.zmq = unwatched;
        snprintf(endpoint, sizeof(endpoint), "ipc://%s/open", door.folder);
        pub = guarded(&door, ZMQ_PUB, endpoint);
        cr_expect_eq(fly(&door, pub, pub, error), -EKEYREJECTED);
        cr_expect(strstr(error, "lets in"), "%s", error);
        door.zmq = mine;
        bus_socket_close(pub, 0);
        zmq_ctx_term(unwatched);
        door_done(&door);
}

/* A second line in front of the first: one unguarded socket is enough. */
Test(canary, looks_at_every_socket)
{
        struct door door;
        char error[256] = "", endpoint[64];
        void *plain;

        door_init(&door);
        snprintf(endpoint, sizeof(endpoint), "ipc://%s/plain", door.folder);
        plain = bus_socket_new(door.zmq, ZMQ_ROUTER);
        cr_assert_eq(bus_socket_bind(plain, endpoint), 0);
        cr_expect_eq(fly(&door, door.pub, plain, error), -EKEYREJECTED);
        cr_expect(strstr(error, "plain asks for no key"), "%s", error);
        bus_socket_close(plain, 0);
        door_done(&door);
}

/* Who is not let in, and is not refused either: on a full machine the keeper is not heard in time. */
Test(canary, that_nobody_answers_was_not_let_in)
{
        struct door door;
        void *slow = zmq_ctx_new(), *keeper, *pub, *mine;
        char error[256] = "", endpoint[64];

        door_init(&door);
        keeper = bus_socket_new(slow, ZMQ_ROUTER);
        cr_assert_eq(zmq_bind(keeper, "inproc://zeromq.zap.01"), 0);
        mine = door.zmq;
        door.zmq = slow;
        snprintf(endpoint, sizeof(endpoint), "ipc://%s/slow", door.folder);
        pub = guarded(&door, ZMQ_PUB, endpoint);
        cr_expect_eq(fly(&door, pub, pub, error), -ETIMEDOUT);
        cr_expect(strstr(error, "slow neither lets in"), "%s", error);
        door.zmq = mine;
        bus_socket_close(pub, 0);
        bus_socket_close(keeper, 0);
        zmq_ctx_term(slow);
        door_done(&door);
}
