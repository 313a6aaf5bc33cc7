/*
 * The real executor against the demo account's faults: whatever the link and the broker do, each
 * intent is executed once, and the trail says what became of it.
 */
#include "libbus/base/clock.h"
#include "tests/executor/rig.h"

#include <criterion/criterion.h>
#include <signal.h>

#define BUY         PB__SIDE__SIDE_BUY
#define SELL        PB__SIDE__SIDE_SELL
#define A           rig_alert(1)
#define B           rig_alert(2)
#define C           rig_alert(3)
#define TOLD(event) PB__TRADE_EVENT__TRADE_EVENT_##event

static struct rig *rig;

static void setup(void)
{
        rig = rig_up(NULL);
}

static void teardown(void)
{
        rig_free(rig);
}

TestSuite(faults, .init = setup, .fini = teardown, .timeout = 120);

/* Executed once, and once only. */
static void expect_one_deal(const char *alert)
{
        const Pb__Trade *filled = rig_last(rig, alert, TOLD(FILLED), NULL);

        cr_assert(filled);
        cr_expect_eq(rig_ledger(rig, "deal", filled->cl_ord_id), 1);
}

static void open_one(const char *alert, Pb__Side side)
{
        rig_order(rig, alert, rig_entry(side), false);
        rig_wait_event(rig, alert, FILLED);
}

Test(faults, an_entry_and_its_exit)
{
        const Pb__Trade *filled;

        open_one(A, BUY);
        expect_one_deal(A);
        filled = rig_last(rig, A, TOLD(FILLED), NULL);
        cr_expect_eq(filled->filled_e8, 4000000);
        cr_expect_neq(filled->ticket, 0);
        cr_expect_eq(filled->retcode, 10009);
        rig_wait_until(rig, rig->positions == 1);
        rig_order(rig, B, rig_exit(BUY), false);
        rig_wait_event(rig, B, DONE);
        expect_one_deal(B);
        rig_wait_until(rig, rig->positions == 0);
}

Test(faults, a_requote_and_then_a_fill)
{
        rig_demo(rig, "requote n=1");
        open_one(A, BUY);
        expect_one_deal(A);
        cr_expect_eq(rig_last(rig, A, TOLD(FILLED), NULL)->attempt, 2);
        cr_expect_eq(rig_count(rig, A, TOLD(INTENT)), 2);
}

Test(faults, a_reply_lost_behind_the_fill)
{
        rig_demo(rig, "lose-reply n=1");
        open_one(A, BUY);
        expect_one_deal(A);
        cr_expect_eq(rig_count(rig, A, TOLD(UNKNOWN)), 1);
        cr_expect_eq(rig_ledger(rig, "request", NULL), 1);
}

Test(faults, a_link_cut_before_the_broker_had_it)
{
        rig_demo(rig, "cut-before n=1");
        open_one(A, BUY);
        expect_one_deal(A);
        cr_expect_eq(rig_count(rig, A, TOLD(UNKNOWN)), 1);
}

Test(faults, a_link_cut_behind_the_fill)
{
        rig_demo(rig, "cut-after n=1");
        open_one(A, BUY);
        expect_one_deal(A);
        cr_expect_eq(rig_count(rig, A, TOLD(UNKNOWN)), 1);
        cr_expect_eq(rig_ledger(rig, "request", NULL), 1);
}

Test(faults, a_request_that_was_never_seen)
{
        rig_demo(rig, "lose-request n=1");
        open_one(A, BUY);
        expect_one_deal(A);
        cr_expect_eq(rig_last(rig, A, TOLD(FILLED), NULL)->attempt, 2);
        cr_expect_eq(rig_ledger(rig, "tombstone", NULL), 1);
}

Test(faults, placed_and_then_filled)
{
        rig_demo(rig, "place 300 n=1");
        open_one(A, BUY);
        expect_one_deal(A);
        cr_expect_eq(rig_count(rig, A, TOLD(PLACED)), 1);
}

Test(faults, a_timeout_is_not_a_rejection)
{
        rig_demo(rig, "timeout n=1");
        open_one(A, BUY);
        expect_one_deal(A);
        cr_expect_eq(rig_ledger(rig, "request", NULL), 1);
}

Test(faults, reports_told_twice_count_once)
{
        rig_demo(rig, "duplicate-report n=1");
        open_one(A, BUY);
        open_one(B, BUY);
        cr_expect_eq(rig_count(rig, A, TOLD(FILLED)), 1);
        cr_expect_eq(rig_count(rig, A, TOLD(DONE)), 1);
        expect_one_deal(A);
}

