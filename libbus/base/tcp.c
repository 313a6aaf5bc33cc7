#include "libbus/base/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define HOST_SIZE 256

static int split_address(const char *address, char *host, size_t host_size, const char **ret_port)
{
        const char *colon = strrchr(address, ':');
        size_t length;

        if (!colon || colon == address || !colon[1])
                return -EINVAL;
        length = (size_t)(colon - address);
        if (address[0] == '[' && colon[-1] == ']') {
                address++;
                length -= 2;
        }
        if (length >= host_size)
                return -EINVAL;
        memcpy(host, address, length);
        host[length] = 0;
        *ret_port = colon + 1;
        return 0;
}

static int open_listener(const struct addrinfo *info, int backlog, int *ret_fd)
{
        BUS_AUTOCLOSE int fd = socket(
                info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol);
        const int yes = 1;

        if (fd < 0)
                return -errno;
        /* A restart must not wait for the old connections' TIME_WAIT. */
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
                bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, backlog) < 0)
                return -errno;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

int bus_tcp_listen(const char *address, int backlog, int *ret_fd)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
        struct addrinfo *list = NULL;
        char host[HOST_SIZE];
        const char *port;
        int r;

        r = split_address(address, host, sizeof(host), &port);
        if (r < 0)
                return r;
        if (getaddrinfo(host, port, &hints, &list))
                return -EADDRNOTAVAIL;
        r = open_listener(list, backlog, ret_fd);
        freeaddrinfo(list);
        return r;
}

unsigned int bus_tcp_port(int fd)
{
        struct sockaddr_storage address = { 0 };
        socklen_t size = sizeof(address);

        if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
                return 0;
        if (address.ss_family == AF_INET6)
                return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
        if (address.ss_family == AF_INET)
                return ntohs(((struct sockaddr_in *)&address)->sin_port);
        return 0;
}
