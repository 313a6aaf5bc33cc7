/*
 * Switches and limits at run time: what each forbids, and that a restart lifts none.
 */
#include "services/order-executor/core/test_rig.h"

TestSuite(switches, .init = setup, .fini = teardown);

static Pb__ResultStatus command(unsigned int id, Pb__Command what)
{
        return world_command(w, id, what).status;
}

#define IS_DONE      PB__RESULT_STATUS__RESULT_STATUS_DONE
#define IS_UNCHANGED PB__RESULT_STATUS__RESULT_STATUS_UNCHANGED
#define IS_REFUSED   PB__RESULT_STATUS__RESULT_STATUS_REFUSED

static void end_kill(void)
{
        Pb__Control control = PB__CONTROL__INIT;

        control.command = PB__COMMAND__COMMAND_RESUME;
        control.kill_off = true;
        cr_expect_eq(world_control(w, 99, &control).status, IS_DONE);
}

Test(switches, pause_stops_entries_and_no_exits_over_a_restart)
{
        open_one(1, BUY);
        cr_expect_eq(command(90, PB__COMMAND__COMMAND_PAUSE), IS_DONE);
        cr_expect_eq(command(91, PB__COMMAND__COMMAND_PAUSE), IS_UNCHANGED);
        expect_state(single(2, BUY), REFUSED);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "paused"), 1);
        restart();
        world_run_us(w, SEC);
        expect_state(single(3, BUY), REFUSED);
        world_exit(w, 4, BUY);
        world_settle(w);
        cr_expect_eq(w->tb->position_count, 0);
        cr_expect_eq(command(92, PB__COMMAND__COMMAND_RESUME), IS_DONE);
        open_one(5, BUY);
}

Test(switches, a_restore_pauses_until_resume_and_its_alarm_ends_with_it)
{
        ex_book_restored(w->book, w->now);
        world_commit(w);
        cr_expect(world_alarm(w, "restored"));
        expect_state(single(1, BUY), REFUSED);
        restart();
        cr_expect(w->book->switches.paused);
        world_command(w, 1, PB__COMMAND__COMMAND_RESUME);
        world_commit(w);
        cr_expect(!world_alarm(w, "restored"));
        cr_expect(!w->book->switches.paused);
}

Test(switches, pause_reaches_entries_that_wait)
{
        struct ex_order *waiting, *retrying;

        tb_script(w->tb, TB_CODE(RETCODE_LOCKED));
        retrying = single(1, BUY);
        world_settle(w);
        world_cut(w);
        waiting = single(2, BUY);
        command(90, PB__COMMAND__COMMAND_PAUSE);
        expect_state(waiting, REFUSED);
        expect_state(retrying, EXPIRED);
        cr_expect_str_eq(retrying->reason, "paused");
}

Test(switches, a_doubtful_entry_is_not_sent_again_while_paused)
{
        struct ex_order *leg = single(1, BUY);

        world_cut(w);
        command(90, PB__COMMAND__COMMAND_PAUSE);
        world_connect(w);
        world_run_us(w, 2 * SEC);
        expect_state(leg, EXPIRED);
        cr_expect_str_eq(leg->reason, "paused");
        cr_expect_eq(w->tb->submits, 0);
}

Test(switches, kill_refuses_exits_with_an_alarm_but_not_closes_by_hand)
{
        Pb__Control control = PB__CONTROL__INIT;

        open_one(1, BUY);
        command(90, PB__COMMAND__COMMAND_KILL);
        restart();
        world_run_us(w, SEC);
        expect_state(single(2, BUY), REFUSED);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "killed"), 1);
        world_exit(w, 3, BUY);
        cr_expect_eq(world_told(w, 3, EVENT(REFUSED), "killed"), 1);
        cr_expect_eq(world_job(w, 3)->state, STATE(REFUSED));
        cr_expect(world_alarm(w, "exit_killed"));
        world_run_us(w, 5 * SEC);
        cr_expect_eq(w->tb->submits, 1);
        control.command = PB__COMMAND__COMMAND_CLOSE_ALL;
        world_control(w, 91, &control);
        world_settle(w);
        cr_expect_eq(w->tb->position_count, 0);
        cr_expect(!world_alarm(w, "exit_killed"));
}

Test(switches, kill_stops_an_exit_that_was_trying)
{
        open_one(1, BUY);
        for (int i = 0; i < 20; i++)
                tb_script(w->tb, TB_CODE(RETCODE_MARKET_CLOSED));
        world_exit(w, 2, BUY);
        world_run_us(w, SEC);
        command(90, PB__COMMAND__COMMAND_KILL);
        expect_state(world_close(w, 2, 0), EXPIRED);
        cr_expect(world_alarm(w, "exit_killed"));
}

