/*
 * Keeps: what the desk wants written is in the ledger before it returns; while a freeze holds,
 * nothing is read from the link, sent to it, or done with prices.
 */
#include "services/mt5-demo/demo.h"

#include "libbus/base/clock.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "libbus/bus/socket.h"
#include "services/mt5-demo/control.h"
#include "services/mt5-demo/ledger.h"
#include "services/mt5-demo/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum {
        COMMAND_SIZE = 512,
        CSV_MAX_BYTES = 256 << 20,
        REPLY_LINGER_MS = 100, /* the answer to the last command before an exit */
};

struct demo {
        const struct options *options; /* borrowed */
        void *zmq, *control_socket;
        struct bus_loop *loop;
        struct bus_source *tick_timer, *step_timer;
        struct feed *feed;
        struct ledger *ledger;
        struct link *link;
        struct desk desk;
        struct bus_buf buf;
};

static struct instant now(void)
{
        return (struct instant){ .wall_us = bus_wall_us(), .mono_us = bus_mono_us() };
}

static bool holds(const struct demo *demo, enum fault_kind kind, int64_t *ret_value)
{
        return faults_hold(&demo->desk.faults, kind, NULL, bus_mono_us(), ret_value);
}

static bool is_frozen(const struct demo *demo)
{
        int64_t value;

        return holds(demo, FAULT_FREEZE, &value);
}

static bool is_connected(const struct demo *demo)
{
        int64_t value;

        return !holds(demo, FAULT_DISCONNECTED, &value);
}

static bool is_trade_allowed(const struct demo *demo)
{
        int64_t value;

        return !holds(demo, FAULT_AUTOTRADING_OFF, &value);
}

static int64_t skew_us(const struct demo *demo)
{
        int64_t value;

        return holds(demo, FAULT_CLOCK_SKEW, &value) ? value : 0;
}

static void send_buf(struct demo *demo)
{
        link_send(demo->link, bus_buf_bytes(&demo->buf));
}

static void send_message(struct demo *demo, const Pb__BrokerMessage *message)
{
        bus_buf_clear(&demo->buf);
        broker_pack(message, &demo->buf);
        send_buf(demo);
}

/* ---- what the desk wants ---- */

static void on_write(const struct record *records, size_t count, void *arg)
{
        struct demo *demo = arg;
        int r = ledger_write(demo->ledger, records, count);

        if (r >= 0)
                return;
        /* A broker that cannot write its books has stopped being one. */
        log_error("ledger_write_failed", "path=%s why=%s", ledger_path(demo->ledger), strerror(-r));
        _exit(1);
}

static void on_report(
        const char *cl_ord_id, uint32_t attempt, const struct report *report, void *arg)
{
        struct demo *demo = arg;
        Pb__Report body = message_of_report(cl_ord_id, attempt, report, skew_us(demo));
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;

        log_info("report", "cl_ord_id=%s attempt=%u retcode=%u position=%llu comment=\"%s\"",
                cl_ord_id, attempt, report->retcode, (unsigned long long)report->position,
                report->comment);
        message.kind = PB__BROKER_KIND__BROKER_KIND_REPORT;
        message.report = &body;
        send_message(demo, &message);
}

static void on_deal(const struct deal *deal, void *arg)
{
        struct demo *demo = arg;
        Pb__Deal body = message_of_deal(deal, demo->options->specs.items, skew_us(demo));
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;

        message.kind = PB__BROKER_KIND__BROKER_KIND_DEAL;
        message.deal = &body;
        send_message(demo, &message);
}

static void on_answer(const char *cl_ord_id, uint32_t attempt, enum verdict_of_query verdict,
        const struct report *report, void *arg)
{
        struct demo *demo = arg;
        Pb__Report body;
        Pb__QueryAnswer answer = PB__QUERY_ANSWER__INIT;
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;

        if (report) {
                body = message_of_report(cl_ord_id, attempt, report, skew_us(demo));
                answer.report = &body;
        }
        answer.cl_ord_id = (char *)(uintptr_t)cl_ord_id;
        answer.attempt = attempt;
        answer.verdict = (Pb__QueryVerdict)verdict;
        message.kind = PB__BROKER_KIND__BROKER_KIND_QUERY_ANSWER;
        message.query_answer = &answer;
        send_message(demo, &message);
}

static void on_token_refused(uint64_t token, uint64_t highest, void *arg)
{
        Pb__TokenRefused body = PB__TOKEN_REFUSED__INIT;
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;

        body.token = token;
        body.highest = highest;
        message.kind = PB__BROKER_KIND__BROKER_KIND_TOKEN_REFUSED;
        message.token_refused = &body;
        send_message(arg, &message);
}

