/*
 * Three tiny services for the chain test: a source that journals numbers, a strategy that derives a
 * message from every second one, and a sink that must see both without a gap, a repeat or a swap.
 * Each keeps what it knows in its store only, so that a SIGKILL at any instant must not show.
 */
#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/service/service.h"

#include "tick.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define NUMBERS       3000
#define PERIOD_US     (10 * BUS_US_PER_MS) /* 3000 numbers last as long as the kills */
#define EXIT_DISORDER 7
#define KEY_SIGNALS   "signals"
#define KEY_DECISIONS "decisions"

struct node {
        struct bus_service *service;
        int64_t signals, decisions; /* how many so far */
};

static int64_t load(struct node *node, const char *key)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        int r = bus_get(node->service, key, &buf);

        bus_require(r >= 0);
        return r == 0 ? strtoll(bus_buf_str(&buf), NULL, 10) : 0;
}

static void save(struct node *node, const char *key, int64_t value)
{
        char text[32];

        snprintf(text, sizeof(text), "%" PRId64, value);
        bus_put(node->service, key, bus_bytes_str(text), false);
}

static int create(struct bus_service *service, void **ret_self)
{
        struct node *node = bus_new(struct node);

        node->service = service;
        *ret_self = node;
        return 0;
}

static int start(void *self)
{
        struct node *node = self;

        node->signals = load(node, KEY_SIGNALS);
        node->decisions = load(node, KEY_DECISIONS);
        bus_service_ready(node->service);
        return 0;
}

static void destroy(void *self)
{
        free(self);
}

static int64_t number_of(const struct bus_message *message)
{
        Pb__Tick *tick = pb__tick__unpack(NULL, message->body.size, message->body.data);
        int64_t number;

        bus_require(tick);
        number = tick->at_us;
        pb__tick__free_unpacked(tick, NULL);
        return number;
}

/* ---- source ---- */

static void write_numbers(void *arg)
{
        struct node *node = arg;

        for (int i = 0; i < 7 && node->signals < NUMBERS; i++) {
                Pb__Tick tick = PB__TICK__INIT;

                tick.at_us = ++node->signals;
                tick.symbol = "EURUSD";
                save(node, KEY_SIGNALS, node->signals);
                bus_emit(node->service, &(struct bus_out){ .stream = "signal",
                                                .topic = "signal.v3.EURUSD",
                                                .body = &tick.base });
        }
}

static int source_start(void *self)
{
        struct node *node = self;

        bus_loop_add_timer(bus_service_loop(node->service), 0, PERIOD_US, write_numbers, node);
        return start(self);
}

static const char *const source_outputs[] = { "signal", NULL };
static const struct bus_service_class source = { .name = "alert-ingest",
        .outputs = source_outputs,
        .create = create,
        .start = source_start,
        .destroy = destroy };

/* ---- strategy ---- */

static int expect(int64_t number, int64_t wanted, const char *what)
{
        if (number == wanted)
                return 0;
        fprintf(stderr, "DISORDER %s: %" PRId64 " instead of %" PRId64 "\n", what, number, wanted);
        _exit(EXIT_DISORDER);
}

static int derive(void *self, const struct bus_message *message)
{
        struct node *node = self;
        Pb__Tick tick = PB__TICK__INIT;

        tick.at_us = number_of(message);
        tick.symbol = "EURUSD";
        if (expect(tick.at_us, node->signals + 1, "signal at the strategy") < 0)
                return -EBADMSG;
        node->signals++;
        save(node, KEY_SIGNALS, node->signals);
        if (tick.at_us % 2 == 0)
                bus_emit(node->service, &(struct bus_out){ .stream = "decision",
                                                .topic = "decision.v3.legacy_v3",
                                                .body = &tick.base,
                                                .cause = message });
        return 0;
}

static const char *const strategy_outputs[] = { "decision", NULL };
static const struct bus_input strategy_inputs[] = {
        { "signal", "alert-ingest", BUS_START_BEGINNING, derive, false },
        { 0 },
};
static struct bus_service_class strategy = { .name = "strategy-v3",
        .outputs = strategy_outputs,
        .inputs = strategy_inputs,
        .create = create,
        .start = start,
        .destroy = destroy };

/* ---- sink ---- */

static void tell_when_done(struct node *node)
{
        char path[512];

        if (node->signals < NUMBERS || node->decisions < NUMBERS / 2)
                return;
        snprintf(path, sizeof(path), "%s/done", bus_service_folder(node->service));
        bus_require(bus_file_replace(path, 0600, bus_bytes_str("done\n")) == 0);
}

static int take_signal(void *self, const struct bus_message *message)
{
        struct node *node = self;

        expect(number_of(message), ++node->signals, "signal at the sink");
        save(node, KEY_SIGNALS, node->signals);
        tell_when_done(node);
        return 0;
}

static int take_decision(void *self, const struct bus_message *message)
{
        struct node *node = self;

        node->decisions++;
        expect(number_of(message), node->decisions * 2, "decision at the sink");
        bus_require(message->envelope->origin);
        save(node, KEY_DECISIONS, node->decisions);
        tell_when_done(node);
        return 0;
}

static const struct bus_input sink_inputs[] = {
        { "signal", "alert-ingest", BUS_START_BEGINNING, take_signal, false },
        { "decision", "strategy-v3", BUS_START_BEGINNING, take_decision, false },
        { 0 },
};
static const struct bus_service_class sink = { .name = "health",
        .inputs = sink_inputs,
        .create = create,
        .start = start,
        .destroy = destroy };

int main(int argc, char **argv)
{
        const struct bus_service_class *classes[] = { &source, &strategy, &sink };

        if (argc < 2)
                return 2;
        if (getenv("UMBRA_TEST_BACKGROUND"))
                strategy.background = 1;
        for (size_t i = 0; i < BUS_COUNT(classes); i++)
                if (!strcmp(argv[1], classes[i]->name))
                        return bus_service_main(argc - 1, argv + 1, classes[i]);
        return 2;
}
