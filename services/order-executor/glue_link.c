/*
 * What goes to the terminal and what comes from it.
 *
 * Keeps: the executor's token is raised only before a terminal has taken it, and is durable before
 * it is told; a snapshot counts only as the answer to the question that is open.
 */
#include "services/order-executor/glue.h"

#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "services/order-executor/core/ids.h"
#include "services/order-executor/core/submit.h"

#include "tick.pb-c.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <zmq.h>

#define KIND(name) PB__BROKER_KIND__BROKER_KIND_##name

#define TOKEN_KEY      "token/counter"
#define SUPERSEDED_KEY "token/superseded"

/* A terminal that has seen more than this would leave us no number to go on with. */
#define TOKEN_MAX (UINT64_MAX / 2)

#define DEALS_OVERLAP_US (600 * BUS_US_PER_SEC)
#define DEALS_LIVE_US    (5 * BUS_US_PER_SEC)
enum {
        DEALS_MANY = 1000, /* in a partial snapshot: it may be the history that is too long */
        HISTORY_SHIFT_MAX = 40,
};

#define SNAPSHOT_LOST_US  (5 * BUS_US_PER_SEC)  /* unanswered for so long: asked again */
#define SNAPSHOT_GAP_US   (200 * BUS_US_PER_MS) /* between two of them at the least ... */
#define SNAPSHOT_EACH_US  (2 * BUS_US_PER_MS)   /* ... and so much more for each position */
#define SNAPSHOT_RETRY_US BUS_US_PER_SEC        /* after one that was not good */

/* ---- to the terminal ---- */

void ex_submit(struct ex_service *self, const char *cl_ord_id, uint32_t attempt)
{
        const struct ex_order *order = ex_book_find_order(self->book, cl_ord_id);
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Submit submit;

        /* the link may have gone while the commit was made: then it is in doubt already */
        if (!order || order->attempt != attempt || order->phase != EX_PHASE_STAGED)
                return;
        if (ex_submit_of(self->book, order, self->token, &submit) < 0)
                return;
        message.kind = KIND(SUBMIT);
        message.submit = &submit;
        if (ex_link_send(self->link, &message))
                ex_book_sent(self->book, cl_ord_id, attempt, ex_now(self));
}

void ex_query(struct ex_service *self, const char *cl_ord_id, uint32_t attempt)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Query query = PB__QUERY__INIT;

        query.cl_ord_id = (char *)(uintptr_t)cl_ord_id;
        query.attempt = attempt;
        query.executor_token = self->token;
        message.kind = KIND(QUERY);
        message.query = &query;
        if (!ex_link_send(self->link, &message))
                log_debug("query_not_sent", "cl_ord_id=%s", cl_ord_id);
}

/*
 * Deals come live and in order, so within a session a look just behind the last one is enough. A
 * new session, or an order in doubt, looks further back: the terminal's clock is not ours. A history
 * too long for one answer makes it partial, and then the look back is shortened.
 */
static int64_t deals_since_us(const struct ex_service *self)
{
        int64_t doubt_us = ex_book_doubt_since_us(self->book);
        int64_t overlap_us = self->book->reconciled ? DEALS_LIVE_US : DEALS_OVERLAP_US;
        int64_t since_us;

        overlap_us >>= self->history_shift;
        since_us = ex_risk_deals_since_us(&self->book->risk, overlap_us);
        doubt_us += doubt_us ? self->book->clock_ahead_us : 0;
        if (doubt_us && doubt_us - (DEALS_OVERLAP_US >> self->history_shift) < since_us)
                since_us = doubt_us - (DEALS_OVERLAP_US >> self->history_shift);
        return since_us > 0 ? since_us : 0;
}

static void ask_snapshot(struct ex_service *self)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__SnapshotRequest request = PB__SNAPSHOT_REQUEST__INIT;

        request.request_id = ++self->snapshot_id;
        request.deals_since_us = deals_since_us(self);
        message.kind = KIND(SNAPSHOT_REQUEST);
        message.snapshot_request = &request;
        self->snapshot_asked_us = bus_mono_us();
        self->snapshot_wanted = false;
        self->snapshot_awaited = ex_link_send(self->link, &message);
}

static int64_t snapshot_gap_us(const struct ex_service *self)
{
        if (self->snapshot_was_bad)
                return SNAPSHOT_RETRY_US;
        if (!self->book->reconciled)
                return 0;
        return SNAPSHOT_GAP_US + (int64_t)self->book->positions.count * SNAPSHOT_EACH_US;
}

void ex_ask_snapshot_when_due(struct ex_service *self)
{
        int64_t since = bus_mono_us() - self->snapshot_asked_us;

        if (!ex_link_is_up(self->link))
                return;
        if (self->snapshot_awaited && since < SNAPSHOT_LOST_US)
                return;
        if (self->snapshot_wanted ? since >= snapshot_gap_us(self)
                                  : since >= self->settings.snapshot_interval_us)
                ask_snapshot(self);
}

/* ---- from the terminal ---- */

