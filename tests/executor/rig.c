#include "tests/executor/rig.h"

#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/envelope.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/reader.h"
#include "libbus/bus/writer.h"
#include "services/common/notice.h"
#include "services/mt5-demo/ctl.h"

#include "account.pb-c.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <zmq.h>

#define LEDGER_MAX_BYTES ((size_t)16 << 20)
#define CTL_WAIT_US      (10 * BUS_US_PER_SEC)
#define TURN_US          (5 * BUS_US_PER_MS)

/* ---- the bus ---- */

static void endpoints(const struct rig *rig, const char *service, char *pub, char *replay)
{
        snprintf(pub, BUS_ENDPOINT_SIZE, "ipc://%s/run/%s/pub", rig->folder, service);
        snprintf(replay, BUS_ENDPOINT_SIZE, "ipc://%s/run/%s/replay", rig->folder, service);
        cr_assert_eq(bus_endpoint_prepare(pub), 0);
}

static void open_writer(
        struct rig *rig, struct rig_writer *writer, const char *service, const char *const *outputs)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/%s.db", rig->folder, service);
        char pub[BUS_ENDPOINT_SIZE], replay[BUS_ENDPOINT_SIZE], error[256] = "";
        const struct store_options store_options = {
                .engine = "sqlite", .path = path, .now_us = bus_wall_us(), .boot_id = "rig"
        };
        struct bus_writer_options options = { .loop = rig->loop,
                .zmq = rig->zmq,
                .service = service,
                .outputs = outputs,
                .pub_endpoint = pub,
                .replay_endpoint = replay,
                .zap = rig->zap };
        int r;

        writer->service = service;
        r = store_open(&store_options, &writer->store, error, sizeof(error));
        if (!r)
                r = bus_keys_load(rig->keys_folder, service, &writer->keys, error, sizeof(error));
        cr_assert_eq(r, 0, "%s", error);
        bus_zap_admit(rig->zap, service, bus_policy_default(service));
        endpoints(rig, service, pub, replay);
        options.store = writer->store;
        options.keys = writer->keys;
        r = bus_writer_new(&options, &writer->writer, error, sizeof(error));
        cr_assert_eq(r, 0, "%s", error);
}

/* POSITION: of the signal it came from, for derived streams; zero for others. */
static void write_message(struct rig_writer *to, const char *kind, const char *topic,
        Pb__Envelope *envelope, const ProtobufCMessage *body, struct bus_pos position)
{
        struct bus_writer_stream *stream = bus_writer_stream(to->writer, kind);
        struct store_batch *batch = store_batch_new();
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT, text = BUS_BUF_INIT;
        const struct store_appended *appended;
        size_t index;

        bus_pack(body, &text);
        envelope->schema = BUS_SCHEMA;
        envelope->stream = stream->name;
        envelope->body.data = text.data;
        envelope->body.len = text.size;
        envelope->staged_us = bus_wall_us();
        bus_envelope_pack(envelope, &packed);
        index = store_batch_append(batch, &(struct store_append){ .stream = stream->name,
                                                  .topic = topic,
                                                  .body = bus_buf_bytes(&packed),
                                                  .at_us = envelope->staged_us,
                                                  .position = position });
        cr_assert_eq(store_commit(to->store, batch, STORE_SYNC_NORMAL), 0);
        appended = store_batch_result(batch, index);
        bus_writer_publish(to->writer, stream, topic, bus_buf_bytes(&packed), appended->position,
                appended->predecessor);
        bus_writer_refresh(to->writer, stream);
        store_batch_free(batch);
}

static int on_trade(
        void *arg, struct bus_reader *reader BUS_UNUSED, const struct bus_message *message)
{
        struct rig *rig = arg;
        struct rig_told *told = &rig->told[rig->told_count++];

        cr_assert_lt(rig->told_count, RIG_TOLD_MAX);
        told->trade = pb__trade__unpack(NULL, message->body.size, message->body.data);
        snprintf(told->alert_id, sizeof(told->alert_id), "%s", message->envelope->alert_id);
        return 0;
}

