/*
 * Invariant: the epoll set mirrors the living sources; a source removed within a turn leaves the set
 * at once, and is freed at the end of that turn, so that no handler is ever called through a freed
 * pointer.
 *
 * The descriptor of a ZeroMQ socket tells of commands that wait for it, not of messages, and any
 * send or receive takes commands away. So a socket may become readable without its descriptor ever
 * saying so, and invariant two is: the loop never waits while there is a socket that was used since
 * it was last asked for its events (docs/adr/0010).
 */
#include "libbus/loop/loop.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <sys/epoll.h>
#include <zmq.h>

/* Longest wait of one turn: a clock that stands still cannot hang the loop. */
#define WAIT_MAX_US (INT64_C(10) * BUS_US_PER_SEC)
#define NEVER       INT64_MAX
/* Descriptors looked at in one turn; more of them wait for the next. */
#define EVENTS_MAX 64

enum source_kind {
        SOURCE_SOCKET,
        SOURCE_FD,
        SOURCE_TIMER,
};

struct bus_source {
        struct bus_loop *loop;
        struct bus_source *next;
        enum source_kind kind;
        bool dead;
        void *socket;
        bool touched; /* used since it was asked for its events */
        bool always;  /* nobody tells when it is used: it is asked in every turn */
        int fd;
        short revents; /* of this turn */
        int64_t due_us, period_us;
        bus_loop_fn fn;
        bus_loop_fd_fn fd_fn;
        void *arg;
};

struct bus_loop {
        struct bus_source *sources;
        int epoll_fd;
        bool again, stopped, has_dead;
        bus_loop_fn turn_end;
        void *turn_end_arg;
};

struct bus_loop *bus_loop_new(void)
{
        struct bus_loop *loop = bus_new(struct bus_loop);

        loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        bus_require(loop->epoll_fd >= 0);
        return loop;
}

struct bus_loop *bus_loop_free(struct bus_loop *loop)
{
        struct bus_source *next;

        if (!loop)
                return NULL;
        for (struct bus_source *s = loop->sources; s; s = next) {
                next = s->next;
                free(s);
        }
        close(loop->epoll_fd);
        free(loop);
        return NULL;
}

static struct bus_source *add_source(struct bus_loop *loop, struct bus_source source)
{
        struct bus_source *s = bus_new(struct bus_source), **tail = &loop->sources;

        while (*tail) /* in order of registration, so that turns are predictable */
                tail = &(*tail)->next;
        *s = source;
        s->loop = loop;
        *tail = s;
        return s;
}

static void watch(struct bus_source *source, uint32_t events)
{
        struct epoll_event event = { .events = events, .data.ptr = source };

        bus_require(epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) == 0);
}

static struct bus_source *add_socket(
        struct bus_loop *loop, void *socket, bool always, bus_loop_fn fn, void *arg)
{
        struct bus_source *source;
        size_t size = sizeof(source->fd);
        int fd;

        bus_require(zmq_getsockopt(socket, ZMQ_FD, &fd, &size) == 0);
        source = add_source(loop, (struct bus_source){ .kind = SOURCE_SOCKET,
                                          .socket = socket,
                                          .touched = true,
                                          .always = always,
                                          .fd = fd,
                                          .fn = fn,
                                          .arg = arg });
        watch(source, EPOLLIN);
        return source;
}

struct bus_source *bus_loop_add_socket(
        struct bus_loop *loop, void *socket, bus_loop_fn fn, void *arg)
{
        return add_socket(loop, socket, true, fn, arg);
}

struct bus_source *bus_loop_add_touched_socket(
        struct bus_loop *loop, void *socket, bus_loop_fn fn, void *arg)
{
        return add_socket(loop, socket, false, fn, arg);
}

void bus_loop_touch(struct bus_source *source)
{
        if (source)
                source->touched = true;
}

void bus_loop_emptied(struct bus_source *source)
{
        source->touched = false;
}

struct bus_source *bus_loop_add_fd(
        struct bus_loop *loop, int fd, short events, bus_loop_fd_fn fn, void *arg)
{
        struct bus_source *source = add_source(
                loop, (struct bus_source){ .kind = SOURCE_FD, .fd = fd, .fd_fn = fn, .arg = arg });

        watch(source,
                (events & ZMQ_POLLIN ? EPOLLIN : 0u) | (events & ZMQ_POLLOUT ? EPOLLOUT : 0u));
        return source;
}

struct bus_source *bus_loop_add_timer(
        struct bus_loop *loop, int64_t delay_us, int64_t period_us, bus_loop_fn fn, void *arg)
{
        return add_source(loop, (struct bus_source){ .kind = SOURCE_TIMER,
                                        .fd = -1,
                                        .due_us = delay_us < 0 ? NEVER : bus_mono_us() + delay_us,
                                        .period_us = period_us,
                                        .fn = fn,
                                        .arg = arg });
}