/* What is news may be about alerts that have ended and are no longer in memory. */
static void need_orders(struct ex_service *self, const Pb__Snapshot *snapshot)
{
        for (size_t i = 0; i < snapshot->n_positions; i++) {
                const Pb__BrokerPosition *position = snapshot->positions[i];
                const struct ex_position *known = ex_book_position(self->book, position->ticket);

                if (!known)
                        ex_need_order(self, position->comment);
                else if (*known->closed_by)
                        ex_need_order(self, known->closed_by);
        }
        for (size_t i = 0; i < snapshot->n_deals; i++)
                if (!ex_book_knows_deal(self->book, snapshot->deals[i]->deal))
                        ex_need_order(self, snapshot->deals[i]->comment);
}

static void on_snapshot(struct ex_service *self, const Pb__Snapshot *snapshot)
{
        if (!self->snapshot_awaited || snapshot->request_id != self->snapshot_id) {
                log_info("snapshot_unasked", "request_id=%" PRIu64, snapshot->request_id);
                return;
        }
        self->snapshot_awaited = false;
        need_orders(self, snapshot);
        self->snapshot_was_bad =
                !ex_book_snapshot(self->book, snapshot, self->snapshot_asked_us, ex_now(self));
        if (self->snapshot_was_bad) {
                log_warn("snapshot_not_good", "quality=%d", snapshot->quality);
                bus_metric_inc(self->bad_snapshots);
                self->snapshot_wanted = true;
                if (snapshot->n_deals >= DEALS_MANY && self->history_shift < HISTORY_SHIFT_MAX)
                        self->history_shift++;
                return;
        }
        self->history_shift = 0;
        self->good_us = bus_mono_us();
        bus_alarm_end(self->service, "snapshots_failing", "terminal");
}

static void on_deal(struct ex_service *self, const Pb__Deal *deal)
{
        ex_need_order(self, deal->comment);
        if (ex_book_deal(self->book, deal, ex_now(self)))
                bus_metric_inc(self->deals);
}

static void on_tick(struct ex_service *self, const Pb__BrokerTick *from)
{
        const struct ex_symbol *symbol = ex_symbols_by_broker(&self->book->symbols, from->symbol);
        Pb__Tick tick = PB__TICK__INIT;
        char topic[16 + EX_NAME_SIZE];

        if (!symbol)
                return;
        ex_book_tick(self->book, from, ex_now(self));
        tick.symbol = (char *)(uintptr_t)symbol->name;
        tick.bid_e8 = from->bid_e8;
        tick.ask_e8 = from->ask_e8;
        tick.at_us = from->at_us;
        snprintf(topic, sizeof(topic), "tick.%s", symbol->name);
        bus_publish(self->service, topic, &tick.base);
}

static void stay_down(void *arg, void *unused BUS_UNUSED, int result BUS_UNUSED)
{
        struct ex_service *self = arg;

        bus_service_fail_with(self->service, BUS_EXIT_STAY_DOWN, "superseded",
                "token=%" PRIu64 " another executor has taken the terminal over; to trade here "
                "again: --set order-executor.takeover=yes",
                self->token);
}

/* Remembered, so that no supervisor can bring it back: two that take over in turns trade twice. */
static void on_superseded(void *arg, uint64_t highest)
{
        struct ex_service *self = arg;
        char text[24];

        self->book->stopping = true;
        snprintf(text, sizeof(text), "%" PRIu64, highest);
        bus_put(self->service, SUPERSEDED_KEY, bus_bytes_str(text), true);
        bus_after_commit(self->service, stay_down, NULL);
}

static void dispatch(struct ex_service *self, const Pb__BrokerMessage *message)
{
        switch (message->kind) {
        case KIND(REPORT):
                ex_need_order(self, message->report->cl_ord_id);
                ex_book_report(self->book, message->report, ex_now(self));
                break;
        case KIND(QUERY_ANSWER):
                ex_need_order(self, message->query_answer->cl_ord_id);
                ex_book_answer(self->book, message->query_answer, ex_now(self));
                break;
        case KIND(DEAL): on_deal(self, message->deal); break;
        case KIND(SNAPSHOT): on_snapshot(self, message->snapshot); break;
        case KIND(TICKS):
                for (size_t i = 0; i < message->n_ticks; i++)
                        on_tick(self, message->ticks[i]);
                break;
        case KIND(HEARTBEAT):
                self->book->clock_ahead_us = message->heartbeat->at_us - bus_wall_us();
                ex_book_server(self->book, message->heartbeat->connected, ex_now(self));
                break;
        case KIND(TOKEN_REFUSED): on_superseded(self, message->token_refused->highest); break;
        default: log_warn("link_unexpected", "kind=%s", broker_kind_name(message->kind)); break;
        }
}

static void on_message(void *arg, const Pb__BrokerMessage *message)
{
        struct ex_service *self = arg;
        const bool was_up = self->book->server_up;

        dispatch(self, message);
        ex_carry_out(self, NULL);
        if (message->kind == KIND(SNAPSHOT) || was_up != self->book->server_up)
                ex_publish_account(self);
}

