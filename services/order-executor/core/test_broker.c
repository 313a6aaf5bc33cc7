#include "services/order-executor/core/test_broker.h"

#include "libbus/base/require.h"
#include "services/broker/retcode.h"

#include <stdio.h>

#define KIND(name) PB__BROKER_KIND__BROKER_KIND_##name

struct tb *tb_new(uint32_t seed)
{
        struct tb *tb = bus_new(struct tb);

        tb->seed = seed * 2654435761U + 1;
        tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        tb->next_ticket = 1000;
        tb->next_deal = 5000;
        tb->bid_e8 = INT64_C(110000000);
        tb->ask_e8 = INT64_C(110010000);
        tb->login = 77;
        tb->margin_free_cents = 100000000;
        return tb;
}

void tb_cut(struct tb *tb)
{
        for (size_t i = 0; i < tb->out_count; i++)
                bus_buf_done(&tb->out[(tb->out_first + i) % TB_FRAMES_MAX]);
        tb->out_count = 0;
}

void tb_free(struct tb *tb)
{
        tb_cut(tb);
        free(tb);
}

uint32_t tb_random(struct tb *tb, uint32_t below)
{
        tb->seed ^= tb->seed << 13;
        tb->seed ^= tb->seed >> 17;
        tb->seed ^= tb->seed << 5;
        return tb->seed % below;
}

void tb_script(struct tb *tb, int outcome)
{
        bus_require(tb->script_count < TB_SCRIPT_MAX);
        tb->script[tb->script_count++] = outcome;
}

bool tb_next(struct tb *tb, struct bus_buf *ret_frame)
{
        if (!tb->out_count)
                return false;
        *ret_frame = tb->out[tb->out_first];
        tb->out_first = (tb->out_first + 1) % TB_FRAMES_MAX;
        tb->out_count--;
        return true;
}

static void say(struct tb *tb, const Pb__BrokerMessage *message)
{
        struct bus_buf frame = BUS_BUF_INIT;

        broker_pack(message, &frame);
        bus_require(tb->out_count < TB_FRAMES_MAX);
        tb->out[(tb->out_first + tb->out_count++) % TB_FRAMES_MAX] = frame;
}

const Pb__Hello *tb_hello(struct tb *tb)
{
        static Pb__BrokerSymbol symbols[3], *list[3];
        static Pb__BrokerAccount account;
        static Pb__Hello hello;
        static const char *const names[] = { "EURUSD", "GOLD", "USDJPY" };

        for (size_t i = 0; i < 3; i++) {
                pb__broker_symbol__init(&symbols[i]);
                symbols[i].name = (char *)(uintptr_t)names[i];
                symbols[i].digits = 5;
                symbols[i].lot_min_e8 = symbols[i].lot_step_e8 = 1000000;
                symbols[i].lot_max_e8 = INT64_C(10000000000);
                symbols[i].stops_level_e8 = 1000;
                symbols[i].filling_modes = PB__FILLING__FILLING_IOC;
                symbols[i].tick_size_e8 = 1000;
                symbols[i].tick_value_cents = 100;
                symbols[i].margin_per_lot_cents = 100000;
                list[i] = &symbols[i];
        }
        pb__broker_account__init(&account);
        account.login = tb->login;
        account.server = (char *)(uintptr_t) "demo";
        account.currency = (char *)(uintptr_t) "USD";
        account.mode = PB__ACCOUNT_MODE__ACCOUNT_MODE_HEDGING;
        account.trade_allowed = true;
        account.balance_cents = account.equity_cents = 100000000;
        account.margin_free_cents = tb->margin_free_cents;
        pb__hello__init(&hello);
        hello.account = &account;
        hello.symbols = list;
        hello.n_symbols = 3;
        return &hello;
}

struct tb_order *tb_find(struct tb *tb, const char *id)
{
        for (size_t i = 0; i < tb->order_count; i++)
                if (!strcmp(tb->orders[i].id, id))
                        return &tb->orders[i];
        return NULL;
}

static struct tb_order *need(struct tb *tb, const char *id)
{
        struct tb_order *order = tb_find(tb, id);

        if (order)
                return order;
        bus_require(tb->order_count < TB_ORDERS_MAX);
        order = &tb->orders[tb->order_count++];
        snprintf(order->id, sizeof(order->id), "%s", id);
        order->definite = true;
        return order;
}

struct tb_position *tb_position(struct tb *tb, uint64_t ticket)
{
        for (size_t i = 0; i < tb->position_count; i++)
                if (tb->positions[i].ticket == ticket)
                        return &tb->positions[i];
        return NULL;
}

