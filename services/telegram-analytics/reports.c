#include "services/telegram-analytics/reports.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "services/compare/classes.h"
#include "services/telegram-analytics/calendar.h"
#include "services/telegram-analytics/pictures.h"
#include "services/telegram/markup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LINES_MAX 8 /* of one list: a phone's screen */
#define DAY_US    (INT64_C(86400) * BUS_US_PER_SEC)
#define MINUS     "\u2212"

static const struct {
        const char *command, *help;
} commands[REPORT_KINDS] = {
        [REPORT_DAILY] = { "daily", "today so far" },
        [REPORT_WEEKLY] = { "weekly", "this week" },
        [REPORT_MONTHLY] = { "monthly", "this month" },
        [REPORT_PNL] = { "pnl", "results of today, this week, this month, and all" },
        [REPORT_SYMBOLS] = { "symbols", "by symbol and hour, of 30 days or as many as you say" },
        [REPORT_PLUGINS] = { "plugins", "by plugin and route" },
        [REPORT_LATENCY] = { "latency", "from alert to fill, and slippage" },
        [REPORT_PARITY] = { "parity", "live and shadow compared" },
        [REPORT_EQUITY] = { "equity", "the equity curve" },
};

bool report_parse(const char *command, const char *arguments, struct report_request *ret_request)
{
        for (int kind = 0; kind < REPORT_KINDS; kind++) {
                long days;

                if (strcmp(command, commands[kind].command) != 0)
                        continue;
                days = arguments ? strtol(arguments, NULL, 10) : 0;
                if (days < 0 || days > REPORT_DAYS_MAX)
                        days = REPORT_DAYS_MAX;
                *ret_request = (struct report_request){ (enum report_kind)kind, (int)days };
                return true;
        }
        return false;
}

void report_help(struct bus_buf *html)
{
        for (int kind = 0; kind < REPORT_KINDS; kind++)
                tg_printf(html, "/%s %s\n", commands[kind].command, commands[kind].help);
}

/* ---- numbers for people ---- */

#define MONEY_SIZE (E8_TEXT_SIZE + 8)

static const char *money(int64_t cents, char text[static MONEY_SIZE])
{
        char plain[E8_TEXT_SIZE];

        cents_format(cents < 0 ? -cents : cents, plain);
        snprintf(text, MONEY_SIZE, "%s%s", cents < 0 ? MINUS : cents ? "+" : "", plain);
        return text;
}

static const char *span_text(int64_t us, char text[static MONEY_SIZE])
{
        if (us < 10 * BUS_US_PER_MS)
                snprintf(text, MONEY_SIZE, "%" PRId64 ".%" PRId64 " ms", us / BUS_US_PER_MS,
                        us % BUS_US_PER_MS / 100);
        else if (us < 10 * BUS_US_PER_SEC)
                snprintf(text, MONEY_SIZE, "%" PRId64 " ms", us / BUS_US_PER_MS);
        else
                snprintf(text, MONEY_SIZE, "%" PRId64 " s", us / BUS_US_PER_SEC);
        return text;
}

static void add_rate(struct bus_buf *html, const struct statistics_sums *sums)
{
        int64_t permille;

        if (statistics_win_rate(sums, &permille))
                bus_buf_printf(html, "%" PRId64 ".%" PRId64 " %%", permille / 10, permille % 10);
}

static void add_list(struct bus_buf *html, const char *title, const struct statistics_keys *keys)
{
        char text[MONEY_SIZE];

        if (!keys->count)
                return;
        bus_buf_printf(html, "\n<b>%s</b>\n", title);
        for (size_t i = 0; i < keys->count && i < LINES_MAX; i++) {
                const struct statistics_sums *sums = &keys->all[i];

                tg_printf(html, "%s  %s  ", sums->name, money(statistics_result(sums), text));
                bus_buf_printf(html, "(%" PRId64 ", won ", sums->trades);
                add_rate(html, sums);
                bus_buf_add_str(html, ")\n");
        }
        if (keys->count > LINES_MAX)
                bus_buf_printf(html, "and %zu more\n", keys->count - LINES_MAX);
}

static void add_sums(struct bus_buf *html, const struct statistics *statistics)
{
        const struct statistics_sums *total = &statistics->total;
        char a[MONEY_SIZE], b[MONEY_SIZE], c[E8_TEXT_SIZE];
        int64_t value;

        bus_buf_printf(html, "Result <b>%s</b>\n", money(statistics_result(total), a));
        bus_buf_printf(html, "Trades %" PRId64, total->trades);
        if (total->trades) {
                bus_buf_printf(html, ": won %" PRId64 " (", total->wins);
                add_rate(html, total);
                bus_buf_printf(html, "), lost %" PRId64, total->losses);
        }
        bus_buf_add_str(html, "\n");
        if (statistics_profit_factor(total, &value))
                bus_buf_printf(html, "Profit factor %s\n", cents_format(value, c));
        if (statistics_expectancy(total, &value))
                bus_buf_printf(html, "Expectancy %s a trade\n", money(value, a));
        if (total->trades)
                bus_buf_printf(html, "Best %s, worst %s\nMax drawdown %s\n",
                        money(statistics->best_cents, a), money(statistics->worst_cents, b),
                        cents_format(statistics->drawdown_cents, c));
        bus_buf_printf(html, "Alerts %" PRId64 ", entries filled %" PRId64 "\n", statistics->alerts,
                statistics->entries);
}

