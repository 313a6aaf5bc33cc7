/*
 * The neighbours of strategy-v3 for the switching test: a source of signals, somebody who switches
 * the slot all the time, and a sink that writes down what it is told, in order. The sink ends with
 * its own status where a stream breaks its promises.
 */
#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/service/service.h"
#include "services/common/signal_codec.h"

#include "control.pb-c.h"
#include "decision.pb-c.h"
#include "order.pb-c.h"

#include <inttypes.h>
#include <stdio.h>

#define SIGNALS       840
#define SIGNALS_US    (100 * BUS_US_PER_MS)
#define BURST         12
#define SWITCH_EVERY  BURST /* decisions: most meet the next burst at a strategy that is writing */
#define SWITCH_FILE   "UMBRA_TEST_SWITCH_FILE" /* environment: no switches but one, when it appears */
#define EXIT_DISORDER 7
#define KEY_COUNT     "count"

struct node {
        struct bus_service *service;
        int64_t count;
        const char *switch_file; /* or NULL */
        FILE *told;
        int64_t decisions, shadows, orders, results;
        uint64_t epoch;
        char active[40]; /* who judged an entry in this epoch */
};

static int create(struct bus_service *service, void **ret_self)
{
        struct node *node = bus_new(struct node);

        node->service = service;
        node->switch_file = getenv(SWITCH_FILE);
        *ret_self = node;
        return 0;
}

static void destroy(void *arg)
{
        struct node *node = arg;

        if (node && node->told)
                fclose(node->told);
        free(node);
}

static int start(void *arg)
{
        struct node *node = arg;
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        int r = bus_get(node->service, KEY_COUNT, &buf);

        bus_require(r >= 0);
        node->count = r == 0 ? strtoll(bus_buf_str(&buf), NULL, 10) : 0;
        bus_service_ready(node->service);
        return 0;
}

static void save_count(struct node *node)
{
        char text[32];

        snprintf(text, sizeof(text), "%" PRId64, node->count);
        bus_put(node->service, KEY_COUNT, bus_bytes_str(text), true);
}

/* ---- signals: an exit after two entries ---- */

static const char *const bodies[] = {
        "{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":\"EURUSD\","
        "\"direction\":\"buy\",\"tf\":\"15\",\"price\":1.1,\"consensus_score\":6}",
        "{\"type\":\"entry_v3\",\"signal_type\":\"Golden_Pocket_Flip\",\"symbol\":\"XAUUSD\","
        "\"direction\":\"sell\",\"tf\":\"60\",\"price\":2650,\"consensus_score\":2}",
        "{\"type\":\"exit_v3\",\"signal_type\":\"Bullish_Exit\",\"symbol\":\"EURUSD\",\"tf\":\"15\","
        "\"price\":1.1}",
};

static void write_signal(struct node *node, const struct symbols *symbols)
{
        static const struct v3_context context = {
                .balance_cents = 1000000, .equity_cents = 1000000, .as_of_us = 1
        };
        int64_t now_us = bus_wall_us();
        struct signal_receipt receipt = { "test", "id:x", now_us, now_us };
        const char *body = bodies[node->count % (int64_t)BUS_COUNT(bodies)];
        struct signal_message message;
        struct alert *alert = NULL;
        char id[BUS_ID_SIZE], key[32];

        bus_require(alert_parse(bus_bytes_str(body), symbols, &alert) == 0);
        snprintf(key, sizeof(key), "id:%" PRId64, node->count);
        receipt.idempotency_key = key;
        signal_fill(&message, &receipt, alert, &context);
        bus_id_new(id);
        node->count++;
        bus_emit(node->service, &(struct bus_out){ .stream = "signal",
                                        .topic = "signal.v3.TEST",
                                        .body = &message.pb.base,
                                        .alert_id = id });
        alert_free(alert);
}

static void write_signals(void *arg)
{
        struct node *node = arg;
        struct symbols symbols;

        if (node->count >= SIGNALS)
                return;
        symbols_init(&symbols);
        for (int i = 0; i < BURST; i++)
                write_signal(node, &symbols);
        symbols_done(&symbols);
        save_count(node);
}

static int source_start(void *arg)
{
        struct node *node = arg;

        bus_loop_add_timer(
                bus_service_loop(node->service), SIGNALS_US, SIGNALS_US, write_signals, node);
        return start(arg);
}