struct tb_position *tb_position_of(struct tb *tb, const char *comment)
{
        for (size_t i = 0; i < tb->position_count; i++)
                if (!strcmp(tb->positions[i].comment, comment))
                        return &tb->positions[i];
        return NULL;
}

/* ---- execution ---- */

static void make_deal(struct tb *tb, const char *symbol, const char *comment, uint64_t position,
        Pb__Side side, Pb__DealEntry entry, int64_t volume_e8)
{
        Pb__Deal *deal = &tb->deals[tb->deal_count].deal;

        bus_require(tb->deal_count < TB_DEALS_MAX);
        snprintf(tb->deals[tb->deal_count].symbol, 32, "%s", symbol);
        snprintf(tb->deals[tb->deal_count].comment, 32, "%s", comment);
        pb__deal__init(deal);
        deal->deal = tb->next_deal++;
        deal->order = deal->deal;
        deal->position = position;
        deal->symbol = tb->deals[tb->deal_count].symbol;
        deal->comment = tb->deals[tb->deal_count].comment;
        deal->side = side;
        deal->entry = entry;
        deal->volume_e8 = volume_e8;
        deal->price_e8 = entry == PB__DEAL_ENTRY__DEAL_ENTRY_IN ? tb->ask_e8 : tb->bid_e8;
        deal->profit_cents = entry == PB__DEAL_ENTRY__DEAL_ENTRY_OUT ? -100 : 0;
        deal->reason = PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_EXPERT;
        deal->magic = 7;
        deal->at_us = tb->wall_us;
        tb->deal_count++;
}

static void tell_last_deal(struct tb *tb)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;

        message.kind = KIND(DEAL);
        message.deal = &tb->deals[tb->deal_count - 1].deal;
        if (!tb->quiet_deals)
                say(tb, &message);
}

static uint64_t open_position(struct tb *tb, const struct tb_order *order, int64_t volume_e8)
{
        struct tb_position *position = &tb->positions[tb->position_count++];

        bus_require(tb->position_count <= TB_POSITIONS_MAX);
        *position = (struct tb_position){
                .ticket = tb->next_ticket++,
                .side = order->submit.side,
                .volume_e8 = volume_e8,
                .sl_e8 = order->submit.sl_e8,
                .tp_e8 = order->submit.tp_e8,
                .price_e8 = tb->ask_e8,
                .magic = order->submit.magic,
        };
        snprintf(position->symbol, sizeof(position->symbol), "%s", order->symbol);
        snprintf(position->comment, sizeof(position->comment), "%s", order->id);
        return position->ticket;
}

static void reduce(struct tb *tb, struct tb_position *position, int64_t volume_e8)
{
        position->volume_e8 -= volume_e8;
        if (position->volume_e8 <= 0)
                *position = tb->positions[--tb->position_count];
}

/* Whatever was asked of it, one id is executed once: that is what the tests hold it to. */
static void execute(struct tb *tb, struct tb_order *order, int64_t volume_e8, bool tell)
{
        const Pb__Submit *submit = &order->submit;
        const bool opens = submit->action == PB__ACTION__ACTION_OPEN;
        struct tb_position *position = opens ? NULL : tb_position(tb, submit->position);
        uint64_t ticket = submit->position;

        if (++order->executions > 1)
                tb->violated = true;
        order->definite = false;
        if (!opens && !position) {
                order->executions--;
                order->report.retcode = RETCODE_POSITION_CLOSED;
                return;
        }
        if (!opens && volume_e8 > position->volume_e8) {
                order->executions--;
                order->definite = true;
                order->report.retcode = RETCODE_INVALID_CLOSE_VOLUME;
                return;
        }
        if (opens)
                ticket = open_position(tb, order, volume_e8);
        else
                reduce(tb, position, volume_e8);
        make_deal(tb, order->symbol, order->id, ticket, submit->side,
                opens ? PB__DEAL_ENTRY__DEAL_ENTRY_IN : PB__DEAL_ENTRY__DEAL_ENTRY_OUT, volume_e8);
        order->executed_e8 = volume_e8;
        order->report.retcode = volume_e8 < submit->volume_e8 ? RETCODE_DONE_PARTIAL : RETCODE_DONE;
        order->report.volume_e8 = volume_e8;
        order->report.price_e8 = tb->ask_e8;
        order->report.position = ticket;
        order->report.deal = tb->deals[tb->deal_count - 1].deal.deal;
        if (tell)
                tell_last_deal(tb);
}

static void report_of(const struct tb_order *order, Pb__Report *ret_report)
{
        *ret_report = order->report;
        ret_report->cl_ord_id = (char *)(uintptr_t)order->id;
        ret_report->comment = (char *)(uintptr_t) "";
        ret_report->attempt = order->attempt;
        ret_report->at_us = 1;
}