/* 1 bp is a ten-thousandth of the price; two decimals of it. */
static void add_bp(struct bus_buf *html, int64_t bp_e8)
{
        char text[E8_TEXT_SIZE];
        int64_t rounded_e8;

        if (e8_round_to(bp_e8, E8_ONE / 100, E8_HALF_UP, &rounded_e8) == 0)
                bus_buf_printf(html, "%s bp", e8_format(rounded_e8, 2, text));
}

static void add_slippage(struct bus_buf *html, const struct statistics *statistics)
{
        int64_t mean_e8;

        if (!statistics->slippage_entries ||
                e8_muldiv(statistics->slippage_e8_sum, 1, statistics->slippage_entries, E8_HALF_UP,
                        &mean_e8) < 0)
                return;
        bus_buf_add_str(html, "Slippage ");
        add_bp(html, mean_e8);
        bus_buf_add_str(html, " on average, worst ");
        add_bp(html, statistics->slippage_e8_worst);
        bus_buf_add_str(html, "\n");
}

static int add_latency(
        struct ledger *ledger, int64_t from_us, int64_t to_us, bool in_full, struct bus_buf *html)
{
        BUS_AUTOFREE int64_t *all = NULL;
        char a[MONEY_SIZE], b[MONEY_SIZE];
        size_t count;
        int r;

        r = ledger_latencies(ledger, from_us, to_us, &all, &count);
        if (r < 0 || !count)
                return r;
        bus_buf_printf(html, "Alert to fill: half within %s, 99 %% within %s\n",
                span_text(statistics_quantile(all, count, 50), a),
                span_text(statistics_quantile(all, count, 99), b));
        if (in_full)
                bus_buf_printf(html, "90 %% within %s, slowest %s, of %zu entries\n",
                        span_text(statistics_quantile(all, count, 90), a),
                        span_text(all[count - 1], b), count);
        return 0;
}

/* ---- the reports ---- */

static void add_title(struct bus_buf *html, const char *title, int64_t from_us, int64_t to_us)
{
        char from[CALENDAR_TEXT_SIZE], to[CALENDAR_TEXT_SIZE];

        tg_printf(html, "<b>%s</b>  %s to %s\n", title,
                calendar_text(from_us, CALENDAR_MOMENT, from),
                calendar_text(to_us, CALENDAR_IN_ZONE, to));
}

int report_span(struct ledger *ledger, const char *title, int64_t from_us, int64_t to_us,
        struct bus_buf *html)
{
        struct statistics statistics;
        int r;

        r = ledger_statistics(ledger, from_us, to_us, &statistics);
        if (r < 0)
                return r;
        add_title(html, title, from_us, to_us);
        add_sums(html, &statistics);
        add_slippage(html, &statistics);
        r = add_latency(ledger, from_us, to_us, false, html);
        add_list(html, "By symbol", &statistics.by[STATISTICS_SYMBOL]);
        add_list(html, "By plugin", &statistics.by[STATISTICS_PLUGIN]);
        statistics_done(&statistics);
        return r;
}

static int write_pnl(struct ledger *ledger, int64_t now_us, struct bus_buf *html)
{
        const struct {
                const char *name;
                int64_t from_us;
        } spans[] = { { "Today", calendar_day(now_us, 0) }, { "This week", calendar_week(now_us) },
                { "This month", calendar_month(now_us) }, { "All", 0 } };

        bus_buf_add_str(html, "<b>Results</b>\n");
        for (size_t i = 0; i < BUS_COUNT(spans); i++) {
                struct statistics statistics;
                char text[MONEY_SIZE];
                int r = ledger_statistics(ledger, spans[i].from_us, now_us, &statistics);

                if (r < 0)
                        return r;
                bus_buf_printf(html, "%s  <b>%s</b>  of %" PRId64 " trades\n", spans[i].name,
                        money(statistics_result(&statistics.total), text), statistics.total.trades);
                statistics_done(&statistics);
        }
        return 0;
}

