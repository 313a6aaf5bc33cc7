#include "libbus/bus/canary.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define TARGETS_MAX 4
/* A handshake within this process takes a few ms; on a machine that is starting everything at once,
 * and with sanitizers, a hundred times that, and seconds where others leave it nothing. A door that lets
 * the stranger in says so at once: this is for one that says nothing. */
#define WAIT_US (10 * BUS_US_PER_SEC)
#define ANSWERS                                                            \
        (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | \
                ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL)
#define REFUSED   400 /* the status ZAP has for a key that is not admitted */
#define NO_ANSWER 0

struct bird {
        void *socket, *monitor;
        char endpoint[BUS_ENDPOINT_SIZE];
        bool is_refused;
};

static void let_fly(struct bird *bird, void *zmq, const struct bus_keys *stranger,
        const struct bus_keys *keys, const struct bus_canary_target *target)
{
        static unsigned int
                flights; /* a name is free again only some time after its socket closed */
        char monitor[64];
        size_t size = sizeof(bird->endpoint);

        bird->socket = bus_socket_new(zmq, target->peer);
        bird->monitor = zmq_socket(zmq, ZMQ_PAIR);
        bus_require(bird->socket && bird->monitor);
        snprintf(monitor, sizeof(monitor), "inproc://canary-%u", flights++);
        bus_require(zmq_socket_monitor(bird->socket, monitor, ANSWERS) == 0);
        bus_require(zmq_connect(bird->monitor, monitor) == 0);
        bus_require(zmq_getsockopt(target->socket, ZMQ_LAST_ENDPOINT, bird->endpoint, &size) == 0);
        bus_socket_trust_key(bird->socket, stranger, keys->public_key);
        if (zmq_connect(bird->socket, bird->endpoint) < 0)
                bird->endpoint[0] = 0; /* then nothing answers it, and that is told */
}

static void bird_done(struct bird *bird)
{
        if (bird->socket)
                zmq_socket_monitor(bird->socket, NULL, 0);
        bus_socket_close(bird->socket, 0);
        bus_socket_close(bird->monitor, 0);
}

/* One event: a frame with its number and its value, and one with the address. */
static int take_event(void *monitor, uint32_t *ret_value)
{
        uint8_t event[6]; /* 16 and 32 bits, in this machine's order */
        char address[BUS_ENDPOINT_SIZE];
        uint16_t number;

        if (zmq_recv(monitor, event, sizeof(event), ZMQ_DONTWAIT) != (int)sizeof(event))
                return NO_ANSWER;
        (void)zmq_recv(monitor, address, sizeof(address), ZMQ_DONTWAIT);
        memcpy(&number, event, sizeof(number));
        memcpy(ret_value, event + sizeof(number), sizeof(*ret_value));
        return number;
}

/* What is wrong, or NULL. */
static const char *look(struct bird *bird)
{
        uint32_t value;

        for (;;) {
                switch (take_event(bird->monitor, &value)) {
                case NO_ANSWER: return NULL;
                case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return "lets in who has a key of his own";
                case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: bird->is_refused |= value == REFUSED; break;
                case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
                        if (value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
                                return "asks for no key";
                        break;
                default: break;
                }
        }
}

/* NULL: all were refused. */
static const struct bird *waiting(const struct bird *birds, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (!birds[i].is_refused)
                        return &birds[i];
        return NULL;
}

static void wait_for_news(struct bus_zap *zap, const struct bird *birds, size_t count)
{
        zmq_pollitem_t items[TARGETS_MAX + 1] = {
                { .socket = bus_zap_socket(zap), .events = ZMQ_POLLIN },
        };

        for (size_t i = 0; i < count; i++)
                items[i + 1] = (zmq_pollitem_t){ .socket = birds[i].monitor, .events = ZMQ_POLLIN };
        (void)zmq_poll(items, (int)count + 1, 10);
        bus_zap_serve(zap);
}

static int watch(
        struct bus_zap *zap, struct bird *birds, size_t count, char *error, size_t error_size)
{
        int64_t deadline_us = bus_mono_us() + WAIT_US;
        const struct bird *late;

        while ((late = waiting(birds, count)) && bus_mono_us() <= deadline_us) {
                wait_for_news(zap, birds, count);
                for (size_t i = 0; i < count; i++) {
                        const char *fault = look(&birds[i]);

                        if (!fault)
                                continue;
                        snprintf(error, error_size, "the bus is not guarded: %s %s",
                                birds[i].endpoint, fault);
                        return -EKEYREJECTED;
                }
        }
        if (!late)
                return 0;
        snprintf(error, error_size,
                "nobody answers at our own door: %s neither lets in nor refuses who has a key of his own",
                late->endpoint);
        return -ETIMEDOUT;
}

int bus_canary(void *zmq, struct bus_zap *zap, const struct bus_keys *keys,
        const struct bus_canary_target *targets, size_t count, char *error, size_t error_size)
{
        struct bus_keys *stranger = bus_keys_stranger();
        struct bird birds[TARGETS_MAX] = { 0 };
        int64_t since_us = bus_mono_us();
        int r;

        bus_require(count <= TARGETS_MAX);
        bus_zap_expect_stranger(zap, stranger->public_key);
        for (size_t i = 0; i < count; i++)
                let_fly(&birds[i], zmq, stranger, keys, &targets[i]);
        r = watch(zap, birds, count, error, error_size);
        for (size_t i = 0; i < count; i++)
                bird_done(&birds[i]);
        bus_zap_expect_stranger(zap, NULL);
        bus_keys_free(stranger);
        if (!r)
                log_debug("canary_refused", "sockets=%zu us=%" PRId64, count,
                        bus_mono_us() - since_us);
        return r;
}
