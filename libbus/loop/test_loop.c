#include "libbus/base/clock.h"
#include "libbus/loop/loop.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
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

/* ---- wake-ups ---- */

#define HAMMER_MESSAGES 30000
/* More than this under way at once would never leave the loop without something to read. */
#define HAMMER_FLIGHT 3
#define LONG_WAIT_US  (BUS_US_PER_SEC / 2)

struct hammer {
        struct bus_source *source;
        void *socket;
        unsigned int dice;
        int sent, received;
};

static unsigned int roll(struct hammer *hammer, unsigned int sides)
{
        hammer->dice = hammer->dice * 1103515245u + 12345u;
        return (hammer->dice >> 16) % sides;
}

static void hammer_send(void *arg)
{
        struct hammer *hammer = arg;
        char byte = 'x';

        while (hammer->sent - hammer->received < HAMMER_FLIGHT && roll(hammer, 3)) {
                if (zmq_send(hammer->socket, &byte, 1, ZMQ_DONTWAIT) < 0)
                        break;
                hammer->sent++;
                bus_loop_touch(hammer->source);
        }
}

/* Takes one, two, or all there are; sends some within, now and then. */
static void hammer_read(void *arg)
{
        struct hammer *hammer = arg;
        unsigned int most = roll(hammer, 4);
        char byte;

        for (unsigned int i = 0; !most || i < most; i++) {
                if (zmq_recv(hammer->socket, &byte, 1, ZMQ_DONTWAIT) < 0) {
                        bus_loop_emptied(hammer->source);
                        break;
                }
                hammer->received++;
        }
        if (!roll(hammer, 3))
                hammer_send(hammer);
}

/* Sends back whatever comes. */
static void echo(const char *endpoint)
{
        void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_PAIR);
        char byte;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (zmq_bind(socket, endpoint) < 0)
                _exit(1);
        while (zmq_recv(socket, &byte, 1, 0) == 1)
                (void)zmq_send(socket, &byte, 1, 0);
        _exit(0);
}

Test(loop, no_wake_up_is_lost_however_a_socket_is_used)
{
        struct bus_loop *loop = bus_loop_new();
        struct hammer hammer = { .dice = 1 };
        char folder[] = "/tmp/umbra-loop-XXXXXX", endpoint[80], path[64];
        int64_t before_us, longest_us = 0;
        const int linger = 0; /* what is on its way when the echo is killed must not hold us */
        void *context;
        pid_t child;

        cr_assert(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/echo", folder);
        snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
        child = fork();
        cr_assert_geq(child, 0);
        if (!child)
                echo(endpoint);
        context = zmq_ctx_new();
        hammer.socket = zmq_socket(context, ZMQ_PAIR);
        cr_assert_eq(zmq_setsockopt(hammer.socket, ZMQ_LINGER, &linger, sizeof(linger)), 0);
        cr_assert_eq(zmq_connect(hammer.socket, endpoint), 0);
        hammer.source = bus_loop_add_touched_socket(loop, hammer.socket, hammer_read, &hammer);
        bus_loop_on_turn_end(loop, hammer_send, &hammer);
        while (hammer.received < HAMMER_MESSAGES && longest_us < LONG_WAIT_US) {
                before_us = bus_mono_us();
                cr_assert_eq(
                        bus_loop_turn(loop, hammer.sent == hammer.received ? 0 : 2 * LONG_WAIT_US),
                        0);
                if (hammer.received && bus_mono_us() - before_us > longest_us)
                        longest_us = bus_mono_us() - before_us;
        }
        cr_expect_lt(longest_us, LONG_WAIT_US, "the loop slept beside an answer");
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        bus_loop_free(loop);
        zmq_close(hammer.socket);
        zmq_ctx_term(context);
        unlink(path);
        rmdir(folder);
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
