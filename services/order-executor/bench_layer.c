/*
 * What the service layer costs: CPU an order message (two legs) in this process, over 10 000 of
 * them, with and without it. The whole way of an order through the core is run: intake, limits,
 * records packed for the store, the request packed for the link, fill and deal of each leg; the
 * broker is in memory. Both kinds go in slices by turns, so that whatever else the machine does
 * meets both. Prints one line of JSON, in nanoseconds; medians over the rounds.
 */
#include "libbus/base/require.h"
#include "services/broker/broker_codec.h"
#include "services/broker/retcode.h"
#include "services/order-executor/core/keep.h"
#include "services/order-executor/core/submit.h"

#include <stdio.h>
#include <time.h>

enum {
        ORDERS = 10000,
        SLICE = 100, /* orders of one kind before the other has its turn */
        ROUNDS = 9,
        REMEMBERED = 500, /* ended alerts stay in memory for a while, as in the service */
};

#define PRICE_E8  INT64_C(108500000)
#define SPREAD_E8 INT64_C(10000)
#define PLENTY    INT64_C(100000000000000) /* cents: the layer never refuses */

struct side {
        struct ex_book *book;
        struct ex_now now;
        unsigned int count; /* orders so far */
        uint64_t next_ticket;
        struct bus_buf value, frame;
        int64_t cpu_ns;
        struct ex_submission {
                char id[CL_ORD_ID_SIZE];
                int64_t volume_e8;
        } sent[2];
        size_t sent_count;
};

