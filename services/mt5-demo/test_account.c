#include "services/mt5-demo/test_desk_rig.h"

#include "libbus/base/e8.h"

#include <criterion/criterion.h>
#include <stdio.h>

static int64_t e8(const char *text)
{
        int64_t value = 0;

        cr_assert_eq(e8_parse(text, strlen(text), &value), 0);
        return value;
}

static const struct symbol_spec *spec_of(const struct specs *specs, const char *name)
{
        for (size_t i = 0; i < specs->count; i++)
                if (!strcmp(specs->items[i].name, name))
                        return &specs->items[i];
        cr_assert_fail("no %s", name);
        return NULL;
}

static struct specs all_specs(void)
{
        static const struct specs_options options = {
                .symbols = "EURUSD USDJPY USDCAD XAUUSD",
                .suffix = "",
                .prices = "",
                .spread_ticks = 10,
                .leverage = 100,
                .filling_modes = FILLING_FOK,
        };
        char error[SPECS_ERROR_SIZE];
        struct specs specs = { 0 };

        cr_assert_eq(specs_make(&options, &specs, error), 0);
        return specs;
}

/* Worked out by hand from the pip values of docs/v3.md, Symbols. */
Test(account, counts_profit_by_the_pip_value_of_each_symbol)
{
        static const struct {
                const char *symbol;
                enum side side;
                const char *volume, *open, *close;
                int64_t cents;
        } cases[] = {
                /* 50 pips of $10 a lot, 0.10 lots */
                { "EURUSD", SIDE_BUY, "0.10", "1.08000", "1.08500", 5000 },
                { "EURUSD", SIDE_SELL, "0.10", "1.08000", "1.08500", -5000 },
                /* 0.1 pip of $10, 0.01 lots: one cent */
                { "EURUSD", SIDE_BUY, "0.01", "1.08000", "1.08001", 1 },
                /* 100 pips of $9.10, 1 lot */
                { "USDJPY", SIDE_BUY, "1.00", "150.000", "151.000", 91000 },
                /* 0.1 pip of $9.10 for 0.01 lots is 0.91 cents: to the nearest */
                { "USDJPY", SIDE_BUY, "0.01", "150.000", "150.001", 1 },
                { "USDJPY", SIDE_SELL, "0.01", "150.000", "150.001", -1 },
                { "USDCAD", SIDE_BUY, "0.50", "1.36000", "1.35000", -40000 },
                /* $10 of gold at $1 a pip of 0.01, 0.05 lots */
                { "XAUUSD", SIDE_SELL, "0.05", "2650.00", "2640.00", 5000 },
        };
        struct specs specs = all_specs();

        for (size_t i = 0; i < BUS_COUNT(cases); i++)
                cr_expect_eq(account_profit(spec_of(&specs, cases[i].symbol), cases[i].side,
                                     e8(cases[i].volume), e8(cases[i].open), e8(cases[i].close)),
                        cases[i].cents, "case %zu", i);
        specs_done(&specs);
}

Test(account, asks_margin_by_the_worth_of_a_lot)
{
        struct specs specs = all_specs();

        /* 100 000 x 1.085 / 100 = 1085.00 a lot */
        cr_expect_eq(spec_of(&specs, "EURUSD")->margin_per_lot_cents, 108500);
        cr_expect_eq(account_margin(spec_of(&specs, "EURUSD"), e8("0.10")), 10850);
        /* 100 ounces x 2650.00 / 100 */
        cr_expect_eq(spec_of(&specs, "XAUUSD")->margin_per_lot_cents, 265000);
        cr_expect_eq(account_margin(spec_of(&specs, "XAUUSD"), e8("0.01")), 2650);
        specs_done(&specs);
}

Test(account, is_worth_its_balance_and_what_floats)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order sell = desk_rig_order("SELL", 1);
        struct worth worth;

        (void)desk_rig_open(rig, "BUY");
        sell.side = SIDE_SELL;
        cr_assert_eq(desk_rig_submit(rig, &sell), RETCODE_DONE);
        desk_rig_move(rig, 0, "1.09000");
        worth = account_worth(&rig->desk.account, feed_quotes(rig->feed));
        cr_expect_eq(worth.balance_cents, 1000000);
        /* bought at 1.08510, worth 1.09000: +49.00; sold at 1.08500, costs 1.09010: -51.00 */
        cr_expect_eq(worth.equity_cents, 1000000 + 4900 - 5100);
        cr_expect_eq(worth.margin_cents, 2 * 10850);
        cr_expect_eq(worth.free_cents, 1000000 - 200 - 21700);
}

struct trigger_case {
        enum side side;
        const char *bid, *sl, *tp;
        enum deal_reason reason; /* 0: none */
};

