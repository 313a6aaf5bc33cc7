#include "libbus/base/tcp.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define OTHER_USER 61199

struct pair {
        int listener, here, there;
};

static void connect_pair(struct pair *pair, const char *address, int family)
{
        struct sockaddr_in v4 = { .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

        cr_assert_eq(bus_tcp_listen(address, 4, &pair->listener), 0);
        v4.sin_port = v6.sin6_port = htons((uint16_t)bus_tcp_port(pair->listener));
        pair->there = socket(family, SOCK_STREAM, 0);
        cr_assert_geq(pair->there, 0);
        if (family == AF_INET)
                cr_assert_eq(connect(pair->there, (struct sockaddr *)&v4, sizeof(v4)), 0);
        else
                cr_assert_eq(connect(pair->there, (struct sockaddr *)&v6, sizeof(v6)), 0);
        /* the listener does not wait, the connection is there */
        pair->here = accept(pair->listener, NULL, NULL);
        cr_assert_geq(pair->here, 0);
}

static void close_pair(struct pair *pair)
{
        close(pair->listener);
        close(pair->here);
        if (pair->there >= 0)
                close(pair->there);
}

Test(tcp, refuses_what_is_no_address)
{
        int fd = -1;

        cr_expect_eq(bus_tcp_listen("8080", 4, &fd), -EINVAL);
        cr_expect_eq(bus_tcp_listen(":8080", 4, &fd), -EINVAL);
        cr_expect_eq(bus_tcp_listen("127.0.0.1:", 4, &fd), -EINVAL);
        cr_expect_eq(bus_tcp_listen("no.such.host.invalid:1", 4, &fd), -EADDRNOTAVAIL);
        cr_expect_eq(fd, -1);
}

Test(tcp, tells_whose_the_other_end_is)
{
        struct pair pair;
        uid_t uid = 1;

        connect_pair(&pair, "127.0.0.1:0", AF_INET);
        cr_expect_eq(bus_tcp_peer_uid(pair.here, &uid), 0);
        cr_expect_eq(uid, geteuid());
        close_pair(&pair);
}

Test(tcp, tells_it_over_ipv6_too)
{
        struct pair pair;
        int probe = -1;
        uid_t uid = 1;

        if (bus_tcp_listen("[::1]:0", 1, &probe) < 0)
                cr_skip("no IPv6 here");
        close(probe);
        connect_pair(&pair, "[::1]:0", AF_INET6);
        cr_expect_eq(bus_tcp_peer_uid(pair.here, &uid), 0);
        cr_expect_eq(uid, geteuid());
        close_pair(&pair);
}

Test(tcp, tells_another_user_from_this_one)
{
        struct pair pair;
        uid_t uid = 1;

        if (geteuid() != 0)
                cr_skip("needs root");
        cr_assert_eq(seteuid(OTHER_USER), 0);
        connect_pair(&pair, "127.0.0.1:0", AF_INET);
        cr_assert_eq(seteuid(0), 0);
        cr_expect_eq(bus_tcp_peer_uid(pair.here, &uid), 0);
        cr_expect_eq(uid, OTHER_USER);
        close_pair(&pair);
}

/* The kernel would say that it is root's. */
Test(tcp, does_not_tell_of_one_who_has_hung_up)
{
        struct pair pair;
        uid_t uid = 1;

        connect_pair(&pair, "127.0.0.1:0", AF_INET);
        close(pair.there);
        pair.there = -1;
        cr_expect_eq(bus_tcp_peer_uid(pair.here, &uid), -ENOENT);
        cr_expect_eq(uid, 1);
        close_pair(&pair);
}