static void on_cut(void *arg)
{
        struct demo *demo = arg;

        link_cut(demo->link);
}

/* ---- what the link wants ---- */

static void on_hello(const uint8_t nonce[static BROKER_NONCE_BYTES], struct bus_buf *buf, void *arg)
{
        struct demo *demo = arg;

        pack_hello(&demo->options->identity, &demo->desk, nonce, is_trade_allowed(demo), buf);
}

static void on_heartbeat(struct bus_buf *buf, void *arg)
{
        struct demo *demo = arg;
        Pb__LinkHeartbeat body = PB__LINK_HEARTBEAT__INIT;
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;

        body.at_us = bus_wall_us() + skew_us(demo);
        body.connected = is_connected(demo);
        message.kind = PB__BROKER_KIND__BROKER_KIND_HEARTBEAT;
        message.heartbeat = &body;
        broker_pack(&message, buf);
}

static bool on_token(uint64_t token, uint64_t *ret_highest, void *arg)
{
        struct demo *demo = arg;

        *ret_highest = demo->desk.attempts.highest_token;
        return desk_take_token(&demo->desk, token, now());
}

static void send_ticks(struct demo *demo)
{
        if (!link_is_up(demo->link) || is_frozen(demo) || !is_connected(demo))
                return;
        bus_buf_clear(&demo->buf);
        pack_ticks(&demo->desk, bus_wall_us() + skew_us(demo), &demo->buf);
        send_buf(demo);
}

static void note_handshake(struct demo *demo, enum event event, uint64_t token, const char *words)
{
        struct record record = { .event = event, .at_us = bus_wall_us(), .token = token };

        snprintf(record.comment, sizeof(record.comment), "%s", words);
        on_write(&record, 1, demo);
}

static void on_up(uint64_t token, void *arg)
{
        struct demo *demo = arg;

        log_info("link_up", "endpoint=%s token=%llu", demo->options->connect,
                (unsigned long long)token);
        note_handshake(demo, EVENT_HELLO, token, demo->options->identity.terminal_id);
        send_ticks(demo);
}

static void on_refused(enum link_refusal why, uint64_t token, const char *words, void *arg)
{
        static const char *const reasons[] = {
                [LINK_BAD_PROOF] = "bad_proof",
                [LINK_TOKEN] = "low_token",
                [LINK_UNWANTED] = "unwanted",
        };

        log_warn("link_refused", "reason=%s token=%llu words=\"%s\"", reasons[why],
                (unsigned long long)token, words);
        note_handshake(arg, EVENT_REFUSED, token, reasons[why]);
}

static Pb__SnapshotQuality snapshot_quality(struct demo *demo, bool *ret_hide)
{
        int64_t value;

        *ret_hide = false;
        if (!is_connected(demo))
                return PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED;
        if (!faults_strike(&demo->desk.faults, FAULT_SNAPSHOT, NULL, bus_mono_us(), &value))
                return PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        if (value == FAULT_SNAPSHOT_PARTIAL)
                return PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_PARTIAL;
        if (value == FAULT_SNAPSHOT_FAILED)
                return PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED;
        *ret_hide = true;
        return PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
}

static void on_snapshot_request(struct demo *demo, const Pb__SnapshotRequest *asked)
{
        struct snapshot_request request = {
                .request_id = asked->request_id,
                .deals_since_us = asked->deals_since_us,
                .trade_allowed = is_trade_allowed(demo),
                .at_us = bus_wall_us(),
                .skew_us = skew_us(demo),
        };

        request.quality = snapshot_quality(demo, &request.hide_first_position);
        bus_buf_clear(&demo->buf);
        pack_snapshot(&demo->options->identity, &demo->desk, &request, &demo->buf);
        send_buf(demo);
}

/* What comes next for the desk, or the end of a fault, sets the timer; a freeze holds the link. */
static void refresh(struct demo *demo)
{
        int64_t at = bus_mono_us(), end = faults_next_end(&demo->desk.faults, at);
        int64_t due = is_frozen(demo) ? INT64_MAX : desk_next_due(&demo->desk);

        link_hold(demo->link, is_frozen(demo));
        if (end && end < due)
                due = end;
        bus_loop_set_timer(demo->step_timer, due == INT64_MAX ? -1 : due > at ? due - at : 0);
}

static void on_message(const Pb__BrokerMessage *message, void *arg)
{
        struct demo *demo = arg;
        struct order order;

        switch (message->kind) {
        case PB__BROKER_KIND__BROKER_KIND_SUBMIT:
                order = order_of_submit(message->submit);
                desk_submit(&demo->desk, &order, now());
                break;
        case PB__BROKER_KIND__BROKER_KIND_QUERY:
                desk_query(&demo->desk, message->query->cl_ord_id, message->query->attempt,
                        message->query->executor_token, now());
                break;
        case PB__BROKER_KIND__BROKER_KIND_SNAPSHOT_REQUEST:
                on_snapshot_request(demo, message->snapshot_request);
                break;
        case PB__BROKER_KIND__BROKER_KIND_HEARTBEAT: break;
        default: log_warn("link_unexpected", "kind=%s", broker_kind_name(message->kind)); break;
        }
        refresh(demo);
}

