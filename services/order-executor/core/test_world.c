#include "services/order-executor/core/test_world.h"

#include "libbus/base/require.h"
#include "proto/validate.h"
#include "services/order-executor/core/ids.h"
#include "services/order-executor/core/keep.h"
#include "services/order-executor/core/submit.h"

#include <stdio.h>

#define KIND(name) PB__BROKER_KIND__BROKER_KIND_##name

static int store_get(void *arg, const char *key, struct bus_buf *value)
{
        struct world *world = arg;

        const struct world_row *row = ex_table_get(&world->index, bus_bytes_str(key));

        if (!row || row->gone)
                return 1;
        bus_buf_add(value, row->value.data, row->value.size);
        return 0;
}

static int store_scan(void *arg, const char *prefix, ex_keep_fn fn, void *fn_arg)
{
        struct world *world = arg;

        for (size_t i = 0; i < world->row_count; i++) {
                struct world_row *row = &world->rows[i];
                int r;

                if (row->gone || strncmp(row->key, prefix, strlen(prefix)) != 0)
                        continue;
                r = fn(bus_bytes_str(row->key), bus_buf_bytes(&row->value), fn_arg);
                if (r)
                        return r < 0 ? r : 0;
        }
        return 0;
}

static struct ex_store store_of(struct world *world)
{
        return (struct ex_store){ world, store_get, store_scan };
}

static void store_put(struct world *world, const char *key, struct bus_buf *value, bool gone)
{
        struct world_row *row = ex_table_get(&world->index, bus_bytes_str(key));

        if (!row) {
                bus_require(world->row_count < WORLD_ROWS_MAX);
                row = &world->rows[world->row_count++];
                snprintf(row->key, sizeof(row->key), "%s", key);
                ex_table_add(&world->index, bus_bytes_str(row->key), row);
        }
        row->gone = gone;
        bus_buf_clear(&row->value);
        bus_buf_add(&row->value, value->data, value->size);
}

struct world *world_new(uint32_t seed)
{
        struct world *world = bus_new(struct world);

        world->tb = tb_new(seed);
        world->now = (struct ex_now){ INT64_C(1800000000000000), INT64_C(5000000000), seed };
        return world;
}

void world_crash(struct world *world)
{
        world->book = ex_book_free(world->book);
        world_cut(world);
}

void world_free(struct world *world)
{
        world_crash(world);
        tb_free(world->tb);
        for (size_t i = 0; i < world->row_count; i++)
                bus_buf_done(&world->rows[i].value);
        ex_table_done(&world->index);
        free(world);
}

void world_start(struct world *world)
{
        const struct ex_store store = store_of(world);
        struct ex_book *book = ex_book_new("v3", 7);

        ex_symbols_init(&book->symbols, "");
        bus_require(!ex_symbols_alias(&book->symbols, "XAUUSD", "GOLD"));
        book->plain_passes = world->plain_passes;
        world->book = book;
        bus_require(!ex_keep_load(book, &store));
        if (!book->switches.first_start_us)
                book->switches.first_start_us = world->now.wall_us;
        ex_book_loaded(book, world->now);
        ex_fx_save_switches(&book->fx);
        world_commit(world);
}

static void post(struct world *world, const Pb__BrokerMessage *message)
{
        struct bus_buf frame = BUS_BUF_INIT;

        if (!world->link)
                return;
        broker_pack(message, &frame);
        bus_require(world->in_count < TB_FRAMES_MAX);
        world->in[(world->in_first + world->in_count++) % TB_FRAMES_MAX] = frame;
}

void world_cut(struct world *world)
{
        const bool was_up = world->link;

        for (size_t i = 0; i < world->in_count; i++)
                bus_buf_done(&world->in[(world->in_first + i) % TB_FRAMES_MAX]);
        world->in_count = 0;
        tb_cut(world->tb);
        world->link = false;
        world->snapshot_out = false;
        if (was_up && world->book) {
                ex_book_link_lost(world->book, world->now);
                world_commit(world);
        }
}

