#pragma once
/* TCP sockets: listening at an address in text, and who is at the other end. */
#include "libbus/base/attr.h"

#include <sys/types.h>

/*
 * Listens at ADDRESS: "127.0.0.1:8080", "[::1]:8080"; port 0: any. *RET_FD does not block and is
 * closed on exec; the caller closes it. -EINVAL for what is no address, -EADDRNOTAVAIL for a host
 * that is not known, or -errno. May block on a name server where the host is a name.
 */
BUS_MUST int bus_tcp_listen(const char *address, int backlog, int *ret_fd);
/*
 * Whose the other end of FD is, a connection within this machine: the user who has the socket there
 * open, as the kernel tells it (sock_diag(7)). -ENOENT if nobody has it open any more, or the other
 * end is not here; -errno where the kernel does not tell. Does not block.
 */
BUS_MUST int bus_tcp_peer_uid(int fd, uid_t *ret_uid);
/* The port a socket is bound to, 0 if it has none. */
unsigned int bus_tcp_port(int fd);
