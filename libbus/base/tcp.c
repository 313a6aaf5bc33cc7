#include "libbus/base/tcp.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

/* ---- who is at the other end ---- */

struct diag_request {
        struct nlmsghdr header;
        struct inet_diag_req_v2 body;
};

static void put_address(
        const struct sockaddr_storage *address, __be16 *ret_port, __be32 ret_address[4])
{
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

        if (address->ss_family == AF_INET) {
                *ret_port = v4->sin_port;
                ret_address[0] = v4->sin_addr.s_addr;
        } else {
                *ret_port = v6->sin6_port;
                memcpy(ret_address, &v6->sin6_addr, sizeof(v6->sin6_addr));
        }
}

/* The other end's own view: its source is our destination. */
static int make_request(int fd, struct diag_request *request)
{
        struct sockaddr_storage here = { 0 }, there = { 0 };
        socklen_t here_size = sizeof(here), there_size = sizeof(there);
        struct inet_diag_sockid *id = &request->body.id;

        if (getsockname(fd, (struct sockaddr *)&here, &here_size) < 0 ||
                getpeername(fd, (struct sockaddr *)&there, &there_size) < 0)
                return -errno;
        if (here.ss_family != there.ss_family ||
                (here.ss_family != AF_INET && here.ss_family != AF_INET6))
                return -EAFNOSUPPORT;
        *request = (struct diag_request){
                .header = { .nlmsg_len = sizeof(*request),
                        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                        .nlmsg_flags = NLM_F_REQUEST },
                .body = { .sdiag_family = (uint8_t)here.ss_family,
                        .sdiag_protocol = IPPROTO_TCP,
                        .idiag_states = ~0U,
                        .id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } },
        };
        put_address(&there, &id->idiag_sport, id->idiag_src);
        put_address(&here, &id->idiag_dport, id->idiag_dst);
        return 0;
}

static int read_error(const struct nlmsghdr *answer)
{
        const struct nlmsgerr *error = NLMSG_DATA(answer);

        return answer->nlmsg_len >= NLMSG_LENGTH(sizeof(*error)) && error->error < 0 ? error->error
                                                                                     : -EBADMSG;
}

/*
 * A socket that is closed, and lingers, belongs to nobody: the kernel calls that user 0. And where it
 * finds no connection, it takes who listens at that port for an answer.
 */
static int read_answer(const struct nlmsghdr *answer, size_t size, uid_t *ret_uid)
{
        const struct inet_diag_msg *message = NLMSG_DATA(answer);

        if (!NLMSG_OK(answer, size))
                return -EBADMSG;
        if (answer->nlmsg_type == NLMSG_ERROR)
                return read_error(answer);
        if (answer->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
                answer->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
                return -EBADMSG;
        if (!message->idiag_inode || message->idiag_state == TCP_LISTEN)
                return -ENOENT;
        *ret_uid = message->idiag_uid;
        return 0;
}

int bus_tcp_peer_uid(int fd, uid_t *ret_uid)
{
        union {
                struct nlmsghdr header;
                char bytes[1024];
        } answer;
        BUS_AUTOCLOSE int diag = -1;
        struct diag_request request;
        ssize_t n;
        int r;

        r = make_request(fd, &request);
        if (r < 0)
                return r;
        diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
        /* the kernel answers within the call */
        if (diag < 0 || send(diag, &request, sizeof(request), 0) < 0)
                return -errno;
        n = recv(diag, &answer, sizeof(answer), 0);
        if (n < 0)
                return -errno;
        return read_answer(&answer.header, (size_t)n, ret_uid);
}
