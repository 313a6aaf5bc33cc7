#include "services/telegram-analytics/statistics.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct statistics_trade trade(const char *symbol, int64_t result_cents)
{
        return (struct statistics_trade){ .symbol = symbol,
                .plugin = "legacy_v3",
                .route = 2,
                .hour = 9,
                .result_cents = result_cents };
}

static void add(struct statistics *statistics, const char *symbol, int64_t result_cents)
{
        struct statistics_trade one = trade(symbol, result_cents);

        statistics_add(statistics, &one);
}

Test(statistics, of_nothing_divide_by_nothing)
{
        struct statistics_sums none = { 0 };
        int64_t value;

        cr_expect_not(statistics_win_rate(&none, &value));
        cr_expect_not(statistics_profit_factor(&none, &value));
        cr_expect_not(statistics_expectancy(&none, &value));
}

Test(statistics, count_wins_losses_and_what_is_neither)
{
        struct statistics statistics;
        int64_t value;

        statistics_init(&statistics);
        add(&statistics, "EURUSD", 300);
        add(&statistics, "EURUSD", -100);
        add(&statistics, "GBPUSD", 0);
        cr_expect_eq(statistics.total.trades, 3);
        cr_expect_eq(statistics.total.wins, 1);
        cr_expect_eq(statistics.total.losses, 1);
        cr_expect(statistics_win_rate(&statistics.total, &value));
        cr_expect_eq(value, 333);
        cr_expect(statistics_profit_factor(&statistics.total, &value));
        cr_expect_eq(value, 300);
        cr_expect(statistics_expectancy(&statistics.total, &value));
        cr_expect_eq(value, 67); /* 66.67 */
        cr_expect_eq(statistics.by[STATISTICS_SYMBOL].count, 2);
        statistics_done(&statistics);
}

Test(statistics, measure_the_deepest_fall_from_a_peak)
{
        static const int64_t results[] = { 500, -200, 100, -400, 900, -300 };
        struct statistics statistics;

        statistics_init(&statistics);
        for (size_t i = 0; i < BUS_COUNT(results); i++)
                add(&statistics, "EURUSD", results[i]);
        cr_expect_eq(statistics.drawdown_cents, 500);
        cr_expect_eq(statistics.best_cents, 900);
        cr_expect_eq(statistics.worst_cents, -400);
        statistics_done(&statistics);
}

Test(statistics, count_a_loss_from_the_first_trade_as_a_fall)
{
        struct statistics statistics;

        statistics_init(&statistics);
        add(&statistics, "EURUSD", -250);
        cr_expect_eq(statistics.drawdown_cents, 250);
        cr_expect_eq(statistics.best_cents, -250);
        statistics_done(&statistics);
}

Test(statistics, take_a_worse_price_as_positive_slippage_for_either_side)
{
        struct statistics statistics;

        statistics_init(&statistics);
        statistics_slip(&statistics, true, 100000000, 100010000);
        statistics_slip(&statistics, false, 100000000, 100010000);
        cr_expect_eq(statistics.slippage_entries, 2);
        cr_expect_eq(statistics.slippage_e8_sum, 0);
        cr_expect_eq(statistics.slippage_e8_worst, 100000000); /* one ten-thousandth */
        statistics_done(&statistics);
}

Test(statistics, sum_up_what_is_beyond_the_table)
{
        struct statistics statistics;
        char name[16];

        statistics_init(&statistics);
        for (int i = 0; i < STATISTICS_KEYS_MAX + 50; i++) {
                snprintf(name, sizeof(name), "S%d", i);
                add(&statistics, name, 1);
        }
        cr_expect_eq(statistics.by[STATISTICS_SYMBOL].count, STATISTICS_KEYS_MAX);
        cr_expect_str_eq(
                statistics.by[STATISTICS_SYMBOL].all[STATISTICS_KEYS_MAX - 1].name, "other");
        cr_expect_eq(statistics.by[STATISTICS_SYMBOL].all[STATISTICS_KEYS_MAX - 1].trades, 51);
        statistics_done(&statistics);
}

Test(statistics, sort_by_result_and_hours_by_the_clock)
{
        struct statistics statistics;
        struct statistics_trade late = trade("GBPUSD", 900), early = trade("EURUSD", 100);

        statistics_init(&statistics);
        late.hour = 21;
        statistics_add(&statistics, &late);
        statistics_add(&statistics, &early);
        statistics_sort(&statistics);
        cr_expect_str_eq(statistics.by[STATISTICS_SYMBOL].all[0].name, "GBPUSD");
        cr_expect_str_eq(statistics.by[STATISTICS_HOUR].all[0].name, "09");
        statistics_done(&statistics);
}

Test(statistics, quantiles_are_the_nearest_rank)
{
        static const int64_t values[] = { 1, 2, 3, 4 };

        cr_expect_eq(statistics_quantile(values, 4, 50), 2);
        cr_expect_eq(statistics_quantile(values, 4, 99), 4);
        cr_expect_eq(statistics_quantile(values, 4, 0), 1);
}
