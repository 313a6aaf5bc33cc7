/* A prober's server in its loop, and raw sockets against it on the same thread. */
#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "libbus/service/probe.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Long enough for a loaded machine; reached only by a test that fails. */
#define PATIENCE_US (20 * BUS_US_PER_SEC)
#define ANSWER_MAX  1024

static struct bus_loop *loop;
static struct probe_server *server;
static const char *missing;

static const char *what_is_missing(void *arg)
{
        (void)arg;
        return missing;
}

static void set_up(void)
{
        char error[256] = "";

        missing = NULL;
        loop = bus_loop_new();
        cr_assert_eq(probe_server_new(loop, "127.0.0.1:0", what_is_missing, NULL, &server, error,
                             sizeof(error)),
                0, "%s", error);
}

static void tear_down(void)
{
        server = probe_server_free(server);
        loop = bus_loop_free(loop);
}

TestSuite(probe, .init = set_up, .fini = tear_down);

static int dial(void)
{
        struct sockaddr_in to = { .sin_family = AF_INET,
                .sin_port = htons((uint16_t)probe_server_port(server)),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        cr_assert_geq(fd, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

static void say(int fd, const char *text)
{
        cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Turns the loop until the server has closed its end; what came, as text. */
static const char *hear(int fd)
{
        static char text[ANSWER_MAX];
        int64_t until_us = bus_mono_us() + PATIENCE_US;
        size_t size = 0;
        ssize_t n = -1;

        while (n != 0 && bus_mono_us() < until_us) {
                cr_assert_geq(bus_loop_turn(loop, BUS_US_PER_MS), 0);
                n = recv(fd, text + size, sizeof(text) - 1 - size, MSG_DONTWAIT);
                if (n < 0 && errno == ECONNRESET)
                        n = 0;
                if (n > 0)
                        size += (size_t)n;
        }
        cr_assert_eq(n, 0, "the answer ends");
        text[size] = 0;
        close(fd);
        return text;
}

static const char *ask(const char *request)
{
        int fd = dial();

        say(fd, request);
        return hear(fd);
}

static bool says(const char *text, const char *status, const char *body)
{
        const char *end = strstr(text, "\r\n\r\n");

        return !strncmp(text, status, strlen(status)) && end && !strcmp(end + 4, body);
}

Test(probe, says_that_it_lives_and_whether_it_is_ready)
{
        missing = "reconciling with the broker";
        cr_expect(says(ask("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ",
                "{\"status\":\"alive\"}"));
        cr_expect(says(ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 503 ",
                "{\"status\":\"not_ready\",\"waiting_for\":\"reconciling with the broker\"}"));
        missing = NULL;
        cr_expect(says(ask("GET /readyz?x=1 HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ",
                "{\"status\":\"ready\"}"));
        cr_expect(says(ask("HEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ", ""));
}

Test(probe, refuses_all_else)
{
        cr_expect(says(
                ask("GET /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 ", "{\"status\":\"refused\"}"));
        cr_expect(says(
                ask("GET /livezz HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 ", "{\"status\":\"refused\"}"));
        cr_expect(says(ask("POST /livez HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"), "HTTP/1.1 405 ",
                "{\"status\":\"refused\"}"));
        cr_expect(says(ask("hello\r\n\r\n"), "HTTP/1.1 400 ", "{\"status\":\"refused\"}"));
        cr_expect(says(ask("GET /livez\r\n\r\n"), "HTTP/1.1 400 ", "{\"status\":\"refused\"}"));
}

Test(probe, waits_for_the_whole_request)
{
        int fd = dial();
        char byte;

        say(fd, "GET /livez HT");
        for (int i = 0; i < 20; i++)
                cr_assert_geq(bus_loop_turn(loop, BUS_US_PER_MS), 0);
        cr_expect_lt(recv(fd, &byte, 1, MSG_DONTWAIT), 0, "nothing was said yet");
        say(fd, "TP/1.1\r\n\r\n");
        cr_expect(says(hear(fd), "HTTP/1.1 200 ", "{\"status\":\"alive\"}"));
}

Test(probe, a_request_that_never_ends_is_refused)
{
        char request[PROBE_REQUEST_MAX_BYTES + 1];

        memset(request, 'a', sizeof(request) - 1);
        request[sizeof(request) - 1] = 0;
        cr_expect(says(ask(request), "HTTP/1.1 400 ", "{\"status\":\"refused\"}"));
}

Test(probe, the_silent_do_not_keep_a_prober_out_and_are_closed)
{
        int silent[40];
        const char *answer;

        for (size_t i = 0; i < BUS_COUNT(silent); i++) {
                silent[i] = dial();
                cr_assert_geq(bus_loop_turn(loop, 0), 0);
        }
        answer = ask("GET /livez HTTP/1.1\r\n\r\n");
        cr_expect(says(answer, "HTTP/1.1 200 ", "{\"status\":\"alive\"}"), "%s", answer);
        for (size_t i = 0; i < BUS_COUNT(silent); i++)
                cr_expect_str_eq(hear(silent[i]), "");
}

Test(probe, the_silent_are_closed_though_others_ask_all_the_time)
{
        int64_t until_us = bus_mono_us() + PATIENCE_US;
        int silent = dial();
        ssize_t n = -1;
        char byte;

        while (n != 0 && bus_mono_us() < until_us) {
                (void)ask("GET /livez HTTP/1.1\r\n\r\n");
                usleep(100000);
                n = recv(silent, &byte, 1, MSG_DONTWAIT);
        }
        cr_expect_eq(n, 0);
        close(silent);
}

Test(probe, without_a_free_descriptor_it_waits_and_does_not_spin)
{
        struct rlimit before, none;
        struct rusage used_before, used;
        int fd = dial();

        say(fd, "GET /livez HTTP/1.1\r\n\r\n");
        cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = before;
        none.rlim_cur = 3; /* whatever is open stays */
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
        cr_assert_eq(getrusage(RUSAGE_SELF, &used_before), 0);
        for (int64_t until = bus_mono_us() + 300 * BUS_US_PER_MS; bus_mono_us() < until;)
                cr_assert_geq(bus_loop_turn(loop, 100 * BUS_US_PER_MS), 0);
        cr_assert_eq(getrusage(RUSAGE_SELF, &used), 0);
        cr_expect_lt(used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec -
                             used_before.ru_utime.tv_sec * 1000000 - used_before.ru_utime.tv_usec,
                100 * 1000, "it sleeps meanwhile");
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        cr_expect(says(hear(fd), "HTTP/1.1 200 ", "{\"status\":\"alive\"}"));
}

Test(probe, says_why_it_cannot_listen)
{
        BUS_AUTOFREE char *taken = bus_xasprintf("127.0.0.1:%u", probe_server_port(server));
        struct probe_server *second = NULL;
        char error[256] = "";

        cr_expect_eq(
                probe_server_new(loop, taken, what_is_missing, NULL, &second, error, sizeof(error)),
                -EADDRINUSE);
        cr_expect(strstr(error, taken) && strstr(error, "in use"), "%s", error);
        cr_expect_null(second);
}
