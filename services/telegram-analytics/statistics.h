#pragma once
/*
 * What a row of closed trades comes to. Pure; a trade is one position, from its opening to the deal
 * that took the last of it, and its result is all that its deals brought: profit, commission, swap.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATISTICS_NAME_SIZE 33
#define STATISTICS_KEYS_MAX  256 /* of one kind; what comes beyond is summed up under "other" */

struct statistics_trade {
        const char *symbol, *plugin; /* "" where the opening is not known */
        int route;
        int hour; /* of its end, 0 to 23, in the zone people read in */
        int64_t result_cents;
};

struct statistics_sums {
        char name[STATISTICS_NAME_SIZE];
        int64_t trades, wins, losses;   /* a result of 0 is neither */
        int64_t gain_cents, loss_cents; /* of the wins and of the losses; both >= 0 */
};

struct statistics_keys {
        struct statistics_sums *all;
        size_t count;
};

enum statistics_by {
        STATISTICS_SYMBOL,
        STATISTICS_PLUGIN,
        STATISTICS_ROUTE,
        STATISTICS_HOUR,
        STATISTICS_BYS,
};

struct statistics {
        struct statistics_sums total;
        struct statistics_keys by[STATISTICS_BYS];
        int64_t peak_cents, drawdown_cents; /* of the running sum, which begins at 0; both >= 0 */
        int64_t best_cents, worst_cents;
        /* entries that were filled in the span */
        int64_t entries;
        int64_t slippage_entries; /* of which the alert's price is known */
        int64_t slippage_e8_sum; /* ten-thousandths of the price, e8; > 0: worse than the alert's */
        int64_t slippage_e8_worst;
        int64_t alerts;
};

void statistics_init(struct statistics *statistics);
void statistics_done(struct statistics *statistics);
/* In the order in which they ended. */
void statistics_add(struct statistics *statistics, const struct statistics_trade *trade);
/* An entry at PRICE_E8, alerted at ALERT_E8; both > 0. */
void statistics_slip(
        struct statistics *statistics, bool is_buy, int64_t alert_e8, int64_t price_e8);
/* The largest sums first (by result), ties by name; hours by themselves. */
void statistics_sort(struct statistics *statistics);

static inline int64_t statistics_result(const struct statistics_sums *sums)
{
        return sums->gain_cents - sums->loss_cents;
}
/* Each rounded half up; false where there is nothing to divide by. */
BUS_MUST bool statistics_win_rate(const struct statistics_sums *sums, int64_t *ret_permille);
/* Gain over loss, in hundredths. */
BUS_MUST bool statistics_profit_factor(const struct statistics_sums *sums, int64_t *ret_percent);
/* What one trade brings on average. */
BUS_MUST bool statistics_expectancy(const struct statistics_sums *sums, int64_t *ret_cents);
/* The value at PERCENT of COUNT ascending values, nearest rank; COUNT > 0. */
int64_t statistics_quantile(const int64_t *values, size_t count, unsigned int percent);
