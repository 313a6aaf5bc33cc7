#include "services/mt5-demo/feed.h"

#include "libbus/base/e8.h"
#include "services/mt5-demo/specs.h"

#include <criterion/criterion.h>

static struct specs specs;

static void make_specs(void)
{
        static const struct specs_options options = {
                .symbols = "EURUSD XAUUSD:GOLD",
                .suffix = ".a",
                .prices = "XAUUSD:2700.10",
                .spread_ticks = 12,
                .stops_level_ticks = 5,
                .leverage = 200,
                .filling_modes = FILLING_FOK | FILLING_IOC,
        };
        char error[SPECS_ERROR_SIZE];

        cr_assert_eq(specs_make(&options, &specs, error), 0, "%s", error);
}

static void drop_specs(void)
{
        specs_done(&specs);
}

TestSuite(feed, .init = make_specs, .fini = drop_specs);

Test(feed, names_symbols_as_the_broker_does)
{
        cr_assert_eq(specs.count, 2);
        cr_expect_str_eq(specs.items[0].name, "EURUSD.a");
        cr_expect_str_eq(specs.items[1].name, "GOLD");
        cr_expect_eq(specs.items[1].start_bid_e8, INT64_C(270010000000));
        cr_expect_eq(specs.items[0].spread_e8, 12000);
        cr_expect_eq(specs.items[1].stops_level_e8, 5000000);
        cr_expect_eq(specs.items[0].margin_per_lot_cents, 54250);
}

Test(feed, refuses_symbols_it_does_not_have)
{
        struct specs_options options = {
                .symbols = "EURUSD", .suffix = "", .prices = "", .leverage = 1
        };
        char error[SPECS_ERROR_SIZE];
        struct specs made = { 0 };
        const struct {
                const char *symbols, *prices;
        } bad[] = { { "", "" }, { "EURUSD EURUSD", "" }, { "BTCUSD", "" }, { "EURUSD", "EURUSD:x" },
                { "EURUSD", "EURUSD:0" }, { "EURUSD", "EURUSD:1.0000001" }, { "EURUSD", "GOLD:5" },
                { "EURUSD:a123456789012345678901234567890123", "" } };

        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                options.symbols = bad[i].symbols;
                options.prices = bad[i].prices;
                error[0] = 0;
                cr_expect_lt(specs_make(&options, &made, error), 0, "case %zu", i);
                cr_expect_neq(error[0], 0);
        }
        cr_expect_eq(made.count, 0);
}

Test(feed, reads_filling_modes)
{
        unsigned int modes = 0;

        cr_expect_eq(specs_filling("fok", &modes), 0);
        cr_expect_eq(modes, FILLING_FOK);
        cr_expect_eq(specs_filling("ioc return", &modes), 0);
        cr_expect_eq(modes, FILLING_IOC | FILLING_RETURN);
        cr_expect_lt(specs_filling("", &modes), 0);
        cr_expect_lt(specs_filling("fok gtc", &modes), 0);
}

Test(feed, walks_the_same_way_for_the_same_seed)
{
        const struct feed_options options = { .seed = 9, .step_ticks = 5 };
        const struct feed_options other = { .seed = 10, .step_ticks = 5 };
        FEED_AUTOFREE struct feed *a = feed_new(specs.items, 2, &options);
        FEED_AUTOFREE struct feed *b = feed_new(specs.items, 2, &options);
        FEED_AUTOFREE struct feed *c = feed_new(specs.items, 2, &other);
        int differs = 0, moved = 0;

        for (int i = 0; i < 1000; i++) {
                int64_t before = feed_quotes(a)[0].bid_e8;

                feed_step(a);
                feed_step(b);
                feed_step(c);
                cr_assert_eq(memcmp(feed_quotes(a), feed_quotes(b), 2 * sizeof(struct quote)), 0);
                differs += feed_quotes(a)[0].bid_e8 != feed_quotes(c)[0].bid_e8;
                moved += feed_quotes(a)[0].bid_e8 != before;
        }
        cr_expect_gt(differs, 500);
        cr_expect_gt(moved, 500);
}

