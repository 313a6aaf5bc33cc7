#include "services/mt5-demo/translate.h"

#include "libbus/base/require.h"

#include <stdio.h>

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #ours)

SAME(SIDE_BUY, PB__SIDE__SIDE_BUY);
SAME(SIDE_SELL, PB__SIDE__SIDE_SELL);
SAME(ACTION_OPEN, PB__ACTION__ACTION_OPEN);
SAME(ACTION_CLOSE, PB__ACTION__ACTION_CLOSE);
SAME(ACTION_MODIFY, PB__ACTION__ACTION_MODIFY);
SAME(ENTRY_IN, PB__DEAL_ENTRY__DEAL_ENTRY_IN);
SAME(ENTRY_OUT, PB__DEAL_ENTRY__DEAL_ENTRY_OUT);
SAME(REASON_EXPERT, PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_EXPERT);
SAME(REASON_STOP, PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_STOP);
SAME(REASON_TARGET, PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_TARGET);
SAME(REASON_CLIENT, PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_CLIENT);
SAME(REASON_STOP_OUT, PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_STOP_OUT);
SAME(FILLING_FOK, PB__FILLING__FILLING_FOK);
SAME(FILLING_IOC, PB__FILLING__FILLING_IOC);
SAME(FILLING_RETURN, PB__FILLING__FILLING_RETURN);
SAME(QUERY_FINAL, PB__QUERY_VERDICT__QUERY_VERDICT_FINAL);
SAME(QUERY_IN_DOUBT, PB__QUERY_VERDICT__QUERY_VERDICT_IN_DOUBT);
SAME(QUERY_NEVER_SEEN, PB__QUERY_VERDICT__QUERY_VERDICT_NEVER_SEEN);

/* protobuf-c's texts are not const, though packing only reads them. */
static char *text(const char *borrowed)
{
        return (char *)(uintptr_t)borrowed;
}

struct order order_of_submit(const Pb__Submit *submit)
{
        struct order order = {
                .attempt = submit->attempt,
                .token = submit->executor_token,
                .action = (enum action)submit->action,
                .side = (enum side)submit->side,
                .volume_e8 = submit->volume_e8,
                .price_e8 = submit->price_e8,
                .deviation_e8 = submit->deviation_e8,
                .sl_e8 = submit->sl_e8,
                .tp_e8 = submit->tp_e8,
                .magic = submit->magic,
                .position = submit->position,
                .deadline_us = submit->deadline_us,
                .filling = (unsigned int)submit->filling,
        };

        snprintf(order.cl_ord_id, sizeof(order.cl_ord_id), "%s", submit->cl_ord_id);
        snprintf(order.symbol, sizeof(order.symbol), "%s", submit->symbol);
        snprintf(order.comment, sizeof(order.comment), "%s", submit->comment);
        return order;
}

Pb__Report message_of_report(
        const char *cl_ord_id, uint32_t attempt, const struct report *report, int64_t skew_us)
{
        Pb__Report message = PB__REPORT__INIT;

        message.cl_ord_id = text(cl_ord_id);
        message.attempt = attempt;
        message.retcode = report->retcode;
        message.order = report->order;
        message.deal = report->deal;
        message.position = report->position;
        message.volume_e8 = report->volume_e8;
        message.price_e8 = report->price_e8;
        message.at_us = report->at_us + skew_us;
        message.comment = text(report->comment);
        return message;
}

Pb__Deal message_of_deal(const struct deal *deal, const struct symbol_spec *specs, int64_t skew_us)
{
        Pb__Deal message = PB__DEAL__INIT;

        message.deal = deal->ticket;
        message.order = deal->order;
        message.position = deal->position;
        message.symbol = text(specs[deal->symbol].name);
        message.side = (Pb__Side)deal->side;
        message.entry = (Pb__DealEntry)deal->entry;
        message.volume_e8 = deal->volume_e8;
        message.price_e8 = deal->price_e8;
        message.profit_cents = deal->profit_cents;
        message.reason = (Pb__BrokerDealReason)deal->reason;
        message.magic = deal->magic;
        message.comment = text(deal->comment);
        message.at_us = deal->at_us + skew_us;
        return message;
}

Pb__BrokerAccount message_of_account(
        const struct identity *identity, const struct worth *worth, bool trade_allowed)
{
        Pb__BrokerAccount message = PB__BROKER_ACCOUNT__INIT;

        message.login = identity->login;
        message.server = text(identity->server);
        message.currency = text(identity->currency);
        message.mode = identity->netting ? PB__ACCOUNT_MODE__ACCOUNT_MODE_NETTING
                                         : PB__ACCOUNT_MODE__ACCOUNT_MODE_HEDGING;
        message.trade_allowed = trade_allowed;
        message.balance_cents = worth->balance_cents;
        message.equity_cents = worth->equity_cents;
        message.margin_free_cents = worth->free_cents;
        return message;
}

