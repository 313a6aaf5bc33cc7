/*
 * A symbol's queue: who goes when, and who may pass whom.
 */
#include "services/order-executor/core/book_internal.h"
#include "services/order-executor/core/ids.h"
#include "services/order-executor/core/test_rig.h"

TestSuite(queue, .init = setup, .fini = teardown);

Test(queue, entries_follow_each_other_without_waiting_for_answers)
{
        single(1, BUY);
        single(2, SELL);
        single(3, BUY);
        cr_expect_eq(w->in_count, 3);
        for (unsigned int i = 1; i <= 3; i++)
                expect_state(world_leg(w, i, 'A'), INTENT);
}

Test(queue, a_close_waits_for_the_entry_ahead_and_closes_it)
{
        single(1, BUY);
        world_exit(w, 2, BUY);
        cr_expect_eq(w->in_count, 1, "the exit is not sent yet");
        world_settle(w);
        expect_state(world_leg(w, 1, 'A'), FILLED);
        expect_state(world_close(w, 2, 0), FILLED);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(queue, a_close_is_a_barrier_for_entries_behind_it)
{
        open_one(1, BUY);
        world_exit(w, 2, BUY);
        single(3, SELL);
        expect_state(world_leg(w, 3, 'A'), RECEIVED);
        world_to_terminal(w);
        expect_state(world_leg(w, 3, 'A'), RECEIVED);
        world_settle(w);
        expect_state(world_close(w, 2, 0), FILLED);
        expect_state(world_leg(w, 3, 'A'), FILLED);
}

Test(queue, symbols_do_not_wait_for_each_other)
{
        Pb__Order *order;

        open_one(1, BUY);
        world_exit(w, 2, BUY);
        order = world_make_entry(w, SELL, false);
        order->symbol = (char *)(uintptr_t) "XAUUSD";
        world_order(w, 3, order, false);
        world_commit(w);
        expect_state(world_leg(w, 3, 'A'), INTENT);
        world_settle(w);
        cr_expect_str_eq(tb_position_of(w->tb, world_leg(w, 3, 'A')->id)->symbol, "GOLD",
                "in the broker's name");
}

/* ---- reversals ---- */

static void expect_closed(unsigned int alert, const struct ex_order *position)
{
        const struct ex_order *close = ex_job_close_of(world_job(w, alert), position->ticket);

        cr_assert_not_null(close);
        expect_state(close, FILLED);
}

Test(queue, a_reversal_closes_the_other_side_first)
{
        struct ex_order *sell = open_one(1, SELL), *leg;

        leg = reverse(2, BUY);
        expect_state(leg, RECEIVED);
        cr_expect_eq(world_close(w, 2, 0)->ticket, sell->ticket);
        cr_expect_eq(world_close(w, 2, 0)->role, PB__ORDER_ROLE__ORDER_ROLE_REVERSAL_CLOSE);
        world_settle(w);
        expect_state(world_close(w, 2, 0), FILLED);
        expect_state(leg, FILLED);
        cr_expect_eq(w->tb->position_count, 1);
        cr_expect_eq(world_job(w, 2)->state, STATE(FILLED));
}

Test(queue, a_reversal_with_nothing_to_close_just_opens)
{
        open_one(1, BUY);
        reverse(2, BUY);
        expect_state(world_leg(w, 2, 'A'), INTENT);
        cr_expect_null(world_close(w, 2, 0));
}

Test(queue, a_reversal_does_not_wait_for_the_answers_of_its_own_side)
{
        single(1, BUY);
        reverse(2, BUY);
        reverse(3, BUY);
        expect_state(world_leg(w, 1, 'A'), INTENT);
        expect_state(world_leg(w, 2, 'A'), INTENT);
        expect_state(world_leg(w, 3, 'A'), INTENT);
}

Test(queue, a_reversal_waits_for_the_answer_of_an_entry_of_the_other_side_and_closes_it)
{
        struct ex_order *other = single(1, SELL), *leg = reverse(2, BUY);

        expect_state(other, INTENT);
        expect_state(leg, RECEIVED);
        world_settle(w);
        expect_state(other, FILLED);
        cr_expect_eq(world_close(w, 2, 0)->ticket, other->ticket);
        expect_state(leg, FILLED);
        cr_expect_eq(w->tb->position_count, 1);
}

Test(queue, a_reversal_whose_close_fails_refuses_its_legs)
{
        open_one(1, SELL);
        tb_script(w->tb, TB_CODE(RETCODE_REJECT));
        reverse(2, BUY);
        world_settle(w);
        expect_state(world_close(w, 2, 0), REJECTED);
        expect_state(world_leg(w, 2, 'A'), REFUSED);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "reversal_incomplete"), 1);
        cr_expect_eq(world_job(w, 2)->state, STATE(PARTLY));
        world_run_us(w, 30 * SEC);
        cr_expect_eq(w->tb->position_count, 1, "its closes are no exits: nobody tries on");
}

