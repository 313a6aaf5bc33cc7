#include "libbus/service/http_stream.h"
#include "libbus/service/test_http_rig.h"

#define GET_EVENTS "GET /events HTTP/1.1\r\nHost: x\r\n\r\n"

struct streaming {
        struct rig rig;
        struct http_stream *stream;
        unsigned int gone;
};

static void on_gone(void *arg, struct http_stream *stream)
{
        struct streaming *streaming = arg;

        cr_expect_eq(stream, streaming->stream);
        streaming->stream = NULL;
        streaming->gone++;
}

static void begin(void *arg, struct http_request *request)
{
        struct streaming *streaming = arg;
        const struct http_response response = {
                .status = 200, .content_type = "text/event-stream", .body = bus_bytes_str("first\n")
        };

        streaming->stream = http_stream_new(request, &response, on_gone, streaming);
}

static int open_stream(struct streaming *streaming, char *text, size_t size)
{
        struct http_options options = rig_defaults();
        int fd;

        *streaming = (struct streaming){ 0 };
        options.handler = begin;
        options.arg = streaming;
        options.limits.request_timeout_us = 200 * BUS_US_PER_MS;
        rig_init(&streaming->rig, options);
        fd = rig_dial(&streaming->rig);
        rig_send(fd, GET_EVENTS);
        cr_assert(rig_receive(&streaming->rig, fd, text, size, "first"));
        cr_assert(streaming->stream);
        return fd;
}

Test(http_stream, pieces_arrive_as_they_are_sent_also_beyond_the_request_timeout)
{
        struct streaming streaming;
        char text[2048] = "";
        int64_t until_us;
        int fd = open_stream(&streaming, text, sizeof(text));

        cr_expect(strstr(text, "Content-Type: text/event-stream"), "%s", text);
        cr_expect_eq(http_server_pending(streaming.rig.server), 0);
        until_us = bus_mono_us() + 500 * BUS_US_PER_MS;
        while (bus_mono_us() < until_us)
                cr_assert_eq(bus_loop_turn(streaming.rig.loop, 10 * BUS_US_PER_MS), 0);
        cr_assert_eq(http_stream_send(streaming.stream, bus_bytes_str("second\n")), 0);
        cr_assert(rig_receive(&streaming.rig, fd, text, sizeof(text), "second"));
        cr_assert_eq(http_stream_send(streaming.stream, bus_bytes_str("third\n")), 0);
        streaming.stream = http_stream_free(streaming.stream);
        cr_assert(rig_receive(&streaming.rig, fd, text, sizeof(text), "third"));
        cr_assert(rig_receive(&streaming.rig, fd, text, sizeof(text), "\r\n0\r\n"));
        cr_expect_eq(streaming.gone, 0, "whoever ended it need not be told");
        close(fd);
        rig_wait_until(&streaming.rig, !http_server_connections(streaming.rig.server));
        rig_done(&streaming.rig);
}

Test(http_stream, a_client_that_hangs_up_is_noticed_and_told_once)
{
        struct streaming streaming;
        char text[2048] = "";
        int fd = open_stream(&streaming, text, sizeof(text));

        cr_expect_not(http_stream_is_cut(streaming.stream));
        close(fd);
        rig_wait_until(&streaming.rig, http_stream_is_cut(streaming.stream));
        while (streaming.stream) {
                cr_assert_eq(http_stream_send(streaming.stream, bus_bytes_str("lost\n")), 0);
                cr_assert_eq(bus_loop_turn(streaming.rig.loop, 10 * BUS_US_PER_MS), 0);
        }
        cr_expect_eq(streaming.gone, 1);
        rig_wait_until(&streaming.rig, !http_server_connections(streaming.rig.server));
        rig_done(&streaming.rig);
}

Test(http_stream, a_client_that_does_not_read_is_dropped_and_the_server_goes_on)
{
        static char piece[16 * 1024];
        struct streaming streaming;
        char text[2048] = "";
        int fd = open_stream(&streaming, text, sizeof(text)), r = 0;

        memset(piece, 'x', sizeof(piece));
        /* what the kernel takes for it comes before our own bound */
        for (int i = 0; i < 4096 && !r; i++) {
                r = http_stream_send(streaming.stream, bus_bytes(piece, sizeof(piece)));
                cr_assert_eq(bus_loop_turn(streaming.rig.loop, 0), 0);
        }
        cr_expect_eq(r, -ENOBUFS);
        rig_wait_until(&streaming.rig, !http_server_connections(streaming.rig.server));
        cr_expect_eq(streaming.gone, 0);
        close(fd);
        rig_done(&streaming.rig);
}

Test(http_stream, freeing_the_server_ends_a_stream_and_tells_its_owner)
{
        struct streaming streaming;
        char text[2048] = "";
        int fd = open_stream(&streaming, text, sizeof(text));

        rig_done(&streaming.rig);
        cr_expect_eq(streaming.gone, 1);
        close(fd);
}
