/* The real binary: repeats, attempts, tokens, snapshots, prices and the commands. */
#include "services/mt5-demo/test_rig.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "services/mt5-demo/ctl.h"

#include <criterion/criterion.h>
#include <signal.h>

#define FREE BROKER_AUTOFREE Pb__BrokerMessage

Test(orders, are_executed_once_however_often_they_come)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("SAME000000000001", 1);
        uint64_t ticket = rig_open(rig, "SAME000000000001");

        for (int i = 0; i < 3; i++) {
                FREE *report = rig_trade(rig, &order);

                cr_expect_eq(report->report->retcode, RETCODE_DONE);
                cr_expect_eq(report->report->position, ticket);
        }
        cr_expect_eq(rig_count(rig, "request", "SAME000000000001"), 4);
        cr_expect_eq(rig_count(rig, "deal", "SAME000000000001"), 1);
}

Test(orders, go_to_the_next_attempt_after_a_refusal_only)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        Pb__Submit order = rig_order("TRY0000000000001", 1);
        FREE *first = NULL, *second = NULL, *third = NULL;

        order.volume_e8 = 1;
        first = rig_trade(rig, &order);
        cr_expect_eq(first->report->retcode, RETCODE_INVALID_VOLUME);
        order.volume_e8 = E8_ONE / 100;
        order.attempt = 2;
        second = rig_trade(rig, &order);
        cr_expect_eq(second->report->retcode, RETCODE_DONE);
        order.attempt = 3;
        third = rig_trade(rig, &order);
        cr_expect_eq(third->report->retcode, RETCODE_REJECT);
        cr_expect_eq(rig_count(rig, "deal", NULL), 1);
}

Test(orders, never_seen_are_buried_when_asked_for)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("LOST000000000001", 1);
        FREE *answer = rig_ask(rig, "LOST000000000001", 1), *report = NULL;

        cr_expect_eq(answer->query_answer->verdict, PB__QUERY_VERDICT__QUERY_VERDICT_NEVER_SEEN);
        report = rig_trade(rig, &order);
        cr_expect_eq(report->report->retcode, RETCODE_REJECT);
        cr_expect_eq(rig_count(rig, "tombstone", "LOST000000000001"), 1);
        cr_expect_eq(rig_count(rig, "deal", NULL), 0);
}

Test(orders, of_a_past_executor_are_refused)
{
        RIG_AUTOFREE struct rig *rig = rig_new();
        Pb__Submit order = rig_order("STALE00000000001", 1);
        FREE *refused = NULL, *report = NULL;

        rig->token = 9;
        rig_start(rig);
        rig_handshake(rig);
        order.executor_token = 8;
        rig_submit(rig, &order);
        refused = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_TOKEN_REFUSED);
        cr_expect_eq(refused->token_refused->token, 8);
        cr_expect_eq(refused->token_refused->highest, 9);
        order.executor_token = 9;
        report = rig_trade(rig, &order);
        cr_expect_eq(report->report->retcode, RETCODE_DONE);
        cr_expect_eq(rig_count(rig, "request", NULL), 2);
}

Test(orders, tokens_are_remembered_over_a_restart)
{
        RIG_AUTOFREE struct rig *rig = rig_new();
        FREE *hello = NULL, *refused = NULL;

        rig->token = 9;
        rig_start(rig);
        rig_handshake(rig);
        rig_kill(rig, SIGKILL);
        rig_forget(rig);
        rig->token = 8;
        rig_start(rig);
        hello = rig_wait_hello(rig);
        cr_expect_eq(hello->hello->highest_token, 9);
        rig_welcome(rig, true);
        refused = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_TOKEN_REFUSED);
        cr_expect_eq(refused->token_refused->highest, 9);
        rig->token = 9;
        rig_handshake(rig);
}

Test(orders, show_working_ones_in_a_snapshot)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        const Pb__Submit order = rig_order("WORK000000000001", 1);
        FREE *placed = NULL, *snapshot = NULL, *done = NULL;

        rig_command(rig, "place 3000");
        placed = rig_trade(rig, &order);
        cr_expect_eq(placed->report->retcode, RETCODE_PLACED);
        snapshot = rig_snapshot(rig, 0);
        cr_assert_eq(snapshot->snapshot->n_orders, 1);
        cr_expect_eq(snapshot->snapshot->orders[0]->order, placed->report->order);
        cr_expect_str_eq(snapshot->snapshot->orders[0]->comment, "WORK000000000001");
        cr_expect_eq(snapshot->snapshot->n_positions, 0);
        done = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_REPORT);
        cr_expect_eq(done->report->retcode, RETCODE_DONE);
        cr_expect_eq(done->report->order, placed->report->order);
}

