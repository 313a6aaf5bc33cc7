/*
 * Word ahead of an order: it is promised on the disk, and then goes out before its own commit. Whoever
 * dies in between asks the terminal, and sends nothing twice.
 */
#include "services/order-executor/core/test_rig.h"

TestSuite(promise, .init = setup, .fini = teardown);

/* One leg, as a strategy would write it at this moment. */
static Pb__Order *entry(Pb__Side side)
{
        Pb__Order *order = world_make_entry(w, side, false);

        order->n_legs = 1;
        return order;
}

/* The order comes, and nothing is committed yet. */
static void take(unsigned int alert, const Pb__Order *order)
{
        world_order(w, alert, order, false);
}

static size_t arrived(void)
{
        while (world_to_terminal(w))
                ;
        return w->tb->submits;
}

Test(promise, what_is_promised_goes_out_before_its_commit)
{
        cr_assert(world_notice(w, 1, entry(BUY)));
        cr_expect_eq(arrived(), 0, "a notice alone sends nothing");
        take(1, entry(BUY));
        cr_expect_eq(arrived(), 1);
        world_commit(w);
        world_settle(w);
        expect_state(world_leg(w, 1, 'A'), FILLED);
        cr_expect_eq(w->tb->submits, 1, "the commit sends it no second time");
        cr_expect_eq(w->book->promises.count, 0);
}

Test(promise, without_word_ahead_nothing_goes_out_before_the_commit)
{
        take(1, entry(BUY));
        cr_expect_eq(arrived(), 0);
        world_commit(w);
        cr_expect_eq(arrived(), 1);
}

Test(promise, one_whose_commit_has_not_returned_counts_for_nothing)
{
        cr_assert(world_notice(w, 1, entry(BUY)));
        w->book->promises.items[0].durable = false;
        take(1, entry(BUY));
        cr_expect_eq(arrived(), 0);
        world_commit(w);
        cr_expect_eq(arrived(), 1);
}

Test(promise, an_order_that_came_out_otherwise_waits_for_its_commit)
{
        Pb__Order *order;

        cr_assert(world_notice(w, 1, entry(BUY)));
        order = entry(BUY);
        order->legs[0]->volume_e8 *= 2;
        take(1, order);
        cr_expect_eq(arrived(), 0);
        world_commit(w);
        cr_expect_eq(arrived(), 1);
        cr_expect_eq(w->book->promises.count, 0);
}

Test(promise, a_death_behind_the_sending_executes_once)
{
        cr_assert(world_notice(w, 1, entry(BUY)));
        take(1, entry(BUY));
        cr_expect_eq(arrived(), 1);
        restart(); /* without the commit: the stream has the order again */
        take(1, entry(BUY));
        world_commit(w);
        cr_expect_eq(arrived(), 1, "asked for, not sent");
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 1, 'A'), FILLED);
        cr_expect_eq(w->tb->submits, 1);
}

Test(promise, a_death_before_the_sending_loses_nothing)
{
        cr_assert(world_notice(w, 1, entry(BUY)));
        restart();
        take(1, entry(BUY));
        world_commit(w);
        cr_expect_eq(arrived(), 0, "the terminal is asked first");
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 1, 'A'), FILLED);
        cr_expect_eq(w->tb->submits, 1);
}

/* The rules that are about the order itself hold for one that is sent after all. */
Test(promise, a_death_before_the_sending_lets_no_old_epoch_through)
{
        Pb__Order *order;

        cr_assert(world_notice(w, 1, entry(BUY)));
        order = entry(BUY);
        order->epoch = 5;
        world_order(w, 2, order, false);
        world_commit(w);
        world_settle(w);
        restart();
        take(1, entry(BUY));
        world_commit(w);
        restart(); /* and it is kept with the alert */
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 1, 'A'), EXPIRED);
        cr_expect_str_eq(world_leg(w, 1, 'A')->reason, "stale_epoch");
        cr_expect_eq(w->tb->submits, 1);
}

/* Nothing was sent, so it is an entry like any other: what opened on the other side is closed first. */
Test(promise, a_death_before_the_sending_leaves_a_reversal_what_it_closes)
{
        take(1, entry(SELL)); /* and its answer is still to come when the notice does */
        world_commit(w);
        cr_assert(world_notice(w, 2, world_make_entry(w, BUY, true)));
        restart();
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 1, 'A'), FILLED);
        take(2, world_make_entry(w, BUY, true));
        world_commit(w);
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 2, 'A'), FILLED);
        cr_expect_not_null(ex_job_close_of(world_job(w, 2), world_leg(w, 1, 'A')->ticket));
        expect_state(ex_job_close_of(world_job(w, 2), world_leg(w, 1, 'A')->ticket), FILLED);
}

