#include "libbus/bus/socket.h"

#include "libbus/base/require.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <zmq.h>

/* A peer that answered nothing for this long is gone; its messages come by replay. */
#define HEARTBEAT_INTERVAL_MS 5000
#define HEARTBEAT_TIMEOUT_MS  15000
#define HANDSHAKE_TIMEOUT_MS  5000
/* As soon as that, by the kernel's probes. */
#define KEEPALIVE_IDLE_S     5
#define KEEPALIVE_INTERVAL_S 3
#define KEEPALIVE_COUNT      3
#define RECONNECT_FIRST_MS   20
#define RECONNECT_MAX_MS     500

static void set_int(void *socket, int option, int value)
{
        bus_require(zmq_setsockopt(socket, option, &value, sizeof(value)) == 0);
}

static bool is_live(int type)
{
        return type == ZMQ_XPUB || type == ZMQ_PUB || type == ZMQ_SUB;
}

/*
 * Publishers and subscribers have no heartbeat: libzmq stops reading for a subscriber whose queue is
 * full, takes the pong it does not read for a dead peer, and aborts on the half message it then
 * finds (libzmq issues 3596 and 4767). A dead connection is TCP's to notice; a dead writer shows by
 * its beacons.
 */
static void set_liveness(void *socket, int type)
{
        set_int(socket, ZMQ_TCP_KEEPALIVE, 1);
        set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S);
        set_int(socket, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S);
        set_int(socket, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT);
        if (is_live(type))
                return;
        set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_INTERVAL_MS);
        set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
        set_int(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS);
}

void bus_socket_move(void *socket, unsigned int thread)
{
        uint64_t mask = UINT64_C(1) << thread;

        bus_require(zmq_setsockopt(socket, ZMQ_AFFINITY, &mask, sizeof(mask)) == 0);
}

void *bus_socket_new(void *context, int type)
{
        void *socket = zmq_socket(context, type);
        int queued_max = is_live(type) ? BUS_HWM_PUBLISHED : BUS_HWM_MESSAGES;
        int64_t frame_max = BUS_FRAME_MAX_BYTES;

        if (!socket)
                return NULL;
        bus_require(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof(frame_max)) == 0);
        bus_socket_move(socket, 0);
        set_int(socket, ZMQ_LINGER, 0);
        set_int(socket, ZMQ_SNDHWM, queued_max);
        set_int(socket, ZMQ_RCVHWM, queued_max);
        set_liveness(socket, type);
        set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_TIMEOUT_MS);
        set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_FIRST_MS);
        set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
        set_int(socket, ZMQ_IPV6, 1);
        if (type == ZMQ_DEALER)
                set_int(socket, ZMQ_IMMEDIATE, 1); /* no queueing for a peer that is not there */
        if (type == ZMQ_ROUTER)
                set_int(socket, ZMQ_ROUTER_HANDOVER, 1);
        return socket;
}

void *bus_socket_close(void *socket, int linger_ms)
{
        if (socket) {
                set_int(socket, ZMQ_LINGER, linger_ms);
                zmq_close(socket);
        }
        return NULL;
}

static void set_key(void *socket, int option, const uint8_t key[BUS_KEY_BYTES])
{
        bus_require(zmq_setsockopt(socket, option, key, BUS_KEY_BYTES) == 0);
}

void bus_socket_guard(void *socket, const struct bus_keys *keys, const char *domain)
{
        set_int(socket, ZMQ_CURVE_SERVER, 1);
        set_key(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key);
        bus_require(zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0);
}

void bus_socket_trust_key(
        void *socket, const struct bus_keys *keys, const uint8_t server_key[static BUS_KEY_BYTES])
{
        set_key(socket, ZMQ_CURVE_SERVERKEY, server_key);
        set_key(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key);
        set_key(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key);
}

int bus_socket_trust(void *socket, const struct bus_keys *keys, const char *server)
{
        uint8_t server_key[BUS_KEY_BYTES];
        int r;

        r = bus_keys_public(keys->folder, server, server_key);
        if (!r)
                bus_socket_trust_key(socket, keys, server_key);
        return r;
}

static bool may_carry(void *socket, const char *endpoint)
{
        int mechanism = ZMQ_NULL;
        size_t size = sizeof(mechanism);

        bus_require(zmq_getsockopt(socket, ZMQ_MECHANISM, &mechanism, &size) == 0);
        return mechanism == ZMQ_CURVE || !strncmp(endpoint, "ipc://", strlen("ipc://")) ||
               !strncmp(endpoint, "inproc://", strlen("inproc://"));
}

int bus_socket_bind(void *socket, const char *endpoint)
{
        if (!may_carry(socket, endpoint))
                return -EPERM;
        return zmq_bind(socket, endpoint) < 0 ? -errno : 0;
}

int bus_socket_connect(void *socket, const char *endpoint)
{
        if (!may_carry(socket, endpoint))
                return -EPERM;
        return zmq_connect(socket, endpoint) < 0 ? -errno : 0;
}
