#include "services/mt5-demo/test_desk_rig.h"

#include "libbus/base/e8.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(desk, writes_a_request_down_before_anything_else)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        const char *text, *request, *deal, *result;

        (void)desk_rig_open(rig, "ONE");
        text = bus_buf_str(&rig->ledger);
        request = strstr(text, "\"event\":\"request\"");
        deal = strstr(text, "\"event\":\"deal\"");
        result = strstr(text, "\"event\":\"result\"");
        cr_assert(request && deal && result);
        cr_expect(request < deal && deal < result);
}

Test(desk, answers_a_known_attempt_with_its_result)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        const struct order order = desk_rig_order("SAME", 1);
        struct report first;

        cr_assert_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
        first = *desk_rig_report(rig);
        rig->at.wall_us += 1000;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
        cr_expect_eq(desk_rig_report(rig)->position, first.position);
        cr_expect_eq(desk_rig_report(rig)->at_us, first.at_us);
        cr_expect_eq(rig->deals_written, 1);
        cr_expect_eq(rig->requests, 2, "a repeat is a request line all the same");
}

Test(desk, takes_another_attempt_only_after_a_definite_refusal)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("AGAIN", 1);

        desk_rig_fault(rig, "requote");
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_REQUOTE);
        order.attempt = 2;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
        order.attempt = 3;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_REJECT, "2 was executed");
        cr_expect_eq(rig->deals_written, 1);
}

Test(desk, takes_no_attempt_out_of_order)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("LATE", 2);

        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_REJECT, "1 may still come");
        order.attempt = 1;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
        order.attempt = 3;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_REJECT);
        cr_expect_eq(rig->deals_written, 1);
}

Test(desk, buries_an_attempt_that_was_asked_for_and_never_seen)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("LOST", 1);

        cr_expect_eq(desk_rig_query(rig, "LOST", 1), QUERY_NEVER_SEEN);
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_REJECT, "it came after all");
        cr_expect_eq(desk_rig_query(rig, "LOST", 1), QUERY_NEVER_SEEN);
        order.attempt = 2;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
        cr_expect_eq(desk_rig_query(rig, "LOST", 2), QUERY_FINAL);
        cr_expect_eq(rig->answer.retcode, RETCODE_DONE);
        cr_expect_eq(rig->deals_written, 1);
}

Test(desk, refuses_tokens_lower_than_the_highest_seen)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("STALE", 1);

        cr_expect(desk_take_token(&rig->desk, 7, rig->at));
        cr_expect(desk_take_token(&rig->desk, 7, rig->at));
        cr_expect_not(desk_take_token(&rig->desk, 6, rig->at));
        order.token = 6;
        cr_expect_eq(desk_rig_submit(rig, &order), 0);
        cr_expect_eq(rig->refused_count, 1);
        cr_expect_eq(rig->requests, 1);
        desk_query(&rig->desk, "STALE", 1, 6, rig->at);
        cr_expect_eq(rig->refused_count, 2);
        cr_expect_eq(rig->answer_count, 0);
        order.token = 7;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE, "the refused one left no trace");
}

Test(desk, holds_a_delayed_request_and_says_it_is_in_doubt)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("SLOW", 1);

        desk_rig_fault(rig, "delay 500");
        cr_expect_eq(desk_rig_submit(rig, &order), 0);
        cr_expect_eq(desk_rig_query(rig, "SLOW", 1), QUERY_IN_DOUBT);
        cr_expect_eq(desk_next_due(&rig->desk), rig->at.mono_us + 500000);
        cr_expect_eq(desk_rig_submit(rig, &order), 0, "a repeat waits with it");
        order.attempt = 2;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_REJECT);
        desk_rig_wait(rig, 499999);
        cr_expect_eq(rig->deals_written, 0);
        desk_rig_wait(rig, 1);
        cr_expect_eq(rig->deals_written, 1);
        cr_expect_eq(desk_rig_query(rig, "SLOW", 1), QUERY_FINAL);
}

Test(desk, lets_a_deadline_pass_while_it_waits)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("SLOW", 1);

        order.deadline_us = rig->at.wall_us + 100000;
        desk_rig_fault(rig, "delay 500");
        cr_expect_eq(desk_rig_submit(rig, &order), 0);
        desk_rig_wait(rig, 500000);
        cr_expect_eq(desk_rig_report(rig)->retcode, RETCODE_REJECT);
        cr_expect_str_eq(desk_rig_report(rig)->comment, "expired");
        cr_expect_eq(rig->deals_written, 0);
}