Test(account, triggers_long_ones_on_the_bid_and_short_ones_on_the_ask)
{
        /* the ask is 0.00010 above the bid */
        static const struct trigger_case cases[] = {
                { SIDE_BUY, "1.08000", "1.08000", "0", REASON_STOP },
                { SIDE_BUY, "1.08001", "1.08000", "0", 0 },
                { SIDE_BUY, "1.09000", "0", "1.09000", REASON_TARGET },
                { SIDE_BUY, "1.08999", "0", "1.09000", 0 }, /* the ask is over it already */
                { SIDE_SELL, "1.08990", "1.09000", "0", REASON_STOP },
                { SIDE_SELL, "1.08989", "1.09000", "0", 0 },
                { SIDE_SELL, "1.07990", "0", "1.08000", REASON_TARGET },
                { SIDE_SELL, "1.08000", "0", "1.08000", 0 }, /* the bid is there, the ask is not */
                { SIDE_BUY, "1.00000", "0", "0", 0 },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                const struct position position = {
                        .side = cases[i].side, .sl_e8 = e8(cases[i].sl), .tp_e8 = e8(cases[i].tp)
                };
                const struct quote quote = { e8(cases[i].bid), e8(cases[i].bid) + e8("0.00010") };
                enum deal_reason reason = 0;

                (void)account_triggered(&position, quote, &reason);
                cr_expect_eq(reason, cases[i].reason, "case %zu", i);
        }
}

Test(account, closes_what_is_triggered_at_the_market)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("STOPPED", 1);

        order.sl_e8 = e8("1.08000");
        order.tp_e8 = e8("1.09000");
        cr_assert_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
        desk_rig_move(rig, 0, "1.08001");
        cr_expect_eq(rig->desk.account.position_count, 1);
        desk_rig_move(rig, 0, "1.07900"); /* a gap: the stop fills where the market is */
        cr_expect_eq(rig->desk.account.position_count, 0);
        cr_expect_eq(rig->last.reason, REASON_STOP);
        cr_expect_eq(rig->last.price_e8, e8("1.07900"));
        cr_expect_eq(rig->last.profit_cents, -6100);
        cr_expect_str_eq(rig->last.cl_ord_id, "");
        cr_expect_str_eq(rig->last.comment, "");
        cr_expect_eq(rig->last.magic, 7);
        cr_expect_eq(rig->desk.account.balance_cents, 1000000 - 6100);
        cr_expect_eq(rig->deal_count, 2, "the stop's deal was told too");
}

Test(account, closes_the_worst_when_the_margin_is_gone)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order big = desk_rig_order("BIG", 1), small = desk_rig_order("SMALL", 1);

        big.volume_e8 = 5 * E8_ONE;
        cr_assert_eq(desk_rig_submit(rig, &big), RETCODE_DONE);
        cr_assert_eq(desk_rig_submit(rig, &small), RETCODE_DONE);
        /* margin 5533.50, half of it 2766.75; 5.1 lots lose 51.00 a pip of 0.0001 (1.0 e-5: 5.10) */
        desk_rig_move(rig, 0, "1.07100"); /* 141 pips: 7191.00 lost, 2809.00 left */
        cr_expect_eq(rig->desk.account.position_count, 2);
        desk_rig_move(rig, 0, "1.07080"); /* 2 more pips: 2707.00 */
        cr_assert_eq(rig->desk.account.position_count, 1);
        cr_expect_eq(rig->last.reason, REASON_STOP_OUT);
        cr_expect_eq(rig->last.volume_e8, 5 * E8_ONE);
        cr_expect_str_eq(rig->desk.account.positions[0]->comment, "SMALL");
}

Test(account, adds_up_on_a_netting_account)
{
        const struct desk_options options = { .rules.netting = true };
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_with(&options, NULL);
        struct order more = desk_rig_order("MORE", 1), less = desk_rig_order("LESS", 1);
        uint64_t ticket = desk_rig_open(rig, "FIRST");

        desk_rig_move(rig, 0, "1.08700");
        more.volume_e8 = 3 * E8_ONE / 10;
        cr_assert_eq(desk_rig_submit(rig, &more), RETCODE_DONE);
        cr_assert_eq(rig->desk.account.position_count, 1);
        cr_expect_eq(rig->desk.account.positions[0]->ticket, ticket);
        cr_expect_eq(rig->desk.account.positions[0]->volume_e8, 4 * E8_ONE / 10);
        /* (1 x 1.08510 + 3 x 1.08710) / 4 */
        cr_expect_eq(rig->desk.account.positions[0]->open_price_e8, e8("1.08660"));
        less.side = SIDE_SELL;
        less.volume_e8 = 4 * E8_ONE / 10;
        cr_assert_eq(desk_rig_submit(rig, &less), RETCODE_DONE);
        cr_expect_eq(rig->desk.account.position_count, 0);
        cr_expect_eq(rig->desk.account.balance_cents, 1000000 + 1600, "4 pips of 0.4 lots");
        less = desk_rig_order("TURN", 1);
        (void)desk_rig_open(rig, "AGAIN");
        less.side = SIDE_SELL;
        less.volume_e8 = E8_ONE;
        cr_expect_eq(desk_rig_submit(rig, &less), RETCODE_INVALID_VOLUME);
}