/* ---- coming and going ---- */

static const char *judge(void *arg, const Pb__Hello *hello)
{
        const struct ex_service *self = arg;

        if (hello->highest_token > TOKEN_MAX)
                return "the highest token it has seen leaves no higher one";
        return ex_book_hello_refusal(self->book, hello);
}

struct welcome {
        uint64_t greeting;
};

static void welcome_after_commit(void *arg, void *welcome_arg, int result)
{
        struct ex_service *self = arg;
        struct welcome *welcome = welcome_arg;

        if (result == 0)
                ex_link_welcome(self->link, welcome->greeting, self->token);
        free(welcome);
}

static void keep_token(struct ex_service *self)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, self->token);
        bus_put(self->service, TOKEN_KEY, bus_bytes_str(text), true);
}

/* Another store's executor may have used higher tokens: raised only while still starting. */
static void on_token(void *arg, uint64_t highest, uint64_t greeting)
{
        struct ex_service *self = arg;
        struct welcome *welcome;

        if (self->token_fixed || highest < self->token) {
                ex_link_welcome(self->link, greeting, self->token);
                return;
        }
        log_info("token_raised", "from=%" PRIu64 " to=%" PRIu64, self->token, highest + 1);
        self->token = highest + 1;
        keep_token(self);
        welcome = calloc(1, sizeof(*welcome));
        if (!welcome)
                return;
        welcome->greeting = greeting;
        bus_after_commit(self->service, welcome_after_commit, welcome);
}

static void on_up(void *arg, const Pb__Hello *hello)
{
        struct ex_service *self = arg;

        self->token_fixed = true;
        self->snapshot_awaited = false;
        self->snapshot_was_bad = false;
        self->good_us = bus_mono_us();
        ex_book_hello(self->book, hello, ex_now(self));
        ex_carry_out(self, NULL);
}

static void on_down(void *arg, const char *why)
{
        struct ex_service *self = arg;

        (void)why; /* the link has logged it */
        self->snapshot_awaited = false;
        ex_book_link_lost(self->book, ex_now(self));
        ex_carry_out(self, NULL);
        ex_publish_account(self);
}

/* The counter of starts: what tells this executor from an earlier one and from its twin. */
static int next_token(struct ex_service *self)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        struct store_lease lease;
        int r;

        r = bus_get(self->service, TOKEN_KEY, &text);
        if (r < 0)
                return r;
        self->token = r ? 1 : strtoull(bus_buf_str(&text), NULL, 10) + 1;
        /* where the store has a lease, its token is ours: whoever took it over has a higher one */
        store_lease(bus_service_store(self->service), &lease);
        if (lease.token > self->token)
                self->token = lease.token;
        keep_token(self);
        return 0;
}

/* ---- the door: a terminal with a key, beside the proof it must give anyway ---- */

static void on_guard(void *arg, void *socket)
{
        struct ex_service *self = arg;

        bus_service_guard(self->service, socket, "order-executor/broker", "mt5-demo");
}

static int on_prove(void *arg, void *socket)
{
        struct ex_service *self = arg;

        return bus_service_prove(self->service, socket, ZMQ_DEALER);
}

/* Bound only when the token is durable: nobody hears one that could come again. */
static void bind_after_commit(void *arg, void *unused BUS_UNUSED, int result)
{
        struct ex_service *self = arg;
        const bool is_curve = self->settings.is_curve;
        const struct ex_link_owner owner = {
                .arg = self,
                .guard = is_curve ? on_guard : NULL,
                .prove = is_curve ? on_prove : NULL,
                .judge = judge,
                .token = on_token,
                .up = on_up,
                .down = on_down,
                .message = on_message,
                .superseded = on_superseded,
        };
        int r;

        if (result < 0 || self->link)
                return;
        r = ex_link_new(bus_service_zmq(self->service), bus_service_loop(self->service),
                self->settings.listen, bus_bytes_str(self->settings.secret), &owner, &self->link);
        if (r < 0)
                bus_service_fail(self->service, "cannot_start",
                        "order-executor.broker_listen: %s: %s", self->settings.listen,
                        strerror(-r));
        else
                log_info("listening", "endpoint=%s token=%" PRIu64, self->settings.listen,
                        self->token);
}

/* > 0: another executor has taken over since, and nobody has said that this one may again. */
static int is_superseded(struct ex_service *self)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        int r;

        r = bus_get(self->service, SUPERSEDED_KEY, &text);
        if (r)
                return r < 0 ? r : 0;
        if (!self->settings.takeover)
                return 1;
        log_warn("takeover", "trading again behind another executor");
        bus_delete(self->service, SUPERSEDED_KEY);
        return 0;
}

int ex_open_link(struct ex_service *self)
{
        int r;

        r = is_superseded(self);
        if (r > 0) {
                stay_down(self, NULL, 0);
                return -EPERM;
        }
        if (r < 0)
                return r;
        r = next_token(self);
        if (r < 0)
                return r;
        bus_after_commit(self->service, bind_after_commit, NULL);
        return 0;
}