Test(desk, judges_a_deadline_by_its_own_clock)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("SKEWED", 1);

        order.deadline_us = rig->at.wall_us + BUS_US_PER_SEC;
        desk_rig_fault(rig, "clock-skew 2000");
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_REJECT);
}

Test(desk, places_and_fills_later)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("PLACED", 1);
        uint64_t ticket;

        desk_rig_fault(rig, "place 300");
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_PLACED);
        ticket = desk_rig_report(rig)->order;
        cr_expect_neq(ticket, 0);
        cr_expect_eq(desk_rig_query(rig, "PLACED", 1), QUERY_FINAL);
        cr_expect_eq(rig->answer.retcode, RETCODE_PLACED);
        desk_rig_wait(rig, 300000);
        cr_expect_eq(desk_rig_report(rig)->retcode, RETCODE_DONE);
        cr_expect_eq(desk_rig_report(rig)->order, ticket);
        cr_expect_eq(desk_rig_report(rig)->position, ticket);
        cr_expect_eq(rig->deal_count, 1);
        order.attempt = 2;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_REJECT);
}

Test(desk, refuses_a_placed_close_whose_position_is_gone)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        const struct order close = desk_rig_close("CLOSE", desk_rig_open(rig, "OPEN"));

        desk_rig_fault(rig, "place 300");
        cr_expect_eq(desk_rig_submit(rig, &close), RETCODE_PLACED);
        cr_assert_eq(desk_close_by_hand(&rig->desk, close.position, rig->at), 0);
        cr_expect_eq(rig->last.reason, REASON_CLIENT);
        desk_rig_wait(rig, 300000);
        cr_expect_eq(desk_rig_report(rig)->retcode, RETCODE_POSITION_CLOSED);
}

Test(desk, fills_in_part)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("PART", 1);

        desk_rig_fault(rig, "partial 0.55");
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE_PARTIAL);
        cr_expect_eq(desk_rig_report(rig)->volume_e8, 5 * E8_ONE / 100, "floored to the step");
        order = desk_rig_close("CLOSE", desk_rig_report(rig)->position);
        order.volume_e8 = 5 * E8_ONE / 100;
        desk_rig_fault(rig, "partial 0.01");
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE_PARTIAL);
        cr_expect_eq(desk_rig_report(rig)->volume_e8, E8_ONE / 100, "at least a step");
        cr_expect_eq(rig->desk.account.positions[0]->volume_e8, 4 * E8_ONE / 100);
}

Test(desk, executes_and_keeps_silent)
{
        static const char *const silent[] = { "lose-reply", "cut-after" };

        for (size_t i = 0; i < BUS_COUNT(silent); i++) {
                DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
                struct order order = desk_rig_order("QUIET", 1);

                desk_rig_fault(rig, silent[i]);
                cr_expect_eq(desk_rig_submit(rig, &order), 0);
                cr_expect_eq(rig->deals_written, 1);
                cr_expect_eq(rig->deal_count, 0);
                cr_expect_eq(rig->cut_count, i);
                cr_expect_eq(desk_rig_query(rig, "QUIET", 1), QUERY_FINAL);
                cr_expect_eq(rig->answer.retcode, RETCODE_DONE);
                cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE, "the repeat is answered");
                cr_expect_eq(rig->deals_written, 1);
        }
}

Test(desk, executes_and_says_it_timed_out)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        const struct order order = desk_rig_order("TIMEOUT", 1);

        desk_rig_fault(rig, "timeout");
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_TIMEOUT);
        cr_expect_eq(desk_rig_query(rig, "TIMEOUT", 1), QUERY_FINAL);
        cr_expect_eq(rig->answer.retcode, RETCODE_DONE);
}

Test(desk, drops_the_link_before_it_acts)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("CUT", 1);

        desk_rig_fault(rig, "cut-before");
        cr_expect_eq(desk_rig_submit(rig, &order), 0);
        cr_expect_eq(rig->cut_count, 1);
        cr_expect_eq(rig->requests, 1);
        cr_expect_eq(desk_rig_query(rig, "CUT", 1), QUERY_NEVER_SEEN, "by the broker");
        order.attempt = 2;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
        cr_expect_eq(rig->deals_written, 1);
}