/* What a sum over all positions gives, at the prices of now. */
static struct worth counted_worth(const struct desk_rig *rig)
{
        const struct account *account = &rig->desk.account;
        const struct quote *quotes = feed_quotes(rig->feed);
        struct worth worth = { account->balance_cents, account->balance_cents, 0, 0 };

        for (size_t i = 0; i < account->position_count; i++) {
                const struct position *p = account->positions[i];

                worth.equity_cents += account_position_profit(account, p, quotes[p->symbol]);
                worth.margin_cents += account_margin(&account->specs[p->symbol], p->volume_e8);
        }
        worth.free_cents = worth.equity_cents - worth.margin_cents;
        return worth;
}

static void expect_sums(const struct desk_rig *rig, uint64_t seed, unsigned int step)
{
        const struct account *account = &rig->desk.account;
        const struct worth kept = account_worth(account, feed_quotes(rig->feed));
        const struct worth counted = counted_worth(rig);

        cr_assert_eq(kept.equity_cents, counted.equity_cents, "seed %llu step %u",
                (unsigned long long)seed, step);
        cr_assert_eq(kept.margin_cents, counted.margin_cents, "seed %llu step %u",
                (unsigned long long)seed, step);
        for (size_t i = 0; i < account->position_count; i++)
                cr_assert_eq(account_position(account, account->positions[i]->ticket),
                        account->positions[i], "seed %llu step %u", (unsigned long long)seed, step);
}

/* Opens, part closes, moves of the price with and without anybody noticing, and what they trigger. */
static void live_a_life(struct desk_rig *rig, uint64_t seed)
{
        const struct account *account = &rig->desk.account;
        uint64_t random = seed;
        char id[ORDER_ID_SIZE];

        for (unsigned int step = 0; step < 300; step++) {
                const uint64_t what = feed_random(&random) % 8, pick = feed_random(&random);
                struct order order;

                snprintf(id, sizeof(id), "O%u", step);
                order = desk_rig_order(id, 1);
                order.volume_e8 = (int64_t)(1 + pick % 5) * E8_ONE / 100;
                if (what < 3) {
                        order.sl_e8 = pick % 2 ? e8("1.08000") : 0;
                        (void)desk_rig_submit(rig, &order);
                } else if (what < 6 && account->position_count) {
                        const struct position *p =
                                account->positions[pick % account->position_count];

                        order.action = ACTION_CLOSE;
                        order.side = side_opposite(p->side);
                        order.position = p->ticket;
                        order.volume_e8 = pick % 3 ? p->volume_e8 : E8_ONE / 100;
                        (void)desk_rig_submit(rig, &order);
                } else if (what == 6) {
                        feed_move(rig->feed, 0, e8("1.07950") + (int64_t)(pick % 1000) * 1000);
                } else {
                        desk_prices_changed(&rig->desk, rig->at);
                }
                expect_sums(rig, seed, step);
        }
}

Test(account, the_sums_it_keeps_are_those_of_its_positions)
{
        for (uint64_t seed = 1; seed <= 20; seed++) {
                const struct desk_options options = { .rules.netting = seed % 4 == 0,
                        .slippage_ticks = 3,
                        .seed = seed,
                        .stop_out_percent = 50 };
                DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_with(&options, NULL);

                live_a_life(rig, seed);
        }
}

Test(account, refuses_records_that_cannot_follow)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct record deal, wrong;

        (void)desk_rig_open(rig, "OPEN");
        deal = account_close_record(&rig->desk.account, rig->desk.account.positions[0], E8_ONE / 10,
                feed_quotes(rig->feed)[0], REASON_CLIENT, 1);
        wrong = deal;
        wrong.balance_cents++;
        cr_expect_lt(account_apply(&rig->desk.account, &wrong), 0);
        wrong = deal;
        wrong.position++;
        cr_expect_lt(account_apply(&rig->desk.account, &wrong), 0);
        wrong = deal;
        wrong.volume_e8++;
        cr_expect_lt(account_apply(&rig->desk.account, &wrong), 0);
        wrong = deal;
        wrong.side = SIDE_BUY;
        cr_expect_lt(account_apply(&rig->desk.account, &wrong), 0);
        cr_expect_eq(account_apply(&rig->desk.account, &deal), 0);
}
