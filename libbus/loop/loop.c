/*
 * Invariant: the poll set mirrors the living sources; a source removed within a turn is marked and
 * freed at the end of that turn, so that no handler is ever called through a freed pointer.
 */
#include "libbus/loop/loop.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <limits.h>
#include <zmq.h>

/* Longest wait of one turn: a clock that stands still cannot hang the loop. */
#define WAIT_MAX_US (INT64_C(10) * BUS_US_PER_SEC)
#define NEVER       INT64_MAX

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
        int fd;
        short events;
        int64_t due_us, period_us;
        bus_loop_fn fn;
        bus_loop_fd_fn fd_fn;
        void *arg;
};

struct bus_loop {
        struct bus_source *sources;
        zmq_pollitem_t *items;
        struct bus_source **owners; /* owners[i] registered items[i] */
        int item_count;
        bool changed, again, stopped, has_dead;
        bus_loop_fn turn_end;
        void *turn_end_arg;
};

struct bus_loop *bus_loop_new(void)
{
        return bus_new(struct bus_loop);
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
        free(loop->items);
        free(loop->owners);
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
        loop->changed = true;
        return s;
}

struct bus_source *bus_loop_add_socket(
        struct bus_loop *loop, void *socket, bus_loop_fn fn, void *arg)
{
        return add_source(loop, (struct bus_source){ .kind = SOURCE_SOCKET,
                                        .socket = socket,
                                        .fd = -1,
                                        .events = ZMQ_POLLIN,
                                        .fn = fn,
                                        .arg = arg });
}

struct bus_source *bus_loop_add_fd(
        struct bus_loop *loop, int fd, short events, bus_loop_fd_fn fn, void *arg)
{
        return add_source(loop,
                (struct bus_source){
                        .kind = SOURCE_FD, .fd = fd, .events = events, .fd_fn = fn, .arg = arg });
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
        if (source) {
                source->dead = true;
                loop->has_dead = true;
                loop->changed = true;
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

static void rebuild(struct bus_loop *loop)
{
        size_t count = 0;

        for (struct bus_source *s = loop->sources; s; s = s->next)
                count += s->kind != SOURCE_TIMER;
        loop->items = bus_xrealloc(loop->items, count * sizeof(*loop->items));
        loop->owners = bus_xrealloc(loop->owners, count * sizeof(*loop->owners));
        loop->item_count = 0;
        for (struct bus_source *s = loop->sources; s; s = s->next) {
                if (s->kind == SOURCE_TIMER)
                        continue;
                loop->items[loop->item_count] =
                        (zmq_pollitem_t){ .socket = s->socket, .fd = s->fd, .events = s->events };
                loop->owners[loop->item_count++] = s;
        }
        loop->changed = false;
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

static void run_ready(struct bus_loop *loop)
{
        for (int i = 0; i < loop->item_count; i++) {
                struct bus_source *s = loop->owners[i];
                short revents = loop->items[i].revents;

                if (!revents || s->dead)
                        continue;
                if (s->kind == SOURCE_SOCKET)
                        s->fn(s->arg);
                else
                        s->fd_fn(revents, s->arg);
        }
}

int bus_loop_turn(struct bus_loop *loop, int64_t timeout_us)
{
        int64_t wait_us;
        int n;

        sweep(loop);
        if (loop->changed)
                rebuild(loop);
        wait_us = loop->again ? 0 : time_to_wait(loop, timeout_us);
        loop->again = false;

        n = zmq_poll(loop->items, loop->item_count, (long)((wait_us + 999) / 1000));
        if (n < 0 && errno != EINTR)
                return -errno;
        if (n > 0)
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
