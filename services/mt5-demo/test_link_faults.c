/* The real binary: each fault as an order-executor meets it. */
#include "services/mt5-demo/test_rig.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"

#include <criterion/criterion.h>

#define FREE BROKER_AUTOFREE Pb__BrokerMessage

/* Long enough to notice what should not come; short enough to wait for often. */
#define QUIET_US (INT64_C(150) * BUS_US_PER_MS)

static const Pb__BrokerKind REPORT = PB__BROKER_KIND__BROKER_KIND_REPORT;
static const Pb__BrokerKind DEAL = PB__BROKER_KIND__BROKER_KIND_DEAL;

static void expect_none(struct rig *rig, Pb__BrokerKind kind)
{
        FREE *message = rig_poll(rig, kind, QUIET_US);

        cr_expect_null(message, "a %s came", broker_kind_name(kind));
}

static void expect_verdict(struct rig *rig, const char *id, Pb__QueryVerdict verdict)
{
        FREE *answer = rig_ask(rig, id, 1);

        cr_expect_eq(answer->query_answer->verdict, verdict, "%d", answer->query_answer->verdict);
}

static void expect_retcode(struct rig *rig, const Pb__Submit *order, uint32_t retcode)
{
        FREE *report = rig_trade(rig, order);

        cr_expect_eq(report->report->retcode, retcode, "%u", report->report->retcode);
}

Test(link_faults, delay_holds_one_request_and_lets_others_pass)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit slow = rig_order("SLOW000000000001", 1);
        const Pb__Submit fast = rig_order("FAST000000000001", 1);
        int64_t began = bus_mono_us();
        FREE *report = NULL;

        rig_command(rig, "delay 2000");
        rig_submit(rig, &slow);
        expect_retcode(rig, &fast, RETCODE_DONE);
        report = rig_wait(rig, REPORT);
        cr_expect_str_eq(report->report->cl_ord_id, slow.cl_ord_id);
        cr_expect_geq(bus_mono_us() - began, 2000000);
}

Test(link_faults, requote_tells_the_price_to_come_again_with)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        Pb__Submit order = rig_order("QUOTE00000000001", 1);
        FREE *report = NULL;

        rig_command(rig, "requote n=2 symbol=EURUSD action=open");
        report = rig_trade(rig, &order);
        cr_expect_eq(report->report->retcode, RETCODE_REQUOTE);
        cr_expect_eq(report->report->price_e8, 108510000);
        order.attempt = 2;
        expect_retcode(rig, &order, RETCODE_REQUOTE);
        order.attempt = 3;
        expect_retcode(rig, &order, RETCODE_DONE);
        cr_expect_eq(rig_count(rig, "result", order.cl_ord_id), 3);
}

Test(link_faults, reject_answers_any_retcode)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("NO00000000000001", 1);

        rig_command(rig, "reject 10019");
        expect_retcode(rig, &order, RETCODE_NO_MONEY);
        expect_verdict(rig, order.cl_ord_id, PB__QUERY_VERDICT__QUERY_VERDICT_FINAL);
}

Test(link_faults, lose_reply_fills_in_silence)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("QUIET00000000001", 1);
        FREE *snapshot = NULL;

        rig_command(rig, "lose-reply");
        rig_submit(rig, &order);
        expect_none(rig, REPORT);
        expect_none(rig, DEAL);
        expect_verdict(rig, order.cl_ord_id, PB__QUERY_VERDICT__QUERY_VERDICT_FINAL);
        snapshot = rig_snapshot(rig, 0);
        cr_expect_eq(snapshot->snapshot->n_positions, 1);
        cr_expect_eq(snapshot->snapshot->n_deals, 1);
}

Test(link_faults, lose_request_leaves_nothing)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("GONE000000000001", 1);

        rig_command(rig, "lose-request");
        rig_submit(rig, &order);
        expect_none(rig, REPORT);
        cr_expect_eq(rig_count(rig, "request", NULL), 0);
        expect_verdict(rig, order.cl_ord_id, PB__QUERY_VERDICT__QUERY_VERDICT_NEVER_SEEN);
}