void world_connect(struct world *world)
{
        Pb__BrokerTick tick = PB__BROKER_TICK__INIT;

        if (world->link)
                return;
        world->link = true;
        ex_book_hello(world->book, tb_hello(world->tb), world->now);
        world_commit(world);
        for (size_t i = 0; i < tb_hello(world->tb)->n_symbols; i++) {
                tick.symbol = tb_hello(world->tb)->symbols[i]->name;
                tick.bid_e8 = world->tb->bid_e8;
                tick.ask_e8 = world->tb->ask_e8;
                ex_book_tick(world->book, &tick, world->now);
                world_commit(world);
        }
}

/* ---- effects ---- */

static void tell(struct world *world, struct ex_fx *item)
{
        const Pb__Trade *trade = ex_fx_trade_message(item);
        struct world_told *told = &world->told[world->told_count++];
        const char *why = "";

        if (validate_trade(trade, &why) < 0) {
                fprintf(stderr, "a trade event that no reader would take: %s\n", why);
                abort();
        }
        bus_require(world->told_count < WORLD_TOLD_MAX);
        told->event = trade->event;
        told->state = trade->state;
        told->attempt = trade->attempt;
        snprintf(told->alert_id, sizeof(told->alert_id), "%s", item->alert_id);
        snprintf(told->cl_ord_id, sizeof(told->cl_ord_id), "%s", trade->cl_ord_id);
        snprintf(told->reason, sizeof(told->reason), "%s", trade->reason);
}

static void alarm_changes(struct world *world, const struct ex_fx *item)
{
        char name[96];
        size_t at = 0;

        snprintf(name, sizeof(name), "%s %s", item->code, item->subject);
        while (at < world->alarm_count && strcmp(world->alarms[at], name) != 0)
                at++;
        if (item->kind == EX_FX_ALARM && at == world->alarm_count && at < 64)
                memcpy(world->alarms[world->alarm_count++], name, sizeof(name));
        if (item->kind == EX_FX_ALARM_END && at < world->alarm_count)
                memcpy(world->alarms[at], world->alarms[--world->alarm_count], sizeof(name));
}

static void stage(struct world *world)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        char key[EX_STORE_KEY_SIZE];

        for (size_t i = 0; i < world->book->fx.count; i++) {
                struct ex_fx *item = &world->book->fx.items[i];
                enum ex_change change = ex_keep_change(world->book, item, key, &value);

                if (change != EX_CHANGE_NONE)
                        store_put(world, key, &value, change == EX_CHANGE_DELETE);
                if (item->kind == EX_FX_TRADE)
                        tell(world, item);
                if (item->kind == EX_FX_ALARM || item->kind == EX_FX_ALARM_END)
                        alarm_changes(world, item);
                if (item->kind == EX_FX_SNAPSHOT)
                        world->snapshot_wanted = true;
        }
}

static void send_submit(struct world *world, struct ex_order *order, uint32_t attempt)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Submit submit;

        if (!world->link || order->attempt != attempt || order->phase != EX_PHASE_STAGED)
                return;
        bus_require(!ex_submit_of(world->book, order, 1, &submit));
        message.kind = KIND(SUBMIT);
        message.submit = &submit;
        post(world, &message);
        ex_book_sent(world->book, order->id, attempt, world->now);
}

/* As the glue does: ahead of the commit. */
static void submit_promised(struct world *world)
{
        for (size_t i = 0; i < world->book->fx.count; i++) {
                const struct ex_fx *item = &world->book->fx.items[i];

                if (item->kind == EX_FX_SUBMIT && item->order->job->promised &&
                        ex_order_is_leg(item->order))
                        send_submit(world, item->order, item->attempt);
        }
}

static void send_query(struct world *world, const struct ex_fx *item)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Query query = PB__QUERY__INIT;

        query.cl_ord_id = item->order->id;
        query.attempt = item->attempt;
        message.kind = KIND(QUERY);
        message.query = &query;
        post(world, &message);
}

void world_commit(struct world *world)
{
        struct ex_fx_list fx = world->book->fx;

        stage(world);
        ex_fx_clear(&world->book->fx); /* saved; the items are in FX still */
        world->book->fx = (struct ex_fx_list){ 0 };
        for (size_t i = 0; i < fx.count; i++) {
                if (fx.items[i].kind == EX_FX_SUBMIT)
                        send_submit(world, fx.items[i].order, fx.items[i].attempt);
                if (fx.items[i].kind == EX_FX_QUERY)
                        send_query(world, &fx.items[i]);
        }
        ex_fx_done(&fx);
        if (world->book->fx.count)
                world_commit(world);
}