Test(queue, a_reversals_partial_close_is_followed_by_one_of_the_rest)
{
        open_one(1, SELL);
        tb_script(w->tb, TB_PARTIAL);
        reverse(2, BUY);
        world_settle(w);
        expect_state(world_close(w, 2, 0), PARTIAL);
        expect_state(world_close(w, 2, 1), FILLED);
        expect_state(world_leg(w, 2, 'A'), FILLED);
}

Test(queue, what_a_reversal_has_not_done_at_its_deadline_stops)
{
        open_one(1, SELL);
        for (int i = 0; i < 30; i++)
                tb_script(w->tb, TB_CODE(RETCODE_MARKET_CLOSED));
        reverse(2, BUY);
        world_run_us(w, 62 * SEC);
        expect_state(world_close(w, 2, 0), EXPIRED);
        expect_state(world_leg(w, 2, 'A'), EXPIRED);
        w->tb->script_count = w->tb->script_at;
        world_run_us(w, 30 * SEC);
        cr_expect_eq(w->tb->position_count, 1);
}

Test(queue, a_reversal_waits_for_a_doubtful_entry_of_the_other_side_only)
{
        struct ex_order *same, *other;

        tb_script(w->tb, TB_FILL_LOST);
        other = single(1, SELL);
        world_run_us(w, 2 * SEC);
        reverse(2, BUY);
        same = reverse(3, SELL);
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 2, 'A'), RECEIVED);
        expect_state(same, RECEIVED);
        world_run_us(w, 5 * SEC);
        expect_state(other, FILLED);
        expect_state(world_close(w, 2, 0), FILLED);
        expect_state(world_leg(w, 2, 'A'), FILLED);
        expect_state(same, FILLED);
        cr_expect_eq(w->tb->position_count, 1, "the last word was SELL");
}

Test(queue, a_reversal_waits_for_a_retried_entry_of_the_side_it_closes)
{
        struct ex_order *first = open_one(9, SELL), *other, *leg;

        tb_script(w->tb, TB_CODE(RETCODE_REQUOTE));
        other = single(1, SELL);
        world_settle(w);
        expect_state(other, INTENT);
        cr_expect_eq(other->phase, EX_PHASE_BACKOFF);
        leg = reverse(2, BUY);
        world_settle(w);
        expect_state(leg, RECEIVED);
        cr_expect_null(world_close(w, 2, 0), "what is there already is not closed alone");
        world_run_us(w, 2 * SEC);
        expect_state(other, FILLED);
        cr_expect_eq(other->attempt, 2);
        expect_closed(2, first);
        expect_closed(2, other);
        expect_state(leg, FILLED);
        cr_expect_eq(w->tb->position_count, 1, "the reversal's own");
}

Test(queue, a_reversal_goes_on_when_the_retried_entry_of_the_side_it_closes_gives_up)
{
        struct ex_order *other, *leg;

        for (int i = 0; i < 3; i++)
                tb_script(w->tb, TB_CODE(RETCODE_PRICE_CHANGED));
        other = single(1, SELL);
        world_settle(w);
        leg = reverse(2, BUY);
        world_settle(w);
        expect_state(leg, RECEIVED);
        world_run_us(w, 10 * SEC);
        expect_state(other, REJECTED);
        cr_expect_null(world_close(w, 2, 0));
        expect_state(leg, FILLED);
}

