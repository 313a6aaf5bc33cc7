#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/base/tcp.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#define OTHER_USER  61199
#define PATIENCE_US (20 * BUS_US_PER_SEC)

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

/* Whether the kernel knows of a connection between two ports of 127.0.0.1, in whatever state. */
static bool is_known(unsigned int from, unsigned int to)
{
        BUS_AUTOFREE char *both =
                bus_xasprintf("0100007F:%04X %08X:%04X", from, htonl(INADDR_LOOPBACK), to);
        FILE *file = fopen("/proc/net/tcp", "re");
        char line[256];
        bool found = false;

        cr_assert(file);
        while (!found && fgets(line, sizeof(line), file))
                found = strstr(line, both);
        fclose(file);
        return found;
}

static void connect_from(struct pair *pair, const struct sockaddr_in *from)
{
        struct sockaddr_in to = { .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const int yes = 1;

        cr_assert_eq(bus_tcp_listen("127.0.0.1:0", 4, &pair->listener), 0);
        to.sin_port = htons((uint16_t)bus_tcp_port(pair->listener));
        pair->there = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_eq(setsockopt(pair->there, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
        /* forgotten soon behind its end */
        cr_assert_eq(setsockopt(pair->there, IPPROTO_TCP, TCP_LINGER2, &yes, sizeof(yes)), 0);
        cr_assert_eq(bind(pair->there, (const struct sockaddr *)from, sizeof(*from)), 0);
        cr_assert_eq(connect(pair->there, (struct sockaddr *)&to, sizeof(to)), 0);
        pair->here = accept(pair->listener, NULL, NULL);
        cr_assert_geq(pair->here, 0);
}

/* Where its connection is forgotten, the kernel finds who listens at its port. */
Test(tcp, does_not_take_one_who_listens_for_one_who_has_hung_up)
{
        const struct sockaddr_in any = { .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int64_t until_us = bus_mono_us() + PATIENCE_US;
        BUS_AUTOFREE char *address = NULL;
        unsigned int port;
        struct pair pair;
        int later = -1;
        uid_t uid = 1;

        connect_from(&pair, &any);
        port = bus_tcp_port(pair.there);
        address = bus_xasprintf("127.0.0.1:%u", port);
        cr_assert_eq(bus_tcp_listen(address, 4, &later), 0);
        cr_assert(is_known(port, bus_tcp_port(pair.listener)));
        close(pair.there);
        pair.there = -1;
        while (is_known(port, bus_tcp_port(pair.listener)) && bus_mono_us() < until_us)
                usleep(20000);
        cr_assert_lt(bus_mono_us(), until_us);
        cr_expect_eq(bus_tcp_peer_uid(pair.here, &uid), -ENOENT);
        cr_expect_eq(uid, 1);
        close(later);
        close_pair(&pair);
}
