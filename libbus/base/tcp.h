#pragma once
/* A listening TCP socket from an address in text. */
#include "libbus/base/attr.h"

/*
 * Listens at ADDRESS: "127.0.0.1:8080", "[::1]:8080"; port 0: any. *RET_FD does not block and is
 * closed on exec; the caller closes it. -EINVAL for what is no address, -EADDRNOTAVAIL for a host
 * that is not known, or -errno. May block on a name server where the host is a name.
 */
BUS_MUST int bus_tcp_listen(const char *address, int backlog, int *ret_fd);
/* The port a socket is bound to, 0 if it has none. */
unsigned int bus_tcp_port(int fd);
