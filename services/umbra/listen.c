#include "services/umbra/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

/* Senders that may wait while a service is started again; the kernel caps it at somaxconn. */
#define BACKLOG 1024

static int port_of(int fd, uint16_t *ret_port)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } address = { 0 };
        socklen_t size = sizeof(address);

        if (getsockname(fd, &address.any, &size) < 0)
                return -errno;
        *ret_port = ntohs(
                address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
        return 0;
}

static int open_at(const struct addrinfo *info, int *ret_fd, uint16_t *ret_port)
{
        BUS_AUTOCLOSE int fd =
                socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int yes = 1;
        int r;

        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
                bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        r = port_of(fd, ret_port);
        if (r < 0)
                return r;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

int listen_open(const char *host, uint16_t port, int *ret_fd, uint16_t *ret_port)
{
        const struct addrinfo hints = {
                .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                .ai_socktype = SOCK_STREAM,
        };
        struct addrinfo *found = NULL;
        char service[8];
        int r;

        snprintf(service, sizeof(service), "%u", (unsigned int)port);
        if (getaddrinfo(host, service, &hints, &found))
                return -EADDRNOTAVAIL;
        r = open_at(found, ret_fd, ret_port);
        freeaddrinfo(found);
        return r;
}
