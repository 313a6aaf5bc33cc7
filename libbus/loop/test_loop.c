#include "libbus/base/clock.h"
#include "libbus/loop/loop.h"

#include <criterion/criterion.h>
#include <unistd.h>
#include <zmq.h>

struct seen {
        struct bus_loop *loop;
        struct bus_source *source;
        int calls, turn_ends;
        void *socket;
};

static void count(void *arg)
{
        ((struct seen *)arg)->calls++;
}

static void count_turn(void *arg)
{
        ((struct seen *)arg)->turn_ends++;
}

Test(loop, timers_fire_when_due_and_periodic_ones_again)
{
        struct bus_loop *loop = bus_loop_new();
        struct seen once = { 0 }, often = { 0 };
        int64_t until = bus_mono_us() + 60 * BUS_US_PER_MS;

        bus_loop_add_timer(loop, 10 * BUS_US_PER_MS, 0, count, &once);
        bus_loop_add_timer(loop, 5 * BUS_US_PER_MS, 5 * BUS_US_PER_MS, count, &often);
        while (bus_mono_us() < until)
                cr_assert_eq(bus_loop_turn(loop, 5 * BUS_US_PER_MS), 0);
        cr_expect_eq(once.calls, 1);
        cr_expect_geq(often.calls, 3);
        cr_expect_leq(often.calls, 12);
        bus_loop_free(loop);
}

static void take_one(void *arg)
{
        struct seen *seen = arg;
        char byte;

        cr_expect_eq(zmq_recv(seen->socket, &byte, 1, ZMQ_DONTWAIT), 1);
        seen->calls++;
}

Test(loop, a_socket_with_messages_left_is_called_again)
{
        struct bus_loop *loop = bus_loop_new();
        void *context = zmq_ctx_new(), *in = zmq_socket(context, ZMQ_PULL),
             *out = zmq_socket(context, ZMQ_PUSH);
        struct seen seen = { .socket = in };
        int64_t until = bus_mono_us() + 5 * BUS_US_PER_SEC;

        cr_assert_eq(zmq_bind(in, "inproc://loop"), 0);
        cr_assert_eq(zmq_connect(out, "inproc://loop"), 0);
        for (int i = 0; i < 5; i++)
                cr_assert_eq(zmq_send(out, "x", 1, 0), 1);
        bus_loop_add_socket(loop, in, take_one, &seen);
        bus_loop_on_turn_end(loop, count_turn, &seen);
        while (seen.calls < 5 && bus_mono_us() < until)
                cr_assert_eq(bus_loop_turn(loop, BUS_US_PER_SEC), 0);
        cr_expect_eq(seen.calls, 5);
        cr_expect_geq(seen.turn_ends, 5);
        bus_loop_free(loop);
        zmq_close(in);
        zmq_close(out);
        zmq_ctx_term(context);
}

static void remove_itself(short revents, void *arg)
{
        struct seen *seen = arg;

        cr_expect(revents & ZMQ_POLLIN);
        seen->calls++;
        seen->source = bus_loop_remove(seen->loop, seen->source);
}

Test(loop, a_handler_may_remove_itself)
{
        struct bus_loop *loop = bus_loop_new();
        struct seen seen = { .loop = loop };
        int ends[2];

        cr_assert_eq(pipe(ends), 0);
        cr_assert_eq(write(ends[1], "x", 1), 1);
        seen.source = bus_loop_add_fd(loop, ends[0], ZMQ_POLLIN, remove_itself, &seen);
        for (int i = 0; i < 3; i++)
                cr_assert_eq(bus_loop_turn(loop, 0), 0);
        cr_expect_eq(seen.calls, 1);
        bus_loop_free(loop);
        close(ends[0]);
        close(ends[1]);
}

static void stop(void *arg)
{
        bus_loop_stop(arg);
}

Test(loop, runs_until_it_is_stopped)
{
        struct bus_loop *loop = bus_loop_new();

        bus_loop_add_timer(loop, 1000, 0, stop, loop);
        cr_expect_eq(bus_loop_run(loop), 0);
        bus_loop_free(loop);
}
