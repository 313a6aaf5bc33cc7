#include "services/telegram-analytics/ledger.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"
#include "services/telegram-analytics/pictures.h"
#include "services/telegram-analytics/reports.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MANY     100000
#define LIMIT_US (200 * BUS_US_PER_MS)
#define SECOND   BUS_US_PER_SEC
#define START_US (INT64_C(1790000000) * SECOND)
#define LOT      100000000

static char folder[64], *path;
static struct ledger *ledger;
static uint64_t next_seq;

static void open_ledger(void)
{
        snprintf(folder, sizeof(folder), "/tmp/umbra-ledger-XXXXXX");
        cr_assert(mkdtemp(folder));
        path = bus_xasprintf("%s/" LEDGER_FILE, folder);
        cr_assert_eq(ledger_open(path, &ledger), 0);
        next_seq = 1;
}

static void close_ledger(void)
{
        ledger_free(ledger);
        ledger_delete(path);
        rmdir(folder);
        free(path);
}

TestSuite(ledger, .init = open_ledger, .fini = close_ledger);

static struct bus_pos next(void)
{
        return (struct bus_pos){ 7, next_seq++, 0 };
}

static Pb__Envelope envelope(const char *alert_id, int64_t at_us)
{
        Pb__Envelope envelope = PB__ENVELOPE__INIT;

        envelope.alert_id = (char *)alert_id;
        envelope.staged_us = at_us;
        return envelope;
}

static void signal_at(struct bus_pos at, const char *alert_id, int64_t at_us)
{
        Pb__Envelope head = envelope(alert_id, at_us);
        Pb__Signal body = PB__SIGNAL__INIT;

        body.received_us = at_us;
        body.symbol = "EURUSD";
        ledger_signal(ledger, at, &head, &body);
}

static void decision_at(struct bus_pos at, const char *alert_id, int route)
{
        Pb__Envelope head = envelope(alert_id, 0);
        Pb__Decision body = PB__DECISION__INIT;

        body.route = route;
        ledger_decision(ledger, at, &head, &body);
}

static void fill_at(struct bus_pos at, const char *alert_id, uint64_t ticket, int64_t at_us)
{
        Pb__Envelope head = envelope(alert_id, at_us);
        Pb__Trade body = PB__TRADE__INIT;

        body.event = PB__TRADE_EVENT__TRADE_EVENT_FILLED;
        body.role = PB__ORDER_ROLE__ORDER_ROLE_LEG_A;
        body.side = PB__SIDE__SIDE_BUY;
        body.slot = "v3";
        body.plugin = "legacy_v3";
        body.symbol = "EURUSD";
        body.ticket = ticket;
        body.filled_e8 = LOT;
        body.price_e8 = 108510000;
        body.alert_price_e8 = 108500000;
        ledger_trade(ledger, at, &head, &body);
}

static void deal_at(
        struct bus_pos at, uint64_t ticket, int64_t volume_e8, int64_t profit_cents, int64_t at_us)
{
        Pb__Envelope head = envelope("", at_us);
        Pb__Trade body = PB__TRADE__INIT;

        body.event = PB__TRADE_EVENT__TRADE_EVENT_DEAL;
        body.side = PB__SIDE__SIDE_BUY;
        body.slot = "v3";
        body.symbol = "EURUSD";
        body.ticket = ticket;
        body.filled_e8 = volume_e8;
        body.profit_cents = profit_cents;
        ledger_trade(ledger, at, &head, &body);
}

static struct statistics all(void)
{
        struct statistics statistics;

        cr_assert_eq(ledger_commit(ledger), 0);
        cr_assert_eq(ledger_statistics(ledger, 0, INT64_MAX, &statistics), 0);
        return statistics;
}

static void one_trade_in_order(void)
{
        signal_at(next(), "A", START_US);
        decision_at(next(), "A", 3);
        fill_at(next(), "A", 11, START_US + 5000);
        deal_at(next(), 11, LOT / 2, 100, START_US + SECOND);
        deal_at(next(), 11, LOT / 2, -30, START_US + 2 * SECOND);
}