Test(queue, a_reversal_does_not_wait_for_a_retried_entry_of_its_own_side)
{
        struct ex_order *sell = open_one(9, SELL), *own, *leg;

        tb_script(w->tb, TB_CODE(RETCODE_LOCKED));
        own = single(1, BUY);
        world_settle(w);
        cr_expect_eq(own->phase, EX_PHASE_BACKOFF);
        leg = reverse(2, BUY);
        cr_assert_not_null(world_close(w, 2, 0));
        expect_state(world_close(w, 2, 0), INTENT);
        world_settle(w); /* no time passes: nothing is tried again meanwhile */
        expect_closed(2, sell);
        expect_state(leg, FILLED);
        expect_state(own, INTENT);
        cr_expect_eq(own->attempt, 2);
        world_run_us(w, 2 * SEC);
        expect_state(own, FILLED);
        cr_expect_eq(w->tb->position_count, 2, "both of the reversal's side stay");
}

Test(queue, a_reversal_under_way_does_not_hold_up_the_retry_of_its_own_side)
{
        struct ex_order *own, *leg;

        open_one(9, SELL);
        tb_script(w->tb, TB_CODE(RETCODE_LOCKED));
        tb_script(w->tb, TB_PLACED); /* the close */
        own = single(1, BUY);
        world_settle(w);
        leg = reverse(2, BUY);
        world_run_us(w, 2 * SEC);
        expect_state(own, FILLED);
        cr_assert_not_null(world_close(w, 2, 0));
        cr_expect(!ex_order_is_final(world_close(w, 2, 0)));
        expect_state(leg, RECEIVED);
        tb_work(w->tb);
        world_settle(w);
        expect_state(world_close(w, 2, 0), FILLED);
        expect_state(leg, FILLED);
        cr_expect_eq(w->tb->position_count, 2);
}

Test(queue, a_reversal_checks_the_limits_again_behind_its_closes)
{
        open_one(1, SELL);
        reverse(2, BUY);
        world_command(w, 90, PB__COMMAND__COMMAND_PAUSE);
        world_settle(w);
        expect_state(world_close(w, 2, 0), FILLED);
        expect_state(world_leg(w, 2, 'A'), REFUSED);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "paused"), 1);
}

Test(queue, a_refused_entry_closes_nothing)
{
        Pb__Order *order;

        open_one(1, SELL);
        w->book->limits.max_price_gap_e8 = 50000000;
        order = world_make_entry(w, BUY, true);
        order->price_e8 += order->price_e8 / 100;
        world_order(w, 2, order, false);
        world_commit(w);
        world_settle(w);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "price_gap"), 2);
        cr_expect_eq(w->tb->position_count, 1);
}

/* ---- doubt, and exits going past it ---- */

Test(queue, an_exit_goes_past_a_doubtful_entry_and_closes_it_when_it_turns_up)
{
        struct ex_order *leg;
        char id[CL_ORD_ID_SIZE], alert[BUS_ID_SIZE];

        tb_script(w->tb, TB_DOUBT_FILLED);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED;
        leg = single(1, BUY);
        world_run_us(w, 6 * SEC);
        expect_state(leg, UNKNOWN);
        world_exit(w, 2, BUY);
        cr_expect_eq(world_told(w, 2, EVENT(NOTHING_TO_CLOSE), NULL), 1);
        cr_expect_str_eq(leg->passed_by, world_job(w, 2)->key);
        single(3, BUY);
        world_settle(w);
        expect_state(world_leg(w, 3, 'A'), FILLED);
        tb_find(w->tb, leg->id)->doubt = false;
        world_run_us(w, 5 * SEC);
        expect_state(leg, FILLED);
        world_alert_id(2, alert);
        ex_id_close(alert, "v3", leg->ticket, 1, id);
        cr_assert_not_null(world_close(w, 2, 0));
        cr_expect_str_eq(world_close(w, 2, 0)->id, id, "under the exit's alert");
        expect_state(world_close(w, 2, 0), FILLED);
        cr_expect_eq(w->tb->position_count, 1, "the later entry stays");
}