Test(promise, a_death_before_the_sending_lets_no_limit_go_unlooked_at)
{
        cr_assert(world_notice(w, 1, entry(BUY)));
        restart();
        w->book->limits.max_lot_e8 = 1;
        take(1, entry(BUY));
        world_commit(w);
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 1, 'A'), EXPIRED);
        cr_expect_str_eq(world_leg(w, 1, 'A')->reason, "max_lot");
        cr_expect_eq(w->tb->submits, 0);
        cr_expect_eq(world_job(w, 1)->phase, EX_JOB_DONE);
}

/* Its own legs are no others, while they are asked for and behind that. */
Test(promise, a_death_before_the_sending_does_not_count_against_itself)
{
        w->book->limits.max_open_positions = 2;
        cr_assert(world_notice(w, 1, world_make_entry(w, BUY, false)));
        restart();
        w->book->limits.max_open_positions = 2;
        take(1, world_make_entry(w, BUY, false));
        world_commit(w);
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 1, 'A'), FILLED);
        expect_state(world_leg(w, 1, 'B'), FILLED);
}

/* Also across one more death in the middle of the asking. */
Test(promise, what_is_asked_for_waits_for_its_turn)
{
        cr_assert(world_notice(w, 1, entry(BUY)));
        restart();
        take(1, entry(BUY));
        world_commit(w);
        restart();
        w->book->limits.max_lot_e8 = 1;
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 1, 'A'), EXPIRED);
        cr_expect_eq(w->tb->submits, 0);
}

/* The next start would take them for sent. */
Test(promise, a_stop_takes_them_back)
{
        cr_assert(world_notice(w, 1, entry(BUY)));
        w->book->stopping = true;
        ex_book_take_back_promises(w->book);
        cr_expect(!world_notice(w, 2, entry(BUY)));
        world_commit(w);
        restart();
        cr_expect_eq(w->book->promises.count, 0);
}

Test(promise, only_entries_with_nothing_to_close_are_promised)
{
        cr_expect(!world_notice(w, 1, world_make_exit(w, BUY)));
        cr_expect(world_notice(w, 2, world_make_entry(w, BUY, true)), "nothing is open");
        cr_expect(world_notice(w, 3, entry(BUY)));
        cr_expect(!world_notice(w, 3, entry(BUY)), "a second word says nothing new");
        open_one(4, BUY);
        cr_expect(!world_notice(w, 4, entry(BUY)), "it is here already");
        cr_expect(world_notice(w, 5, world_make_entry(w, BUY, true)), "its own side is not closed");
        cr_expect(!world_notice(w, 6, world_make_entry(w, SELL, true)));
}

Test(promise, a_reversal_with_nothing_to_reverse_goes_out_before_its_commit)
{
        cr_assert(world_notice(w, 1, world_make_entry(w, BUY, true)));
        take(1, world_make_entry(w, BUY, true));
        cr_expect_eq(arrived(), 2);
        world_commit(w);
        world_settle(w);
        cr_expect_eq(w->tb->submits, 2);
}

/* What it closes is no part of the promise. */
Test(promise, what_opened_since_is_closed_first_and_behind_the_commit)
{
        cr_assert(world_notice(w, 1, world_make_entry(w, BUY, true)));
        open_one(2, SELL);
        cr_assert_eq(w->tb->submits, 1);
        take(1, world_make_entry(w, BUY, true));
        cr_expect_eq(arrived(), 1, "nothing yet");
        world_commit(w);
        cr_expect_eq(arrived(), 2, "the close alone");
        world_settle(w);
        cr_expect_eq(w->tb->submits, 4);
        expect_state(world_leg(w, 1, 'A'), FILLED);
}

Test(promise, they_are_not_kept_for_ever)
{
        const int64_t never = w->now.wall_us - SEC, at = w->now.wall_us;

        cr_assert(world_notice(w, 1, entry(BUY)));
        restart(); /* this one may have been sent, for all the new process knows */
        cr_assert(world_notice(w, 2, entry(BUY)));
        world_run_us(w, 9 * SEC);
        ex_book_forget_promises(w->book, never, w->now);
        cr_expect_eq(w->book->promises.count, 2);
        world_run_us(w, 2 * SEC);
        ex_book_forget_promises(w->book, never, w->now);
        world_commit(w);
        cr_assert_eq(w->book->promises.count, 1);
        cr_expect(w->book->promises.items[0].found);
        ex_book_forget_promises(w->book, at + 1, w->now);
        world_commit(w);
        restart();
        cr_expect_eq(w->book->promises.count, 0, "nor in the store");
}

Test(promise, there_are_only_so_many)
{
        for (unsigned int i = 0; i < EX_PROMISES_MAX; i++)
                cr_assert(world_notice(w, i, entry(BUY)));
        cr_expect(!world_notice(w, EX_PROMISES_MAX, entry(BUY)));
        restart();
        cr_expect_eq(w->book->promises.count, EX_PROMISES_MAX);
        world_run_us(w, SEC);
        take(EX_PROMISES_MAX, entry(BUY));
        world_commit(w);
        world_settle(w);
        expect_state(world_leg(w, EX_PROMISES_MAX, 'A'), FILLED);
}