static int on_result(
        void *arg, struct bus_reader *reader BUS_UNUSED, const struct bus_message *message)
{
        struct rig *rig = arg;

        pb__control_result__free_unpacked(rig->result, NULL);
        rig->result = pb__control_result__unpack(NULL, message->body.size, message->body.data);
        return 0;
}

static int on_alarm(
        void *arg, struct bus_reader *reader BUS_UNUSED, const struct bus_message *message)
{
        struct rig *rig = arg;

        if (rig->alarm_count < BUS_COUNT(rig->alarms))
                rig->alarms[rig->alarm_count++] =
                        pb__alarm__unpack(NULL, message->body.size, message->body.data);
        return 0;
}

static int on_account(
        void *arg, struct bus_reader *reader BUS_UNUSED, const struct bus_message *message)
{
        struct rig *rig = arg;
        Pb__Account *account = pb__account__unpack(NULL, message->body.size, message->body.data);

        rig->known_account = true;
        rig->connected = account->connected;
        rig->positions = account->n_positions;
        rig->daily_loss_cents = account->daily_loss_cents;
        pb__account__free_unpacked(account, NULL);
        return 0;
}

static void open_reader(struct rig *rig)
{
        static const struct {
                const char *kind;
                bus_deliver_fn fn;
        } streams[] = { { "trade", on_trade }, { "control.result", on_result },
                { "alarm", on_alarm }, { "account", on_account } };
        char pub[BUS_ENDPOINT_SIZE], replay[BUS_ENDPOINT_SIZE], error[256] = "";

        endpoints(rig, "order-executor", pub, replay);
        cr_assert_eq(bus_peer_new(&(struct bus_peer_options){ .loop = rig->loop,
                                          .zmq = rig->zmq,
                                          .writer = "order-executor",
                                          .pub_endpoint = pub,
                                          .replay_endpoint = replay,
                                          .keys = rig->health.keys,
                                          .budget = &rig->budget },
                             &rig->peer, error, sizeof(error)),
                0, "%s", error);
        for (size_t i = 0; i < BUS_COUNT(streams); i++)
                bus_peer_add(
                        rig->peer, &(struct bus_reader_options){ .stream_kind = streams[i].kind,
                                           .start = BUS_START_BEGINNING,
                                           .deliver = streams[i].fn,
                                           .arg = rig });
}

void rig_require(bool holds, const char *what)
{
        cr_assert(holds, "%s", what);
}

void rig_turn(struct rig *rig)
{
        rig->budget = 256;
        rig_require(bus_loop_turn(rig->loop, TURN_US) == 0, "the loop turns");
}

int64_t rig_deadline(void)
{
        return bus_mono_us() + RIG_WAIT_US;
}

void rig_wait(struct rig *rig, int64_t deadline_us, const char *what)
{
        rig_require(bus_mono_us() < deadline_us, what);
        rig_turn(rig);
}

/* ---- children ---- */

static void become(struct rig *rig, const char *program, const char *const *sets)
{
        BUS_AUTOFREE char *log = bus_xasprintf("%s/log", rig->folder);
        const char *arguments[2 * RIG_SETS_MAX + 2] = { program };
        size_t count = 1;
        int fd;

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (fd >= 0)
                dup2(fd, STDERR_FILENO);
        for (size_t i = 0; sets[i]; i++) {
                arguments[count++] = "--set";
                arguments[count++] = sets[i];
        }
        execv(program, (char *const *)(uintptr_t)arguments);
        _exit(127);
}

static pid_t start(struct rig *rig, const char *program, const char *const *sets)
{
        pid_t pid = fork();

        cr_assert_geq(pid, 0);
        if (!pid)
                become(rig, program, sets);
        return pid;
}

/* KEY=FOLDER/BELOW */
static const char *setting(const struct rig *rig, const char *key, const char *below)
{
        static char texts[8][160];
        static size_t next;
        char *text = texts[next++ % 8];

        snprintf(text, sizeof(texts[0]), "%s=%s%s", key, rig->folder, below);
        return text;
}

