#include "libbus/service/test_http_rig.h"

#define POST_FINE "POST /webhook/a%20b?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"

static size_t count_of(const char *text, const char *what)
{
        size_t count = 0;

        for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
                count++;
        return count;
}

Test(http, a_post_reaches_the_handler_whole_and_its_answer_the_client)
{
        struct rig rig;
        char text[1024] = "";
        int fd;

        rig_init(&rig, rig_defaults());
        fd = rig_dial(&rig);
        rig_send(fd, POST_FINE);
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        cr_expect(strstr(text, "HTTP/1.1 200 OK\r\n") == text, "%s", text);
        cr_expect(strstr(text, "Content-Type: text/plain"));
        cr_expect(strstr(text, "X-Rig: yes"));
        cr_expect_str_eq(rig.method, "POST");
        cr_expect_str_eq(rig.path, "/webhook/a b");
        cr_expect_str_eq(rig.query, "1");
        cr_expect_str_eq(rig.peer, "127.0.0.1");
        cr_expect_eq(rig.body_size, 5);
        cr_expect_arr_eq(rig.body, "hello", 5);
        cr_expect_eq(http_server_pending(rig.server), 0);
        close(fd);
        rig_wait_until(&rig, !http_server_connections(rig.server));
        rig_done(&rig);
}

Test(http, a_request_split_into_single_bytes_is_one_request)
{
        struct rig rig;
        char text[1024] = "";
        const char *request = POST_FINE;
        int fd;

        rig_init(&rig, rig_defaults());
        fd = rig_dial(&rig);
        for (size_t i = 0; request[i]; i++) {
                cr_assert_eq(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
                cr_assert_eq(bus_loop_turn(rig.loop, 0), 0);
        }
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        cr_expect_eq(rig.calls, 1);
        cr_expect_arr_eq(rig.body, "hello", 5);
        close(fd);
        rig_done(&rig);
}

Test(http, pipelined_requests_are_answered_in_their_order)
{
        struct rig rig;
        char text[4096] = "", *first, *second;
        int fd;

        rig_init(&rig, rig_defaults());
        rig.hold = true;
        fd = rig_dial(&rig);
        rig_send(fd, POST_FINE POST_FINE);
        rig_wait_until(&rig, rig.held_count == 1);
        rig_answer(rig.held[0], 200, "answer one");
        rig_wait_until(&rig, rig.held_count == 2);
        rig_answer(rig.held[1], 200, "answer two");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "answer two"));
        first = strstr(text, "answer one");
        second = strstr(text, "answer two");
        cr_expect(first && second && first < second);
        cr_expect_eq(count_of(text, "HTTP/1.1 200"), 2);
        close(fd);
        rig_done(&rig);
}

Test(http, answers_given_later_and_out_of_order_reach_their_own_clients)
{
        enum { CLIENTS = 16 };
        struct rig rig;
        int fds[CLIENTS];

        rig_init(&rig, rig_defaults());
        rig.hold = true;
        for (unsigned int i = 0; i < CLIENTS; i++) {
                char request[128];

                snprintf(request, sizeof(request), "GET /%u HTTP/1.1\r\nHost: x\r\n\r\n", i);
                fds[i] = rig_dial(&rig);
                rig_send(fds[i], request);
        }
        rig_wait_until(&rig, rig.held_count == CLIENTS);
        cr_expect_eq(http_server_pending(rig.server), CLIENTS);
        while (rig.held_count) {
                char answer[64];

                snprintf(answer, sizeof(answer), "<%s>", http_path(rig.held[--rig.held_count]));
                rig_answer(rig.held[rig.held_count], 200, answer);
        }
        for (unsigned int i = 0; i < CLIENTS; i++) {
                char text[1024] = "", expected[64];

                snprintf(expected, sizeof(expected), "</%u>", i);
                cr_expect(rig_receive(&rig, fds[i], text, sizeof(text), expected));
                close(fds[i]);
        }
        cr_expect_eq(http_server_pending(rig.server), 0);
        rig_done(&rig);
}

