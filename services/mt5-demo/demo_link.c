/*
 * What the desk wants done and what the link wants to know, as the callbacks of both. Keeps: what
 * the desk wants written is in the ledger before it returns.
 */
#include "services/mt5-demo/demo_internal.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"

#include <stdio.h>
#include <string.h>

struct instant demo_now(void)
{
        return (struct instant){ .wall_us = bus_wall_us(), .mono_us = bus_mono_us() };
}

static bool holds(const struct demo *demo, enum fault_kind kind, int64_t *ret_value)
{
        return faults_hold(&demo->desk.faults, kind, NULL, bus_mono_us(), ret_value);
}

bool demo_is_frozen(const struct demo *demo)
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

static void flush(void *arg)
{
        struct demo *demo = arg;
        int r = ledger_flush(demo->ledger);

        if (r >= 0)
                return;
        /* A broker that cannot write its books has stopped being one. */
        log_error("ledger_write_failed", "path=%s why=%s", ledger_path(demo->ledger), strerror(-r));
        _exit(1);
}

/* While messages are read: one write for all of them, before the first answer goes out. */
void demo_write(const struct record *records, size_t count, void *arg)
{
        struct demo *demo = arg;

        ledger_add(demo->ledger, records, count);
        if (!demo->link || !link_is_reading(demo->link))
                flush(demo);
}

static void on_report(
        const char *cl_ord_id, uint32_t attempt, const struct report *report, void *arg)
{
        struct demo *demo = arg;
        Pb__Report body = message_of_report(cl_ord_id, attempt, report, skew_us(demo));
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;

        /* the ledger has it */
        log_debug("report", "cl_ord_id=%s attempt=%u retcode=%u position=%llu comment=\"%s\"",
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

void demo_cut(void *arg)
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
        return desk_take_token(&demo->desk, token, demo_now());
}

void demo_send_ticks(struct demo *demo)
{
        if (!link_is_up(demo->link) || demo_is_frozen(demo) || !is_connected(demo))
                return;
        bus_buf_clear(&demo->buf);
        pack_ticks(&demo->desk, bus_wall_us() + skew_us(demo), &demo->buf);
        send_buf(demo);
}

void demo_note(struct demo *demo, enum event event, uint64_t token, const char *words)
{
        struct record record = { .event = event, .at_us = bus_wall_us(), .token = token };

        snprintf(record.comment, sizeof(record.comment), "%s", words);
        demo_write(&record, 1, demo);
}

static void on_up(uint64_t token, void *arg)
{
        struct demo *demo = arg;

        log_info("link_up", "endpoint=%s token=%llu", demo->options->connect,
                (unsigned long long)token);
        demo_note(demo, EVENT_HELLO, token, demo->options->identity.terminal_id);
        demo_send_ticks(demo);
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
        demo_note(arg, EVENT_REFUSED, token, reasons[why]);
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

static void on_message(const Pb__BrokerMessage *message, void *arg)
{
        struct demo *demo = arg;
        struct order order;

        switch (message->kind) {
        case PB__BROKER_KIND__BROKER_KIND_SUBMIT:
                order = order_of_submit(message->submit);
                desk_submit(&demo->desk, &order, demo_now());
                break;
        case PB__BROKER_KIND__BROKER_KIND_QUERY:
                desk_query(&demo->desk, message->query->cl_ord_id, message->query->attempt,
                        message->query->executor_token, demo_now());
                break;
        case PB__BROKER_KIND__BROKER_KIND_SNAPSHOT_REQUEST:
                on_snapshot_request(demo, message->snapshot_request);
                break;
        case PB__BROKER_KIND__BROKER_KIND_HEARTBEAT: break;
        default: log_warn("link_unexpected", "kind=%s", broker_kind_name(message->kind)); break;
        }
        demo_refresh(demo);
}

void demo_make_desk(struct demo *demo)
{
        const struct options *options = demo->options;
        const struct desk_out out = {
                .write = demo_write,
                .report = on_report,
                .deal = on_deal,
                .answer = on_answer,
                .token_refused = on_token_refused,
                .cut = demo_cut,
                .arg = demo,
        };

        demo->feed = feed_new(options->specs.items, options->specs.count, &options->feed);
        desk_init(&demo->desk, options->specs.items, options->specs.count, feed_quotes(demo->feed),
                &options->desk, &out);
}

void demo_make_link(struct demo *demo, struct bus_bytes secret)
{
        const struct options *options = demo->options;
        const struct link_options link = {
                .endpoint = options->connect,
                .config = options->config,
                .terminal_id = options->identity.terminal_id,
                .secret = secret,
                .keys = demo->keys,
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
                .before_send = flush,
                .arg = demo,
        };

        demo->link = link_new(demo->zmq, demo->loop, &link, &owner);
}