static Pb__BrokerSymbol message_of_symbol(const struct symbol_spec *spec)
{
        Pb__BrokerSymbol message = PB__BROKER_SYMBOL__INIT;

        message.name = text(spec->name);
        message.digits = spec->digits;
        message.lot_min_e8 = spec->lot_min_e8;
        message.lot_step_e8 = spec->lot_step_e8;
        message.lot_max_e8 = spec->lot_max_e8;
        message.stops_level_e8 = spec->stops_level_e8;
        message.filling_modes = spec->filling_modes;
        message.tick_value_cents = spec->tick_value_cents;
        message.tick_size_e8 = spec->tick_size_e8;
        message.margin_per_lot_cents = spec->margin_per_lot_cents;
        return message;
}

static Pb__BrokerPosition message_of_position(
        const struct desk *desk, const struct position *position, int64_t skew_us)
{
        Pb__BrokerPosition message = PB__BROKER_POSITION__INIT;

        message.ticket = position->ticket;
        message.symbol = text(desk->account.specs[position->symbol].name);
        message.side = (Pb__Side)position->side;
        message.volume_e8 = position->volume_e8;
        message.open_price_e8 = position->open_price_e8;
        message.sl_e8 = position->sl_e8;
        message.tp_e8 = position->tp_e8;
        message.profit_cents =
                account_position_profit(&desk->account, position, desk->quotes[position->symbol]);
        message.magic = position->magic;
        message.comment = text(position->comment);
        message.opened_us = position->opened_us + skew_us;
        return message;
}

/* protobuf-c wants an array of pointers: one to each of COUNT items of SIZE bytes. The caller frees. */
static void *pointers_to(void *items, size_t count, size_t size)
{
        void **pointers = bus_new_n(void *, count ? count : 1);

        for (size_t i = 0; i < count; i++)
                pointers[i] = (char *)items + i * size;
        return pointers;
}

void pack_hello(const struct identity *identity, const struct desk *desk,
        const uint8_t nonce[static BROKER_NONCE_BYTES], bool trade_allowed, struct bus_buf *buf)
{
        size_t count = desk->account.spec_count;
        BUS_AUTOFREE Pb__BrokerSymbol *symbols = bus_new_n(Pb__BrokerSymbol, count);
        BUS_AUTOFREE Pb__BrokerSymbol **pointers = pointers_to(symbols, count, sizeof(*symbols));
        struct worth worth = account_worth(&desk->account, desk->quotes);
        Pb__BrokerAccount account = message_of_account(identity, &worth, trade_allowed);
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Hello hello = PB__HELLO__INIT;

        for (size_t i = 0; i < count; i++)
                symbols[i] = message_of_symbol(&desk->account.specs[i]);
        hello.terminal_id = text(identity->terminal_id);
        hello.nonce.data = (uint8_t *)(uintptr_t)nonce;
        hello.nonce.len = BROKER_NONCE_BYTES;
        hello.highest_token = desk->attempts.highest_token;
        hello.account = &account;
        hello.n_symbols = count;
        hello.symbols = pointers;
        hello.protocol = BROKER_PROTOCOL;
        message.kind = PB__BROKER_KIND__BROKER_KIND_HELLO;
        message.hello = &hello;
        broker_pack(&message, buf);
}

void pack_ticks(const struct desk *desk, int64_t at_us, struct bus_buf *buf)
{
        size_t count = desk->account.spec_count;
        BUS_AUTOFREE Pb__BrokerTick *ticks = bus_new_n(Pb__BrokerTick, count);
        BUS_AUTOFREE Pb__BrokerTick **pointers = pointers_to(ticks, count, sizeof(*ticks));
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;

        for (size_t i = 0; i < count; i++) {
                ticks[i] = (Pb__BrokerTick)PB__BROKER_TICK__INIT;
                ticks[i].symbol = text(desk->account.specs[i].name);
                ticks[i].bid_e8 = desk->quotes[i].bid_e8;
                ticks[i].ask_e8 = desk->quotes[i].ask_e8;
                ticks[i].at_us = at_us;
        }
        message.kind = PB__BROKER_KIND__BROKER_KIND_TICKS;
        message.n_ticks = count;
        message.ticks = pointers;
        broker_pack(&message, buf);
}

/* ---- snapshots ---- */

/* What a snapshot is built from; owned. */
struct parts {
        Pb__BrokerPosition *positions;
        Pb__WorkingOrder *orders;
        Pb__Deal *deals;
        size_t position_count, order_count, deal_count;
        const struct desk *desk;
};