static const char *const source_outputs[] = { "signal", NULL };
static const struct bus_service_class source = { .name = "alert-ingest",
        .outputs = source_outputs,
        .create = create,
        .start = source_start,
        .destroy = destroy };

/* ---- switches ---- */

static void write_control(struct node *node, Pb__Command command, const char *plugin)
{
        Pb__Control control = PB__CONTROL__INIT;

        control.command = command;
        control.plugin = (char *)plugin;
        control.actor = "test";
        control.gate_passed = true;
        bus_emit(node->service, &(struct bus_out){ .stream = "control",
                                        .topic = "control.cmd.slot",
                                        .body = &control.base,
                                        .alert_id = "" });
}

static int take_for_switching(void *arg, const struct bus_message *message)
{
        static const struct {
                Pb__Command command;
                const char *plugin;
        } switches[] = {
                { PB__COMMAND__COMMAND_CUTOVER, "combined_v3" },
                { PB__COMMAND__COMMAND_ROLLBACK, "" },
                { PB__COMMAND__COMMAND_ENABLE_PLUGIN, "combined_v3" },
                { PB__COMMAND__COMMAND_DISABLE_PLUGIN, "legacy_v3" },
                { PB__COMMAND__COMMAND_DISABLE_PLUGIN, "combined_v3" }, /* nobody: signals wait */
                { PB__COMMAND__COMMAND_ENABLE_PLUGIN, "legacy_v3" },
                { PB__COMMAND__COMMAND_CUTOVER, "example" }, /* refused */
        };
        struct node *node = arg;
        size_t which = (size_t)(node->count / SWITCH_EVERY) % BUS_COUNT(switches);

        (void)message;
        node->count++;
        save_count(node);
        if (node->count % SWITCH_EVERY == 0 && !node->switch_file)
                write_control(node, switches[which].command, switches[which].plugin);
        return 0;
}

static void tell_that_it_went(void *self, void *arg, int result)
{
        struct node *node = self;
        BUS_AUTOFREE char *path = bus_xasprintf("%s.went", node->switch_file);

        (void)arg;
        bus_require(result == 0 && bus_file_replace(path, 0600, bus_bytes_str("went\n")) == 0);
}

/* One cutover, when the file is there. */
static void look_for_file(void *arg)
{
        struct node *node = arg;

        if (access(node->switch_file, F_OK) != 0)
                return;
        unlink(node->switch_file);
        write_control(node, PB__COMMAND__COMMAND_CUTOVER, "combined_v3");
        bus_after_commit(node->service, tell_that_it_went, NULL);
}

static int switcher_start(void *arg)
{
        struct node *node = arg;

        if (node->switch_file)
                bus_loop_add_timer(bus_service_loop(node->service), 0, 10 * BUS_US_PER_MS,
                        look_for_file, node);
        return start(arg);
}

static const char *const switcher_outputs[] = { "control", NULL };
static const struct bus_input switcher_inputs[] = {
        { "decision", "strategy-v3", BUS_START_BEGINNING, take_for_switching, false },
        { 0 },
};
static const struct bus_service_class switcher = { .name = "health",
        .outputs = switcher_outputs,
        .inputs = switcher_inputs,
        .create = create,
        .start = switcher_start,
        .destroy = destroy };

/* ---- the sink ---- */

static void disorder(const char *what, const struct bus_message *message)
{
        char text[BUS_POS_TEXT_SIZE];

        fprintf(stderr, "DISORDER %s at %s\n", what, bus_pos_format(message->position, text));
        _exit(EXIT_DISORDER);
}

static void tell(struct node *node, const struct bus_message *message, const char *what)
{
        BUS_AUTOFREE char *path = NULL;
        char text[BUS_POS_TEXT_SIZE];

        if (!node->told) {
                path = bus_xasprintf("%s/told", bus_service_folder(node->service));
                node->told = fopen(path, "w");
                bus_require(node->told);
        }
        fprintf(node->told, "%s %s %s\n", message->stream, bus_pos_format(message->position, text),
                what);
        fflush(node->told);
}

static void tell_when_done(struct node *node)
{
        BUS_AUTOFREE char *path = NULL;

        if (node->decisions < SIGNALS || node->shadows < 2 * SIGNALS)
                return;
        path = bus_xasprintf("%s/done", bus_service_folder(node->service));
        bus_require(bus_file_replace(path, 0600, bus_bytes_str("done\n")) == 0);
}