Test(http, an_answer_for_a_client_that_has_gone_goes_nowhere)
{
        struct rig rig;
        struct linger reset = { .l_onoff = 1 };
        int fd, other;

        rig_init(&rig, rig_defaults());
        rig.hold = true;
        fd = rig_dial(&rig);
        other = rig_dial(&rig);
        rig_send(fd, POST_FINE);
        rig_send(other, POST_FINE);
        rig_wait_until(&rig, rig.held_count == 2);
        close(fd);
        cr_assert_eq(setsockopt(other, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        close(other);
        for (int i = 0; i < 5; i++)
                rig_turn(&rig);
        cr_expect_eq(http_server_pending(rig.server), 2);
        rig_answer(rig.held[0], 200, "nobody");
        rig_answer(rig.held[1], 200, "nobody");
        rig_wait_until(&rig, !http_server_connections(rig.server));
        cr_expect_eq(http_server_pending(rig.server), 0);
        rig_done(&rig);
}

/* Also when its end is there to be read together with its request, and it is not the only one. */
Test(http, a_client_that_closed_its_sending_side_still_gets_its_answer)
{
        enum { CLIENTS = 8 };
        struct rig rig;
        int fds[CLIENTS];

        rig_init(&rig, rig_defaults());
        rig.hold = true;
        for (int i = 0; i < CLIENTS; i++) {
                fds[i] = rig_dial(&rig);
                rig_send(fds[i], POST_FINE);
                cr_assert_eq(shutdown(fds[i], SHUT_WR), 0);
        }
        rig_wait_until(&rig, rig.held_count == CLIENTS);
        while (rig.held_count)
                rig_answer(rig.held[--rig.held_count], 200, "still here");
        for (int i = 0; i < CLIENTS; i++) {
                char text[1024] = "";

                cr_expect(rig_receive(&rig, fds[i], text, sizeof(text), "still here"));
                cr_expect(rig_receive(&rig, fds[i], text, sizeof(text), NULL));
                close(fds[i]);
        }
        rig_wait_until(&rig, !http_server_connections(rig.server));
        rig_done(&rig);
}

Test(http, a_chunked_body_is_put_together)
{
        struct rig rig;
        char text[1024] = "";
        int fd;

        rig_init(&rig, rig_defaults());
        fd = rig_dial(&rig);
        rig_send(fd, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        rig_send(fd, "3\r\nabc\r\n");
        rig_turn(&rig);
        rig_send(fd, "4\r\ndefg\r\n0\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        cr_expect_eq(rig.body_size, 7);
        cr_expect_arr_eq(rig.body, "abcdefg", 7);
        close(fd);
        rig_done(&rig);
}

Test(http, two_body_lengths_in_one_request_are_refused_before_the_handler)
{
        struct rig rig;
        char text[1024] = "";
        int fd;

        rig_init(&rig, rig_defaults());
        fd = rig_dial(&rig);
        rig_send(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "\r\n\r\n"));
        cr_expect(strstr(text, "HTTP/1.1 400"), "%s", text);
        cr_expect_eq(rig.calls, 0);
        close(fd);
        rig_done(&rig);
}

Test(http, a_client_that_expects_100_continue_is_told_to)
{
        struct rig rig;
        char text[1024] = "";
        int fd;

        rig_init(&rig, rig_defaults());
        fd = rig_dial(&rig);
        rig_send(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                     "Expect: 100-continue\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "HTTP/1.1 100 Continue\r\n\r\n"));
        cr_expect_eq(rig.calls, 0);
        rig_send(fd, "hello");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        close(fd);
        rig_done(&rig);
}

Test(http, http_1_0_is_answered_and_closed_and_1_1_kept_unless_told)
{
        static const char *const closing[] = {
                "GET / HTTP/1.0\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        };
        struct rig rig;
        int fd;

        rig_init(&rig, rig_defaults());
        for (size_t i = 0; i < BUS_COUNT(closing); i++) {
                char text[1024] = "";

                fd = rig_dial(&rig);
                rig_send(fd, closing[i]);
                cr_assert(rig_receive(&rig, fd, text, sizeof(text), NULL));
                cr_expect(strstr(text, "200 OK"));
                close(fd);
        }
        fd = rig_dial(&rig);
        for (int i = 0; i < 3; i++) {
                char text[1024] = "";

                rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
                cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        }
        close(fd);
        rig_done(&rig);
}

Test(http, head_gets_headers_and_no_body)
{
        struct rig rig;
        char text[1024] = "";
        int fd;

        rig_init(&rig, rig_defaults());
        fd = rig_dial(&rig);
        rig_send(fd, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), NULL));
        cr_expect_str_eq(rig.method, "HEAD");
        cr_expect(strstr(text, "Content-Length: 4"));
        cr_expect(!strstr(text, "fine"));
        close(fd);
        rig_done(&rig);
}

Test(http, of_a_header_given_twice_the_last_can_be_had)
{
        struct rig rig;
        char text[1024] = "";
        int fd;

        rig_init(&rig, rig_defaults());
        fd = rig_dial(&rig);
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.1.1.1\r\n"
                     "x-forwarded-for: 2.2.2.2\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        cr_expect_str_eq(rig.forwarded, "2.2.2.2");
        close(fd);
        rig_done(&rig);
}

Test(http, an_ipv4_client_of_an_ipv6_socket_is_written_as_ipv4)
{
        struct http_options options = rig_defaults();
        struct rig rig;
        char text[1024] = "";
        int fd;

        options.listen = "[::]:0";
        rig_init(&rig, options);
        fd = rig_dial(&rig);
        rig_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        cr_assert(rig_receive(&rig, fd, text, sizeof(text), "fine"));
        cr_expect_str_eq(rig.peer, "127.0.0.1");
        close(fd);
        rig_done(&rig);
}

Test(http, what_is_not_http_is_refused_without_the_handler)
{
        static const char *const garbage[] = {
                "\r\n\r\nnonsense\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                "GET / HTTP/1.1\r\n\r\n",           /* no Host */
                "\x16\x03\x01\x02\x10\x01\r\n\r\n", /* TLS to a plain port */
        };
        struct rig rig;

        rig_init(&rig, rig_defaults());
        for (size_t i = 0; i < BUS_COUNT(garbage); i++) {
                char text[2048] = "";
                int fd = rig_dial(&rig);

                rig_send(fd, garbage[i]);
                cr_assert(rig_receive(&rig, fd, text, sizeof(text), NULL));
                close(fd);
        }
        cr_expect_eq(rig.calls, 0);
        rig_done(&rig);
}