Test(link_faults, cut_before_drops_the_link_and_fills_nothing)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        Pb__Submit order = rig_order("CUT0000000000001", 1);

        rig_command(rig, "cut-before");
        rig_submit(rig, &order);
        rig_handshake(rig);
        cr_expect_eq(rig_count(rig, "request", order.cl_ord_id), 1);
        cr_expect_eq(rig_count(rig, "deal", NULL), 0);
        expect_verdict(rig, order.cl_ord_id, PB__QUERY_VERDICT__QUERY_VERDICT_NEVER_SEEN);
        order.attempt = 2;
        expect_retcode(rig, &order, RETCODE_DONE);
}

Test(link_faults, cut_after_drops_the_link_and_has_filled)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("CUT0000000000001", 1);

        rig_command(rig, "cut-after");
        rig_submit(rig, &order);
        rig_handshake(rig);
        expect_none(rig, REPORT);
        cr_expect_eq(rig_count(rig, "deal", NULL), 1);
        expect_verdict(rig, order.cl_ord_id, PB__QUERY_VERDICT__QUERY_VERDICT_FINAL);
}

Test(link_faults, duplicate_report_says_it_twice)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        FREE *again = NULL, *first = NULL, *second = NULL;

        rig_command(rig, "duplicate-report");
        (void)rig_open(rig, "TWICE00000000001");
        again = rig_wait(rig, REPORT);
        first = rig_wait(rig, DEAL);
        second = rig_wait(rig, DEAL);
        cr_expect_eq(first->deal->deal, second->deal->deal);
        cr_expect_eq(rig_count(rig, "deal", NULL), 1);
}

Test(link_faults, partial_fills_a_part_of_it)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("PART000000000001", 1);
        FREE *report = NULL;

        rig_command(rig, "partial 0.3");
        report = rig_trade(rig, &order);
        cr_expect_eq(report->report->retcode, RETCODE_DONE_PARTIAL);
        cr_expect_eq(report->report->volume_e8, 3 * E8_ONE / 100);
}

Test(link_faults, place_is_filled_later_with_deal_and_report)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("PLACE00000000001", 1);
        FREE *deal = NULL, *report = NULL;

        rig_command(rig, "place 100");
        expect_retcode(rig, &order, RETCODE_PLACED);
        deal = rig_wait(rig, DEAL);
        report = rig_wait(rig, REPORT);
        cr_expect_eq(report->report->retcode, RETCODE_DONE);
        cr_expect_eq(report->report->deal, deal->deal->deal);
}

Test(link_faults, freeze_holds_everything_and_then_goes_on)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("COLD000000000001", 1);
        FREE *report = NULL;

        rig_command(rig, "freeze");
        rig_submit(rig, &order);
        expect_none(rig, REPORT);
        rig_forget(rig);
        expect_none(rig, PB__BROKER_KIND__BROKER_KIND_TICKS);
        cr_expect_eq(rig_count(rig, "request", NULL), 0);
        rig_command(rig, "clear freeze");
        report = rig_wait(rig, REPORT);
        cr_expect_eq(report->report->retcode, RETCODE_DONE);
}

Test(link_faults, freeze_tells_deals_when_it_is_over)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        uint64_t ticket = rig_open(rig, "OPEN000000000001");
        FREE *out = NULL;

        broker_message_free(rig_wait(rig, DEAL));
        rig_command(rig, "freeze");
        rig_command(rig, "close-position %llu", (unsigned long long)ticket);
        expect_none(rig, DEAL);
        rig_command(rig, "clear freeze");
        out = rig_wait(rig, DEAL);
        cr_expect_eq(out->deal->entry, PB__DEAL_ENTRY__DEAL_ENTRY_OUT);
}

Test(link_faults, freeze_ends_by_itself)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        int64_t began = bus_mono_us();

        rig_command(rig, "freeze 300");
        (void)rig_open(rig, "COLD000000000001");
        cr_expect_geq(bus_mono_us() - began, 290000);
}

Test(link_faults, market_closed_and_autotrading_off_refuse_until_cleared)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        Pb__Submit order = rig_order("SHUT000000000001", 1);
        FREE *snapshot = NULL;

        rig_command(rig, "market-closed symbol=EURUSD");
        expect_retcode(rig, &order, RETCODE_MARKET_CLOSED);
        rig_command(rig, "clear market-closed");
        rig_command(rig, "autotrading-off");
        order.attempt = 2;
        expect_retcode(rig, &order, RETCODE_CLIENT_DISABLES_AT);
        snapshot = rig_snapshot(rig, 0);
        cr_expect_not(snapshot->snapshot->account->trade_allowed);
        rig_command(rig, "clear");
        order.attempt = 3;
        expect_retcode(rig, &order, RETCODE_DONE);
}