/* One plugin an epoch judges the entries, and epochs only rise. */
static void check_epoch(
        struct node *node, const struct bus_message *message, const Pb__Decision *decision)
{
        if (decision->epoch < node->epoch)
                disorder("epoch", message);
        if (decision->epoch > node->epoch)
                *node->active = 0;
        node->epoch = decision->epoch;
        if (message->position.seq % 3 == 0) /* an exit: maybe judged by the last one */
                return;
        if (*node->active && strcmp(node->active, *decision->plugin ? decision->plugin : "-"))
                disorder("two plugins in an epoch", message);
        snprintf(node->active, sizeof(node->active), "%s",
                *decision->plugin ? decision->plugin : "-");
}

static int take_decision(void *arg, const struct bus_message *message)
{
        struct node *node = arg;
        Pb__Decision *decision = pb__decision__unpack(NULL, message->body.size, message->body.data);
        BUS_AUTOFREE char *what = NULL;

        bus_require(decision);
        if (message->position.seq != (uint64_t)++node->decisions)
                disorder("decision", message);
        check_epoch(node, message, decision);
        what = bus_xasprintf("%s epoch=%" PRIu64 " plugin=%s verdict=%d legs=%zu closes=%zu",
                message->envelope->alert_id, decision->epoch, decision->plugin, decision->verdict,
                decision->n_legs, decision->n_closes);
        tell(node, message, what);
        pb__decision__free_unpacked(decision, NULL);
        tell_when_done(node);
        return 0;
}

static int take_order(void *arg, const struct bus_message *message)
{
        struct node *node = arg;
        Pb__Order *order = pb__order__unpack(NULL, message->body.size, message->body.data);
        BUS_AUTOFREE char *what = NULL;

        bus_require(order);
        node->orders++;
        what = bus_xasprintf("%s epoch=%" PRIu64 " plugin=%s verdict=%d legs=%zu closes=%zu",
                message->envelope->alert_id, order->epoch, order->plugin, order->verdict,
                order->n_legs, order->n_closes);
        tell(node, message, what);
        pb__order__free_unpacked(order, NULL);
        return 0;
}

static int take_shadow(void *arg, const struct bus_message *message)
{
        struct node *node = arg;

        if (message->position.seq != (uint64_t)(node->shadows / 2 + 1) ||
                message->position.part != (uint32_t)(node->shadows % 2))
                disorder("shadow decision", message);
        node->shadows++;
        tell_when_done(node);
        return 0;
}

static int take_result(void *arg, const struct bus_message *message)
{
        struct node *node = arg;
        Pb__ControlResult *result =
                pb__control_result__unpack(NULL, message->body.size, message->body.data);
        BUS_AUTOFREE char *what = NULL;

        bus_require(result);
        what = bus_xasprintf(
                "%s status=%d code=%s", result->command_id, result->status, result->code);
        tell(node, message, what);
        pb__control_result__free_unpacked(result, NULL);
        return 0;
}

static const struct bus_input sink_inputs[] = {
        { "decision", "strategy-v3", BUS_START_BEGINNING, take_decision, false },
        { "order", "strategy-v3", BUS_START_BEGINNING, take_order, false },
        { "control.result", "strategy-v3", BUS_START_BEGINNING, take_result, false },
        { "decision.shadow", "strategy-v3-shadow", BUS_START_BEGINNING, take_shadow, false },
        { 0 },
};
/* The first hears it live, the second is started behind it all and reads the journals. */
static const struct bus_service_class sink = { .name = "order-executor",
        .inputs = sink_inputs,
        .create = create,
        .start = start,
        .destroy = destroy };
static const struct bus_service_class late_sink = { .name = "telegram-analytics",
        .inputs = sink_inputs,
        .create = create,
        .start = start,
        .destroy = destroy };

int main(int argc, char **argv)
{
        const struct bus_service_class *classes[] = { &source, &switcher, &sink, &late_sink };

        if (argc < 2)
                return 2;
        for (size_t i = 0; i < BUS_COUNT(classes); i++)
                if (!strcmp(argv[1], classes[i]->name))
                        return bus_service_main(argc - 1, argv + 1, classes[i]);
        return 2;
}