static void tell_report(struct tb *tb, const struct tb_order *order)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Report report;

        report_of(order, &report);
        message.kind = KIND(REPORT);
        message.report = &report;
        say(tb, &message);
}

void tb_work(struct tb *tb)
{
        for (size_t i = 0; i < tb->order_count; i++) {
                if (!tb->orders[i].working)
                        continue;
                tb->orders[i].working = false;
                execute(tb, &tb->orders[i], tb->orders[i].submit.volume_e8, true);
        }
}

void tb_hand_close(struct tb *tb, uint64_t ticket)
{
        struct tb_position *position = tb_position(tb, ticket);

        if (!position)
                return;
        make_deal(tb, position->symbol, "", ticket,
                position->side == PB__SIDE__SIDE_BUY ? PB__SIDE__SIDE_SELL : PB__SIDE__SIDE_BUY,
                PB__DEAL_ENTRY__DEAL_ENTRY_OUT, position->volume_e8);
        tb->deals[tb->deal_count - 1].deal.reason =
                PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_CLIENT;
        tb->deals[tb->deal_count - 1].deal.magic = 0;
        reduce(tb, position, position->volume_e8);
        tell_last_deal(tb);
}

/* ---- requests ---- */

static int random_outcome(struct tb *tb)
{
        static const int outcomes[] = { TB_FILL, TB_FILL, TB_FILL, TB_FILL, TB_FILL, TB_FILL,
                TB_FILL_LOST, TB_PARTIAL, TB_PLACED, TB_DOUBT_FILLED, TB_DOUBT_LOST,
                TB_NEVER_ARRIVED, TB_CODE(RETCODE_REQUOTE), TB_CODE(RETCODE_PRICE_OFF),
                TB_CODE(RETCODE_LOCKED), TB_CODE(RETCODE_MARKET_CLOSED), TB_CODE(RETCODE_REJECT),
                TB_CODE(RETCODE_CLIENT_DISABLES_AT) };

        return tb->kind ? TB_FILL : outcomes[tb_random(tb, BUS_COUNT(outcomes))];
}

static int next_outcome(struct tb *tb)
{
        if (tb->random)
                return random_outcome(tb);
        return tb->script_at < tb->script_count ? tb->script[tb->script_at++] : TB_FILL;
}

/* Half of it, on the lot step; all of it where there is no half. */
static int64_t half(int64_t volume_e8)
{
        int64_t part = volume_e8 / 2;

        part -= part % 1000000;
        return part ? part : volume_e8;
}

static void carry_out(struct tb *tb, struct tb_order *order, int outcome)
{
        const int64_t volume = order->submit.volume_e8;

        order->definite = false;
        order->doubt = false;
        pb__report__init(&order->report);
        switch (outcome) {
        case TB_FILL: execute(tb, order, volume, true); break;
        case TB_FILL_LOST: execute(tb, order, volume, false); return;
        case TB_PARTIAL: execute(tb, order, half(volume), true); break;
        case TB_PLACED:
                order->working = true;
                order->report.retcode = RETCODE_PLACED;
                break;
        case TB_DOUBT_FILLED:
                execute(tb, order, volume, false);
                order->doubt = true;
                return;
        case TB_DOUBT_LOST: order->doubt = true; return;
        default:
                order->definite = true;
                order->report.retcode = (uint32_t)(outcome - TB_RETCODE);
                break;
        }
        tell_report(tb, order);
}

static void take_submit(struct tb *tb, const Pb__Submit *submit)
{
        int outcome = next_outcome(tb);
        struct tb_order *order;

        tb->submits++;
        if (outcome == TB_NEVER_ARRIVED)
                return;
        order = need(tb, submit->cl_ord_id);
        if (submit->attempt < TB_ATTEMPTS_MAX && order->tombstoned[submit->attempt])
                return;
        if (submit->attempt <= order->attempt) {
                if (!order->doubt)
                        tell_report(tb, order);
                return;
        }
        if (!order->definite || order->working)
                tb->violated = true; /* n+1 although n may have been executed */
        order->attempt = submit->attempt;
        order->submit = *submit;
        snprintf(order->symbol, sizeof(order->symbol), "%s", submit->symbol);
        carry_out(tb, order, outcome);
}

