#include "libbus/service/test_http_rig.h"

#include <fcntl.h>
#include <sys/wait.h>

static const int64_t SHORT_US = 150 * BUS_US_PER_MS;

static void fill(char *text, size_t size)
{
        memset(text, 'x', size - 1);
        text[size - 1] = 0;
}

Test(http_limits, a_body_over_the_cap_is_read_out_and_told_so)
{
        struct rig rig;
        char text[2048] = "", body[4098];
        int fd;

        rig_init(&rig, rig_defaults());
        fill(body, sizeof(body)); /* 4097 bytes, one too many */
        fd = rig_dial(&rig);
        rig_send(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\n\r\n");
        rig_send(fd, body);
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        cr_expect(strstr(text, "HTTP/1.1 413"));
        cr_expect(rig.too_large);
        cr_expect_eq(rig.body_size, 4096);
        /* The connection is as good as before, and a body at the cap is taken. */
        text[0] = 0;
        rig_send(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n\r\n");
        body[4096] = 0;
        rig_send(fd, body);
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        cr_expect(!rig.too_large);
        cr_expect_eq(rig.body_size, 4096);
        close(fd);
        rig_done(&rig);
}

Test(http_limits, a_chunked_body_over_the_cap_is_told_so_too)
{
        struct rig rig;
        char text[2048] = "", chunk[1025];
        int fd;

        rig_init(&rig, rig_defaults());
        fill(chunk, sizeof(chunk));
        fd = rig_dial(&rig);
        rig_send(fd, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (int i = 0; i < 5; i++) {
                rig_send(fd, "400\r\n");
                rig_send(fd, chunk);
                rig_send(fd, "\r\n");
        }
        rig_send(fd, "0\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        cr_expect(rig.too_large);
        close(fd);
        rig_done(&rig);
}

Test(http_limits, a_huge_declared_body_is_refused_before_it_is_sent)
{
        static const char *const huge[] = {
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4097\r\n"
                "Expect: 100-continue\r\n\r\n",
        };
        struct rig rig;

        rig_init(&rig, rig_defaults());
        for (size_t i = 0; i < 2 * BUS_COUNT(huge); i++) {
                char text[2048] = "";
                int fd = rig_dial(&rig);

                rig.hold = i % 2; /* answered at once, and later */
                rig_send(fd, huge[i / 2]);
                if (rig.hold) {
                        rig_wait_until(&rig, rig.held_count == 1);
                        rig_answer(rig.held[--rig.held_count], 413, "later");
                }
                cr_assert(rig_receive(&rig, fd, text, sizeof(text), NULL));
                cr_expect(strstr(text, "HTTP/1.1 413"), "%s", text);
                cr_expect(!strstr(text, "100 Continue"));
                close(fd);
        }
        cr_expect_eq(rig.calls, 4);
        rig_done(&rig);
}

Test(http_limits, headers_over_the_cap_are_431)
{
        struct rig rig;
        char text[2048] = "", value[9000];
        int fd;

        rig_init(&rig, rig_defaults());
        fill(value, sizeof(value));
        fd = rig_dial(&rig);
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ");
        rig_send(fd, value);
        rig_send(fd, "\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "\r\n\r\n"));
        cr_expect(strstr(text, "HTTP/1.1 431"), "%s", text);
        cr_expect_eq(rig.calls, 0);
        close(fd);
        rig_done(&rig);
}

/* libmicrohttpd closes some such connections without cleaning them up (the corpus of fuzz_http has
 * one): none may stay for ever. */
Test(http_limits, headers_over_the_cap_behind_an_answer_given_later_end_the_connection)
{
        struct http_options options = rig_defaults();
        struct rig rig;
        char text[2048] = "", value[1500];
        int fd;

        options.limits.header_max_bytes = 1024;
        options.limits.request_timeout_us = SHORT_US;
        rig_init(&rig, options);
        rig.hold = true;
        fill(value, sizeof(value));
        fd = rig_dial(&rig);
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        rig_wait_until(&rig, rig.held_count == 1);
        rig_answer(rig.held[0], 200, "fine");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ");
        rig_send(fd, value);
        rig_wait_until(&rig, !http_server_connections(rig.server));
        close(fd);
        rig_done(&rig);
}

/* One byte now and then keeps any timeout that counts from the last byte from ever ending. */
Test(http_limits, a_slow_sender_gets_408_at_its_deadline_however_busy_it_looks)
{
        struct http_options options = rig_defaults();
        struct rig rig;
        char text[2048] = "";
        int64_t began_us, next_us;
        int fd;

        options.limits.request_timeout_us = SHORT_US;
        rig_init(&rig, options);
        fd = rig_dial(&rig);
        began_us = next_us = bus_mono_us();
        rig_send(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n");
        while (!strstr(text, "408")) {
                ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

                if (n > 0)
                        text[n] = 0;
                cr_assert(n, "closed without a word");
                cr_assert(bus_mono_us() < began_us + RIG_PATIENCE_US);
                if (bus_mono_us() >= next_us) {
                        (void)!send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
                        next_us += 10 * BUS_US_PER_MS;
                }
                rig_turn(&rig);
        }
        cr_expect_geq(bus_mono_us() - began_us, SHORT_US);
        cr_expect_eq(rig.calls, 0);
        rig_wait_until(&rig, !http_server_connections(rig.server));
        close(fd);
        rig_done(&rig);
}

Test(http_limits, connections_without_a_request_are_closed_in_time)
{
        struct http_options options = rig_defaults();
        struct rig rig;
        char text[1024] = "", idle_text[64] = "";
        int fd, idle;

        options.limits.request_timeout_us = SHORT_US;
        rig_init(&rig, options);
        idle = rig_dial(&rig);
        fd = rig_dial(&rig);
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), NULL));
        cr_assert(rig_receive(&rig, idle, idle_text, sizeof(idle_text), NULL));
        cr_expect_str_eq(idle_text, "");
        rig_wait_until(&rig, !http_server_connections(rig.server));
        close(fd);
        close(idle);
        rig_done(&rig);
}

Test(http_limits, a_request_that_waits_for_its_answer_has_no_deadline)
{
        struct http_options options = rig_defaults();
        struct rig rig;
        char text[1024] = "";
        int64_t until_us;
        int fd;

        options.limits.request_timeout_us = SHORT_US;
        rig_init(&rig, options);
        rig.hold = true;
        fd = rig_dial(&rig);
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        rig_wait_until(&rig, rig.held_count == 1);
        until_us = bus_mono_us() + 3 * SHORT_US;
        rig_wait_until(&rig, bus_mono_us() > until_us);
        rig_answer(rig.held[0], 200, "late but here");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "late but here"));
        close(fd);
        rig_done(&rig);
}

Test(http_limits, a_client_that_does_not_take_its_answer_is_let_go)
{
        enum { BIG = 8 << 20 };
        struct http_options options = rig_defaults();
        struct rig rig;
        BUS_AUTOFREE char *big = malloc(BIG);
        int small = 4096, fd;

        options.limits.request_timeout_us = SHORT_US;
        rig_init(&rig, options);
        rig.hold = true;
        fd = rig_dial(&rig);
        cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        rig_wait_until(&rig, rig.held_count == 1);
        fill(big, BIG);
        rig_answer(rig.held[0], 200, big);
        rig_wait_until(&rig, !http_server_connections(rig.server));
        close(fd);
        rig_done(&rig);
}

Test(http_limits, connections_over_the_cap_wait_and_are_served_when_there_is_room)
{
        enum { CLIENTS = 12 };
        struct http_options options = rig_defaults();
        struct rig rig;
        int fds[CLIENTS];

        options.limits.connections_max = 4;
        rig_init(&rig, options);
        for (int i = 0; i < CLIENTS; i++) {
                fds[i] = rig_dial(&rig);
                rig_send(fds[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        }
        rig_wait_until(&rig, rig.calls == 4);
        cr_expect_eq(http_server_connections(rig.server), 4);
        for (int i = 0; i < CLIENTS; i++) {
                char text[1024] = "";

                cr_expect(rig_receive(&rig, fds[i], text, sizeof(text), "fine"));
                cr_expect_leq(http_server_connections(rig.server), 4);
                close(fds[i]);
        }
        cr_expect_eq(rig.calls, CLIENTS);
        rig_wait_until(&rig, !http_server_connections(rig.server));
        rig_done(&rig);
}

Test(http_limits, one_address_cannot_take_more_than_its_share)
{
        struct http_options options = rig_defaults();
        struct rig rig;
        char text[1024] = "", third_text[64] = "";
        int fds[3];

        options.limits.connections_per_address_max = 2;
        rig_init(&rig, options);
        for (int i = 0; i < 3; i++)
                fds[i] = rig_dial(&rig);
        cr_assert(rig_receive(&rig, fds[2], third_text, sizeof(third_text), NULL));
        cr_expect_str_eq(third_text, "");
        rig_send(fds[0], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert(rig_receive(&rig, fds[0], text, sizeof(text), "fine"));
        for (int i = 0; i < 3; i++)
                close(fds[i]);
        rig_done(&rig);
}

Test(http_limits, after_quiesce_nobody_new_comes_in_and_the_open_ones_are_closed_with_an_answer)
{
        struct rig rig;
        char text[1024] = "";
        int fd;

        rig_init(&rig, rig_defaults());
        fd = rig_dial(&rig);
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        http_server_quiesce(rig.server);
        rig_turn(&rig);
        cr_expect_eq(rig_dial_port(http_server_port(rig.server)), -1);
        text[0] = 0;
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), NULL));
        cr_expect(strstr(text, "Connection: close"));
        cr_expect(strstr(text, "fine"));
        close(fd);
        rig_done(&rig);
}

Test(http_limits, who_had_connected_before_quiesce_is_still_answered)
{
        enum { CLIENTS = 40 };
        struct rig rig;
        int fds[CLIENTS];

        rig_init(&rig, rig_defaults());
        for (int i = 0; i < CLIENTS; i++)
                fds[i] = rig_dial(&rig); /* all in the kernel's queue: the loop has not turned */
        http_server_quiesce(rig.server);
        for (int i = 0; i < CLIENTS; i++) {
                char text[1024] = "";

                rig_send(fds[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
                cr_expect(rig_receive(&rig, fds[i], text, sizeof(text), "fine"));
                close(fds[i]);
        }
        rig_done(&rig);
}

Test(http_limits, requests_in_hand_when_the_server_goes_are_refused)
{
        struct rig rig;
        char text[1024] = "";
        ssize_t n;
        int fd;

        rig_init(&rig, rig_defaults());
        rig.hold = true;
        fd = rig_dial(&rig);
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        rig_wait_until(&rig, rig.held_count == 1);
        rig_done(&rig);
        n = recv(fd, text, sizeof(text) - 1, 0);
        cr_assert_gt(n, 0);
        cr_expect(strstr(text, "HTTP/1.1 503") == text, "%s", text);
        close(fd);
}

Test(http_limits, a_socket_from_outside_outlives_the_server)
{
        struct http_options options = rig_defaults();
        struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), fd;
        struct rig rig;
        char text[1024] = "";

        cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        cr_assert_eq(listen(listener, 16), 0);
        options.listen_fd = listener;
        rig_init(&rig, options);
        http_server_quiesce(rig.server);
        fd = rig_dial(&rig); /* waits in the socket's queue */
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        rig_turn(&rig);
        cr_expect_eq(rig.calls, 0);
        rig_done(&rig);

        rig_init(&rig, options);
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        close(fd);
        rig_done(&rig);
        close(listener);
}

/* In a child: the test framework has its own descriptors where the protocol has its first. */
static int take_from_environment(int listener)
{
        char pid[16];

        if (dup2(listener, 3) != 3 || http_listen_fd_from_environment() != -1)
                return 1;
        snprintf(pid, sizeof(pid), "%d", (int)getpid() + 1);
        setenv("LISTEN_FDS", "1", 1);
        setenv("LISTEN_PID", pid, 1);
        if (http_listen_fd_from_environment() != -1)
                return 2;
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("LISTEN_PID", pid, 1);
        if (http_listen_fd_from_environment() != 3 || !(fcntl(3, F_GETFD) & FD_CLOEXEC))
                return 3;
        setenv("LISTEN_FDS", "0", 1);
        return http_listen_fd_from_environment() == -1 ? 0 : 4;
}

Test(http_limits, a_socket_is_taken_from_the_environment_only_when_it_is_meant_for_us)
{
        int listener = socket(AF_INET, SOCK_STREAM, 0), status = -1;
        pid_t child;

        cr_assert_eq(listen(listener, 1), 0);
        child = fork();
        if (!child)
                _exit(take_from_environment(listener));
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_expect(WIFEXITED(status) && !WEXITSTATUS(status), "%d", status);
        close(listener);
}

Test(http_limits, an_address_in_use_is_one_line)
{
        struct http_options options = rig_defaults();
        struct http_server *second = NULL;
        struct rig rig;
        char listen[64], error[256] = "";

        rig_init(&rig, rig_defaults());
        snprintf(listen, sizeof(listen), "127.0.0.1:%u", http_server_port(rig.server));
        options.listen = listen;
        cr_expect_eq(
                http_server_new(rig.loop, &options, &second, error, sizeof(error)), -EADDRINUSE);
        cr_expect(strstr(error, listen), "%s", error);
        options.listen = "8080";
        cr_expect_eq(http_server_new(rig.loop, &options, &second, error, sizeof(error)), -EINVAL);
        rig_done(&rig);
}