static void expect_that_trade(void)
{
        struct statistics statistics = all();
        int64_t *latencies;
        size_t count;

        cr_expect_eq(statistics.total.trades, 1);
        cr_expect_eq(statistics.total.gain_cents, 70);
        cr_expect_str_eq(statistics.by[STATISTICS_ROUTE].all[0].name, "3");
        cr_expect_str_eq(statistics.by[STATISTICS_PLUGIN].all[0].name, "legacy_v3");
        cr_expect_eq(statistics.entries, 1);
        cr_expect_eq(statistics.alerts, 1);
        statistics_done(&statistics);
        cr_assert_eq(ledger_latencies(ledger, 0, INT64_MAX, &latencies, &count), 0);
        cr_assert_eq(count, 1);
        cr_expect_eq(latencies[0], 5000);
        free(latencies);
}

Test(ledger, a_trade_ends_with_the_last_of_its_volume)
{
        struct statistics statistics;

        fill_at(next(), "A", 11, START_US);
        deal_at(next(), 11, LOT / 2, 100, START_US + SECOND);
        statistics = all();
        cr_expect_eq(statistics.total.trades, 0);
        statistics_done(&statistics);
        deal_at(next(), 11, LOT / 2, 50, START_US + SECOND);
        statistics = all();
        cr_expect_eq(statistics.total.trades, 1);
        cr_expect_eq(statistics.total.gain_cents, 150);
        statistics_done(&statistics);
}

Test(ledger, holds_the_same_whichever_stream_comes_first)
{
        deal_at((struct bus_pos){ 7, 1, 0 }, 11, LOT / 2, 100, START_US + SECOND);
        deal_at((struct bus_pos){ 7, 2, 0 }, 11, LOT / 2, -30, START_US + 2 * SECOND);
        fill_at((struct bus_pos){ 7, 3, 0 }, "A", 11, START_US + 5000);
        decision_at((struct bus_pos){ 7, 1, 0 }, "A", 3);
        signal_at((struct bus_pos){ 7, 1, 0 }, "A", START_US);
        expect_that_trade();
}

Test(ledger, counts_a_message_once)
{
        one_trade_in_order();
        cr_assert_eq(ledger_commit(ledger), 0);
        next_seq = 1;
        one_trade_in_order();
        expect_that_trade();
}

Test(ledger, knows_how_far_it_is_after_a_restart)
{
        one_trade_in_order();
        cr_assert_eq(ledger_commit(ledger), 0);
        fill_at(next(), "B", 12, START_US); /* not committed: the process dies */
        ledger_free(ledger);
        cr_assert_eq(ledger_open(path, &ledger), 0);
        cr_expect_eq(ledger_cursor(ledger, LEDGER_TRADE).seq, 5);
        cr_expect_eq(ledger_cursor(ledger, LEDGER_SIGNAL).seq, 1);
        expect_that_trade();
}

Test(ledger, leaves_out_tests_and_other_peoples_positions)
{
        Pb__Envelope head = envelope("T", START_US);
        Pb__Trade body = PB__TRADE__INIT;
        struct statistics statistics;

        body.event = PB__TRADE_EVENT__TRADE_EVENT_DEAL;
        body.symbol = "EURUSD";
        body.ticket = 5;
        body.filled_e8 = LOT;
        body.profit_cents = 100;
        ledger_trade(ledger, next(), &head, &body); /* no slot */
        head.test = true;
        body.slot = "v3";
        ledger_trade(ledger, next(), &head, &body);
        statistics = all();
        cr_expect_eq(statistics.total.trades, 0);
        statistics_done(&statistics);
}

Test(ledger, begins_anew_where_the_file_is_none)
{
        FILE *file;

        ledger_free(ledger);
        ledger_delete(path);
        file = fopen(path, "w");
        fputs("this is no database, and long enough to be looked at as one", file);
        fclose(file);
        cr_assert_eq(ledger_open(path, &ledger), 0);
        cr_expect(bus_pos_is_zero(ledger_cursor(ledger, LEDGER_TRADE)));
}

