/*
 * People and the executor: switches, settling, two of them at once. And what never reaches a broker.
 */
#include "libbus/base/clock.h"
#include "tests/executor/rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

#define BUY         PB__SIDE__SIDE_BUY
#define SELL        PB__SIDE__SIDE_SELL
#define A           rig_alert(1)
#define B           rig_alert(2)
#define C           rig_alert(3)
#define TOLD(event) PB__TRADE_EVENT__TRADE_EVENT_##event

static struct rig *rig;

static void setup(void)
{
        static const char *const sets[] = { "order-executor.unknown_manual_after=1500ms",
                "order-executor.absent_span=1s", NULL };

        rig = rig_up(sets);
}

static void teardown(void)
{
        rig_free(rig);
}

TestSuite(people, .init = setup, .fini = teardown, .timeout = 120);

static void open_one(const char *alert, Pb__Side side)
{
        rig_order(rig, alert, rig_entry(side), false);
        rig_wait_event(rig, alert, FILLED);
}

static Pb__ResultStatus command(Pb__Command what)
{
        Pb__Control control = PB__CONTROL__INIT;

        control.command = what;
        rig_command(rig, &control);
        return rig->result->status;
}

static const char *fact(const char *key)
{
        for (size_t i = 0; i < rig->result->n_facts; i++)
                if (!strcmp(rig->result->facts[i]->key, key))
                        return rig->result->facts[i]->value;
        return "";
}

static void restart(void)
{
        rig_kill(rig, &rig->executor, SIGKILL);
        rig->connected = false;
        rig_start_executor(rig);
        rig_wait_until(rig, rig->connected);
}

Test(people, pause_and_resume_over_a_restart)
{
        open_one(A, BUY);
        cr_expect_eq(command(PB__COMMAND__COMMAND_PAUSE), PB__RESULT_STATUS__RESULT_STATUS_DONE);
        cr_expect_str_eq(fact("paused"), "yes");
        cr_expect_eq(
                command(PB__COMMAND__COMMAND_PAUSE), PB__RESULT_STATUS__RESULT_STATUS_UNCHANGED);
        restart();
        rig_order(rig, B, rig_entry(BUY), false);
        rig_wait_event(rig, B, REFUSED);
        rig_order(rig, C, rig_exit(BUY), false);
        rig_wait_event(rig, C, FILLED);
        command(PB__COMMAND__COMMAND_RESUME);
        open_one(rig_alert(4), BUY);
}

Test(people, the_service_layer_stays_out_over_a_restart)
{
        cr_expect_eq(command(PB__COMMAND__COMMAND_DISABLE_SERVICE_API),
                PB__RESULT_STATUS__RESULT_STATUS_DONE);
        cr_expect_str_eq(fact("service_api"), "off");
        restart();
        cr_expect_eq(command(PB__COMMAND__COMMAND_DISABLE_SERVICE_API),
                PB__RESULT_STATUS__RESULT_STATUS_UNCHANGED);
        open_one(A, BUY);
        cr_expect_eq(command(PB__COMMAND__COMMAND_ENABLE_SERVICE_API),
                PB__RESULT_STATUS__RESULT_STATUS_DONE);
        cr_expect_str_eq(fact("service_api"), "on");
        open_one(B, BUY);
}

Test(people, kill_leaves_nothing_but_closes_by_hand)
{
        open_one(A, BUY);
        command(PB__COMMAND__COMMAND_KILL);
        rig_order(rig, B, rig_exit(BUY), false);
        rig_wait_event(rig, B, REFUSED);
        rig_wait_until(rig, rig_alarmed(rig, "exit_killed"));
        cr_expect_eq(rig_ledger(rig, "deal", NULL), 1);
        command(PB__COMMAND__COMMAND_CLOSE_ALL);
        rig_wait_until(rig, rig->positions == 0 && rig_ledger(rig, "deal", NULL) == 2);
}

/* An entry nobody can say anything about. */
static const char *manual_entry(const char *fault)
{
        rig_demo(rig, "snapshot failed n=all");
        rig_demo(rig, fault);
        rig_demo(rig, "in-doubt");
        rig_order(rig, A, rig_entry(BUY), false);
        rig_wait_event(rig, A, MANUAL);
        rig_wait_until(rig, rig_alarmed(rig, "order_manual"));
        return rig_last(rig, A, TOLD(MANUAL), NULL)->cl_ord_id;
}

static void settle(const char *cl_ord_id, Pb__SettleAs as)
{
        Pb__Control control = PB__CONTROL__INIT;

        control.command = PB__COMMAND__COMMAND_SETTLE;
        control.cl_ord_id = (char *)(uintptr_t)cl_ord_id;
        control.settle_as = as;
        rig_command(rig, &control);
}

