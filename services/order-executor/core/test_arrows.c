/*
 * Each state and arrow of an order's diagram, by what a broker can do to it.
 */
#include "services/order-executor/core/test_rig.h"

TestSuite(arrows, .init = setup, .fini = teardown);

Test(arrows, an_entry_is_received_intended_and_filled)
{
        world_entry(w, 1, BUY, false);
        cr_expect_eq(world_told(w, 1, EVENT(RECEIVED), NULL), 2);
        cr_expect_eq(world_told(w, 1, EVENT(INTENT), NULL), 2);
        world_settle(w);
        expect_state(world_leg(w, 1, 'A'), FILLED);
        expect_state(world_leg(w, 1, 'B'), FILLED);
        cr_expect_eq(world_told(w, 1, EVENT(FILLED), NULL), 2);
        cr_expect_eq(world_told(w, 1, EVENT(DONE), NULL), 1);
        cr_expect_eq(world_job(w, 1)->state, STATE(FILLED));
        cr_expect_eq(w->tb->submits, 2);
        cr_expect_eq(w->tb->positions[0].sl_e8, world_leg(w, 1, 'A')->sl_e8,
                "the stop goes to the broker with the entry");
        cr_expect_eq(w->tb->positions[0].tp_e8, world_leg(w, 1, 'A')->tp_e8);
}

Test(arrows, a_test_alert_ends_before_the_broker_whatever_its_verdict)
{
        Pb__Order *order = world_make_entry(w, BUY, false);

        order->verdict = PB__VERDICT__VERDICT_REJECT;
        world_order(w, 1, order, true);
        order->n_legs = order->n_closes = 0;
        order->kind = PB__ORDER_KIND__ORDER_KIND_UNSPECIFIED;
        world_order(w, 2, order, true);
        world_commit(w);
        world_run_us(w, SEC);
        expect_state(world_leg(w, 1, 'A'), TEST);
        cr_expect_eq(world_job(w, 1)->state, STATE(TEST));
        cr_expect_eq(world_job(w, 2)->state, STATE(TEST));
        cr_expect_eq(w->tb->submits, 0);
}

Test(arrows, an_entry_too_old_is_expired_and_never_sent)
{
        Pb__Order *order = world_make_entry(w, BUY, false);

        order->born_us -= 60 * SEC;
        world_order(w, 1, order, false);
        world_commit(w);
        world_run_us(w, SEC);
        expect_state(world_leg(w, 1, 'A'), EXPIRED);
        cr_expect_eq(world_told(w, 1, EVENT(EXPIRED), "max_age"), 2);
        cr_expect_eq(w->tb->submits, 0);
}

Test(arrows, an_entry_that_waits_for_the_broker_too_long_is_expired)
{
        world_cut(w);
        single(1, BUY);
        world_run_us(w, 61 * SEC);
        expect_state(world_leg(w, 1, 'A'), EXPIRED);
        world_connect(w);
        world_run_us(w, SEC);
        cr_expect_eq(w->tb->submits, 0);
}

Test(arrows, a_wall_clock_that_jumps_moves_no_deadline)
{
        world_cut(w);
        single(1, BUY);
        w->now.wall_us += 3600 * SEC;
        world_run_us(w, 30 * SEC);
        expect_state(world_leg(w, 1, 'A'), RECEIVED);
        world_connect(w);
        world_run_us(w, SEC);
        expect_state(world_leg(w, 1, 'A'), FILLED);
}

Test(arrows, a_requote_is_followed_by_a_fill_under_the_same_id)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_CODE(RETCODE_REQUOTE));
        leg = single(1, BUY);
        world_run_us(w, 2 * SEC);
        expect_state(leg, FILLED);
        cr_expect_eq(leg->attempt, 2);
        cr_expect_eq(world_told(w, 1, EVENT(INTENT), NULL), 2);
        cr_expect_eq(tb_find(w->tb, leg->id)->executions, 1);
}

Test(arrows, an_entry_gives_up_after_three_prices_that_moved)
{
        struct ex_order *leg;

        for (int i = 0; i < 4; i++)
                tb_script(w->tb, TB_CODE(RETCODE_PRICE_CHANGED));
        leg = single(1, BUY);
        world_run_us(w, 10 * SEC);
        expect_state(leg, REJECTED);
        cr_expect_eq(leg->attempt, 3);
        cr_expect_str_eq(leg->reason, "price_moved");
}