static void take_query(struct tb *tb, const Pb__Query *query)
{
        struct tb_order *order = need(tb, query->cl_ord_id);
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__QueryAnswer answer = PB__QUERY_ANSWER__INIT;
        Pb__Report report;

        answer.cl_ord_id = order->id;
        answer.attempt = query->attempt;
        if (query->attempt > order->attempt) {
                answer.verdict = PB__QUERY_VERDICT__QUERY_VERDICT_NEVER_SEEN;
                if (query->attempt < TB_ATTEMPTS_MAX)
                        order->tombstoned[query->attempt] = true;
        } else if (order->doubt || order->working) {
                answer.verdict = PB__QUERY_VERDICT__QUERY_VERDICT_IN_DOUBT;
        } else {
                report_of(order, &report);
                report.attempt = query->attempt;
                answer.verdict = PB__QUERY_VERDICT__QUERY_VERDICT_FINAL;
                answer.report = &report;
        }
        message.kind = KIND(QUERY_ANSWER);
        message.query_answer = &answer;
        say(tb, &message);
}

static size_t list_positions(struct tb *tb, Pb__BrokerPosition *items, Pb__BrokerPosition **list)
{
        size_t count = 0;

        for (size_t i = 0; i < tb->position_count; i++) {
                struct tb_position *from = &tb->positions[i];
                Pb__BrokerPosition *position = &items[count];

                /* what is not good may show anything */
                if (tb->quality != PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK && i % 2)
                        continue;
                pb__broker_position__init(position);
                position->ticket = from->ticket;
                position->symbol = from->symbol;
                position->side = from->side;
                position->volume_e8 = from->volume_e8;
                position->open_price_e8 = from->price_e8;
                position->sl_e8 = from->sl_e8;
                position->tp_e8 = from->tp_e8;
                position->magic = from->magic;
                position->comment = from->comment;
                position->opened_us = 1;
                list[count++] = position;
        }
        return count;
}

static size_t list_working(struct tb *tb, Pb__WorkingOrder *items, Pb__WorkingOrder **list)
{
        size_t count = 0;

        for (size_t i = 0; i < tb->order_count; i++) {
                if (!tb->orders[i].working)
                        continue;
                pb__working_order__init(&items[count]);
                items[count].order = i + 1;
                items[count].symbol = tb->orders[i].symbol;
                items[count].side = tb->orders[i].submit.side;
                items[count].volume_e8 = tb->orders[i].submit.volume_e8;
                items[count].comment = tb->orders[i].id;
                list[count] = &items[count];
                count++;
        }
        return count;
}

static void take_snapshot_request(struct tb *tb, const Pb__SnapshotRequest *request)
{
        BUS_AUTOFREE Pb__BrokerPosition *positions =
                bus_new_n(Pb__BrokerPosition, tb->position_count + 1);
        BUS_AUTOFREE Pb__BrokerPosition **position_list =
                bus_new_n(Pb__BrokerPosition *, tb->position_count + 1);
        BUS_AUTOFREE Pb__WorkingOrder *working = bus_new_n(Pb__WorkingOrder, tb->order_count + 1);
        BUS_AUTOFREE Pb__WorkingOrder **working_list =
                bus_new_n(Pb__WorkingOrder *, tb->order_count + 1);
        BUS_AUTOFREE Pb__Deal **deals = bus_new_n(Pb__Deal *, tb->deal_count + 1);
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Snapshot snapshot = PB__SNAPSHOT__INIT;
        Pb__BrokerAccount account = *tb_hello(tb)->account;

        if (tb->random && !tb->kind)
                tb->quality = 1 + tb_random(tb, 3);
        snapshot.request_id = request->request_id;
        snapshot.quality = tb->quality;
        snapshot.account = &account;
        snapshot.positions = position_list;
        snapshot.n_positions = list_positions(tb, positions, position_list);
        snapshot.orders = working_list;
        snapshot.n_orders = list_working(tb, working, working_list);
        for (size_t i = 0; i < tb->deal_count; i++)
                if (tb->deals[i].deal.at_us >= request->deals_since_us)
                        deals[snapshot.n_deals++] = &tb->deals[i].deal;
        snapshot.deals = deals;
        snapshot.at_us = tb->wall_us;
        message.kind = KIND(SNAPSHOT);
        message.snapshot = &snapshot;
        say(tb, &message);
}

void tb_take(struct tb *tb, struct bus_bytes frame)
{
        BROKER_AUTOFREE Pb__BrokerMessage *message = NULL;
        const char *why;

        bus_require(!broker_unpack(frame, BROKER_FRAME_MAX_BYTES, &message, &why));
        switch (message->kind) {
        case KIND(SUBMIT): take_submit(tb, message->submit); break;
        case KIND(QUERY): take_query(tb, message->query); break;
        case KIND(SNAPSHOT_REQUEST): take_snapshot_request(tb, message->snapshot_request); break;
        default: break;
        }
}
