/*
 * Exits: until the ticket is gone. And closes by hand.
 */
#include "services/order-executor/core/test_rig.h"

TestSuite(exits, .init = setup, .fini = teardown);

static Pb__Control close_all(bool whole_account)
{
        Pb__Control control = PB__CONTROL__INIT;

        control.command = PB__COMMAND__COMMAND_CLOSE_ALL;
        control.scope_account = whole_account;
        return control;
}

/* A position somebody else has, on the same account. */
static uint64_t foreign(const char *symbol)
{
        struct tb_position *position = &w->tb->positions[w->tb->position_count++];

        *position = (struct tb_position){ .ticket = w->tb->next_ticket++,
                .side = BUY,
                .volume_e8 = 5000000,
                .price_e8 = w->tb->ask_e8,
                .magic = 99 };
        snprintf(position->symbol, sizeof(position->symbol), "%s", symbol);
        w->snapshot_wanted = true;
        world_run_us(w, SEC);
        return position->ticket;
}

Test(exits, close_every_position_of_their_side_and_no_other)
{
        open_one(1, BUY);
        open_one(2, BUY);
        open_one(3, SELL);
        foreign("EURUSD");
        world_exit(w, 4, BUY);
        world_settle(w);
        cr_expect_eq(w->tb->position_count, 2);
        expect_state(world_close(w, 4, 0), FILLED);
        expect_state(world_close(w, 4, 1), FILLED);
        cr_expect_null(world_close(w, 4, 2));
        cr_expect_eq(world_job(w, 4)->state, STATE(FILLED));
}

Test(exits, with_nothing_to_close_say_so)
{
        world_exit(w, 1, BUY);
        cr_expect_eq(world_told(w, 1, EVENT(NOTHING_TO_CLOSE), NULL), 1);
        cr_expect_eq(world_told(w, 1, EVENT(DONE), "nothing_to_close"), 1);
}

Test(exits, know_no_limit_of_attempts_and_a_person_hears_of_the_third)
{
        open_one(1, BUY);
        for (int i = 0; i < 12; i++)
                tb_script(w->tb, TB_CODE(RETCODE_MARKET_CLOSED));
        world_exit(w, 2, BUY);
        world_run_us(w, 600 * BUS_US_PER_MS);
        cr_expect(!world_alarm(w, "exit_failing"));
        world_run_us(w, 2 * SEC);
        cr_expect(world_alarm(w, "exit_failing"));
        world_run_us(w, 200 * SEC);
        expect_state(world_close(w, 2, 0), FILLED);
        cr_expect_eq(world_close(w, 2, 0)->attempt, 13);
        cr_expect(!world_alarm(w, "exit_failing"));
        cr_expect_eq(w->tb->position_count, 0);
}

Test(exits, a_partial_close_is_followed_by_one_of_the_rest)
{
        open_one(1, BUY);
        tb_script(w->tb, TB_PARTIAL);
        world_exit(w, 2, BUY);
        world_settle(w);
        expect_state(world_close(w, 2, 0), PARTIAL);
        expect_state(world_close(w, 2, 1), FILLED);
        cr_expect_eq(world_close(w, 2, 1)->volume_e8, 1000000);
        cr_expect_eq(world_close(w, 2, 1)->part, 2);
        cr_expect_eq(w->tb->position_count, 0);
        cr_expect_eq(world_job(w, 2)->state, STATE(FILLED));
}