Test(queue, going_past_it_survives_a_restart)
{
        struct ex_order *leg;

        tb_script(w->tb, TB_DOUBT_FILLED);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED;
        single(1, BUY);
        world_run_us(w, 6 * SEC);
        world_exit(w, 2, BUY);
        ex_book_forget(w->book, INT64_MAX, INT64_MAX);
        cr_expect_not_null(world_job(w, 2), "still referred to");
        world_crash(w);
        world_start(w);
        leg = world_leg(w, 1, 'A');
        tb_find(w->tb, leg->id)->doubt = false;
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        world_connect(w);
        world_run_us(w, 5 * SEC);
        expect_state(leg, FILLED);
        expect_state(world_close(w, 2, 0), FILLED);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(queue, an_exit_closes_what_a_person_said_was_filled_when_it_turns_up)
{
        Pb__Control control = PB__CONTROL__INIT;
        struct ex_order *leg;

        tb_script(w->tb, TB_DOUBT_FILLED);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED;
        leg = single(1, BUY);
        world_run_us(w, 67 * SEC);
        control.command = PB__COMMAND__COMMAND_SETTLE;
        control.cl_ord_id = leg->id;
        control.settle_as = PB__SETTLE_AS__SETTLE_AS_FILLED;
        world_control(w, 90, &control);
        world_exit(w, 2, BUY);
        cr_expect_eq(world_told(w, 2, EVENT(NOTHING_TO_CLOSE), NULL), 1);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        world_run_us(w, 3 * SEC);
        cr_assert_not_null(world_close(w, 2, 0));
        expect_state(world_close(w, 2, 0), FILLED);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(queue, an_entry_an_exit_went_past_is_not_sent_again)
{
        struct ex_order *leg;

        leg = single(1, BUY);
        world_cut(w);
        world_connect(w);
        world_exit(w, 2, BUY);
        expect_state(leg, UNKNOWN);
        /* the snapshot first, then the answer to the question */
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        while (!w->book->reconciled && world_to_terminal(w))
                while (world_to_executor(w))
                        world_commit(w);
        world_run_us(w, 3 * SEC);
        cr_expect(leg->state == STATE(EXPIRED) || leg->state == STATE(FILLED));
        cr_expect_eq(w->tb->position_count, 0);
}

Test(queue, an_exit_does_not_wait_long_for_entries_that_are_not_at_the_broker)
{
        struct ex_order *leg;

        open_one(9, BUY);
        for (int i = 0; i < 30; i++)
                tb_script(w->tb, TB_CODE(RETCODE_LOCKED));
        leg = single(1, BUY);
        world_run_us(w, SEC);
        expect_state(leg, INTENT);
        world_exit(w, 2, BUY);
        world_run_us(w, SEC);
        cr_expect_null(world_close(w, 2, 0), "patient at first");
        world_run_us(w, 2 * SEC);
        expect_state(leg, EXPIRED);
        cr_expect_str_eq(leg->reason, "overtaken_by_exit");
        cr_assert_not_null(world_close(w, 2, 0));
        w->tb->script_count = w->tb->script_at;
        world_run_us(w, 20 * SEC);
        expect_state(world_close(w, 2, 0), FILLED);
}

Test(queue, an_exit_of_the_other_side_lets_them_be)
{
        struct ex_order *leg;

        for (int i = 0; i < 6; i++)
                tb_script(w->tb, TB_CODE(RETCODE_LOCKED));
        leg = single(1, BUY);
        world_run_us(w, SEC);
        world_exit(w, 2, SELL);
        world_run_us(w, 30 * SEC);
        cr_expect_eq(world_told(w, 2, EVENT(NOTHING_TO_CLOSE), NULL), 1);
        expect_state(leg, FILLED);
}

/* ---- repeats ---- */

Test(queue, a_repeat_expands_nothing_and_gets_the_first_result)
{
        Pb__Order order = *world_make_entry(w, BUY, false);

        world_order(w, 1, &order, false);
        world_commit(w);
        world_settle(w);
        world_order(w, 1, &order, false);
        world_commit(w);
        world_settle(w);
        cr_expect_eq(w->tb->submits, 2);
        cr_expect_eq(world_told(w, 1, EVENT(DONE), "repeat"), 1);
        cr_expect(!world_alarm(w, "order_differs"));
}

Test(queue, a_repeat_that_differs_is_alarmed_and_never_sent)
{
        Pb__Order *order = world_make_entry(w, BUY, false);

        world_order(w, 1, order, false);
        world_commit(w);
        world_settle(w);
        order->legs[0]->volume_e8 *= 2;
        world_order(w, 1, order, false);
        world_commit(w);
        world_settle(w);
        cr_expect(world_alarm(w, "order_differs"));
        cr_expect_eq(w->tb->submits, 2);
}

Test(queue, a_repeat_is_known_after_a_restart_and_after_it_was_forgotten)
{
        Pb__Order order = *world_make_entry(w, BUY, false);

        world_order(w, 1, &order, false);
        world_commit(w);
        world_settle(w);
        restart();
        ex_book_forget(w->book, INT64_MAX, INT64_MAX);
        cr_expect_null(world_job(w, 1));
        world_order(w, 1, &order, false);
        world_commit(w);
        world_run_us(w, SEC);
        cr_expect_eq(w->tb->submits, 2);
        cr_expect_eq(w->tb->position_count, 2);
}

Test(queue, a_filled_leg_without_a_position_is_remembered_for_longer)
{
        struct ex_order *leg;

        open_one(1, BUY);
        leg = world_leg(w, 1, 'A');
        expect_state(leg, FILLED);
        leg->ticket = 0;
        ex_book_recount_order(w->book, leg);
        ex_book_forget(w->book, INT64_MAX, 0);
        cr_expect_not_null(world_job(w, 1), "the figures count it still");
        ex_book_forget(w->book, INT64_MAX, INT64_MAX);
        cr_expect_null(world_job(w, 1));
}

Test(queue, an_exit_that_comes_again_closes_nothing_new)
{
        open_one(1, BUY);
        world_exit(w, 2, BUY);
        world_settle(w);
        open_one(3, BUY);
        world_exit(w, 2, BUY);
        world_settle(w);
        cr_expect_eq(w->tb->position_count, 1);
        cr_expect_eq(world_told(w, 2, EVENT(DONE), "repeat"), 1);
}

/* ---- epochs and beginnings ---- */

Test(queue, an_entry_of_an_older_epoch_is_refused_and_an_exit_is_not)
{
        Pb__Order *order = world_make_entry(w, BUY, false);

        order->epoch = 5;
        world_order(w, 1, order, false);
        world_commit(w);
        world_settle(w);
        single(2, BUY);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "stale_epoch"), 1);
        world_exit(w, 3, BUY);
        world_settle(w);
        cr_expect_eq(w->tb->position_count, 0);
        restart();
        world_run_us(w, SEC);
        single(4, BUY);
        cr_expect_eq(world_told(w, 4, EVENT(REFUSED), "stale_epoch"), 1, "remembered");
}

Test(queue, what_is_older_than_this_store_is_asked_for_and_its_exits_are_not_sent)
{
        Pb__Order *order = world_make_entry(w, BUY, false);

        w->book->switches.restored_us = w->now.wall_us + 1;
        order->n_legs = 1;
        world_order(w, 1, order, false);
        world_commit(w);
        expect_state(world_leg(w, 1, 'A'), UNKNOWN);
        cr_expect_eq(w->tb->submits, 0);
        world_exit(w, 2, BUY);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "before_start"), 1);
}

Test(queue, an_order_of_a_system_that_was_here_before_pauses_entries)
{
        Pb__Order *order = world_make_entry(w, BUY, false);

        w->book->switches.first_start_us = w->now.wall_us;
        order->received_us = order->born_us = w->now.wall_us - 3600 * SEC;
        world_order(w, 1, order, false);
        world_commit(w);
        world_run_us(w, 2 * SEC);
        cr_expect(w->book->switches.paused);
        cr_expect(world_alarm(w, "joined_older_system"));
        expect_state(world_leg(w, 1, 'A'), EXPIRED);
        cr_expect_eq(w->tb->submits, 0);
}