void world_commit_and_crash(struct world *world)
{
        stage(world);
        world_crash(world);
}

/* ---- the wire ---- */

bool world_to_terminal(struct world *world)
{
        struct bus_buf frame;

        if (!world->in_count)
                return false;
        frame = world->in[world->in_first];
        world->in_first = (world->in_first + 1) % TB_FRAMES_MAX;
        world->in_count--;
        world->tb->wall_us = world->now.wall_us;
        tb_take(world->tb, bus_buf_bytes(&frame));
        bus_buf_done(&frame);
        return true;
}

static void dispatch(struct world *world, const Pb__BrokerMessage *message)
{
        switch (message->kind) {
        case KIND(REPORT): ex_book_report(world->book, message->report, world->now); break;
        case KIND(QUERY_ANSWER):
                ex_book_answer(world->book, message->query_answer, world->now);
                break;
        case KIND(DEAL): ex_book_deal(world->book, message->deal, world->now); break;
        case KIND(SNAPSHOT):
                world->snapshot_out = false;
                if (!ex_book_snapshot(
                            world->book, message->snapshot, world->snapshot_asked_us, world->now))
                        world->snapshot_wanted = true;
                break;
        default: break;
        }
}

bool world_to_executor(struct world *world)
{
        BROKER_AUTOFREE Pb__BrokerMessage *message = NULL;
        struct bus_buf frame;
        const char *why;

        if (!tb_next(world->tb, &frame))
                return false;
        if (broker_unpack(bus_buf_bytes(&frame), BROKER_FRAME_MAX_BYTES, &message, &why) < 0) {
                fprintf(stderr, "the test's broker says nonsense: %s\n", why);
                abort();
        }
        bus_buf_done(&frame);
        dispatch(world, message);
        return true;
}

static void ask_snapshot(struct world *world)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__SnapshotRequest request = PB__SNAPSHOT_REQUEST__INIT;

        if (!world->link || !world->snapshot_wanted || world->snapshot_out)
                return;
        if (world->snapshot_asked_us > world->now.mono_us - 200 * BUS_US_PER_MS)
                return;
        request.request_id = ++world->snapshot_id;
        request.deals_since_us = ex_risk_deals_since_us(&world->book->risk, 600 * BUS_US_PER_SEC);
        message.kind = KIND(SNAPSHOT_REQUEST);
        message.snapshot_request = &request;
        post(world, &message);
        world->snapshot_wanted = false;
        world->snapshot_out = true;
        world->snapshot_asked_us = world->now.mono_us;
}

void world_pass_us(struct world *world, int64_t us)
{
        world->now.wall_us += us;
        world->now.mono_us += us;
        world->now.random = tb_random(world->tb, 1U << 30);
        ex_book_time(world->book, world->now);
        world_commit(world);
        ask_snapshot(world);
}

void world_settle(struct world *world)
{
        bool moved = true;

        while (moved) {
                moved = world_to_terminal(world);
                if (world_to_executor(world)) {
                        world_commit(world);
                        moved = true;
                }
        }
}

void world_run_us(struct world *world, int64_t us)
{
        for (int64_t passed = 0; passed < us; passed += 50 * BUS_US_PER_MS) {
                world_pass_us(world, 50 * BUS_US_PER_MS);
                world_settle(world);
        }
}

/* ---- what comes from the bus ---- */

void world_alert_id(unsigned int alert, char ret_id[static BUS_ID_SIZE])
{
        snprintf(ret_id, BUS_ID_SIZE, "01ARYZ6S4100000000%08u", alert);
}

Pb__Order *world_make_exit(struct world *world, Pb__Side side)
{
        static Pb__Order order;
        static Pb__DecisionClose close, *closes[1] = { &close };

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
        order.price_e8 = world->tb->ask_e8;
        order.received_us = order.born_us = order.context_as_of_us = world->now.wall_us;
        return &order;
}

