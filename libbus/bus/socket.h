#pragma once
/*
 * Every ZeroMQ socket of the system is made here, with every option that matters set: libzmq's
 * defaults hang an exit (LINGER -1), accept messages of any size, and notice no dead peer.
 */
#include "libbus/base/attr.h"

/* Largest frame anybody may send us: a replay answer is cut at a quarter of it. */
#define BUS_FRAME_MAX_BYTES (4 * 1024 * 1024)
/* Messages queued for a peer that is slower than we are; what goes beyond is fetched by replay. */
#define BUS_HWM_MESSAGES 10000

/* TYPE: ZMQ_PUB and so on. Returns NULL with errno set. The caller closes with bus_socket_close. */
void *bus_socket_new(void *context, int type);
/* Lets what was sent go out for at most LINGER_MS, then closes. Takes NULL, returns NULL. */
void *bus_socket_close(void *socket, int linger_ms);
