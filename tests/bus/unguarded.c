/*
 * Linked into a node with --wrap=zmq_bind: the doorkeeper believes that it sits at the door, and
 * libzmq does not find it there. What the canary is for.
 */
#include <string.h>
#include <zmq.h>

int __real_zmq_bind(void *socket, const char *endpoint);
int __wrap_zmq_bind(void *socket, const char *endpoint);

int __wrap_zmq_bind(void *socket, const char *endpoint)
{
        return strcmp(endpoint, "inproc://zeromq.zap.01") ? __real_zmq_bind(socket, endpoint) : 0;
}
