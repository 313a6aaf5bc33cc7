#pragma once
/*
 * One loop a service: ZeroMQ sockets, file descriptors and timers on one thread, and a hook at the
 * end of every turn, where what the turn's handlers staged is committed as one batch.
 *
 * A handler must read until there is nothing left, or its own bound is reached: as long as something
 * is left it is called again. Handlers may add and remove sources, also themselves. None may block.
 * A source is removed before its socket or descriptor is closed.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct bus_loop;
struct bus_source; /* a registered socket, descriptor or timer */

typedef void (*bus_loop_fn)(void *arg);
typedef void (*bus_loop_fd_fn)(short revents, void *arg);

struct bus_loop *bus_loop_new(void);
struct bus_loop *bus_loop_free(
        struct bus_loop *loop); /* takes NULL, returns NULL; frees the sources */

/* FN when SOCKET has something to read. The socket stays the caller's. */
struct bus_source *bus_loop_add_socket(
        struct bus_loop *loop, void *socket, bus_loop_fn fn, void *arg);
/*
 * The same for less: asking a socket costs system calls, and this one is asked only when its
 * descriptor fires, behind FN, and when it was touched. Whoever uses SOCKET in any way outside of FN
 * (sends, subscribes, connects) calls bus_loop_touch behind it, or a wake-up may be lost.
 */
struct bus_source *bus_loop_add_touched_socket(
        struct bus_loop *loop, void *socket, bus_loop_fn fn, void *arg);
void bus_loop_touch(struct bus_source *source); /* takes NULL */
/* The last thing FN does with its socket was a receive without waiting that said EAGAIN: it need not
 * be asked again. */
void bus_loop_emptied(struct bus_source *source);
/* EVENTS: ZMQ_POLLIN, ZMQ_POLLOUT; errors and hang-ups come as ZMQ_POLLERR. The descriptor stays the caller's. */
struct bus_source *bus_loop_add_fd(
        struct bus_loop *loop, int fd, short events, bus_loop_fd_fn fn, void *arg);
/* First after DELAY_US, then every PERIOD_US (0: once). On the monotonic clock, to the millisecond. */
struct bus_source *bus_loop_add_timer(
        struct bus_loop *loop, int64_t delay_us, int64_t period_us, bus_loop_fn fn, void *arg);
/* Moves a timer's next call to DELAY_US from now; < 0: not before it is moved again. */
void bus_loop_set_timer(struct bus_source *timer, int64_t delay_us);
/* Takes NULL, returns NULL. A once-timer stays registered (and silent) until it is removed. */
struct bus_source *bus_loop_remove(struct bus_loop *loop, struct bus_source *source);

/* FN at the end of every turn. One for each loop. */
void bus_loop_on_turn_end(struct bus_loop *loop, bus_loop_fn fn, void *arg);
/* Makes the loop go around once more without waiting: for work left over because of a bound. */
void bus_loop_again(struct bus_loop *loop);

/* Runs until bus_loop_stop; 0 or -errno of the poll. */
BUS_MUST int bus_loop_run(struct bus_loop *loop);
/* One turn, waiting at most TIMEOUT_US (0: not at all): for tests and tools. */
BUS_MUST int bus_loop_turn(struct bus_loop *loop, int64_t timeout_us);
void bus_loop_stop(struct bus_loop *loop);