Test(orders, stops_strike_when_the_price_is_moved)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        Pb__Submit order = rig_order("STOP000000000001", 1);
        FREE *report = NULL, *out = NULL, *ticks = NULL;

        order.sl_e8 = 108000000;
        order.tp_e8 = 109000000;
        report = rig_trade(rig, &order);
        broker_message_free(rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_DEAL));
        rig_forget(rig);
        rig_command(rig, "move-price EURUSD 1.09005");
        out = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_DEAL);
        cr_expect_eq(out->deal->reason, PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_TARGET);
        cr_expect_eq(out->deal->position, report->report->position);
        cr_expect_eq(out->deal->price_e8, 109005000);
        cr_expect_eq(out->deal->profit_cents, 4950);
        cr_expect_str_eq(out->deal->comment, "");
        do {
                broker_message_free(ticks);
                ticks = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_TICKS);
        } while (ticks->ticks[0]->bid_e8 != 109005000);
}

Test(orders, closes_by_hand_are_deals_of_the_client)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        uint64_t ticket = rig_open(rig, "OPEN000000000001");
        FREE *out = NULL;

        broker_message_free(rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_DEAL));
        rig_command(rig, "close-position %llu", (unsigned long long)ticket);
        out = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_DEAL);
        cr_expect_eq(out->deal->reason, PB__BROKER_DEAL_REASON__BROKER_DEAL_REASON_CLIENT);
        cr_expect_eq(out->deal->position, ticket);
}

Test(orders, commands_answer_with_json_or_say_what_is_wrong)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        static const char *const bad[] = { "", "explode", "move-price", "move-price NONE 1.1",
                "move-price EURUSD x", "move-price EURUSD 0", "close-position", "close-position 5",
                "close-position x", "clear nonsense", "reject 10009", "delay \x01" };
        json_t *account, *path, *link, *faults;

        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                BUS_AUTOBUF struct bus_buf reply = BUS_BUF_INIT;

                cr_expect_eq(ctl_command(rig->control, bad[i], RIG_WAIT_US, &reply), CTL_REFUSED,
                        "%s", bad[i]);
        }
        account = rig_show(rig, "account");
        cr_expect_str_eq(json_string_value(json_object_get(account, "balance")), "10000.00");
        path = rig_show(rig, "ledger-path");
        cr_expect_not_null(
                strstr(json_string_value(json_object_get(path, "path")), "ledger.jsonl"));
        link = rig_show(rig, "link");
        cr_expect(json_is_true(json_object_get(link, "up")));
        rig_command(rig, "delay 5 n=2 symbol=GOLD");
        faults = rig_show(rig, "faults");
        cr_assert_eq(json_array_size(faults), 1);
        cr_expect_str_eq(json_string_value(json_array_get(faults, 0)), "delay 5 n=2 symbol=GOLD");
        rig_command(rig, "clear");
        json_decref(faults);
        faults = rig_show(rig, "faults");
        cr_expect_eq(json_array_size(faults), 0);
        cr_expect_eq(rig_count(rig, "fault", NULL), 2);
        json_decref(account);
        json_decref(path);
        json_decref(link);
        json_decref(faults);
}

Test(orders, say_netting_where_the_account_is)
{
        RIG_AUTOFREE struct rig *rig = rig_new();
        FREE *hello = NULL;

        rig->sets[0] = "mt5-demo.mode=netting";
        rig_start(rig);
        hello = rig_wait_hello(rig);
        cr_expect_eq(hello->hello->account->mode, PB__ACCOUNT_MODE__ACCOUNT_MODE_NETTING);
}

Test(orders, a_ledger_is_not_taken_up_by_another_account)
{
        RIG_AUTOFREE struct rig *rig = rig_up();

        rig_kill(rig, SIGKILL);
        rig->sets[0] = "mt5-demo.login=5";
        rig_start(rig);
        cr_expect_eq(rig_wait_exit(rig), 1);
}
