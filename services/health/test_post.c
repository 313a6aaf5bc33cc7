/* One post after the other against the HTTP server, in one loop. */
#include "libbus/base/clock.h"
#include "libbus/service/http.h"
#include "services/health/post.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

static struct {
        int calls, result;
        unsigned int status;
        char body[64];
} got;

static bool mute;

static void on_answer(void *arg, int result, unsigned int status, struct bus_bytes body)
{
        (void)arg;
        got.calls++;
        got.result = result;
        got.status = status;
        snprintf(got.body, sizeof(got.body), "%.*s", (int)body.size,
                body.size ? (const char *)body.data : "");
}

static void serve(void *arg, struct http_request *request)
{
        struct http_response response = { .status = 201 };

        (void)arg;
        response.body = http_body(request);
        if (!mute)
                http_respond(request, &response);
}

static struct http_server *server_on(struct bus_loop *loop)
{
        static const struct http_limits limits = { .body_max_bytes = 4096,
                .header_max_bytes = 8192,
                .connections_max = 8,
                .request_timeout_us = 10 * BUS_US_PER_SEC };
        struct http_server *server;
        char error[256];

        cr_assert_eq(http_server_new(loop,
                             &(struct http_options){ .listen = "127.0.0.1:0",
                                     .listen_fd = -1,
                                     .limits = limits,
                                     .handler = serve },
                             &server, error, sizeof(error)),
                0, "%s", error);
        return server;
}

static struct post *send_to(struct bus_loop *loop, unsigned int port, int64_t timeout_us)
{
        struct post *post = NULL;

        got.calls = 0;
        cr_assert_eq(post_new(loop,
                             &(struct post_options){ .host = "127.0.0.1",
                                     .port = (uint16_t)port,
                                     .path = "/x",
                                     .body = bus_bytes_str("{\"a\":1}"),
                                     .timeout_us = timeout_us,
                                     .fn = on_answer },
                             &post),
                0);
        return post;
}

static void turn_until_answered(struct bus_loop *loop)
{
        int64_t until_us = bus_mono_us() + 10 * BUS_US_PER_SEC;

        while (!got.calls && bus_mono_us() < until_us)
                cr_assert_eq(bus_loop_turn(loop, 100 * BUS_US_PER_MS), 0);
        cr_assert_eq(got.calls, 1);
}

Test(post, is_answered_while_nobody_waits)
{
        struct bus_loop *loop = bus_loop_new();
        struct http_server *server = server_on(loop);

        for (int i = 0; i < 3; i++) {
                struct post *post = send_to(loop, http_server_port(server), 5 * BUS_US_PER_SEC);

                cr_expect_eq(got.calls, 0);
                turn_until_answered(loop);
                cr_expect_eq(got.result, 0);
                cr_expect_eq(got.status, 201);
                cr_expect_str_eq(got.body, "{\"a\":1}");
                post_free(post);
                cr_expect_eq(got.calls, 1);
        }
        http_server_free(server);
        bus_loop_free(loop);
}

Test(post, tells_a_silence_a_refusal_and_its_own_end)
{
        struct bus_loop *loop = bus_loop_new();
        struct http_server *server = server_on(loop);
        unsigned int port = http_server_port(server);
        struct post *post;

        mute = true;
        post = send_to(loop, port, 200 * BUS_US_PER_MS);
        turn_until_answered(loop);
        cr_expect_eq(got.result, -ETIMEDOUT);
        post_free(post);
        post = send_to(loop, port, 5 * BUS_US_PER_SEC);
        post_free(post);
        cr_expect_eq(got.calls, 1);
        cr_expect_eq(got.result, -ECANCELED);
        http_server_free(server);
        post = send_to(loop, port, 5 * BUS_US_PER_SEC);
        turn_until_answered(loop);
        cr_expect_eq(got.result, -ECONNREFUSED);
        post_free(post);
        bus_loop_free(loop);
}

Test(post, takes_only_http_for_an_answer)
{
        static const struct {
                const char *answer;
                int result;
        } cases[] = {
                { "HTTP/1.1 200 OK\r\n\r\n{}", 0 },
                { "HTTP/1.0 503 No\r\nA: b\r\n\r\n", 0 },
                { "HTTP/1.1 200 OK\r\n", -EBADMSG },
                { "HTTP/2 200\r\n\r\n", -EBADMSG },
                { "HTTP/1.1 20 \r\n\r\n", -EBADMSG },
                { "", -EBADMSG },
        };
        struct bus_bytes body;
        unsigned int status;

        for (size_t i = 0; i < BUS_COUNT(cases); i++)
                cr_expect_eq(post_parse(bus_bytes_str(cases[i].answer), &status, &body),
                        cases[i].result, "%s", cases[i].answer);
}