Test(link_faults, snapshots_are_partial_failed_or_wrong)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        FREE *partial = NULL, *failed = NULL, *wrong = NULL, *good = NULL;

        (void)rig_open(rig, "OPEN000000000001");
        rig_command(rig, "snapshot partial");
        partial = rig_snapshot(rig, 0);
        cr_expect_eq(partial->snapshot->quality, PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_PARTIAL);
        cr_expect_eq(partial->snapshot->n_positions, 0);
        rig_command(rig, "snapshot failed");
        failed = rig_snapshot(rig, 0);
        cr_expect_eq(failed->snapshot->quality, PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED);
        cr_expect_null(failed->snapshot->account);
        rig_command(rig, "snapshot wrong-missing-position");
        wrong = rig_snapshot(rig, 0);
        cr_expect_eq(wrong->snapshot->quality, PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        cr_expect_eq(wrong->snapshot->n_positions, 0);
        good = rig_snapshot(rig, 0);
        cr_expect_eq(good->snapshot->n_positions, 1);
}

Test(link_faults, clock_skew_moves_every_stamp)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("SKEW000000000001", 1);
        FREE *report = NULL;
        int64_t ahead;

        rig_command(rig, "clock-skew 3600000");
        report = rig_trade(rig, &order);
        ahead = report->report->at_us - bus_wall_us();
        cr_expect(ahead > 3590 * BUS_US_PER_SEC && ahead <= 3600 * BUS_US_PER_SEC);
}

Test(link_faults, in_doubt_lasts_as_long_as_told)
{
        RIG_AUTOFREE struct rig *rig = rig_up();

        (void)rig_open(rig, "OPEN000000000001");
        rig_command(rig, "in-doubt 60000");
        expect_verdict(rig, "OPEN000000000001", PB__QUERY_VERDICT__QUERY_VERDICT_IN_DOUBT);
        rig_command(rig, "clear in-doubt");
        expect_verdict(rig, "OPEN000000000001", PB__QUERY_VERDICT__QUERY_VERDICT_FINAL);
}

Test(link_faults, lose_answer_leaves_a_query_open)
{
        RIG_AUTOFREE struct rig *rig = rig_up();

        (void)rig_open(rig, "OPEN000000000001");
        rig_command(rig, "lose-answer");
        rig_query(rig, "OPEN000000000001", 1);
        expect_none(rig, PB__BROKER_KIND__BROKER_KIND_QUERY_ANSWER);
        expect_verdict(rig, "OPEN000000000001", PB__QUERY_VERDICT__QUERY_VERDICT_FINAL);
}

static void wait_heartbeat(struct rig *rig, bool connected)
{
        FREE *beat = NULL;

        rig_forget(rig);
        do {
                broker_message_free(beat);
                beat = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_HEARTBEAT);
        } while ((bool)beat->heartbeat->connected != connected);
}

Test(link_faults, disconnected_shows_in_heartbeats_and_results)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("OFF0000000000001", 1);
        FREE *snapshot = NULL;

        rig_command(rig, "disconnected");
        wait_heartbeat(rig, false);
        expect_retcode(rig, &order, RETCODE_CONNECTION);
        expect_verdict(rig, order.cl_ord_id, PB__QUERY_VERDICT__QUERY_VERDICT_IN_DOUBT);
        snapshot = rig_snapshot(rig, 0);
        cr_expect_eq(snapshot->snapshot->quality, PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED);
        rig_command(rig, "clear");
        wait_heartbeat(rig, true);
        expect_verdict(rig, order.cl_ord_id, PB__QUERY_VERDICT__QUERY_VERDICT_NEVER_SEEN);
}

Test(link_faults, cut_drops_the_link_at_once)
{
        RIG_AUTOFREE struct rig *rig = rig_up();

        rig_command(rig, "cut");
        rig_handshake(rig);
        (void)rig_open(rig, "OPEN000000000001");
}

Test(link_faults, hold_from_the_start_where_configured)
{
        RIG_AUTOFREE struct rig *rig = rig_new();
        const Pb__Submit order = rig_order("EARLY00000000001", 1);

        rig->sets[0] = "mt5-demo.faults=requote, reject 10029 action=close";
        rig_start(rig);
        rig_handshake(rig);
        expect_retcode(rig, &order, RETCODE_REQUOTE);
}