static void note_parity(void *arg, const struct ledger_parity *parity)
{
        *(struct ledger_parity *)arg = *parity;
}

Test(ledger, a_pair_told_again_replaces_the_first)
{
        Pb__Comparison body = PB__COMPARISON__INIT;
        Pb__Envelope head = envelope("A", START_US);
        struct ledger_parity parity = { 0 };

        body.plugin = "combined_v3";
        body.against = "legacy_v3";
        body.received_us = START_US;
        body.source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE;
        body.class_ = PB__COMPARISON_CLASS__COMPARISON_CLASS_LATE;
        ledger_comparison(ledger, next(), &head, &body);
        body.class_ = PB__COMPARISON_CLASS__COMPARISON_CLASS_EXACT;
        ledger_comparison(ledger, next(), &head, &body);
        cr_assert_eq(ledger_commit(ledger), 0);
        cr_assert_eq(ledger_parity(ledger, 0, INT64_MAX, note_parity, &parity), 0);
        cr_expect_eq(parity.pairs, 1);
        cr_expect_eq(parity.classes[PB__COMPARISON_CLASS__COMPARISON_CLASS_EXACT], 1);
}

static int64_t timed(int64_t began_us, const char *what)
{
        int64_t took_us = bus_mono_us() - began_us;

        fprintf(stderr, "%s: %lld us\n", what, (long long)took_us);
        return took_us;
}

/* The limit is a release build's on an idle machine; a sanitizer takes several times as long. */
Test(ledger, answers_over_a_hundred_thousand_trades_in_time)
{
        struct report_request request = { REPORT_SYMBOLS, REPORT_DAYS_MAX };
        int64_t now_us = START_US + (MANY + 2) * 60 * SECOND, began_us;
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        struct statistics statistics;
        char *picture;

        for (int i = 0; i < MANY; i++) {
                int64_t at_us = START_US + i * 60 * SECOND;

                fill_at(next(), "A", (uint64_t)i + 1, at_us);
                deal_at(next(), (uint64_t)i + 1, LOT, i % 3 ? 100 : -150, at_us + SECOND);
        }
        cr_assert_eq(ledger_commit(ledger), 0);
        began_us = bus_mono_us();
        cr_assert_eq(ledger_statistics(ledger, 0, INT64_MAX, &statistics), 0);
        cr_expect_lt(timed(began_us, "statistics"), TEST_SLOWNESS * LIMIT_US);
        cr_expect_eq(statistics.total.trades, MANY);
        cr_expect_eq(statistics.slippage_entries, MANY);
        statistics_done(&statistics);
        cr_assert_eq(report_write(ledger, &request, now_us, &html, &picture), 0);
        cr_expect(strstr(bus_buf_str(&html), "EURUSD"));
}

Test(ledger, draws_what_it_knows_and_nothing_else)
{
        BUS_AUTOBUF struct bus_buf png = BUS_BUF_INIT;
        Pb__Account account = PB__ACCOUNT__INIT;
        BUS_AUTOFREE char *spec = picture_spec("equity", 0, INT64_MAX);

        cr_expect_eq(picture_draw(ledger, spec, &png), -ENODATA);
        cr_expect_eq(picture_draw(ledger, "landscape 1 2", &png), -EINVAL);
        account.connected = true;
        for (int i = 0; i < 50; i++) {
                account.as_of_us = START_US + i * 60 * SECOND;
                account.equity_cents = 100000 + i * (i % 7) * 20;
                account.balance_cents = 100000 + i * 10;
                ledger_account(ledger, next(), &account);
        }
        cr_assert_eq(ledger_commit(ledger), 0);
        cr_assert_eq(picture_draw(ledger, spec, &png), 0);
        cr_expect_eq(memcmp(png.data, "\x89PNG", 4), 0);
        cr_expect_gt(png.size, 5000);
}