Test(faults, a_partial_entry_stays_partial_and_a_partial_close_is_finished)
{
        rig_demo(rig, "partial 0.5 n=1");
        rig_order(rig, A, rig_entry(BUY), false);
        rig_wait_event(rig, A, DONE);
        cr_expect_eq(rig_last(rig, A, TOLD(PARTIAL), NULL)->filled_e8, 2000000);
        rig_demo(rig, "partial 0.5 n=1 action=close");
        rig_order(rig, B, rig_exit(BUY), false);
        rig_wait_event(rig, B, DONE);
        cr_expect_eq(rig_count(rig, B, TOLD(PARTIAL)), 1);
        cr_expect_eq(rig_count(rig, B, TOLD(FILLED)), 1);
        rig_wait_until(rig, rig->positions == 0);
}

Test(faults, a_rejection_is_final_and_alarmed)
{
        rig_demo(rig, "reject 10006 n=1");
        rig_order(rig, A, rig_entry(BUY), false);
        rig_wait_event(rig, A, REJECTED);
        cr_expect_eq(rig_last(rig, A, TOLD(REJECTED), NULL)->retcode, 10006);
        rig_wait_until(rig, rig_alarmed(rig, "order_rejected"));
        open_one(B, BUY);
        rig_wait_until(rig, !rig_alarmed(rig, "order_rejected"));
}

Test(faults, no_money_halts_entries_until_resume)
{
        Pb__Control control = PB__CONTROL__INIT;

        rig_demo(rig, "reject 10019 n=1");
        rig_order(rig, A, rig_entry(BUY), false);
        rig_wait_event(rig, A, REJECTED);
        rig_order(rig, B, rig_entry(BUY), false);
        rig_wait_event(rig, B, REFUSED);
        cr_expect_str_eq(rig_last(rig, B, TOLD(REFUSED), NULL)->reason, "halted");
        control.command = PB__COMMAND__COMMAND_RESUME;
        rig_command(rig, &control);
        cr_expect_eq(rig->result->status, PB__RESULT_STATUS__RESULT_STATUS_DONE);
        open_one(C, BUY);
}

Test(faults, a_shut_market_is_waited_for)
{
        rig_demo(rig, "market-closed for=1500");
        open_one(A, BUY);
        expect_one_deal(A);
        cr_expect_gt(rig_last(rig, A, TOLD(FILLED), NULL)->attempt, 1);
}

Test(faults, an_exit_goes_on_while_autotrading_is_off)
{
        open_one(A, BUY);
        rig_demo(rig, "autotrading-off for=3000");
        rig_order(rig, B, rig_exit(BUY), false);
        rig_wait_until(rig, rig_alarmed(rig, "exit_failing"));
        rig_wait_event(rig, B, DONE);
        expect_one_deal(B);
        rig_wait_until(rig, !rig_alarmed(rig, "exit_failing"));
}

Test(faults, a_restart_in_intent_asks)
{
        rig_demo(rig, "delay 1500 n=1");
        rig_order(rig, A, rig_entry(BUY), false);
        rig_wait_until(rig, rig_ledger(rig, "request", NULL) == 1);
        rig_kill(rig, &rig->executor, SIGKILL);
        rig_start_executor(rig);
        rig_wait_event(rig, A, FILLED);
        expect_one_deal(A);
        cr_expect(rig_last(rig, A, TOLD(UNKNOWN), "restart"));
}

Test(faults, a_restart_of_the_terminal_is_no_loss)
{
        open_one(A, BUY);
        rig_kill(rig, &rig->demo, SIGKILL);
        rig_wait_until(rig, !rig->connected);
        rig_order(rig, B, rig_exit(BUY), false);
        rig_start_demo(rig);
        rig_wait_event(rig, B, DONE);
        expect_one_deal(B);
}

Test(faults, a_reversal_whose_close_fails_opens_nothing)
{
        open_one(A, SELL);
        rig_demo(rig, "reject 10006 n=1 action=close");
        rig_order(rig, B, rig_reversal(BUY), false);
        rig_wait_event(rig, B, DONE);
        cr_expect_eq(rig_count(rig, B, TOLD(REJECTED)), 1);
        cr_expect(rig_last(rig, B, TOLD(REFUSED), "reversal_incomplete"));
        cr_expect_eq(
                rig_last(rig, B, TOLD(DONE), NULL)->state, PB__ORDER_STATE__ORDER_STATE_PARTLY);
        cr_expect_eq(rig_ledger(rig, "deal", NULL), 1);
}

Test(faults, a_reversal_closes_and_then_opens)
{
        open_one(A, SELL);
        rig_order(rig, B, rig_reversal(BUY), false);
        rig_wait_event(rig, B, DONE);
        cr_expect_eq(rig_count(rig, B, TOLD(FILLED)), 2);
        rig_wait_until(rig, rig->positions == 1);
}