Test(arrows, an_entry_does_not_run_after_the_price)
{
        Pb__BrokerTick tick = PB__BROKER_TICK__INIT;
        struct ex_order *leg;

        tb_script(w->tb, TB_CODE(RETCODE_REQUOTE));
        leg = single(1, BUY);
        world_settle(w);
        tick.symbol = (char *)(uintptr_t) "EURUSD";
        tick.bid_e8 = w->tb->bid_e8 + 200000;
        tick.ask_e8 = w->tb->ask_e8 + 200000;
        ex_book_tick(w->book, &tick, w->now);
        world_run_us(w, 2 * SEC);
        expect_state(leg, REJECTED);
        cr_expect_str_eq(leg->reason, "price_moved");
        cr_expect_eq(w->tb->submits, 1);
}

Test(arrows, a_locked_order_is_tried_again_and_a_shut_market_waited_for)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_CODE(RETCODE_LOCKED));
        tb_script(w->tb, TB_CODE(RETCODE_MARKET_CLOSED));
        leg = single(1, BUY);
        world_run_us(w, 500 * BUS_US_PER_MS);
        cr_expect(w->book->market_shut);
        world_run_us(w, 5 * SEC);
        expect_state(leg, FILLED);
        cr_expect_eq(leg->attempt, 3);
        cr_expect(!w->book->market_shut);
}

Test(arrows, a_market_that_stays_shut_expires_the_entry)
{
        struct ex_order *leg;

        for (int i = 0; i < 30; i++)
                tb_script(w->tb, TB_CODE(RETCODE_MARKET_CLOSED));
        leg = single(1, BUY);
        world_run_us(w, 62 * SEC);
        expect_state(leg, EXPIRED);
        cr_expect_str_eq(leg->reason, "max_age");
}

Test(arrows, a_rejection_is_final_and_a_configuration_fault_closes_the_symbol)
{
        tb_script(w->tb, TB_CODE(RETCODE_INVALID_FILL));
        expect_state(single(1, BUY), INTENT);
        world_settle(w);
        expect_state(world_leg(w, 1, 'A'), REJECTED);
        cr_expect(world_alarm(w, "order_rejected"));
        cr_expect(world_alarm(w, "symbol_closed"));
        expect_state(single(2, BUY), REFUSED);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "symbol_closed"), 1);
        restart();
        world_run_us(w, SEC);
        expect_state(single(3, BUY), REFUSED);
}

Test(arrows, no_money_halts_entries_until_resume_and_over_a_restart)
{
        tb_script(w->tb, TB_CODE(RETCODE_NO_MONEY));
        single(1, BUY);
        world_settle(w);
        expect_state(world_leg(w, 1, 'A'), REJECTED);
        cr_expect(world_alarm(w, "entries_halted"));
        restart();
        world_run_us(w, SEC);
        expect_state(single(2, BUY), REFUSED);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "halted"), 1);
        world_command(w, 90, PB__COMMAND__COMMAND_RESUME);
        open_one(3, BUY);
}

Test(arrows, a_partial_entry_is_final_and_its_rest_is_not_sent)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_PARTIAL);
        leg = single(1, BUY);
        world_run_us(w, 5 * SEC);
        expect_state(leg, PARTIAL);
        cr_expect_eq(leg->filled_e8, 1000000);
        cr_expect_eq(w->tb->submits, 1);
        cr_expect_eq(world_job(w, 1)->state, STATE(PARTIAL));
}

Test(arrows, placed_is_not_filled_until_the_deal)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_PLACED);
        leg = single(1, BUY);
        world_run_us(w, 2 * SEC);
        expect_state(leg, INTENT);
        cr_expect_eq(world_told(w, 1, EVENT(PLACED), NULL), 1);
        tb_work(w->tb);
        world_run_us(w, SEC);
        expect_state(leg, FILLED);
        cr_expect_neq(leg->ticket, 0);
        cr_expect_eq(w->tb->submits, 1);
}

Test(arrows, placed_too_long_is_unknown_and_asked_for)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_PLACED);
        w->tb->quiet_deals = true;
        leg = single(1, BUY);
        world_run_us(w, 6 * SEC);
        expect_state(leg, UNKNOWN);
        tb_work(w->tb);
        world_run_us(w, 5 * SEC);
        expect_state(leg, FILLED);
}

Test(arrows, a_reply_lost_behind_the_fill_is_asked_for_and_not_sent_again)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_FILL_LOST);
        leg = single(1, BUY);
        world_run_us(w, 6 * SEC);
        expect_state(leg, FILLED);
        cr_expect_eq(world_told(w, 1, EVENT(UNKNOWN), "no_reply"), 1);
        cr_expect_eq(w->tb->submits, 1);
        cr_expect_eq(leg->attempt, 1);
}