Test(people, manual_closes_the_symbol_and_ends_by_settling_as_filled)
{
        const char *id = manual_entry("lose-reply n=1");

        rig_order(rig, B, rig_entry(BUY), false);
        rig_wait_event(rig, B, REFUSED);
        cr_expect_str_eq(rig_last(rig, B, TOLD(REFUSED), NULL)->reason, "symbol_closed");
        settle(id, PB__SETTLE_AS__SETTLE_AS_FILLED);
        cr_expect_eq(rig->result->status, PB__RESULT_STATUS__RESULT_STATUS_DONE);
        cr_expect_str_eq(fact("state"), "FILLED");
        rig_wait_event(rig, A, FILLED);
        rig_demo(rig, "clear");
        rig_order(rig, C, rig_exit(BUY), false);
        rig_wait_event(rig, C, FILLED);
        cr_expect_eq(rig_ledger(rig, "deal", NULL), 2);
}

Test(people, manual_ends_by_settling_as_not_executed)
{
        const char *id = manual_entry("reject 10012 n=1");

        settle(id, PB__SETTLE_AS__SETTLE_AS_NOT_EXECUTED);
        rig_wait_event(rig, A, NOT_EXECUTED);
        settle(id, PB__SETTLE_AS__SETTLE_AS_NOT_EXECUTED);
        cr_expect_str_eq(rig->result->code, "not_manual");
        cr_expect_eq(rig_ledger(rig, "deal", NULL), 0);
}

Test(people, manual_ends_by_the_terminals_late_answer)
{
        manual_entry("lose-reply n=1");
        rig_demo(rig, "clear");
        rig_wait_event(rig, A, FILLED);
        rig_wait_until(rig, !rig_alarmed(rig, "order_manual"));
        cr_expect_eq(rig_ledger(rig, "deal", NULL), 1);
}

Test(people, a_test_alert_never_reaches_the_broker)
{
        rig_order(rig, A, rig_entry(BUY), true);
        rig_wait_event(rig, A, DONE);
        cr_expect_eq(rig_count(rig, A, TOLD(TEST)), 1);
        cr_expect_eq(rig_ledger(rig, "request", NULL), 0);
}

Test(people, an_old_entry_is_expired_and_a_repeat_is_not_sent)
{
        Pb__Order *order = rig_entry(BUY);

        order->born_us -= 61 * BUS_US_PER_SEC;
        rig_order(rig, A, order, false);
        rig_wait_event(rig, A, EXPIRED);
        open_one(B, BUY);
        rig_order(rig, B, rig_entry(BUY), false);
        rig_wait_until(rig, rig_last(rig, B, TOLD(DONE), "repeat"));
        cr_expect_eq(rig_ledger(rig, "request", NULL), 1);
}

Test(people, a_repeat_is_known_after_a_restart)
{
        open_one(A, BUY);
        rig_wait_event(rig, A, DONE);
        restart();
        rig_order(rig, A, rig_entry(BUY), false);
        rig_wait_until(rig, rig_last(rig, A, TOLD(DONE), "repeat"));
        cr_expect_eq(rig_ledger(rig, "request", NULL), 1);
}

Test(people, limits_set_at_run_time_survive_a_restart)
{
        Pb__RiskSetting setting = PB__RISK_SETTING__INIT, *list[] = { &setting };
        Pb__Control control = PB__CONTROL__INIT;

        setting.key = (char *)(uintptr_t) "max_lot";
        setting.value = (char *)(uintptr_t) "0.03";
        control.command = PB__COMMAND__COMMAND_SET_RISK;
        control.risk = list;
        control.n_risk = 1;
        rig_command(rig, &control);
        cr_expect_eq(rig->result->status, PB__RESULT_STATUS__RESULT_STATUS_DONE);
        cr_expect_str_eq(fact("max_lot"), "0.03");
        restart();
        rig_order(rig, A, rig_entry(BUY), false);
        rig_wait_event(rig, A, REFUSED);
        cr_expect_str_eq(rig_last(rig, A, TOLD(REFUSED), NULL)->reason, "max_lot");
}

Test(people, a_stop_that_triggers_is_told_and_counts_as_loss)
{
        const Pb__Trade *deal;

        open_one(A, BUY);
        rig_demo(rig, "move-price EURUSD 1.07900");
        rig_wait_event(rig, A, DEAL);
        deal = rig_last(rig, A, TOLD(DEAL), NULL);
        cr_expect_eq(deal->deal_reason, PB__DEAL_REASON__DEAL_REASON_STOP);
        cr_expect_lt(deal->profit_cents, 0);
        rig_wait_until(rig, rig->daily_loss_cents == -deal->profit_cents);
}

Test(people, a_drained_executor_ends_well_and_loses_nothing)
{
        rig_demo(rig, "delay 600 n=1");
        rig_order(rig, A, rig_entry(BUY), false);
        rig_wait_event(rig, A, INTENT);
        kill(rig->executor, SIGTERM);
        cr_expect_eq(rig_wait_exit(rig, &rig->executor), 0);
        rig_start_executor(rig);
        rig_wait_event(rig, A, FILLED);
        cr_expect_eq(rig_ledger(rig, "deal", NULL), 1);
}
