#include "services/mt5-demo/test_desk_rig.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "services/mt5-demo/ledger.h"
#include "services/mt5-demo/view.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define START_US INT64_C(1795000000000000)

static void on_write(const struct record *records, size_t count, void *arg)
{
        struct desk_rig *rig = arg;

        for (size_t i = 0; i < count; i++) {
                record_write(&records[i], &rig->ledger);
                rig->requests += records[i].event == EVENT_REQUEST;
                rig->deals_written += records[i].event == EVENT_DEAL;
                rig->last = records[i];
        }
        rig->records += count;
}

static void on_report(
        const char *cl_ord_id, uint32_t attempt, const struct report *report, void *arg)
{
        struct desk_rig *rig = arg;
        struct sent_report *sent = &rig->reports[rig->report_count++ % BUS_COUNT(rig->reports)];

        memcpy(sent->cl_ord_id, cl_ord_id, strlen(cl_ord_id) + 1);
        sent->attempt = attempt;
        sent->report = *report;
}

static void on_deal(const struct deal *deal, void *arg)
{
        struct desk_rig *rig = arg;

        (void)deal;
        rig->deal_count++;
}

static void on_answer(const char *cl_ord_id, uint32_t attempt, enum verdict_of_query verdict,
        const struct report *report, void *arg)
{
        struct desk_rig *rig = arg;

        (void)cl_ord_id;
        (void)attempt;
        cr_assert_eq(verdict == QUERY_FINAL, report != NULL);
        rig->answer_count++;
        rig->answer = (struct sent_answer){ verdict, report ? report->retcode : 0 };
}

static void on_token_refused(uint64_t token, uint64_t highest, void *arg)
{
        struct desk_rig *rig = arg;

        cr_assert_lt(token, highest);
        rig->refused_count++;
}

static void on_cut(void *arg)
{
        struct desk_rig *rig = arg;

        rig->cut_count++;
}

static int replay_one(const struct record *record, void *arg)
{
        struct desk_rig *rig = arg;

        return desk_replay(&rig->desk, record);
}

static void open_account(struct desk_rig *rig)
{
        const struct record record = {
                .event = EVENT_ACCOUNT,
                .at_us = START_US,
                .balance_cents = 1000000,
        };

        on_write(&record, 1, rig);
        cr_assert_eq(desk_replay(&rig->desk, &record), 0);
}

static void read_ledger(struct desk_rig *rig, const struct bus_buf *ledger)
{
        size_t whole, line;

        bus_buf_add(&rig->ledger, ledger->data, ledger->size);
        cr_assert_eq(ledger_read(bus_buf_bytes(ledger), replay_one, rig, &whole, &line), 0,
                "line %zu", line);
        rig->ledger.size = whole;
}

struct desk_rig *desk_rig_with(const struct desk_options *options, const struct bus_buf *ledger)
{
        static const struct specs_options specs = {
                .symbols = "EURUSD XAUUSD:GOLD",
                .suffix = "",
                .prices = "EURUSD:1.08500 XAUUSD:2650.00",
                .spread_ticks = 10,
                .stops_level_ticks = 20,
                .leverage = 100,
                .filling_modes = FILLING_IOC,
        };
        const struct feed_options feed = { .seed = 1 };
        struct desk_rig *rig = bus_new(struct desk_rig);
        const struct desk_out out = { on_write, on_report, on_deal, on_answer, on_token_refused,
                on_cut, rig };
        char error[SPECS_ERROR_SIZE];

        cr_assert_eq(specs_make(&specs, &rig->specs, error), 0, "%s", error);
        rig->feed = feed_new(rig->specs.items, rig->specs.count, &feed);
        rig->at = (struct instant){ .wall_us = START_US, .mono_us = BUS_US_PER_SEC };
        desk_init(&rig->desk, rig->specs.items, rig->specs.count, feed_quotes(rig->feed), options,
                &out);
        if (ledger)
                read_ledger(rig, ledger);
        else
                open_account(rig);
        desk_resume(&rig->desk, rig->at);
        return rig;
}

struct desk_rig *desk_rig_new(void)
{
        const struct desk_options options = { .stop_out_percent = 50 };

        return desk_rig_with(&options, NULL);
}

struct desk_rig *desk_rig_free(struct desk_rig *rig)
{
        if (!rig)
                return NULL;
        desk_done(&rig->desk);
        feed_free(rig->feed);
        specs_done(&rig->specs);
        bus_buf_done(&rig->ledger);
        free(rig);
        return NULL;
}

struct order desk_rig_order(const char *cl_ord_id, uint32_t attempt)
{
        struct order order = {
                .attempt = attempt,
                .token = 1,
                .action = ACTION_OPEN,
                .symbol = "EURUSD",
                .side = SIDE_BUY,
                .volume_e8 = E8_ONE / 10,
                .magic = 7,
                .filling = FILLING_IOC,
        };

        snprintf(order.cl_ord_id, sizeof(order.cl_ord_id), "%s", cl_ord_id);
        snprintf(order.comment, sizeof(order.comment), "%s", cl_ord_id);
        return order;
}

struct order desk_rig_close(const char *cl_ord_id, uint64_t ticket)
{
        struct order order = desk_rig_order(cl_ord_id, 1);

        order.action = ACTION_CLOSE;
        order.side = SIDE_SELL;
        order.position = ticket;
        return order;
}

const struct report *desk_rig_report(const struct desk_rig *rig)
{
        cr_assert_gt(rig->report_count, 0);
        return &rig->reports[(rig->report_count - 1) % BUS_COUNT(rig->reports)].report;
}

uint32_t desk_rig_submit(struct desk_rig *rig, const struct order *order)
{
        size_t before = rig->report_count;

        desk_submit(&rig->desk, order, rig->at);
        return rig->report_count > before ? desk_rig_report(rig)->retcode : 0;
}

uint64_t desk_rig_open(struct desk_rig *rig, const char *cl_ord_id)
{
        const struct order order = desk_rig_order(cl_ord_id, 1);

        cr_assert_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
        return desk_rig_report(rig)->position;
}

enum verdict_of_query desk_rig_query(struct desk_rig *rig, const char *cl_ord_id, uint32_t attempt)
{
        size_t before = rig->answer_count;

        desk_query(&rig->desk, cl_ord_id, attempt, 1, rig->at);
        cr_assert_eq(rig->answer_count, before + 1);
        return rig->answer.verdict;
}

void desk_rig_fault(struct desk_rig *rig, const char *text)
{
        char error[FAULT_TEXT_SIZE];

        cr_assert_eq(faults_add(&rig->desk.faults, text, rig->at.mono_us, error), 0, "%s", error);
}

void desk_rig_move(struct desk_rig *rig, size_t symbol, const char *bid)
{
        int64_t bid_e8;

        cr_assert_eq(e8_parse(bid, strlen(bid), &bid_e8), 0);
        feed_move(rig->feed, symbol, bid_e8);
        desk_prices_changed(&rig->desk, rig->at);
}

void desk_rig_wait(struct desk_rig *rig, int64_t us)
{
        rig->at.wall_us += us;
        rig->at.mono_us += us;
        desk_step(&rig->desk, rig->at);
}

char *desk_rig_dump(const struct desk_rig *rig)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        view_account(&rig->desk, &buf);
        view_positions(&rig->desk, &buf);
        view_deals(&rig->desk, &buf);
        view_attempts(&rig->desk, &buf);
        return bus_xstrdup(bus_buf_str(&buf));
}