static int64_t cpu_ns(void)
{
        struct timespec now;

        bus_require(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
        return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static char *text(const char *borrowed)
{
        return (char *)(uintptr_t)borrowed;
}

/* ---- the broker ---- */

static void connect_terminal(struct side *side)
{
        Pb__BrokerSymbol symbol = PB__BROKER_SYMBOL__INIT, *symbols[] = { &symbol };
        Pb__BrokerAccount account = PB__BROKER_ACCOUNT__INIT;
        Pb__Hello hello = PB__HELLO__INIT;
        Pb__Snapshot snapshot = PB__SNAPSHOT__INIT;
        Pb__BrokerTick tick = PB__BROKER_TICK__INIT;

        symbol.name = tick.symbol = text("EURUSD");
        symbol.digits = 5;
        symbol.lot_min_e8 = symbol.lot_step_e8 = 1000000;
        symbol.lot_max_e8 = INT64_C(10000000000);
        symbol.filling_modes = PB__FILLING__FILLING_IOC;
        symbol.tick_size_e8 = 1000;
        symbol.tick_value_cents = 100;
        symbol.margin_per_lot_cents = 108500;
        account.login = 1;
        account.mode = PB__ACCOUNT_MODE__ACCOUNT_MODE_HEDGING;
        account.balance_cents = account.equity_cents = account.margin_free_cents = PLENTY;
        hello.account = snapshot.account = &account;
        hello.symbols = symbols;
        hello.n_symbols = 1;
        snapshot.quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        tick.bid_e8 = PRICE_E8 - SPREAD_E8;
        tick.ask_e8 = PRICE_E8;
        ex_book_hello(side->book, &hello, side->now);
        ex_book_tick(side->book, &tick, side->now);
        bus_require(ex_book_snapshot(side->book, &snapshot, side->now.mono_us, side->now));
        ex_fx_clear(&side->book->fx);
}

static void send(struct side *side, const struct ex_order *order)
{
        Pb__BrokerMessage message = PB__BROKER_MESSAGE__INIT;
        Pb__Submit submit;

        bus_require(ex_submit_of(side->book, order, 1, &submit) == 0);
        message.kind = PB__BROKER_KIND__BROKER_KIND_SUBMIT;
        message.submit = &submit;
        bus_buf_clear(&side->frame);
        broker_pack(&message, &side->frame);
        bus_require(side->sent_count < BUS_COUNT(side->sent));
        memcpy(side->sent[side->sent_count].id, order->id, CL_ORD_ID_SIZE);
        side->sent[side->sent_count++].volume_e8 = order->volume_e8;
}

/* What the glue does, with nobody behind it. */
static void carry_out(struct side *side)
{
        struct ex_book *book = side->book;
        char key[EX_STORE_KEY_SIZE];

        for (size_t i = 0; i < book->fx.count; i++) {
                struct ex_fx *item = &book->fx.items[i];

                if (item->kind == EX_FX_SUBMIT)
                        send(side, item->order);
                else if (item->kind == EX_FX_TRADE)
                        (void)ex_fx_trade_message(item);
                else
                        (void)ex_keep_change(book, item, key, &side->value);
        }
        ex_fx_clear(&book->fx);
        for (size_t i = 0; i < side->sent_count; i++)
                ex_book_sent(book, side->sent[i].id, 1, side->now);
}

static void fill(struct side *side, const struct ex_submission *sent)
{
        Pb__Report report = PB__REPORT__INIT;
        Pb__Deal deal = PB__DEAL__INIT;

        deal.deal = side->next_ticket++;
        deal.position = report.position = side->next_ticket++;
        deal.symbol = text("EURUSD");
        deal.side = PB__SIDE__SIDE_BUY;
        deal.entry = PB__DEAL_ENTRY__DEAL_ENTRY_IN;
        deal.volume_e8 = report.volume_e8 = sent->volume_e8;
        deal.price_e8 = report.price_e8 = PRICE_E8;
        deal.magic = 1;
        deal.comment = report.cl_ord_id = text(sent->id);
        deal.at_us = side->now.wall_us;
        report.deal = deal.deal;
        report.attempt = 1;
        report.retcode = RETCODE_DONE;
        ex_book_deal(side->book, &deal, side->now);
        ex_book_report(side->book, &report, side->now);
}

/* ---- the orders ---- */

static void hand_in(struct side *side)
{
        char alert_id[BUS_ID_SIZE];
        Pb__DecisionLeg items[2], *legs[] = { &items[0], &items[1] };
        Pb__Order order = PB__ORDER__INIT;
        const struct ex_intake intake = {
                .alert_id = alert_id, .staged_us = side->now.wall_us, .order = &order
        };

        snprintf(alert_id, sizeof(alert_id), "01ARYZ6S4100000000%08u", side->count);
        for (int i = 0; i < 2; i++) {
                pb__decision_leg__init(&items[i]);
                items[i].leg = i ? PB__LEG__LEG_B : PB__LEG__LEG_A;
                items[i].side = PB__SIDE__SIDE_BUY;
                items[i].volume_e8 = 2000000;
                items[i].sl_e8 = PRICE_E8 - 300000;
                items[i].tp_e8 = PRICE_E8 + 500000;
        }
        order.slot = text("v3");
        order.plugin = text("combined_v3");
        order.symbol = text("EURUSD");
        order.epoch = 1;
        order.kind = PB__ORDER_KIND__ORDER_KIND_ENTRY;
        order.verdict = PB__VERDICT__VERDICT_EXECUTE;
        order.legs = legs;
        order.n_legs = BUS_COUNT(legs);
        order.price_e8 = PRICE_E8;
        order.received_us = order.born_us = order.context_as_of_us = side->now.wall_us;
        ex_book_order(side->book, &intake, side->now);
}

static void run_slice(struct side *side)
{
        const int64_t before = cpu_ns();

        for (int i = 0; i < SLICE; i++, side->count++) {
                side->now.wall_us += BUS_US_PER_MS;
                side->now.mono_us += BUS_US_PER_MS;
                side->sent_count = 0;
                hand_in(side);
                carry_out(side);
                bus_require(side->sent_count == 2);
                for (size_t leg = 0; leg < side->sent_count; leg++)
                        fill(side, &side->sent[leg]);
                side->sent_count = 0;
                carry_out(side);
        }
        side->cpu_ns += cpu_ns() - before;
        ex_book_forget(side->book, side->now.wall_us - REMEMBERED * BUS_US_PER_MS,
                side->now.wall_us - REMEMBERED * BUS_US_PER_MS);
}

static void side_init(struct side *side, bool layer)
{
        *side = (struct side){
                .book = ex_book_new("v3", 1),
                .now = { .wall_us = INT64_C(1795371600000000), .mono_us = BUS_US_PER_SEC },
                .next_ticket = 1,
        };
        ex_symbols_init(&side->book->symbols, "");
        side->book->switches.service_api_off = !layer;
        ex_book_loaded(side->book, side->now);
        connect_terminal(side);
}

static void side_done(struct side *side)
{
        ex_book_free(side->book);
        bus_buf_done(&side->value);
        bus_buf_done(&side->frame);
}

static void run_round(int64_t *ret_with_ns, int64_t *ret_without_ns)
{
        struct side with, without;

        side_init(&with, true);
        side_init(&without, false);
        for (int i = 0; i < ORDERS / SLICE; i++) {
                run_slice(i % 2 ? &with : &without);
                run_slice(i % 2 ? &without : &with);
        }
        *ret_with_ns = with.cpu_ns / ORDERS;
        *ret_without_ns = without.cpu_ns / ORDERS;
        side_done(&with);
        side_done(&without);
}

static int by_value(const void *a, const void *b)
{
        const int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;

        return first < second ? -1 : first > second;
}

static long long median(int64_t *values)
{
        qsort(values, ROUNDS, sizeof(*values), by_value);
        return values[ROUNDS / 2];
}

int main(void)
{
        int64_t with_ns[ROUNDS], without_ns[ROUNDS], extra_ns[ROUNDS];
        long long with, without, extra;

        for (int i = 0; i < ROUNDS; i++) {
                run_round(&with_ns[i], &without_ns[i]);
                extra_ns[i] = with_ns[i] - without_ns[i];
        }
        with = median(with_ns);
        without = median(without_ns);
        extra = median(extra_ns);
        printf("{\"orders\":%d,\"rounds\":%d,\"with_ns\":%lld,\"without_ns\":%lld,"
               "\"service_api_ns\":%lld,\"service_api_ns_min\":%lld,\"service_api_ns_max\":%lld}\n",
                ORDERS, ROUNDS, with, without, extra, (long long)extra_ns[0],
                (long long)extra_ns[ROUNDS - 1]);
        return 0;
}