void rig_start_executor(struct rig *rig)
{
        const char *sets[RIG_SETS_MAX + 8] = {
                setting(rig, "bus.state_dir", ""),
                setting(rig, "order-executor.broker_secret_file", "/secret"),
                "order-executor.report_timeout=500ms",
                "order-executor.ask_interval=200ms",
                "order-executor.retry_base=50ms",
                "alias.broker.XAUUSD=GOLD",
        };
        size_t count = 6;

        for (size_t i = 0; rig->sets[i]; i++)
                sets[count++] = rig->sets[i];
        rig->executor = start(rig, EXECUTOR_BINARY, sets);
}

void rig_start_demo(struct rig *rig)
{
        const char *sets[] = {
                setting(rig, "bus.state_dir", ""),
                setting(rig, "mt5-demo.secret_file", "/secret"),
                "mt5-demo.volatility=0",
                "mt5-demo.prices=EURUSD:1.08500",
                "mt5-demo.redial=20ms",
                "mt5-demo.cut_pause=100ms",
                NULL,
        };

        rig->demo = start(rig, DEMO_BINARY, sets);
}

int rig_wait_exit(struct rig *rig, pid_t *pid)
{
        int status = 0;

        rig_wait_until(rig, waitpid(*pid, &status, WNOHANG) == *pid);
        *pid = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void rig_kill(struct rig *rig, pid_t *pid, int signal)
{
        if (*pid <= 0)
                return;
        kill(*pid, signal);
        rig_wait_exit(rig, pid);
}

void rig_demo(struct rig *rig, const char *command)
{
        BUS_AUTOBUF struct bus_buf reply = BUS_BUF_INIT;
        int r;

        r = ctl_command(rig->demo_control, command, CTL_WAIT_US, &reply);
        cr_assert_eq(r, 0, "%s: %s", command, bus_buf_str(&reply));
}

/* ---- life ---- */

struct rig *rig_new(const char *const *sets)
{
        static const char *const orders[] = { "order", NULL }, *const commands[] = { "control",
                NULL };
        struct rig *rig = bus_new(struct rig);
        BUS_AUTOFREE char *secret = NULL;

        rig_require(bus_hash_init() == 0, "randomness");
        snprintf(rig->folder, sizeof(rig->folder), "/tmp/executor-XXXXXX");
        rig_require(mkdtemp(rig->folder), "a folder");
        snprintf(rig->demo_control, sizeof(rig->demo_control), "ipc://%s/run/mt5-demo/control",
                rig->folder);
        secret = bus_xasprintf("%s/secret", rig->folder);
        rig_require(bus_file_replace(secret, 0600, bus_bytes_str("known to both of them")) == 0,
                "a secret");
        for (size_t i = 0; sets && sets[i]; i++)
                rig->sets[i] = sets[i];
        rig->loop = bus_loop_new();
        rig->zmq = zmq_ctx_new();
        snprintf(rig->keys_folder, sizeof(rig->keys_folder), "%s/keys", rig->folder);
        rig_require(bus_keys_make_all(rig->keys_folder) == 0, "keys");
        rig_require(bus_zap_new(rig->loop, rig->zmq, rig->keys_folder, NULL, &rig->zap) == 0,
                "a doorkeeper");
        open_writer(rig, &rig->strategy, "strategy-v3", orders);
        open_writer(rig, &rig->health, "health", commands);
        open_reader(rig);
        return rig;
}

static int remove_one(const char *path, const struct stat *st BUS_UNUSED, int type BUS_UNUSED,
        struct FTW *ftw BUS_UNUSED)
{
        return remove(path);
}

struct rig *rig_free(struct rig *rig)
{
        if (!rig)
                return NULL;
        rig_kill(rig, &rig->executor, SIGKILL);
        rig_kill(rig, &rig->demo, SIGKILL);
        bus_peer_free(rig->peer);
        bus_writer_free(rig->strategy.writer);
        bus_writer_free(rig->health.writer);
        store_free(rig->strategy.store);
        store_free(rig->health.store);
        bus_keys_free(rig->strategy.keys);
        bus_keys_free(rig->health.keys);
        bus_zap_free(rig->zap);
        bus_loop_free(rig->loop);
        zmq_ctx_term(rig->zmq);
        for (size_t i = 0; i < rig->told_count; i++)
                pb__trade__free_unpacked(rig->told[i].trade, NULL);
        for (size_t i = 0; i < rig->alarm_count; i++)
                pb__alarm__free_unpacked(rig->alarms[i], NULL);
        pb__control_result__free_unpacked(rig->result, NULL);
        nftw(rig->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(rig);
        return NULL;
}

/* ---- what is sent ---- */

const char *rig_alert(unsigned int n)
{
        static char ids[8][BUS_ID_SIZE];
        char *id = ids[n % 8];

        snprintf(id, BUS_ID_SIZE, "01ARYZ6S4100000000%08u", n);
        return id;
}

Pb__Order *rig_exit(Pb__Side side)
{
        static Pb__DecisionClose close, *closes[1] = { &close };
        static Pb__Order order;

        pb__order__init(&order);
        pb__decision_close__init(&close);
        close.side = side;
        close.reason = PB__CLOSE_REASON__CLOSE_REASON_EXIT;
        order.slot = (char *)(uintptr_t) "v3";
        order.plugin = (char *)(uintptr_t) "legacy_v3";
        order.symbol = (char *)(uintptr_t) "EURUSD";
        order.epoch = 1;
        order.kind = PB__ORDER_KIND__ORDER_KIND_EXIT;
        order.verdict = PB__VERDICT__VERDICT_EXECUTE;
        order.closes = closes;
        order.n_closes = 1;
        order.price_e8 = RIG_PRICE_E8;
        order.received_us = order.born_us = order.context_as_of_us = bus_wall_us();
        return &order;
}

Pb__Order *rig_reversal(Pb__Side side)
{
        static Pb__DecisionLeg leg, *legs[1] = { &leg };
        const bool buy = side == PB__SIDE__SIDE_BUY;
        Pb__Order *order = rig_exit(buy ? PB__SIDE__SIDE_SELL : PB__SIDE__SIDE_BUY);

        pb__decision_leg__init(&leg);
        leg.leg = PB__LEG__LEG_A;
        leg.side = side;
        leg.volume_e8 = 4000000;
        leg.sl_e8 = RIG_PRICE_E8 + (buy ? -500000 : 500000);
        leg.tp_e8 = RIG_PRICE_E8 + (buy ? 700000 : -700000);
        order->kind = PB__ORDER_KIND__ORDER_KIND_ENTRY;
        order->closes[0]->reason = PB__CLOSE_REASON__CLOSE_REASON_REVERSAL;
        order->legs = legs;
        order->n_legs = 1;
        return order;
}

Pb__Order *rig_entry(Pb__Side side)
{
        Pb__Order *order = rig_reversal(side);

        order->n_closes = 0;
        return order;
}

void rig_order(struct rig *rig, const char *alert_id, const Pb__Order *order, bool test)
{
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        Pb__Position origin = PB__POSITION__INIT;
        char message_id[BUS_ID_SIZE], topic[64];

        bus_id_new(message_id);
        origin.incarnation = 1;
        origin.seq = ++rig->next_seq;
        envelope.message_id = message_id;
        envelope.alert_id = (char *)(uintptr_t)alert_id;
        envelope.test = test;
        envelope.origin = &origin;
        snprintf(topic, sizeof(topic), "order.v3.%s", order->symbol);
        write_message(&rig->strategy, "order", topic, &envelope, &order->base,
                (struct bus_pos){ origin.incarnation, origin.seq, 0 });
}

void rig_notice(struct rig *rig, const char *alert_id, const Pb__Order *order)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT, packed = BUS_BUF_INIT;
        Pb__Notice notice;

        notice_fill(&notice, alert_id, &order->base, &body);
        bus_pack(&notice.base, &packed);
        bus_writer_publish_raw(rig->strategy.writer, "notice.order.EURUSD", bus_buf_bytes(&packed));
}

static void write_command(
        struct rig *rig, const Pb__Control *control, char ret_id[static BUS_ID_SIZE])
{
        Pb__Envelope envelope = PB__ENVELOPE__INIT;
        Pb__Control copy = *control;

        bus_id_new(ret_id);
        envelope.message_id = ret_id;
        copy.actor = (char *)(uintptr_t) "rig";
        write_message(
                &rig->health, "control", "control.cmd.rig", &envelope, &copy.base, BUS_POS_ZERO);
}

void rig_command(struct rig *rig, const Pb__Control *control)
{
        char id[BUS_ID_SIZE];

        write_command(rig, control, id);
        rig_wait_until(rig, rig->result && !strcmp(rig->result->command_id, id));
}

/* A new reader of commands starts at what comes next, and only a beacon tells it where that is: a
 * command without effect is said until one is heard. */
static void be_heard(struct rig *rig)
{
        Pb__Control control = PB__CONTROL__INIT;
        int64_t deadline_us = rig_deadline();
        char id[BUS_ID_SIZE];

        control.command = PB__COMMAND__COMMAND_OPEN_SYMBOL;
        control.symbol = (char *)(uintptr_t) "NONE";
        while (!rig->result) {
                rig_wait(rig, deadline_us, "commands are heard");
                write_command(rig, &control, id);
                for (int i = 0; i < 20 && !rig->result; i++)
                        rig_turn(rig);
        }
}

struct rig *rig_up(const char *const *sets)
{
        struct rig *rig = rig_new(sets);

        rig_start_demo(rig);
        rig_start_executor(rig);
        rig_wait_until(rig, rig->connected);
        be_heard(rig);
        return rig;
}

/* ---- what was told ---- */

size_t rig_count(const struct rig *rig, const char *alert_id, Pb__TradeEvent event)
{
        size_t count = 0;

        for (size_t i = 0; i < rig->told_count; i++)
                count += rig->told[i].trade->event == event &&
                         !strcmp(rig->told[i].alert_id, alert_id);
        return count;
}

const Pb__Trade *rig_last(
        const struct rig *rig, const char *alert_id, Pb__TradeEvent event, const char *reason)
{
        for (size_t i = rig->told_count; i > 0; i--) {
                const struct rig_told *told = &rig->told[i - 1];

                if (told->trade->event == event && !strcmp(told->alert_id, alert_id) &&
                        (!reason || !strcmp(told->trade->reason, reason)))
                        return told->trade;
        }
        return NULL;
}

void rig_wait_for(struct rig *rig, const char *alert_id, Pb__TradeEvent event, const char *what)
{
        int64_t deadline_us = rig_deadline();

        while (!rig_last(rig, alert_id, event, NULL))
                rig_wait(rig, deadline_us, what);
}

bool rig_alarmed(const struct rig *rig, const char *code)
{
        for (size_t i = rig->alarm_count; i > 0; i--)
                if (!strcmp(rig->alarms[i - 1]->code, code))
                        return rig->alarms[i - 1]->raised;
        return false;
}

/* ---- the ledger ---- */

static bool line_is(const char *line, const char *event, const char *cl_ord_id)
{
        json_t *json = json_loads(line, 0, NULL);
        const char *id = json_string_value(json_object_get(json, "cl_ord_id"));
        const char *is = json_string_value(json_object_get(json, "event"));
        bool holds = is && !strcmp(is, event) && (!cl_ord_id || (id && !strcmp(id, cl_ord_id)));

        json_decref(json);
        return holds;
}

size_t rig_ledger(const struct rig *rig, const char *event, const char *cl_ord_id)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/mt5-demo/ledger.jsonl", rig->folder);
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        size_t count = 0;
        char *save = NULL;

        cr_assert_eq(bus_file_read(path, LEDGER_MAX_BYTES, &text), 0);
        bus_buf_add(&text, "", 1);
        for (char *line = strtok_r((char *)text.data, "\n", &save); line;
                line = strtok_r(NULL, "\n", &save))
                count += line_is(line, event, cl_ord_id);
        return count;
}