/* By the reversal: the close of what ALERT opened. */
static size_t closed_by(const char *reversal, const char *alert)
{
        const Pb__Trade *opened = rig_last(rig, alert, TOLD(FILLED), NULL);
        size_t count = 0;

        for (size_t i = 0; i < rig->told_count; i++)
                count += !strcmp(rig->told[i].alert_id, reversal) &&
                         rig->told[i].trade->event == TOLD(FILLED) &&
                         rig->told[i].trade->ticket == opened->ticket;
        return count;
}

Test(faults, a_reversal_closes_an_entry_that_was_being_retried)
{
        rig_demo(rig, "market-closed for=1500");
        rig_order(rig, A, rig_entry(SELL), false);
        rig_wait_until(rig, rig_ledger(rig, "request", NULL) >= 2);
        rig_order(rig, B, rig_reversal(BUY), false);
        rig_wait_event(rig, B, DONE);
        expect_one_deal(A);
        cr_expect_eq(closed_by(B, A), 1);
        cr_expect_eq(rig_ledger(rig, "deal", NULL), 3);
        rig_wait_until(rig, rig->positions == 1);
}

Test(faults, a_reversal_does_not_wait_for_a_retried_entry_of_its_own_side)
{
        open_one(C, SELL);
        rig_demo(rig, "reject 10028 n=all action=open");
        rig_order(rig, A, rig_entry(BUY), false);
        rig_wait_until(rig, rig_ledger(rig, "request", NULL) >= 3);
        rig_order(rig, B, rig_reversal(BUY), false);
        rig_wait_event(rig, B, FILLED); /* its close, while A still finds no way in */
        cr_expect_eq(closed_by(B, C), 1);
        cr_expect_eq(rig_count(rig, A, TOLD(FILLED)), 0);
        rig_demo(rig, "clear");
        rig_wait_event(rig, A, DONE);
        rig_wait_event(rig, B, DONE);
        expect_one_deal(A);
        cr_expect_eq(rig_ledger(rig, "deal", NULL), 4);
        rig_wait_until(rig, rig->positions == 2);
}

Test(faults, an_exit_goes_past_an_unknown_entry_and_closes_it_when_it_turns_up)
{
        rig_demo(rig, "snapshot failed n=all");
        rig_demo(rig, "lose-reply n=1");
        rig_demo(rig, "in-doubt");
        rig_order(rig, A, rig_entry(BUY), false);
        rig_wait_event(rig, A, UNKNOWN);
        rig_order(rig, B, rig_exit(BUY), false);
        rig_wait_event(rig, B, NOTHING_TO_CLOSE);
        rig_demo(rig, "clear");
        rig_wait_event(rig, A, FILLED);
        rig_wait_event(rig, B, FILLED);
        expect_one_deal(A);
        expect_one_deal(B);
        rig_wait_until(rig, rig->positions == 0);
}

Test(faults, snapshots_that_are_not_good_are_not_a_flat_account)
{
        open_one(A, BUY);
        rig_wait_until(rig, rig->positions == 1);
        rig_kill(rig, &rig->executor, SIGKILL);
        rig_demo(rig, "snapshot failed n=2");
        rig_demo(rig, "snapshot partial n=2");
        rig_start_executor(rig);
        rig_order(rig, B, rig_exit(BUY), false);
        rig_wait_event(rig, B, DONE);
        cr_expect_eq(rig_count(rig, B, TOLD(NOTHING_TO_CLOSE)), 0);
        expect_one_deal(B);
}

Test(faults, a_snapshot_that_lacks_a_position_is_not_believed_at_once)
{
        open_one(A, BUY);
        rig_wait_until(rig, rig->positions == 1);
        rig_demo(rig, "snapshot wrong-missing-position n=1");
        open_one(B, SELL);
        rig_wait_until(rig, rig->positions == 2);
        rig_order(rig, C, rig_exit(BUY), false);
        rig_wait_event(rig, C, DONE);
        expect_one_deal(C);
}

Test(faults, a_terminal_whose_clock_is_ahead_takes_entries_all_the_same)
{
        int64_t deadline_us = rig_deadline();
        unsigned int n = 1;

        rig_demo(rig, "clock-skew 300000");
        /* by its next heartbeat the executor knows; what came before it was too late over there */
        for (; !rig_last(rig, rig_alert(n), TOLD(FILLED), NULL); n++) {
                rig_wait(rig, deadline_us, "an entry is filled");
                rig_order(rig, rig_alert(n + 1), rig_entry(BUY), false);
                rig_wait_for(rig, rig_alert(n + 1), TOLD(DONE), "DONE");
        }
        rig_order(rig, rig_alert(n + 1), rig_entry(BUY), false);
        rig_wait_for(rig, rig_alert(n + 1), TOLD(FILLED), "FILLED");
}