/* ---- timers and commands ---- */

static void on_tick(void *arg)
{
        struct demo *demo = arg;

        if (is_frozen(demo) || !hours_open(&demo->options->desk.rules.hours, bus_wall_us()))
                return;
        feed_step(demo->feed);
        desk_prices_changed(&demo->desk, now());
        send_ticks(demo);
}

static void on_step(void *arg)
{
        struct demo *demo = arg;

        if (!is_frozen(demo))
                desk_step(&demo->desk, now());
        refresh(demo);
}

static bool control_link_up(void *arg)
{
        struct demo *demo = arg;

        return link_is_up(demo->link);
}

static void control_prices_moved(void *arg)
{
        send_ticks(arg);
}

static void answer_command(struct demo *demo, const char *command)
{
        const struct control control = {
                .desk = &demo->desk,
                .feed = demo->feed,
                .ledger_path = ledger_path(demo->ledger),
                .link_up = control_link_up,
                .cut = on_cut,
                .prices_moved = control_prices_moved,
                .arg = demo,
        };
        BUS_AUTOBUF struct bus_buf reply = BUS_BUF_INIT;

        control_run(&control, command, now(), &reply);
        refresh(demo);
        if (!is_frozen(demo))
                desk_step(&demo->desk, now());
        (void)zmq_send(demo->control_socket, reply.data, reply.size, ZMQ_DONTWAIT);
}

static void on_command(void *arg)
{
        struct demo *demo = arg;
        char command[COMMAND_SIZE];
        int size;

        while ((size = zmq_recv(
                        demo->control_socket, command, sizeof(command) - 1, ZMQ_DONTWAIT)) >= 0) {
                if ((size_t)size >= sizeof(command))
                        size = 0; /* too long: answered as no command */
                command[size] = 0;
                answer_command(demo, command);
        }
}

static void on_signal(short revents, void *arg)
{
        struct demo *demo = arg;

        (void)revents;
        bus_loop_stop(demo->loop);
}

/* ---- start ---- */

static int on_replayed(const struct record *record, void *arg)
{
        struct demo *demo = arg;

        return desk_replay(&demo->desk, record);
}

/* The account as a line of text: a ledger must not be taken up by another account. */
static void describe(const struct identity *identity, char text[static TEXT_SIZE])
{
        snprintf(text, TEXT_SIZE, "login=%llu currency=%s mode=%s",
                (unsigned long long)identity->login, identity->currency,
                identity->netting ? "netting" : "hedging");
}

struct first_line {
        struct demo *demo;
        bool seen;
};

static int on_first(const struct record *record, void *arg)
{
        struct first_line *first = arg;
        char text[TEXT_SIZE];

        if (!first->seen) {
                first->seen = true;
                describe(&first->demo->options->identity, text);
                if (record->event != EVENT_ACCOUNT || strcmp(record->comment, text))
                        return -EBADMSG;
        }
        return on_replayed(record, first->demo);
}

/* Prices go on where the last deals left them. */
static void take_last_prices(struct demo *demo)
{
        for (size_t i = 0; i < demo->desk.account.deal_count; i++) {
                const struct deal *deal = &demo->desk.account.deals[i];
                int64_t spread = demo->options->specs.items[deal->symbol].spread_e8;

                feed_move(demo->feed, deal->symbol,
                        deal->side == SIDE_BUY ? deal->price_e8 - spread : deal->price_e8);
        }
}

static void open_account(struct demo *demo)
{
        struct record record = {
                .event = EVENT_ACCOUNT,
                .at_us = bus_wall_us(),
                .balance_cents = demo->options->balance_cents,
        };

        describe(&demo->options->identity, record.comment);
        on_write(&record, 1, demo);
        bus_require(desk_replay(&demo->desk, &record) == 0);
}

static int open_ledger(struct demo *demo)
{
        struct first_line first = { .demo = demo };
        char error[LEDGER_ERROR_SIZE];
        size_t cut = 0;
        int r;

        r = ledger_open(demo->options->state, on_first, &first, &demo->ledger, &cut, error);
        if (r < 0) {
                log_error("ledger_unusable", "%s", error);
                return r;
        }
        if (cut)
                log_warn("ledger_torn", "path=%s bytes=%zu", ledger_path(demo->ledger), cut);
        if (!first.seen)
                open_account(demo);
        take_last_prices(demo);
        note_handshake(demo, EVENT_START, 0, "");
        desk_resume(&demo->desk, now());
        return 0;
}