Test(exits, a_rejected_close_is_alarmed_and_taken_up_again)
{
        open_one(1, BUY);
        tb_script(w->tb, TB_CODE(RETCODE_REJECT));
        world_exit(w, 2, BUY);
        world_run_us(w, 5 * SEC);
        expect_state(world_close(w, 2, 0), REJECTED);
        cr_expect(world_alarm(w, "order_rejected"));
        expect_state(world_close(w, 2, 1), FILLED);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(exits, a_close_that_nobody_executed_is_sent_again_while_its_ticket_is_open)
{
        open_one(1, BUY);
        tb_script(w->tb, TB_DOUBT_LOST);
        world_exit(w, 2, BUY);
        world_run_us(w, 30 * SEC);
        expect_state(world_close(w, 2, 0), NOT_EXECUTED);
        expect_state(world_close(w, 2, 1), FILLED);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(exits, a_close_never_seen_is_sent_again_however_old)
{
        open_one(1, BUY);
        world_exit(w, 2, BUY);
        world_cut(w); /* with the close still on the wire */
        w->book->rules.unknown_manual_us = 3600 * SEC;
        world_run_us(w, 300 * SEC);
        expect_state(world_close(w, 2, 0), UNKNOWN);
        world_connect(w);
        world_run_us(w, 5 * SEC);
        expect_state(world_close(w, 2, 0), FILLED);
        cr_expect_eq(world_close(w, 2, 0)->attempt, 2);
}

Test(exits, a_position_already_closed_is_done)
{
        uint64_t ticket = open_one(1, BUY)->ticket;

        w->tb->quiet_deals = true;
        tb_hand_close(w->tb, ticket);
        world_exit(w, 2, BUY);
        world_settle(w);
        expect_state(world_close(w, 2, 0), FILLED);
        cr_expect_str_eq(world_close(w, 2, 0)->reason, "already_closed");
}

Test(exits, a_close_in_doubt_takes_no_credit_for_what_a_stop_has_closed)
{
        uint64_t ticket = open_one(1, BUY)->ticket;

        tb_script(w->tb, TB_DOUBT_LOST);
        world_exit(w, 2, BUY);
        world_settle(w);
        w->tb->quiet_deals = true;
        tb_hand_close(w->tb, ticket);
        world_run_us(w, 10 * SEC);
        cr_expect_eq(world_told(w, 2, EVENT(UNKNOWN), NULL), 1);
        expect_state(world_close(w, 2, 0), FILLED);
        cr_expect_str_eq(world_close(w, 2, 0)->reason, "already_closed");
        cr_expect_eq(world_close(w, 2, 0)->filled_e8, 0);
        cr_expect_eq(world_job(w, 2)->state, STATE(FILLED));
}

Test(exits, a_position_that_has_shrunk_is_looked_at_and_the_rest_closed)
{
        struct tb_position *position = tb_position(w->tb, open_one(1, BUY)->ticket);

        position->volume_e8 -= 1000000; /* behind our back */
        world_exit(w, 2, BUY);
        world_run_us(w, 5 * SEC);
        expect_state(world_close(w, 2, 0), FILLED);
        cr_expect_eq(world_close(w, 2, 0)->volume_e8, 1000000);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(exits, a_ticket_said_to_be_closed_and_still_there_is_closed_again)
{
        struct ex_order *leg = open_one(1, BUY);
        struct tb_position copy = *tb_position(w->tb, leg->ticket);

        world_exit(w, 2, BUY);
        world_settle(w);
        expect_state(world_close(w, 2, 0), FILLED);
        w->tb->positions[w->tb->position_count++] = copy;
        world_run_us(w, 5 * SEC);
        cr_assert_not_null(world_close(w, 2, 1));
        expect_state(world_close(w, 2, 1), FILLED);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(exits, a_second_exit_waits_for_the_first_and_finds_nothing_left)
{
        open_one(1, BUY);
        world_exit(w, 2, BUY);
        world_exit(w, 3, BUY);
        world_settle(w);
        cr_expect_eq(world_told(w, 3, EVENT(NOTHING_TO_CLOSE), NULL), 1);
        cr_expect_eq(w->tb->submits, 2);
}

Test(exits, of_one_side_do_not_wait_for_those_of_the_other)
{
        open_one(1, BUY);
        open_one(2, SELL);
        for (int i = 0; i < 3; i++)
                tb_script(w->tb, TB_CODE(RETCODE_LOCKED));
        world_exit(w, 3, BUY);
        world_settle(w);
        world_exit(w, 4, SELL);
        cr_assert_not_null(world_close(w, 4, 0));
        expect_state(world_close(w, 4, 0), INTENT);
}

Test(exits, that_waited_for_the_broker_over_a_restart_are_sent)
{
        open_one(1, BUY);
        world_cut(w);
        world_exit(w, 2, BUY);
        world_run_us(w, 120 * SEC);
        restart();
        world_run_us(w, SEC);
        cr_expect_eq(w->tb->position_count, 0);
        expect_state(world_close(w, 2, 0), FILLED);
}

/* ---- by hand ---- */

Test(exits, close_all_closes_this_strategys_and_with_the_account_everybodys)
{
        Pb__Control control = close_all(false);
        uint64_t other = foreign("USDJPY");

        open_one(1, BUY);
        open_one(2, SELL);
        cr_expect_eq(world_control(w, 90, &control).status, PB__RESULT_STATUS__RESULT_STATUS_DONE);
        world_settle(w);
        cr_expect_eq(w->tb->position_count, 1);
        cr_expect_not_null(tb_position(w->tb, other));
        control = close_all(true);
        world_control(w, 91, &control);
        world_settle(w);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(exits, close_all_said_twice_in_one_message_is_done_once)
{
        Pb__Control control = close_all(false);

        open_one(1, BUY);
        world_control(w, 90, &control);
        world_control(w, 90, &control);
        world_settle(w);
        cr_expect_eq(w->tb->submits, 2);
}

Test(exits, close_all_takes_entries_under_way_with_it)
{
        Pb__Control control = close_all(false);

        open_one(1, BUY);
        single(2, BUY);
        world_control(w, 90, &control);
        world_settle(w);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(exits, one_ticket_is_closed_by_hand_whoever_it_belongs_to)
{
        Pb__Control control = PB__CONTROL__INIT;
        uint64_t other = foreign("EURUSD");

        open_one(1, BUY);
        control.command = PB__COMMAND__COMMAND_CLOSE;
        control.ticket = other;
        world_control(w, 90, &control);
        world_settle(w);
        cr_expect_null(tb_position(w->tb, other));
        cr_expect_eq(w->tb->position_count, 1);
        control.ticket = 4711;
        cr_expect_str_eq(world_control(w, 91, &control).code, "unknown_ticket");
}