Pb__Order *world_make_entry(struct world *world, Pb__Side side, bool reversal)
{
        static Pb__DecisionLeg items[2], *legs[2] = { &items[0], &items[1] };
        const bool buy = side == PB__SIDE__SIDE_BUY;
        Pb__Order *order = world_make_exit(world, buy ? PB__SIDE__SIDE_SELL : PB__SIDE__SIDE_BUY);

        order->kind = PB__ORDER_KIND__ORDER_KIND_ENTRY;
        order->n_closes = reversal ? 1 : 0;
        for (int i = 0; i < 2; i++) {
                pb__decision_leg__init(&items[i]);
                items[i].leg = i ? PB__LEG__LEG_B : PB__LEG__LEG_A;
                items[i].side = side;
                items[i].volume_e8 = 2000000;
                items[i].sl_e8 = order->price_e8 + (buy ? -1 : 1) * (200000 + i * 100000);
                items[i].tp_e8 = order->price_e8 + (buy ? 1 : -1) * (400000 + i * 100000);
        }
        order->legs = legs;
        order->n_legs = 2;
        return order;
}

void world_order(struct world *world, unsigned int alert, const Pb__Order *order, bool test)
{
        const struct ex_store store = store_of(world);
        char id[BUS_ID_SIZE], key[EX_KEY_SIZE];
        const struct ex_intake intake = {
                .alert_id = id, .test = test, .staged_us = order->received_us, .order = order
        };

        world_alert_id(alert, id);
        ex_job_key(id, order->slot, key);
        bus_require(!ex_keep_need_job(world->book, &store, key));
        ex_book_order(world->book, &intake, world->now);
        submit_promised(world);
}

bool world_notice(struct world *world, unsigned int alert, const Pb__Order *order)
{
        char id[BUS_ID_SIZE];
        const struct ex_intake intake = { .alert_id = id, .order = order };
        const char *promise;

        world_alert_id(alert, id);
        promise = ex_book_notice(world->book, &intake, world->now);
        world_commit(world);
        if (promise)
                ex_book_promised(world->book, promise);
        return promise;
}

void world_entry(struct world *world, unsigned int alert, Pb__Side side, bool reversal)
{
        world_order(world, alert, world_make_entry(world, side, reversal), false);
        world_commit(world);
}

void world_exit(struct world *world, unsigned int alert, Pb__Side side)
{
        world_order(world, alert, world_make_exit(world, side), false);
        world_commit(world);
}

struct ex_answer world_control(struct world *world, unsigned int id, const Pb__Control *control)
{
        struct ex_answer answer;
        char message_id[BUS_ID_SIZE];

        world_alert_id(id, message_id);
        ex_book_control(world->book, message_id, control, world->now, &answer);
        world_commit(world);
        return answer;
}

struct ex_answer world_command(struct world *world, unsigned int id, Pb__Command command)
{
        Pb__Control control = PB__CONTROL__INIT;

        control.command = command;
        return world_control(world, id, &control);
}

/* ---- looking ---- */

struct ex_job *world_job(struct world *world, unsigned int alert)
{
        char id[BUS_ID_SIZE], key[EX_KEY_SIZE];

        world_alert_id(alert, id);
        ex_job_key(id, "v3", key);
        return ex_book_job(world->book, key);
}

struct ex_order *world_leg(struct world *world, unsigned int alert, char leg)
{
        char id[BUS_ID_SIZE], cl_ord_id[CL_ORD_ID_SIZE], name[2] = { leg, 0 };

        world_alert_id(alert, id);
        ex_id_leg(id, "v3", name, cl_ord_id);
        return ex_book_find_order(world->book, cl_ord_id);
}

struct ex_order *world_close(struct world *world, unsigned int alert, size_t n)
{
        struct ex_job *job = world_job(world, alert);

        for (size_t i = 0; job && i < job->order_count; i++)
                if (!ex_order_is_leg(job->orders[i]) && !n--)
                        return job->orders[i];
        return NULL;
}

size_t world_told(struct world *world, unsigned int alert, Pb__TradeEvent event, const char *reason)
{
        char id[BUS_ID_SIZE];
        size_t count = 0;

        world_alert_id(alert, id);
        for (size_t i = 0; i < world->told_count; i++)
                count += world->told[i].event == event && !strcmp(world->told[i].alert_id, id) &&
                         (!reason || !strcmp(world->told[i].reason, reason));
        return count;
}

bool world_alarm(const struct world *world, const char *code)
{
        for (size_t i = 0; i < world->alarm_count; i++)
                if (!strncmp(world->alarms[i], code, strlen(code)) &&
                        world->alarms[i][strlen(code)] == ' ')
                        return true;
        return false;
}