static int load_csv(struct demo *demo)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        const char *path = demo->options->csv;
        size_t line = 0;
        int r;

        if (!*path)
                return 0;
        r = bus_file_read(path, CSV_MAX_BYTES, &text);
        if (!r)
                r = feed_load_csv(demo->feed, bus_buf_bytes(&text), &line);
        if (r < 0)
                log_error("csv_unusable", "%s:%zu: %s", path, line, strerror(-r));
        return r;
}

static int set_faults(struct demo *demo)
{
        BUS_AUTOFREE char *copy = bus_xstrdup(demo->options->faults);
        char error[FAULT_TEXT_SIZE], *rest = NULL;
        int r;

        for (char *one = strtok_r(copy, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
                r = faults_add(&demo->desk.faults, one, bus_mono_us(), error);
                if (r < 0) {
                        log_error("bad_config", "%s.faults: %s", OPTIONS_SECTION, error);
                        return r;
                }
        }
        return 0;
}

static int bind_control(struct demo *demo)
{
        const char *endpoint = demo->options->control;
        int r;

        r = bus_endpoint_prepare(endpoint);
        demo->control_socket = r < 0 ? NULL : bus_socket_new(demo->zmq, ZMQ_REP);
        if (!r && (!demo->control_socket || zmq_bind(demo->control_socket, endpoint) < 0))
                r = -errno;
        if (r < 0) {
                log_error("control_bind_failed", "endpoint=%s why=%s", endpoint, zmq_strerror(-r));
                return r;
        }
        bus_loop_add_socket(demo->loop, demo->control_socket, on_command, demo);
        return 0;
}

static void make_desk(struct demo *demo)
{
        const struct options *options = demo->options;
        const struct desk_out out = {
                .write = on_write,
                .report = on_report,
                .deal = on_deal,
                .answer = on_answer,
                .token_refused = on_token_refused,
                .cut = on_cut,
                .arg = demo,
        };

        demo->feed = feed_new(options->specs.items, options->specs.count, &options->feed);
        desk_init(&demo->desk, options->specs.items, options->specs.count, feed_quotes(demo->feed),
                &options->desk, &out);
}

static void make_link(struct demo *demo, struct bus_bytes secret)
{
        const struct options *options = demo->options;
        const struct link_options link = {
                .endpoint = options->connect,
                .terminal_id = options->identity.terminal_id,
                .secret = secret,
                .redial_us = options->redial_us,
                .cut_us = options->cut_us,
        };
        const struct link_owner owner = {
                .hello = on_hello,
                .heartbeat = on_heartbeat,
                .token = on_token,
                .up = on_up,
                .refused = on_refused,
                .message = on_message,
                .arg = demo,
        };

        demo->link = link_new(demo->zmq, demo->loop, &link, &owner);
}

int demo_new(const struct options *options, struct bus_bytes secret, struct demo **ret_demo)
{
        struct demo *demo = bus_new(struct demo);
        int r;

        demo->options = options;
        demo->zmq = zmq_ctx_new();
        bus_require(demo->zmq);
        demo->loop = bus_loop_new();
        make_desk(demo);
        r = load_csv(demo);
        if (!r)
                r = open_ledger(demo);
        if (!r)
                r = set_faults(demo);
        if (!r)
                r = bind_control(demo);
        if (r < 0) {
                demo_free(demo);
                return r;
        }
        make_link(demo, secret);
        demo->tick_timer = bus_loop_add_timer(
                demo->loop, options->tick_interval_us, options->tick_interval_us, on_tick, demo);
        demo->step_timer = bus_loop_add_timer(demo->loop, -1, 0, on_step, demo);
        refresh(demo);
        log_info("started", "ledger=%s control=%s connect=%s", ledger_path(demo->ledger),
                options->control, options->connect);
        *ret_demo = demo;
        return 0;
}

struct demo *demo_free(struct demo *demo)
{
        if (!demo)
                return NULL;
        link_free(demo->link);
        bus_socket_close(demo->control_socket, REPLY_LINGER_MS);
        bus_loop_free(demo->loop);
        desk_done(&demo->desk);
        feed_free(demo->feed);
        ledger_free(demo->ledger);
        bus_buf_done(&demo->buf);
        zmq_ctx_term(demo->zmq);
        free(demo);
        return NULL;
}

int demo_run(struct demo *demo, int signal_fd)
{
        bus_loop_add_fd(demo->loop, signal_fd, ZMQ_POLLIN, on_signal, demo);
        return bus_loop_run(demo->loop);
}
