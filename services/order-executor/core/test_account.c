/*
 * Snapshots, deals and figures: what the books hold of the account.
 */
#include "services/order-executor/core/reconcile.h"
#include "services/order-executor/core/test_rig.h"

TestSuite(account, .init = setup, .fini = teardown);

static void snapshot(Pb__SnapshotQuality quality)
{
        w->tb->quality = quality;
        w->snapshot_wanted = true;
        world_run_us(w, SEC);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
}

static void vanish(uint64_t ticket)
{
        struct tb_position *position = tb_position(w->tb, ticket);

        *position = w->tb->positions[--w->tb->position_count];
}

Test(account, nothing_is_sent_before_a_good_snapshot)
{
        world_cut(w);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_PARTIAL;
        world_connect(w);
        single(1, BUY);
        world_run_us(w, 5 * SEC);
        cr_expect_eq(w->tb->submits, 0);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED;
        world_run_us(w, 5 * SEC);
        cr_expect_eq(w->tb->submits, 0);
        w->tb->quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        world_run_us(w, 2 * SEC);
        expect_state(world_leg(w, 1, 'A'), FILLED);
}

Test(account, a_snapshot_that_is_not_good_changes_no_position)
{
        uint64_t first = open_one(1, BUY)->ticket, second = open_one(2, BUY)->ticket;
        struct ex_findings findings = { 0 };
        Pb__Snapshot nothing = PB__SNAPSHOT__INIT;

        vanish(first);
        vanish(second);
        for (int i = 0; i < 10; i++)
                snapshot(i % 2 ? PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_PARTIAL
                               : PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_FAILED);
        cr_expect_eq(ex_position_open_e8(ex_book_position(w->book, first)), 2000000);
        cr_expect_eq(ex_position_open_e8(ex_book_position(w->book, second)), 2000000);
        nothing.quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_PARTIAL;
        cr_expect_eq(
                ex_reconcile(w->book, &nothing, w->now.mono_us, &findings), EX_VERDICT_PARTIAL);
        nothing.quality = PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK;
        cr_expect_eq(ex_reconcile(w->book, &nothing, w->now.mono_us, &findings), EX_VERDICT_FAILED,
                "good, says it, and has no account");
        cr_expect_eq(findings.count, 0);
}

