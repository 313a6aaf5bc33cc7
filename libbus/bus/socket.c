#include "libbus/bus/socket.h"

#include "libbus/base/require.h"

#include <stdint.h>
#include <zmq.h>

/* A peer that answered nothing for this long is gone; its messages come by replay. */
#define HEARTBEAT_INTERVAL_MS 5000
#define HEARTBEAT_TIMEOUT_MS  15000
#define HANDSHAKE_TIMEOUT_MS  5000
#define RECONNECT_FIRST_MS    20
#define RECONNECT_MAX_MS      500

static void set_int(void *socket, int option, int value)
{
        bus_require(zmq_setsockopt(socket, option, &value, sizeof(value)) == 0);
}

void *bus_socket_new(void *context, int type)
{
        void *socket = zmq_socket(context, type);
        int64_t frame_max = BUS_FRAME_MAX_BYTES;

        if (!socket)
                return NULL;
        bus_require(zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &frame_max, sizeof(frame_max)) == 0);
        set_int(socket, ZMQ_LINGER, 0);
        set_int(socket, ZMQ_SNDHWM, BUS_HWM_MESSAGES);
        set_int(socket, ZMQ_RCVHWM, BUS_HWM_MESSAGES);
        set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_INTERVAL_MS);
        set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS);
        set_int(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS);
        set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_TIMEOUT_MS);
        set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_FIRST_MS);
        set_int(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
        set_int(socket, ZMQ_TCP_KEEPALIVE, 1);
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