Test(desk, makes_way_for_the_next_attempt_by_itself)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("CUT", 1);

        desk_rig_fault(rig, "cut-before");
        cr_expect_eq(desk_rig_submit(rig, &order), 0);
        desk_rig_fault(rig, "in-doubt 100");
        order.attempt = 2;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_REJECT, "while it cannot know");
        desk_rig_wait(rig, 100000);
        order.attempt = 3;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
        order.attempt = 1;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_REJECT);
        cr_expect_eq(rig->deals_written, 1);
}

Test(desk, loses_a_request_on_the_way)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        const struct order order = desk_rig_order("GONE", 1);

        desk_rig_fault(rig, "lose-request");
        cr_expect_eq(desk_rig_submit(rig, &order), 0);
        cr_expect_eq(rig->requests, 0);
        cr_expect_eq(rig->last.event, EVENT_FAULT);
        cr_expect_eq(desk_rig_query(rig, "GONE", 1), QUERY_NEVER_SEEN);
}

Test(desk, is_in_doubt_while_it_is_disconnected)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        const struct order order = desk_rig_order("OFFLINE", 1);
        uint64_t ticket = desk_rig_open(rig, "BEFORE");

        desk_rig_fault(rig, "disconnected for=1000");
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_CONNECTION);
        cr_expect_eq(desk_rig_query(rig, "OFFLINE", 1), QUERY_IN_DOUBT);
        cr_expect_eq(desk_rig_query(rig, "BEFORE", 1), QUERY_FINAL);
        cr_assert_eq(desk_close_by_hand(&rig->desk, ticket, rig->at), 0);
        cr_expect_eq(rig->deal_count, 1, "the close is not told yet");
        desk_rig_wait(rig, 1000000);
        cr_expect_eq(rig->deal_count, 2);
        cr_expect_eq(desk_rig_query(rig, "OFFLINE", 1), QUERY_NEVER_SEEN);
}

Test(desk, answers_in_doubt_on_command)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();

        (void)desk_rig_open(rig, "KNOWN");
        desk_rig_fault(rig, "in-doubt 200");
        cr_expect_eq(desk_rig_query(rig, "KNOWN", 1), QUERY_IN_DOUBT);
        cr_expect_eq(desk_rig_query(rig, "UNKNOWN", 1), QUERY_IN_DOUBT);
        desk_rig_wait(rig, 200000);
        cr_expect_eq(desk_rig_query(rig, "KNOWN", 1), QUERY_FINAL);
        cr_expect_eq(desk_rig_query(rig, "UNKNOWN", 1), QUERY_NEVER_SEEN);
}

Test(desk, refuses_in_states_and_on_command)
{
        static const struct {
                const char *fault;
                uint32_t retcode;
        } cases[] = {
                { "market-closed", RETCODE_MARKET_CLOSED },
                { "autotrading-off", RETCODE_CLIENT_DISABLES_AT },
                { "requote", RETCODE_REQUOTE },
                { "reject 10029", RETCODE_FROZEN },
                { "reject 10999", 10999 },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
                struct order order = desk_rig_order("NO", 1);

                desk_rig_fault(rig, cases[i].fault);
                cr_expect_eq(desk_rig_submit(rig, &order), cases[i].retcode, "%s", cases[i].fault);
                cr_expect_eq(desk_rig_query(rig, "NO", 1), QUERY_FINAL);
                cr_assert_eq(faults_clear(&rig->desk.faults, ""), 0);
                order.attempt = 2;
                cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
        }
}

Test(desk, stays_in_doubt_after_a_rejection_that_says_nothing)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        struct order order = desk_rig_order("HM", 1);

        desk_rig_fault(rig, "reject 10012");
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_TIMEOUT);
        cr_expect_eq(desk_rig_query(rig, "HM", 1), QUERY_NEVER_SEEN);
        order.attempt = 2;
        cr_expect_eq(desk_rig_submit(rig, &order), RETCODE_DONE);
}

Test(desk, reports_twice_on_command)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();

        desk_rig_fault(rig, "duplicate-report");
        (void)desk_rig_open(rig, "TWICE");
        cr_expect_eq(rig->report_count, 2);
        cr_expect_eq(rig->deal_count, 2);
        cr_expect_eq(rig->deals_written, 1);
}

Test(desk, knows_no_position_that_is_not_there)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();

        cr_expect_eq(desk_close_by_hand(&rig->desk, 5, rig->at), -ENOENT);
}