Test(arrows, a_link_cut_before_the_broker_saw_it_leads_to_a_second_attempt)
{
        struct ex_order *leg = single(1, BUY);

        world_cut(w); /* with the submit still on the wire */
        expect_state(leg, UNKNOWN);
        world_connect(w);
        world_run_us(w, 2 * SEC);
        expect_state(leg, FILLED);
        cr_expect_eq(leg->attempt, 2);
        cr_expect(tb_find(w->tb, leg->id)->tombstoned[1]);
}

Test(arrows, a_link_cut_behind_the_fill_leads_to_none)
{
        struct ex_order *leg = single(1, BUY);

        world_to_terminal(w);
        world_cut(w);
        expect_state(leg, UNKNOWN);
        world_connect(w);
        world_run_us(w, 2 * SEC);
        expect_state(leg, FILLED);
        cr_expect_eq(leg->attempt, 1);
        cr_expect_eq(w->tb->submits, 1);
}

Test(arrows, an_attempt_never_seen_is_followed_by_the_next_while_young)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_NEVER_ARRIVED);
        leg = single(1, BUY);
        world_run_us(w, 7 * SEC);
        expect_state(leg, FILLED);
        cr_expect_eq(leg->attempt, 2);
}

Test(arrows, an_attempt_never_seen_of_an_old_entry_is_expired)
{
        struct ex_order *leg;

        single(1, BUY);
        world_cut(w);
        world_run_us(w, 59 * SEC);
        leg = world_leg(w, 1, 'A');
        expect_state(leg, UNKNOWN);
        w->book->rules.unknown_manual_us = 600 * SEC;
        world_run_us(w, 10 * SEC);
        world_connect(w);
        world_run_us(w, 2 * SEC);
        expect_state(leg, EXPIRED);
        cr_expect_eq(w->tb->submits, 0);
}

Test(arrows, a_restart_in_intent_asks_instead_of_sending)
{
        struct ex_order *leg;

        single(1, BUY);
        world_to_terminal(w); /* executed; the answer finds nobody */
        restart();
        leg = world_leg(w, 1, 'A');
        expect_state(leg, UNKNOWN);
        cr_expect_str_eq(leg->reason, "restart");
        world_run_us(w, 2 * SEC);
        expect_state(leg, FILLED);
        cr_expect_eq(w->tb->submits, 1);
}

Test(arrows, a_death_between_commit_and_wire_is_a_second_attempt)
{
        Pb__Order *order = world_make_entry(w, BUY, false);

        world_order(w, 1, order, false);
        world_commit_and_crash(w);
        world_start(w);
        expect_state(world_leg(w, 1, 'A'), UNKNOWN);
        world_connect(w);
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 1, 'A'), FILLED);
        cr_expect_eq(world_leg(w, 1, 'A')->attempt, 2);
        cr_expect_eq(w->tb->position_count, 2);
}

Test(arrows, in_doubt_and_then_absent_is_not_executed)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_DOUBT_LOST);
        leg = single(1, BUY);
        world_run_us(w, 10 * SEC);
        expect_state(leg, UNKNOWN);
        world_run_us(w, 12 * SEC);
        expect_state(leg, NOT_EXECUTED);
        cr_expect_str_eq(leg->reason, "absent");
        cr_expect_eq(w->tb->submits, 1, "final for an entry");
}

Test(arrows, in_doubt_and_then_seen_is_filled)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_DOUBT_FILLED);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED;
        leg = single(1, BUY);
        world_run_us(w, 10 * SEC);
        expect_state(leg, UNKNOWN);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        w->snapshot_wanted = true;
        world_run_us(w, SEC);
        expect_state(leg, FILLED);
        cr_expect_str_eq(leg->reason, "found");
        cr_expect_eq(leg->filled_e8, leg->volume_e8);
}

/* ---- MANUAL ---- */

/* Nobody answers: neither the terminal nor a snapshot. */
static struct ex_order *manual(unsigned int alert, int outcome)
{
        struct ex_order *leg;

        tb_script(w->tb, outcome);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED;
        leg = single(alert, BUY);
        world_run_us(w, 67 * SEC);
        cr_assert_eq(leg->state, STATE(MANUAL));
        return leg;
}

static struct ex_answer settle(const struct ex_order *order, Pb__SettleAs as, uint64_t ticket)
{
        Pb__Control control = PB__CONTROL__INIT;

        control.command = PB__COMMAND__COMMAND_SETTLE;
        control.cl_ord_id = (char *)(uintptr_t)order->id;
        control.settle_as = as;
        control.ticket = ticket;
        return world_control(w, 91, &control);
}