static int write_lists(struct ledger *ledger, const struct report_request *request, int64_t from_us,
        int64_t now_us, struct bus_buf *html)
{
        bool by_symbol = request->kind == REPORT_SYMBOLS;
        struct statistics statistics;
        int r;

        r = ledger_statistics(ledger, from_us, now_us, &statistics);
        if (r < 0)
                return r;
        add_title(html, by_symbol ? "Symbols" : "Plugins", from_us, now_us);
        if (!statistics.total.trades)
                bus_buf_add_str(html, "No trade has ended.\n");
        add_list(html, by_symbol ? "By symbol" : "By plugin",
                &statistics.by[by_symbol ? STATISTICS_SYMBOL : STATISTICS_PLUGIN]);
        add_list(html, by_symbol ? "By hour" : "By route",
                &statistics.by[by_symbol ? STATISTICS_HOUR : STATISTICS_ROUTE]);
        statistics_done(&statistics);
        return 0;
}

static int write_latency(
        struct ledger *ledger, int64_t from_us, int64_t now_us, struct bus_buf *html)
{
        struct statistics statistics;
        int r;

        r = ledger_statistics(ledger, from_us, now_us, &statistics);
        if (r < 0)
                return r;
        add_title(html, "Latency", from_us, now_us);
        if (!statistics.entries)
                bus_buf_add_str(html, "No entry was filled.\n");
        add_slippage(html, &statistics);
        statistics_done(&statistics);
        return add_latency(ledger, from_us, now_us, true, html);
}

static void add_parity(void *arg, const struct ledger_parity *parity)
{
        struct bus_buf *html = arg;

        tg_printf(html, "\n<b>%s</b> against %s (%s)\n", parity->plugin,
                *parity->against ? parity->against : "nobody", parity->source);
        bus_buf_printf(html, "%" PRId64 " pairs, critical %" PRId64 ", ignored %" PRId64 "\n",
                parity->pairs, parity->critical, parity->ignored);
        for (int class = COMPARE_EXACT; class < COMPARE_CLASSES; class ++)
                if (parity->classes[class])
                        bus_buf_printf(html, "  %s %" PRId64 "\n",
                                compare_class_name((enum compare_class) class),
                                parity->classes[class]);
}

static int write_parity(struct ledger *ledger, int64_t from_us, int64_t now_us,
        struct bus_buf *html, char **ret_picture)
{
        size_t before;
        int r;

        add_title(html, "Parity", from_us, now_us);
        before = html->size;
        r = ledger_parity(ledger, from_us, now_us, add_parity, html);
        if (html->size == before)
                bus_buf_add_str(html, "Nothing was compared.\n");
        else if (r == 0)
                *ret_picture = picture_spec("parity", from_us, now_us);
        return r;
}

struct ends {
        struct ledger_point first, last;
        size_t count;
};

static void note_end(void *arg, const struct ledger_point *point)
{
        struct ends *ends = arg;

        if (!ends->count++)
                ends->first = *point;
        ends->last = *point;
}

static int write_equity(struct ledger *ledger, int64_t from_us, int64_t now_us,
        struct bus_buf *html, char **ret_picture)
{
        struct ends ends = { 0 };
        char a[E8_TEXT_SIZE], b[MONEY_SIZE];
        int r;

        r = ledger_curve(ledger, from_us, now_us, note_end, &ends);
        add_title(html, "Equity", from_us, now_us);
        if (!ends.count)
                bus_buf_add_str(html, "The account has not been seen.\n");
        else
                bus_buf_printf(html, "Now %s, %s since then\n",
                        cents_format(ends.last.equity_cents, a),
                        money(ends.last.equity_cents - ends.first.equity_cents, b));
        if (r == 0 && ends.count > 1)
                *ret_picture = picture_spec("equity", from_us, now_us);
        return r;
}

int report_write(struct ledger *ledger, const struct report_request *request, int64_t now_us,
        struct bus_buf *html, char **ret_picture)
{
        int days = request->days ? request->days : REPORT_DAYS_DEFAULT;
        int64_t from_us = now_us - days * DAY_US;

        *ret_picture = NULL;
        switch (request->kind) {
        case REPORT_DAILY:
                return report_span(ledger, "Today", calendar_day(now_us, 0), now_us, html);
        case REPORT_WEEKLY:
                return report_span(ledger, "This week", calendar_week(now_us), now_us, html);
        case REPORT_MONTHLY:
                return report_span(ledger, "This month", calendar_month(now_us), now_us, html);
        case REPORT_PNL: return write_pnl(ledger, now_us, html);
        case REPORT_SYMBOLS:
        case REPORT_PLUGINS: return write_lists(ledger, request, from_us, now_us, html);
        case REPORT_LATENCY: return write_latency(ledger, from_us, now_us, html);
        case REPORT_PARITY: return write_parity(ledger, from_us, now_us, html, ret_picture);
        case REPORT_EQUITY: return write_equity(ledger, from_us, now_us, html, ret_picture);
        case REPORT_KINDS: break;
        }
        return 0;
}