static void parts_done(struct parts *parts)
{
        free(parts->positions);
        free(parts->orders);
        free(parts->deals);
}

/* How many of COUNT fit under LIMIT; says so where some do not. */
static size_t capped(size_t count, size_t limit, bool *ret_is_partial)
{
        if (count <= limit)
                return count;
        *ret_is_partial = true;
        return limit;
}

static void add_positions(
        struct parts *parts, const struct snapshot_request *request, bool *ret_is_partial)
{
        const struct account *account = &parts->desk->account;
        size_t first = request->hide_first_position && account->position_count ? 1 : 0;

        parts->position_count =
                capped(account->position_count - first, BROKER_POSITIONS_MAX, ret_is_partial);
        if (request->quality == PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_PARTIAL)
                parts->position_count /= 2; /* what a real one would miss is anybody's guess */
        parts->positions = bus_new_n(Pb__BrokerPosition, parts->position_count + 1);
        for (size_t i = 0; i < parts->position_count; i++)
                parts->positions[i] = message_of_position(
                        parts->desk, account->positions[first + i], request->skew_us);
}

static void add_order(const struct order *order, uint64_t ticket, void *arg)
{
        struct parts *parts = arg;
        Pb__WorkingOrder message = PB__WORKING_ORDER__INIT;

        if (parts->order_count == BROKER_ORDERS_MAX)
                return;
        message.order = ticket;
        message.symbol = text(order->symbol);
        message.side = (Pb__Side)order->side;
        message.volume_e8 = order->volume_e8;
        message.comment = text(order->comment);
        parts->orders[parts->order_count++] = message;
}

static void add_orders(struct parts *parts, bool *ret_is_partial)
{
        (void)capped(parts->desk->job_count, BROKER_ORDERS_MAX, ret_is_partial);
        parts->orders = bus_new_n(Pb__WorkingOrder, parts->desk->job_count + 1);
        desk_each_working(parts->desk, add_order, parts);
}

static void add_deals(
        struct parts *parts, const struct snapshot_request *request, bool *ret_is_partial)
{
        const struct account *account = &parts->desk->account;
        size_t first = account->deal_count;

        /* stamps go up but for clocks set back: from the end to the first that is older */
        while (first &&
                account->deals[first - 1].at_us + request->skew_us >= request->deals_since_us)
                first--;
        parts->deal_count = capped(account->deal_count - first, BROKER_DEALS_MAX, ret_is_partial);
        parts->deals = bus_new_n(Pb__Deal, parts->deal_count + 1);
        for (size_t i = 0; i < parts->deal_count; i++)
                parts->deals[i] = message_of_deal(
                        &account->deals[first + i], account->specs, request->skew_us);
}

static void pack_parts(const struct identity *identity, struct parts *parts,
        const struct snapshot_request *request, bool is_partial, struct bus_buf *buf)
{
        struct worth worth = account_worth(&parts->desk->account, parts->desk->quotes);
        Pb__BrokerAccount account = message_of_account(identity, &worth, request->trade_allowed);
        BUS_AUTOFREE Pb__BrokerPosition **positions =
                pointers_to(parts->positions, parts->position_count, sizeof(*parts->positions));
        BUS_AUTOFREE Pb__WorkingOrder **orders =
                pointers_to(parts->orders, parts->order_count, sizeof(*parts->orders));
        BUS_AUTOFREE Pb__Deal **deals =
                pointers_to(parts->deals, parts->deal_count, sizeof(*parts->deals));
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Snapshot snapshot = PB__SNAPSHOT__INIT;

        snapshot.request_id = request->request_id;
        snapshot.quality =
                is_partial ? PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_PARTIAL : request->quality;
        snapshot.at_us = request->at_us + request->skew_us;
        if (request->quality != PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED)
                snapshot.account = &account;
        snapshot.n_positions = parts->position_count;
        snapshot.positions = positions;
        snapshot.n_orders = parts->order_count;
        snapshot.orders = orders;
        snapshot.n_deals = parts->deal_count;
        snapshot.deals = deals;
        message.kind = PB__BROKER_KIND__BROKER_KIND_SNAPSHOT;
        message.snapshot = &snapshot;
        broker_pack(&message, buf);
}

void pack_snapshot(const struct identity *identity, const struct desk *desk,
        const struct snapshot_request *request, struct bus_buf *buf)
{
        BUS_CLEANUP(parts_done) struct parts parts = { .desk = desk };
        bool is_partial = false;

        if (request->quality != PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED) {
                add_positions(&parts, request, &is_partial);
                add_orders(&parts, &is_partial);
                add_deals(&parts, request, &is_partial);
        }
        pack_parts(identity, &parts, request, is_partial, buf);
}
