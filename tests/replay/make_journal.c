/*
 * make-journal STATE PLUGINS COUNT: a state folder as a stopped system leaves it, with COUNT alerts
 * that legacy_v3 decided, and STATE/lines, the same alerts for `umbra decide`.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/ids.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/pack.h"
#include "libbus/store/store.h"
#include "services/common/decision_codec.h"
#include "services/common/plugin_host.h"
#include "services/common/signal_codec.h"
#include "tests/replay/alerts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 256 };

struct maker {
        const char *state;
        struct symbols symbols;
        struct plugin *plugin;
        struct store *signals, *decisions;
        struct store_batch *signal_batch, *decision_batch;
        struct bus_pos last; /* of the signals' stream */
        FILE *lines;
        int64_t now_us;
        uint64_t count;
};

static struct store *open_store(
        struct maker *maker, const char *service, const char *stream, enum store_stream_kind kind)
{
        BUS_AUTOFREE char *folder = bus_xasprintf("%s/%s", maker->state, service);
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s.db", folder, service);
        struct store *store;
        struct store_stream now;
        char error[256];

        bus_require(bus_mkdir_all(folder, 0700) == 0);
        bus_require(store_open(&(struct store_options){ .engine = "sqlite",
                                       .path = path,
                                       .now_us = maker->now_us,
                                       .boot_id = "" },
                            &store, error, sizeof(error)) == 0);
        bus_require(store_stream_open(store, stream, kind, &now) == 0);
        if (kind == STORE_STREAM_FULL)
                maker->last = (struct bus_pos){ now.incarnation, 0, 0 };
        return store;
}

static void stage(struct store_batch *batch, const char *stream, const char *topic,
        const char *alert_id, const ProtobufCMessage *message, struct bus_pos origin, int64_t at_us)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        Pb__Position from;

        bus_pack(message, &body);
        bus_pos_to(origin, &from);
        envelope.schema = BUS_SCHEMA;
        envelope.stream = (char *)stream;
        envelope.message_id = envelope.alert_id = (char *)alert_id;
        envelope.body.data = body.data;
        envelope.body.len = body.size;
        envelope.staged_us = at_us;
        if (!bus_pos_is_zero(origin))
                envelope.origin = &from;
        bus_envelope_pack(&envelope, &packed);
        store_batch_append(batch, &(struct store_append){ .stream = stream,
                                          .topic = topic,
                                          .body = bus_buf_bytes(&packed),
                                          .at_us = at_us,
                                          .position = origin });
}

static void commit(struct store *store, struct store_batch *batch)
{
        bus_require(store_commit(store, batch, STORE_SYNC_NORMAL) == 0);
        store_batch_clear(batch);
        store_settle(store);
}

static void decide(struct maker *maker, const struct v3_alert *alert,
        const struct v3_context *context, const char *alert_id)
{
        struct plugin_verdict verdict;
        struct decision_message message;

        plugin_decide(maker->plugin, alert, context, NULL, &verdict);
        bus_require(verdict.decision.verdict != V3_VERDICT_ERROR);
        decision_fill(&message,
                &(struct decision_origin){ .slot = "v3",
                        .plugin = plugin_name(maker->plugin),
                        .plugin_build = plugin_build(maker->plugin),
                        .config_hash = plugin_config_hash(maker->plugin),
                        .epoch = 1,
                        .symbol = alert->symbol,
                        .decide_ns = 800 },
                &verdict.decision);
        stage(maker->decision_batch, "decision@strategy-v3", "decision.v3.X", alert_id,
                &message.pb.base, maker->last, maker->now_us + 300);
}

static void add(struct maker *maker, const struct any_alert *any)
{
        const struct v3_context *context = any->has_context ? &any->context : NULL;
        BUS_CLEANUP(alert_freep) struct alert *alert = NULL;
        BUS_AUTOBUF struct bus_buf line = BUS_BUF_INIT;
        struct signal_message message;
        char id[BUS_ID_SIZE];

        bus_require(alert_parse(bus_buf_bytes(&any->body), &maker->symbols, &alert) == 0);
        maker->now_us += 20 * BUS_US_PER_MS;
        maker->last.seq++;
        bus_id_new(id);
        signal_fill(&message,
                &(struct signal_receipt){ "tradingview", "id:x", maker->now_us, maker->now_us },
                alert, context);
        stage(maker->signal_batch, "signal@alert-ingest", "signal.v3.X", id, &message.pb.base,
                BUS_POS_ZERO, maker->now_us);
        decide(maker, &alert->v3, context, id);
        any_alert_line(any, &line);
        fprintf(maker->lines, "%s\n", bus_buf_str(&line));
        if (++maker->count % BATCH)
                return;
        commit(maker->signals, maker->signal_batch);
        commit(maker->decisions, maker->decision_batch);
}

static void write_config(const struct maker *maker, const char *plugins)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/umbra.ini", maker->state);
        BUS_AUTOFREE char *text = bus_xasprintf(
                "[bus]\nstate_dir = %s\n[plugin_system]\nfolder = %s\n", maker->state, plugins);

        bus_require(bus_file_replace(path, 0600, bus_bytes_str(text)) == 0);
}

static void begin(struct maker *maker, const char *plugins)
{
        BUS_AUTOFREE char *lines = bus_xasprintf("%s/lines", maker->state);
        char error[PLUGIN_ERROR_SIZE];

        symbols_init(&maker->symbols);
        bus_require(plugin_open(plugins, "legacy_v3", error, &maker->plugin) == 0);
        bus_require(plugin_start(maker->plugin, &maker->symbols, error) == 0);
        maker->signals =
                open_store(maker, "alert-ingest", "signal@alert-ingest", STORE_STREAM_FULL);
        maker->decisions =
                open_store(maker, "strategy-v3", "decision@strategy-v3", STORE_STREAM_DERIVED);
        maker->signal_batch = store_batch_new();
        maker->decision_batch = store_batch_new();
        maker->lines = fopen(lines, "w");
        bus_require(maker->lines);
}

static void end(struct maker *maker)
{
        commit(maker->signals, maker->signal_batch);
        commit(maker->decisions, maker->decision_batch);
        store_batch_free(maker->signal_batch);
        store_batch_free(maker->decision_batch);
        store_free(maker->signals);
        store_free(maker->decisions);
        plugin_close(maker->plugin);
        symbols_done(&maker->symbols);
        bus_require(fclose(maker->lines) == 0);
}

int main(int argc, char **argv)
{
        struct any_alert alert = { 0 };
        uint64_t seed = 0x9e3779b97f4a7c15, count;
        struct maker maker = { 0 };
        BUS_AUTOFREE char *run = NULL;

        if (argc != 4)
                return 2;
        bus_require(bus_hash_init() == 0);
        count = strtoull(argv[3], NULL, 10);
        maker.state = argv[1];
        maker.now_us = bus_wall_us() - (int64_t)count * 20 * BUS_US_PER_MS;
        run = bus_xasprintf("%s/run", maker.state);
        bus_require(bus_mkdir_all(run, 0700) == 0);
        write_config(&maker, argv[2]);
        begin(&maker, argv[2]);
        while (maker.count < count) {
                any_alert_next(&seed, &alert);
                add(&maker, &alert);
        }
        end(&maker);
        bus_buf_done(&alert.body);
        return 0;
}
