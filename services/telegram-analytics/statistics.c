#include "services/telegram-analytics/statistics.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTHER       "other"
#define TENTHOUSAND 10000

void statistics_init(struct statistics *statistics)
{
        *statistics = (struct statistics){ 0 };
        for (int by = 0; by < STATISTICS_BYS; by++)
                statistics->by[by].all = bus_new_n(struct statistics_sums, STATISTICS_KEYS_MAX);
}

void statistics_done(struct statistics *statistics)
{
        for (int by = 0; by < STATISTICS_BYS; by++)
                free(statistics->by[by].all);
        *statistics = (struct statistics){ 0 };
}

static struct statistics_sums *sums_of(struct statistics_keys *keys, const char *name)
{
        for (size_t i = 0; i < keys->count; i++)
                if (!strcmp(keys->all[i].name, name))
                        return &keys->all[i];
        if (keys->count == STATISTICS_KEYS_MAX)
                return &keys->all[STATISTICS_KEYS_MAX - 1];
        if (keys->count == STATISTICS_KEYS_MAX - 1)
                name = OTHER;
        keys->all[keys->count] = (struct statistics_sums){ 0 };
        snprintf(keys->all[keys->count].name, STATISTICS_NAME_SIZE, "%s", name);
        return &keys->all[keys->count++];
}

static void add(struct statistics_sums *sums, int64_t result_cents)
{
        sums->trades++;
        sums->wins += result_cents > 0;
        sums->losses += result_cents < 0;
        if (result_cents > 0)
                sums->gain_cents += result_cents;
        else
                sums->loss_cents -= result_cents;
}

static void add_to_curve(struct statistics *statistics, int64_t result_cents)
{
        int64_t now_cents = statistics_result(&statistics->total);

        if (statistics->total.trades == 1 || result_cents > statistics->best_cents)
                statistics->best_cents = result_cents;
        if (statistics->total.trades == 1 || result_cents < statistics->worst_cents)
                statistics->worst_cents = result_cents;
        if (now_cents > statistics->peak_cents)
                statistics->peak_cents = now_cents;
        if (statistics->peak_cents - now_cents > statistics->drawdown_cents)
                statistics->drawdown_cents = statistics->peak_cents - now_cents;
}

void statistics_add(struct statistics *statistics, const struct statistics_trade *trade)
{
        char route[16], hour[16];
        const char *names[STATISTICS_BYS] = { [STATISTICS_SYMBOL] = trade->symbol,
                [STATISTICS_PLUGIN] = *trade->plugin ? trade->plugin : "unknown",
                [STATISTICS_ROUTE] = trade->route ? route : "unknown",
                [STATISTICS_HOUR] = hour };

        snprintf(route, sizeof(route), "%d", trade->route);
        snprintf(hour, sizeof(hour), "%02d", trade->hour);
        add(&statistics->total, trade->result_cents);
        add_to_curve(statistics, trade->result_cents);
        for (int by = 0; by < STATISTICS_BYS; by++)
                add(sums_of(&statistics->by[by], names[by]), trade->result_cents);
}

void statistics_slip(struct statistics *statistics, bool is_buy, int64_t alert_e8, int64_t price_e8)
{
        int64_t worse_e8 = is_buy ? price_e8 - alert_e8 : alert_e8 - price_e8, slip_e8;

        if (e8_muldiv(worse_e8, TENTHOUSAND * E8_ONE, alert_e8, E8_HALF_UP, &slip_e8) < 0)
                return; /* a price a thousand times the other is no slippage */
        if (!statistics->slippage_entries || slip_e8 > statistics->slippage_e8_worst)
                statistics->slippage_e8_worst = slip_e8;
        statistics->slippage_entries++;
        statistics->slippage_e8_sum += slip_e8;
}

static int by_result(const void *a, const void *b)
{
        const struct statistics_sums *x = a, *y = b;
        int64_t rx = statistics_result(x), ry = statistics_result(y);

        return rx != ry ? (rx < ry ? 1 : -1) : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
        const struct statistics_sums *x = a, *y = b;

        return strcmp(x->name, y->name);
}

void statistics_sort(struct statistics *statistics)
{
        for (int by = 0; by < STATISTICS_BYS; by++)
                qsort(statistics->by[by].all, statistics->by[by].count,
                        sizeof(*statistics->by[by].all),
                        by == STATISTICS_HOUR ? by_name : by_result);
}

static bool divide(int64_t a, int64_t times, int64_t by, int64_t *ret_value)
{
        return by && e8_muldiv(a, times, by, E8_HALF_UP, ret_value) == 0;
}

bool statistics_win_rate(const struct statistics_sums *sums, int64_t *ret_permille)
{
        return divide(sums->wins, 1000, sums->trades, ret_permille);
}

bool statistics_profit_factor(const struct statistics_sums *sums, int64_t *ret_percent)
{
        return divide(sums->gain_cents, 100, sums->loss_cents, ret_percent);
}

bool statistics_expectancy(const struct statistics_sums *sums, int64_t *ret_cents)
{
        return divide(statistics_result(sums), 1, sums->trades, ret_cents);
}

int64_t statistics_quantile(const int64_t *values, size_t count, unsigned int percent)
{
        size_t rank = (count * percent + 99) / 100;

        bus_require(count);
        return values[rank ? rank - 1 : 0];
}