void bus_loop_set_timer(struct bus_source *timer, int64_t delay_us)
{
        bus_require(timer->kind == SOURCE_TIMER);
        timer->due_us = delay_us < 0 ? NEVER : bus_mono_us() + delay_us;
}

struct bus_source *bus_loop_remove(struct bus_loop *loop, struct bus_source *source)
{
        if (source && !source->dead) {
                source->dead = true;
                loop->has_dead = true;
                if (source->kind != SOURCE_TIMER)
                        /* fails where the descriptor was closed before, and left the set by that */
                        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
        }
        return NULL;
}

void bus_loop_on_turn_end(struct bus_loop *loop, bus_loop_fn fn, void *arg)
{
        loop->turn_end = fn;
        loop->turn_end_arg = arg;
}

void bus_loop_again(struct bus_loop *loop)
{
        loop->again = true;
}

void bus_loop_stop(struct bus_loop *loop)
{
        loop->stopped = true;
}

static void sweep(struct bus_loop *loop)
{
        struct bus_source **link = &loop->sources, *s;

        if (!loop->has_dead)
                return;
        while ((s = *link)) {
                if (s->dead) {
                        *link = s->next;
                        free(s);
                } else {
                        link = &s->next;
                }
        }
        loop->has_dead = false;
}

static int64_t time_to_wait(const struct bus_loop *loop, int64_t timeout_us)
{
        int64_t now = bus_mono_us(), wait = timeout_us;

        for (const struct bus_source *s = loop->sources; s; s = s->next)
                if (s->kind == SOURCE_TIMER && !s->dead && s->due_us != NEVER &&
                        s->due_us - now < wait)
                        wait = s->due_us - now;
        return wait > 0 ? wait : 0;
}

static void run_timers(struct bus_loop *loop)
{
        int64_t now = bus_mono_us();

        for (struct bus_source *s = loop->sources; s; s = s->next) {
                if (s->kind != SOURCE_TIMER || s->dead || s->due_us > now)
                        continue;
                /* missed periods are not made up for */
                s->due_us = s->period_us ? now + s->period_us : NEVER;
                s->fn(s->arg);
        }
}

/* True if SOURCE, a socket, has something to read. */
static bool ask(struct bus_source *source)
{
        int events = 0;
        size_t size = sizeof(events);

        source->touched = false;
        if (zmq_getsockopt(source->socket, ZMQ_EVENTS, &events, &size) == 0 && events & ZMQ_POLLIN)
                source->revents = ZMQ_POLLIN;
        return source->revents;
}

/* The sockets whose descriptor may stay silent though there is something to read. */
static bool ask_touched(struct bus_loop *loop)
{
        bool any = false;

        for (struct bus_source *s = loop->sources; s; s = s->next)
                if (s->kind == SOURCE_SOCKET && !s->dead && (s->touched || s->always))
                        any |= ask(s);
        return any;
}

static short revents_of(uint32_t events)
{
        return (short)((events & EPOLLIN ? ZMQ_POLLIN : 0) | (events & EPOLLOUT ? ZMQ_POLLOUT : 0) |
                       (events & ~(uint32_t)(EPOLLIN | EPOLLOUT) ? ZMQ_POLLERR : 0));
}

static int wait_for(struct bus_loop *loop, int64_t wait_us)
{
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, (int)((wait_us + 999) / 1000));

        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                struct bus_source *source = events[i].data.ptr;

                if (source->kind == SOURCE_FD)
                        source->revents = revents_of(events[i].events);
                else if (!source->revents)
                        (void)ask(source);
        }
        return 0;
}

static void run_ready(struct bus_loop *loop)
{
        for (struct bus_source *s = loop->sources; s; s = s->next) {
                short revents = s->revents;

                s->revents = 0;
                if (!revents || s->dead)
                        continue;
                if (s->kind == SOURCE_FD) {
                        s->fd_fn(revents, s->arg);
                } else {
                        s->touched = true;
                        s->fn(s->arg);
                }
        }
}

int bus_loop_turn(struct bus_loop *loop, int64_t timeout_us)
{
        bool at_once;
        int r;

        sweep(loop);
        at_once = ask_touched(loop);
        at_once |= loop->again;
        loop->again = false;
        r = wait_for(loop, at_once ? 0 : time_to_wait(loop, timeout_us));
        if (r < 0)
                return r;
        run_ready(loop);
        run_timers(loop);
        if (loop->turn_end)
                loop->turn_end(loop->turn_end_arg);
        return 0;
}

int bus_loop_run(struct bus_loop *loop)
{
        int r = 0;

        loop->stopped = false;
        while (!loop->stopped && r == 0)
                r = bus_loop_turn(loop, WAIT_MAX_US);
        return r;
}