Test(switches, kill_needs_its_own_word_to_end)
{
        command(90, PB__COMMAND__COMMAND_KILL);
        command(91, PB__COMMAND__COMMAND_PAUSE);
        cr_expect_str_eq(world_command(w, 92, PB__COMMAND__COMMAND_RESUME).code, "killed");
        cr_expect(w->book->switches.paused, "nothing changed");
        end_kill();
        cr_expect(!w->book->switches.killed);
        cr_expect(!w->book->switches.paused);
        open_one(1, BUY);
}

Test(switches, a_command_too_late_is_void_but_pause_and_kill_apply_always)
{
        Pb__Control control = PB__CONTROL__INIT;

        control.deadline_us = w->now.wall_us - 1;
        control.command = PB__COMMAND__COMMAND_CLOSE_ALL;
        cr_expect_str_eq(world_control(w, 90, &control).code, "deadline_passed");
        control.command = PB__COMMAND__COMMAND_PAUSE;
        cr_expect_eq(world_control(w, 91, &control).status, IS_DONE);
        control.command = PB__COMMAND__COMMAND_KILL;
        cr_expect_eq(world_control(w, 92, &control).status, IS_DONE);
}

Test(switches, a_closed_symbol_is_opened_by_name)
{
        Pb__Control control = PB__CONTROL__INIT;

        tb_script(w->tb, TB_CODE(RETCODE_INVALID_FILL));
        single(1, BUY);
        world_settle(w);
        expect_state(single(2, BUY), REFUSED);
        control.command = PB__COMMAND__COMMAND_OPEN_SYMBOL;
        control.symbol = (char *)(uintptr_t) "EURUSD";
        cr_expect_eq(world_control(w, 90, &control).status, IS_DONE);
        cr_expect(!world_alarm(w, "symbol_closed"));
        cr_expect_eq(world_control(w, 91, &control).status, IS_UNCHANGED);
        open_one(3, BUY);
}

Test(switches, limits_are_set_all_together_or_not_at_all)
{
        Pb__RiskSetting items[2], *list[2] = { &items[0], &items[1] };
        Pb__Control control = PB__CONTROL__INIT;
        struct ex_answer answer;

        pb__risk_setting__init(&items[0]);
        pb__risk_setting__init(&items[1]);
        items[0].key = (char *)(uintptr_t) "max_lot";
        items[0].value = (char *)(uintptr_t) "0.01";
        items[1].key = (char *)(uintptr_t) "daily_cap";
        items[1].value = (char *)(uintptr_t) "a lot";
        control.command = PB__COMMAND__COMMAND_SET_RISK;
        control.risk = list;
        control.n_risk = 2;
        answer = world_control(w, 90, &control);
        cr_expect_eq(answer.status, IS_REFUSED);
        cr_expect_not_null(strstr(answer.text, "daily_cap=a lot"));
        cr_expect_eq(w->book->limits.max_lot_e8, 0);
        items[1].value = (char *)(uintptr_t) "100";
        answer = world_control(w, 91, &control);
        cr_expect_eq(answer.status, IS_DONE);
        cr_expect(answer.risk_changed);
        expect_state(single(1, BUY), REFUSED);
        cr_expect_eq(world_told(w, 1, EVENT(REFUSED), "max_lot"), 1);
}

Test(switches, a_command_for_somebody_else_is_not_answered)
{
        cr_expect_eq(command(90, PB__COMMAND__COMMAND_ROLLBACK),
                PB__RESULT_STATUS__RESULT_STATUS_UNSPECIFIED);
}

Test(switches, an_order_nobody_knows_cannot_be_settled)
{
        Pb__Control control = PB__CONTROL__INIT;

        control.command = PB__COMMAND__COMMAND_SETTLE;
        control.cl_ord_id = (char *)(uintptr_t) "0123456789ABCDEF";
        control.settle_as = PB__SETTLE_AS__SETTLE_AS_FILLED;
        cr_expect_str_eq(world_control(w, 90, &control).code, "unknown_order");
}

Test(switches, stopping_sends_nothing_new)
{
        w->book->stopping = true;
        single(1, BUY);
        world_run_us(w, SEC);
        expect_state(world_leg(w, 1, 'A'), RECEIVED);
        cr_expect(!ex_book_on_wire(w->book));
        restart();
        world_run_us(w, SEC);
        expect_state(world_leg(w, 1, 'A'), FILLED);
}
