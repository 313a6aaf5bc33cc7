#include "services/mt5-demo/ctl.h"

#include <errno.h>
#include <zmq.h>

static int set_int(void *socket, int option, int value)
{
        return zmq_setsockopt(socket, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int receive(void *socket, struct bus_buf *ret_reply)
{
        zmq_msg_t frame;
        int r = 0;

        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, 0) < 0)
                r = errno == EAGAIN ? -ETIMEDOUT : -errno;
        else
                bus_buf_add(ret_reply, zmq_msg_data(&frame), zmq_msg_size(&frame));
        zmq_msg_close(&frame);
        return r;
}

static int exchange(void *socket, const char *endpoint, const char *command, int64_t timeout_us,
        struct bus_buf *ret_reply)
{
        int timeout_ms = (int)(timeout_us / BUS_US_PER_MS);
        size_t before = ret_reply->size;
        int r;

        r = set_int(socket, ZMQ_LINGER, 0);
        if (!r)
                r = set_int(socket, ZMQ_RCVTIMEO, timeout_ms);
        if (!r)
                r = set_int(socket, ZMQ_SNDTIMEO, timeout_ms);
        if (r < 0)
                return r;
        if (zmq_connect(socket, endpoint) < 0)
                return -errno;
        if (zmq_send(socket, command, strlen(command), 0) < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        r = receive(socket, ret_reply);
        if (r < 0)
                return r;
        return strncmp(bus_buf_str(ret_reply) + before, "error: ", 7) ? 0 : CTL_REFUSED;
}

int ctl_command(
        const char *endpoint, const char *command, int64_t timeout_us, struct bus_buf *ret_reply)
{
        void *zmq = zmq_ctx_new(), *socket = zmq ? zmq_socket(zmq, ZMQ_REQ) : NULL;
        int r = -ENOMEM;

        if (socket) {
                r = exchange(socket, endpoint, command, timeout_us, ret_reply);
                zmq_close(socket);
        }
        if (zmq)
                zmq_ctx_term(zmq);
        return r;
}