Test(feed, stays_on_the_tick_and_near_its_start)
{
        const struct feed_options options = { .seed = 3, .step_ticks = 500 };
        FEED_AUTOFREE struct feed *feed = feed_new(specs.items, 2, &options);

        for (int i = 0; i < 2000; i++) {
                feed_step(feed);
                for (int s = 0; s < 2; s++) {
                        struct quote quote = feed_quotes(feed)[s];
                        int64_t away = quote.bid_e8 - specs.items[s].start_bid_e8;

                        cr_assert_eq(quote.bid_e8 % specs.items[s].tick_size_e8, 0);
                        cr_assert_eq(quote.ask_e8 - quote.bid_e8, specs.items[s].spread_e8);
                        cr_assert_leq(away < 0 ? -away : away, specs.items[s].start_bid_e8 / 1000);
                }
        }
}

Test(feed, goes_on_from_where_it_was_put)
{
        const struct feed_options options = { .seed = 3, .step_ticks = 1 };
        FEED_AUTOFREE struct feed *feed = feed_new(specs.items, 2, &options);

        feed_move(feed, 1, INT64_C(300000000000));
        cr_expect_eq(feed_quotes(feed)[1].bid_e8, INT64_C(300000000000));
        cr_expect_eq(feed_quotes(feed)[0].bid_e8, specs.items[0].start_bid_e8);
        for (int i = 0; i < 100; i++)
                feed_step(feed);
        cr_expect_geq(feed_quotes(feed)[1].bid_e8, INT64_C(299900000000));
        feed_move(feed, 1, 1);
        cr_expect_eq(feed_quotes(feed)[1].bid_e8, 1000000, "never under a tick");
}

Test(feed, replays_a_csv_time_by_time)
{
        static const char csv[] = "time,symbol,bid,ask\r\n"
                                  "1,EURUSD.a,1.10000,1.10010\r\n"
                                  "2,EURUSD.a,1.10001,1.10011\n"
                                  "2,GOLD,2600.00,2600.50\n"
                                  "\n"
                                  "3,OTHER,1,2\n"
                                  "4,GOLD,2601.00,2601.50";
        const struct feed_options options = { .seed = 3, .step_ticks = 100 };
        FEED_AUTOFREE struct feed *feed = feed_new(specs.items, 2, &options);
        size_t line = 0;

        cr_assert_eq(feed_load_csv(feed, bus_bytes_str(csv), &line), 0, "line %zu", line);
        cr_expect_eq(feed_quotes(feed)[0].bid_e8, 110000000);
        feed_step(feed);
        cr_expect_eq(feed_quotes(feed)[0].ask_e8, 110011000);
        cr_expect_eq(feed_quotes(feed)[1].ask_e8, INT64_C(260050000000));
        feed_step(feed);
        cr_expect_eq(feed_quotes(feed)[1].bid_e8, INT64_C(260100000000));
        feed_step(feed);
        feed_step(feed);
        cr_expect_eq(feed_quotes(feed)[1].bid_e8, INT64_C(260100000000), "at the end it stands");
        cr_expect_eq(feed_quotes(feed)[0].bid_e8, 110001000);
}

Test(feed, names_the_line_of_a_bad_csv)
{
        static const char *const bad[] = { "1,EURUSD.a,1.1,1.2\n2,EURUSD.a,1.1\n",
                "1,EURUSD.a,1.1,1.2\n2,EURUSD.a,1.1,1.2,3\n",
                "1,EURUSD.a,1.1,1.2\n2,EURUSD.a,x,1.2\n",
                "1,EURUSD.a,1.1,1.2\n2,EURUSD.a,1.2,1.1\n", "1,EURUSD.a,1.1,1.2\n2,EURUSD.a,0,1\n",
                "1,EURUSD.a,1.1,1.2\n2,EURUSD.a,1.0000001,1.2\n" };
        const struct feed_options options = { 0 };

        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                FEED_AUTOFREE struct feed *feed = feed_new(specs.items, 2, &options);
                size_t line = 0;

                cr_expect_lt(feed_load_csv(feed, bus_bytes_str(bad[i]), &line), 0, "case %zu", i);
                cr_expect_eq(line, 2);
        }
}

Test(feed, refuses_a_csv_without_a_row_of_its_symbols)
{
        static const char *const bad[] = { "", "time,symbol,bid,ask\n", "1,OTHER,1,2\n" };
        const struct feed_options options = { 0 };

        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                FEED_AUTOFREE struct feed *feed = feed_new(specs.items, 2, &options);
                size_t line = 7;

                cr_expect_lt(feed_load_csv(feed, bus_bytes_str(bad[i]), &line), 0);
                cr_expect_eq(line, 0);
        }
}
