#include "tests/bench/chain.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/umbra/listen.h"
#include "tests/bench/process.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <zmq.h>

#define STAGES     3
#define WARM_TRIES 100
#define WARM_US    ((useconds_t)20000)
#define LOOK_US    ((useconds_t)500)

struct chain {
        const char *folder;
        const struct wire *wire;
        int listen_fd;
        volatile int64_t *stamps; /* by number; the peer writes them */
        pid_t pids[STAGES + 1];
};

void chain_die(const char *what)
{
        fprintf(stderr, "bench: %s: %s\n", what, zmq_strerror(errno));
        _exit(1);
}

static void *peer_socket(const struct chain *chain, bool binds)
{
        void *socket = zmq_socket(zmq_ctx_new(), ZMQ_DEALER);
        BUS_AUTOFREE char *endpoint = bus_xasprintf("ipc://%s/broker", chain->folder);

        if (!socket || (binds ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint)) < 0)
                chain_die(endpoint);
        return socket;
}

BUS_NORETURN static void run_peer(const struct chain *chain)
{
        void *socket = peer_socket(chain, true);
        struct note note;

        for (;;) {
                if (zmq_recv(socket, &note, sizeof(note), 0) != sizeof(note))
                        chain_die("broker");
                chain->stamps[note.number % CHAIN_NOTES] = bus_wall_us();
        }
}

BUS_NORETURN static void run_middle(const struct chain *chain)
{
        void *state = chain->wire->open(chain->folder, STAGE_MIDDLE);
        struct note notes[NOTES_MAX];

        for (;;)
                chain->wire->put(state, notes, chain->wire->take(state, notes));
}

BUS_NORETURN static void run_last(const struct chain *chain)
{
        void *state = chain->wire->open(chain->folder, STAGE_LAST);
        void *socket = peer_socket(chain, false);
        struct note notes[NOTES_MAX];

        for (;;) {
                size_t count = chain->wire->take(state, notes);

                chain->wire->put(state, notes, count);
                for (size_t i = 0; i < count; i++)
                        if (zmq_send(socket, &notes[i], sizeof(*notes), 0) < 0)
                                chain_die("hand over");
        }
}

BUS_NORETURN static void run_process(const struct chain *chain, size_t i)
{
        switch (i) {
        case STAGE_FRONT:
                front_run(chain->listen_fd, chain->wire,
                        chain->wire->open(chain->folder, STAGE_FRONT));
        case STAGE_MIDDLE: run_middle(chain);
        case STAGE_LAST: run_last(chain);
        default: run_peer(chain);
        }
}

static int settle(
        struct target *target, struct bench_alert *alerts, size_t count, unsigned int first)
{
        struct chain *chain = target->state;
        int64_t deadline_us = bus_mono_us() + BENCH_SETTLE_US;

        for (size_t i = 0; i < count; i++) {
                while (!chain->stamps[(first + i) % CHAIN_NOTES]) {
                        if (bus_mono_us() > deadline_us)
                                return -ETIMEDOUT;
                        usleep(LOOK_US);
                }
                alerts[i].done_us = chain->stamps[(first + i) % CHAIN_NOTES];
        }
        return 0;
}

static void stop(struct target *target)
{
        struct chain *chain = target->state;

        for (size_t i = 0; i <= STAGES; i++)
                process_stop(chain->pids[i]);
        munmap((void *)chain->stamps, CHAIN_NOTES * sizeof(int64_t));
        if (chain->listen_fd >= 0)
                close(chain->listen_fd);
        free(chain);
        target->state = NULL;
}

/* Publishers lose what they send before their readers are there: tries until one alert is through. */
static int warm_up(struct target *target)
{
        struct chain *chain = target->state;
        struct bench_alert alert;

        for (unsigned int i = 0; i < WARM_TRIES; i++) {
                struct load load = { .connections = 1, .first = CHAIN_NOTES - 1 };
                int r = load_run(target, &load, &alert, 1);

                if (r < 0)
                        return r;
                usleep(WARM_US);
                if (chain->stamps[CHAIN_NOTES - 1])
                        return 0;
        }
        return -ETIMEDOUT;
}

int chain_start(struct target *target, const char *folder, const struct wire *wire)
{
        struct chain *chain = bus_new(struct chain);
        int r;

        *chain = (struct chain){ .folder = folder, .wire = wire, .listen_fd = -1 };
        chain->stamps = mmap(NULL, CHAIN_NOTES * sizeof(int64_t), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        *target = (struct target){
                .name = wire->name, .path = "/", .state = chain, .settle = settle, .stop = stop
        };
        r = listen_open("127.0.0.1", 0, &chain->listen_fd, &target->port);
        for (size_t i = 0; !r && i <= STAGES; i++) {
                chain->pids[i] = process_fork();
                if (!chain->pids[i])
                        run_process(chain, i);
                r = chain->pids[i] < 0 ? chain->pids[i] : 0;
        }
        if (!r)
                r = warm_up(target);
        if (r < 0)
                stop(target);
        return r;
}