Test(account, a_position_gone_without_a_deal_is_given_up_at_the_second_good_snapshot)
{
        uint64_t ticket = open_one(1, BUY)->ticket;

        world_run_us(w, SEC);
        vanish(ticket);
        snapshot(PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        cr_expect_not_null(ex_book_position(w->book, ticket), "it may be the snapshot that errs");
        snapshot(PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        cr_expect_null(ex_book_position(w->book, ticket));
}

Test(account, positions_survive_a_restart_with_their_alerts)
{
        struct ex_order *leg = open_one(1, BUY);
        struct ex_position *position;
        uint64_t ticket = leg->ticket;
        char alert[BUS_ID_SIZE];

        world_alert_id(1, alert);
        world_crash(w);
        world_start(w);
        position = ex_book_position(w->book, ticket);
        cr_assert_not_null(position);
        cr_expect_str_eq(position->alert_id, alert);
        cr_expect(position->ours);
        cr_expect_eq(ex_position_open_e8(position), 2000000);
}

Test(account, a_position_of_ours_that_the_books_lost_is_adopted_by_its_comment)
{
        uint64_t ticket = open_one(1, BUY)->ticket;
        struct ex_position *position;

        world_crash(w);
        for (size_t i = 0; i < w->row_count; i++)
                w->rows[i].gone = true;
        world_start(w);
        world_connect(w);
        world_run_us(w, SEC);
        position = ex_book_position(w->book, ticket);
        cr_assert_not_null(position);
        cr_expect(position->ours);
        cr_expect_str_eq(w->told[w->told_count - 1].reason, "found_at_broker");
        world_exit(w, 2, BUY);
        world_settle(w);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(account, a_stop_that_triggers_is_told_with_its_alert_and_counts_once)
{
        uint64_t ticket = open_one(1, BUY)->ticket;
        int64_t before = w->book->risk.lifetime_net_cents;

        tb_hand_close(w->tb, ticket);
        world_settle(w);
        cr_expect_eq(world_told(w, 1, EVENT(DEAL), NULL), 1);
        for (int i = 0; i < 3; i++)
                snapshot(PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        restart();
        world_run_us(w, SEC);
        cr_expect_eq(w->book->risk.lifetime_net_cents, before - 100);
        cr_expect_eq(world_told(w, 1, EVENT(DEAL), NULL), 1);
        cr_expect_null(ex_book_position(w->book, ticket));
}

Test(account, a_deal_made_while_nobody_was_there_counts_too)
{
        uint64_t ticket = open_one(1, BUY)->ticket;

        world_crash(w);
        tb_hand_close(w->tb, ticket);
        tb_cut(w->tb);
        world_start(w);
        world_connect(w);
        world_run_us(w, SEC);
        cr_expect_eq(w->book->risk.lifetime_net_cents, -100);
        cr_expect_eq(world_told(w, 1, EVENT(DEAL), NULL), 1);
}

Test(account, what_others_lose_is_not_ours)
{
        struct tb_position *position = &w->tb->positions[w->tb->position_count++];

        *position = (struct tb_position){ .ticket = 9,
                .symbol = "EURUSD",
                .side = BUY,
                .volume_e8 = 5000000,
                .price_e8 = 110000000,
                .magic = 99 };
        snapshot(PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        tb_hand_close(w->tb, 9);
        world_settle(w);
        cr_expect_eq(w->book->risk.lifetime_net_cents, 0);
        cr_expect_eq(ex_book_figures(w->book, NULL, 0).open_positions, 0);
}

Test(account, open_risk_is_what_is_lost_at_the_stops_under_way_included)
{
        struct ex_figures figures;

        w->book->limits.count_open_risk = true;
        single(1, BUY);
        figures = ex_book_figures(w->book, NULL, 0);
        cr_expect_eq(figures.open_risk_cents, 400, "a leg under way: 0.002 at 0.02 lots");
        cr_expect_eq(figures.open_positions, 1);
        world_settle(w);
        figures = ex_book_figures(w->book, NULL, 0);
        cr_expect_eq(figures.open_positions, 1, "counted once");
        cr_expect_eq(figures.open_risk_cents, 400);
        cr_expect_eq(figures.daily_loss_cents, 400);
        w->book->limits.count_open_risk = false;
        cr_expect_eq(ex_book_figures(w->book, NULL, 0).daily_loss_cents, 0);
}

Test(account, a_cap_stops_a_burst_judged_by_one_stale_context)
{
        w->book->limits.count_open_risk = true;
        w->book->limits.daily_cap_cents = 1000;
        for (unsigned int i = 1; i <= 4; i++)
                single(i, BUY);
        expect_state(world_leg(w, 2, 'A'), INTENT);
        expect_state(world_leg(w, 3, 'A'), REFUSED);
        expect_state(world_leg(w, 4, 'A'), REFUSED);
        cr_expect_eq(world_told(w, 4, EVENT(REFUSED), "daily_cap"), 1);
}

Test(account, the_number_of_positions_is_held_legs_under_way_counted)
{
        w->book->limits.max_open_positions = 3;
        world_entry(w, 1, BUY, false);
        world_entry(w, 2, BUY, false);
        expect_state(world_leg(w, 2, 'A'), REFUSED);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "max_open_positions"), 2);
        world_settle(w);
        reverse(3, SELL);
        world_settle(w);
        expect_state(world_leg(w, 3, 'A'), FILLED);
}

Test(account, a_stale_context_refuses_entries_and_never_exits)
{
        Pb__Order *order;

        w->book->limits.context_max_age_us = 60 * SEC;
        open_one(1, BUY);
        order = world_make_entry(w, BUY, false);
        order->context_as_of_us -= 61 * SEC;
        world_order(w, 2, order, false);
        order = world_make_exit(w, BUY);
        order->context_as_of_us = 0;
        world_order(w, 3, order, false);
        world_commit(w);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "context_stale"), 2);
        world_settle(w);
        cr_expect_eq(w->tb->position_count, 0);
}

Test(account, a_netting_account_and_another_account_are_refused)
{
        Pb__Hello hello = *tb_hello(w->tb);
        Pb__BrokerAccount account = *hello.account;

        hello.account = &account;
        cr_expect_null(ex_book_hello_refusal(w->book, &hello));
        account.mode = PB__ACCOUNT_MODE__ACCOUNT_MODE_NETTING;
        cr_expect_not_null(ex_book_hello_refusal(w->book, &hello));
        w->book->allow_netting = true;
        cr_expect_null(ex_book_hello_refusal(w->book, &hello));
        account.login = 78;
        cr_expect_not_null(ex_book_hello_refusal(w->book, &hello));
}

Test(account, without_a_quote_entries_wait_and_exits_do_not)
{
        open_one(1, BUY);
        world_cut(w);
        w->link = true;
        ex_book_hello(w->book, tb_hello(w->tb), w->now);
        world_commit(w);
        world_run_us(w, SEC);
        single(2, BUY);
        world_exit(w, 3, SELL);
        world_run_us(w, SEC);
        expect_state(world_leg(w, 2, 'A'), RECEIVED);
        world_exit(w, 4, BUY);
        world_run_us(w, 5 * SEC);
        expect_state(world_close(w, 4, 0), FILLED);
}

Test(account, a_server_that_is_away_stops_sending_until_it_is_back)
{
        ex_book_server(w->book, false, w->now);
        single(1, BUY);
        world_run_us(w, SEC);
        cr_expect_eq(w->tb->submits, 0);
        ex_book_server(w->book, true, w->now);
        world_commit(w);
        world_settle(w);
        expect_state(world_leg(w, 1, 'A'), FILLED);
}

/* ---- the service layer ---- */

Test(account, an_entry_needs_free_margin_what_is_under_way_counted)
{
        w->tb->margin_free_cents = 5000; /* two legs of 0.02 lots need 2000 each */
        snapshot(PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        single(1, BUY);
        single(2, BUY);
        single(3, BUY);
        expect_state(world_leg(w, 2, 'A'), INTENT);
        expect_state(world_leg(w, 3, 'A'), REFUSED);
        cr_expect_eq(world_told(w, 3, EVENT(REFUSED), "no_margin"), 1);
        world_settle(w);
        snapshot(PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        single(4, BUY);
        expect_state(world_leg(w, 4, 'A'), INTENT);
}

Test(account, a_reversal_is_asked_for_margin_behind_its_closes)
{
        open_one(1, SELL);
        w->tb->margin_free_cents = 0;
        snapshot(PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        reverse(2, BUY);
        w->tb->margin_free_cents = 5000;
        expect_state(world_close(w, 2, 0), INTENT);
        world_settle(w);
        expect_state(world_close(w, 2, 0), FILLED);
        expect_state(world_leg(w, 2, 'A'), REFUSED);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "no_margin"), 1);
}

#define ENABLE  PB__COMMAND__COMMAND_ENABLE_SERVICE_API
#define DISABLE PB__COMMAND__COMMAND_DISABLE_SERVICE_API

static Pb__ResultStatus command(unsigned int id, Pb__Command what)
{
        return world_command(w, id, what).status;
}

Test(account, without_the_service_layer_the_hard_limits_are_all)
{
        w->tb->margin_free_cents = 0;
        snapshot(PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        cr_expect_eq(command(80, DISABLE), PB__RESULT_STATUS__RESULT_STATUS_DONE);
        open_one(1, BUY);
}

Test(account, the_bypass_of_the_service_layer_survives_a_restart)
{
        cr_expect_eq(command(80, ENABLE), PB__RESULT_STATUS__RESULT_STATUS_UNCHANGED);
        cr_expect_eq(command(81, DISABLE), PB__RESULT_STATUS__RESULT_STATUS_DONE);
        cr_expect_eq(command(82, DISABLE), PB__RESULT_STATUS__RESULT_STATUS_UNCHANGED);
        restart();
        w->tb->margin_free_cents = 0;
        world_run_us(w, SEC);
        open_one(1, BUY);
        cr_expect_eq(command(83, ENABLE), PB__RESULT_STATUS__RESULT_STATUS_DONE);
        single(2, BUY);
        expect_state(world_leg(w, 2, 'A'), REFUSED);
        cr_expect_eq(world_told(w, 2, EVENT(REFUSED), "no_margin"), 1);
        restart();
        cr_expect(!w->book->switches.service_api_off);
}

/* The layer comes back to legs it has not let through itself. */
Test(account, what_went_past_the_service_layer_is_spoken_for_when_it_is_back)
{
        w->tb->margin_free_cents = 5000; /* two legs of 0.02 lots need 2000 each */
        snapshot(PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        cr_expect_eq(command(80, DISABLE), PB__RESULT_STATUS__RESULT_STATUS_DONE);
        single(1, BUY);
        single(2, BUY);
        cr_expect_eq(command(81, ENABLE), PB__RESULT_STATUS__RESULT_STATUS_DONE);
        single(3, BUY);
        expect_state(world_leg(w, 2, 'A'), INTENT);
        expect_state(world_leg(w, 3, 'A'), REFUSED);
}

struct booked {
        int fills, closes, named;
        int64_t profit_cents;
};

static void book_profit(void *arg, const struct ex_booking *booking)
{
        struct booked *booked = arg;

        booked->fills += !booking->closes;
        booked->closes += booking->closes;
        booked->profit_cents += booking->profit_cents;
        booked->named += !strcmp(booking->symbol, "EURUSD") && booking->side == BUY;
}

Test(account, the_hook_hears_of_each_fill_and_each_close_once)
{
        struct booked booked = { 0 };

        w->book->hook = (struct ex_hook){ book_profit, &booked };
        open_one(1, BUY);
        open_one(2, BUY);
        tb_hand_close(w->tb, world_leg(w, 1, 'A')->ticket);
        world_settle(w);
        world_exit(w, 3, BUY);
        world_settle(w);
        snapshot(PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        cr_expect_eq(booked.fills, 2);
        cr_expect_eq(booked.closes, 2);
        cr_expect_eq(booked.named, 4, "by symbol and by the position's side");
        cr_expect_eq(booked.profit_cents, -200);
}

static size_t saves(const struct ex_order *order)
{
        size_t count = 0;

        for (size_t i = 0; i < w->book->fx.count; i++)
                count += w->book->fx.items[i].kind == EX_FX_SAVE_ORDER &&
                         w->book->fx.items[i].order == order;
        return count;
}

/* Taken in and sent within one call: one record goes into the commit, as it stands in the end. */
Test(account, an_order_is_saved_once_a_call)
{
        struct ex_order *leg;

        world_order(w, 1, world_make_entry(w, BUY, false), false);
        leg = world_leg(w, 1, 'A');
        cr_assert_eq(leg->state, STATE(INTENT));
        cr_expect_eq(saves(leg), 1);
        world_commit(w);
        world_settle(w);
        cr_expect_eq(leg->state, STATE(FILLED));
        restart();
        cr_expect_null(world_job(w, 1), "it was saved as ended, and is not loaded");
}