Test(arrows, a_minute_without_an_answer_is_manual_and_closes_the_symbol)
{
        struct ex_order *leg = manual(1, TB_DOUBT_LOST);

        cr_expect(world_alarm(w, "order_manual"));
        expect_state(single(2, BUY), REFUSED);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "symbol_closed"), 1);
        tb_find(w->tb, leg->id)->doubt = false;
        tb_find(w->tb, leg->id)->definite = true;
        tb_find(w->tb, leg->id)->report.retcode = RETCODE_REJECT;
        world_run_us(w, 11 * SEC);
        expect_state(leg, REJECTED);
        cr_expect(!world_alarm(w, "order_manual"));
        open_one(3, BUY);
}

Test(arrows, manual_ends_by_the_terminals_late_answer)
{
        struct ex_order *leg = manual(1, TB_DOUBT_FILLED);

        tb_find(w->tb, leg->id)->doubt = false;
        world_run_us(w, 11 * SEC);
        expect_state(leg, FILLED);
}

Test(arrows, manual_ends_partial_and_not_executed_too)
{
        struct ex_order *leg = manual(1, TB_DOUBT_FILLED), *other;

        tb_find(w->tb, leg->id)->doubt = false;
        tb_find(w->tb, leg->id)->report.volume_e8 = 1000000;
        world_run_us(w, 11 * SEC);
        expect_state(leg, PARTIAL);
        other = manual(2, TB_DOUBT_LOST);
        tb_find(w->tb, other->id)->doubt = false;
        tb_find(w->tb, other->id)->report.retcode = RETCODE_REQUOTE;
        world_run_us(w, 11 * SEC);
        expect_state(other, NOT_EXECUTED);
}

Test(arrows, manual_is_settled_by_a_person_as_filled)
{
        struct ex_order *leg = manual(1, TB_DOUBT_FILLED);
        struct ex_answer answer = settle(leg, PB__SETTLE_AS__SETTLE_AS_FILLED, 1000);

        cr_expect_eq(answer.status, PB__RESULT_STATUS__RESULT_STATUS_DONE);
        expect_state(leg, FILLED);
        cr_expect_str_eq(leg->reason, "settled");
        cr_expect(!world_alarm(w, "order_manual"));
        cr_expect_not_null(ex_book_position(w->book, 1000));
        answer = settle(leg, PB__SETTLE_AS__SETTLE_AS_FILLED, 1000);
        cr_expect_str_eq(answer.code, "not_manual");
}

/* A slip in the number must not make another's position ours. */
Test(arrows, manual_is_not_settled_with_a_position_of_another_kind)
{
        struct ex_order *other = open_one(2, SELL), *leg = manual(1, TB_DOUBT_FILLED);
        struct ex_answer answer = settle(leg, PB__SETTLE_AS__SETTLE_AS_FILLED, other->ticket);

        cr_expect_eq(answer.status, PB__RESULT_STATUS__RESULT_STATUS_REFUSED);
        cr_expect_str_eq(answer.code, "wrong_ticket");
        expect_state(leg, MANUAL);
        cr_expect_str_eq(ex_book_position(w->book, other->ticket)->cl_ord_id, other->id);
}

Test(arrows, manual_is_settled_by_a_person_as_not_executed)
{
        struct ex_order *leg = manual(1, TB_DOUBT_LOST);

        settle(leg, PB__SETTLE_AS__SETTLE_AS_NOT_EXECUTED, 0);
        expect_state(leg, NOT_EXECUTED);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        world_run_us(w, 2 * SEC);
        open_one(2, BUY);
}

Test(arrows, manual_survives_a_restart_and_so_does_its_clock)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_DOUBT_LOST);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED;
        single(1, BUY);
        world_run_us(w, 40 * SEC);
        restart();
        world_run_us(w, 30 * SEC);
        leg = world_leg(w, 1, 'A');
        expect_state(leg, MANUAL);
        restart();
        world_run_us(w, SEC);
        leg = world_leg(w, 1, 'A');
        expect_state(leg, MANUAL);
        expect_state(single(2, BUY), REFUSED);
        settle(leg, PB__SETTLE_AS__SETTLE_AS_NOT_EXECUTED, 0);
        expect_state(leg, NOT_EXECUTED);
}

Test(arrows, a_fill_that_turns_up_behind_the_end_is_adopted_and_alarmed)
{
        struct ex_order *leg = manual(1, TB_DOUBT_FILLED);

        settle(leg, PB__SETTLE_AS__SETTLE_AS_NOT_EXECUTED, 0);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        w->snapshot_wanted = true;
        world_run_us(w, 2 * SEC);
        expect_state(leg, NOT_EXECUTED);
        cr_expect_eq(world_told(w, 1, EVENT(ADOPTED), NULL), 1);
        cr_expect(world_alarm(w, "late_fill"));
        cr_expect_str_eq(ex_book_position(w->book, 1000)->cl_ord_id, leg->id);
}
