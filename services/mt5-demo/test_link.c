/* The real binary against a fake order-executor: the handshake and the everyday of the link. */
#include "services/mt5-demo/test_rig.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(link, says_hello_with_its_account_and_symbols)
{
        RIG_AUTOFREE struct rig *rig = rig_new();
        BROKER_AUTOFREE Pb__BrokerMessage *hello = NULL;

        rig_start(rig);
        hello = rig_wait_hello(rig);
        cr_expect_str_eq(hello->hello->terminal_id, "mt5-demo");
        cr_expect_eq(hello->hello->protocol, BROKER_PROTOCOL);
        cr_expect_eq(hello->hello->highest_token, 0);
        cr_expect_eq(hello->hello->account->mode, PB__ACCOUNT_MODE__ACCOUNT_MODE_HEDGING);
        cr_expect_eq(hello->hello->account->balance_cents, 1000000);
        cr_expect(hello->hello->account->trade_allowed);
        cr_assert_eq(hello->hello->n_symbols, 10);
        cr_expect_str_eq(hello->hello->symbols[9]->name, "GOLD");
        cr_expect_eq(hello->hello->symbols[9]->digits, 2);
        cr_expect_eq(hello->hello->symbols[9]->tick_value_cents, 100);
        cr_expect_eq(hello->hello->symbols[9]->lot_step_e8, E8_ONE / 100);
}

Test(link, proves_itself_and_then_sends_quotes_and_heartbeats)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        BROKER_AUTOFREE Pb__BrokerMessage *ticks =
                rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_TICKS);
        BROKER_AUTOFREE Pb__BrokerMessage *beat =
                rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_HEARTBEAT);

        cr_expect_eq(ticks->n_ticks, 10);
        cr_expect_str_eq(ticks->ticks[0]->symbol, "EURUSD");
        cr_expect_eq(ticks->ticks[0]->bid_e8, 108500000);
        cr_expect_eq(ticks->ticks[0]->ask_e8, 108510000);
        cr_expect(beat->heartbeat->connected);
        cr_expect_eq(rig_count(rig, "hello", NULL), 1);
}

Test(link, opens_reports_and_closes)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        BROKER_AUTOFREE Pb__BrokerMessage *deal = NULL, *closed = NULL, *out = NULL;
        uint64_t ticket = rig_open(rig, "OPEN000000000001");
        Pb__Submit close = rig_order("CLOSE00000000001", 1);

        deal = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_DEAL);
        cr_expect_eq(deal->deal->position, ticket);
        cr_expect_eq(deal->deal->entry, PB__DEAL_ENTRY__DEAL_ENTRY_IN);
        cr_expect_eq(deal->deal->price_e8, 108510000);
        cr_expect_eq(deal->deal->magic, 77);
        cr_expect_str_eq(deal->deal->comment, "OPEN000000000001");
        close.action = PB__ACTION__ACTION_CLOSE;
        close.side = PB__SIDE__SIDE_SELL;
        close.position = ticket;
        closed = rig_trade(rig, &close);
        cr_expect_eq(closed->report->retcode, RETCODE_DONE);
        cr_expect_eq(closed->report->price_e8, 108500000);
        out = rig_wait(rig, PB__BROKER_KIND__BROKER_KIND_DEAL);
        cr_expect_eq(out->deal->entry, PB__DEAL_ENTRY__DEAL_ENTRY_OUT);
        cr_expect_eq(out->deal->profit_cents, -100, "the spread, 10 ticks of 0.10 lots");
        cr_expect_eq(rig_count(rig, "deal", NULL), 2);
}

Test(link, shows_everything_in_a_snapshot)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        BROKER_AUTOFREE Pb__BrokerMessage *snapshot = NULL;
        uint64_t ticket = rig_open(rig, "OPEN000000000001");

        snapshot = rig_snapshot(rig, 0);
        cr_expect_eq(snapshot->snapshot->request_id, 5);
        cr_expect_eq(snapshot->snapshot->quality, PB__SNAPSHOT_QUALITY__SNAPSHOT_QUALITY_OK);
        cr_expect_eq(snapshot->snapshot->account->equity_cents, 999900);
        cr_assert_eq(snapshot->snapshot->n_positions, 1);
        cr_expect_eq(snapshot->snapshot->positions[0]->ticket, ticket);
        cr_expect_eq(snapshot->snapshot->positions[0]->profit_cents, -100);
        cr_expect_str_eq(snapshot->snapshot->positions[0]->comment, "OPEN000000000001");
        cr_assert_eq(snapshot->snapshot->n_deals, 1);
        broker_message_free(snapshot);
        snapshot = rig_snapshot(rig, bus_wall_us() + BUS_US_PER_SEC);
        cr_expect_eq(snapshot->snapshot->n_deals, 0);
}

Test(link, refuses_an_executor_without_the_secret)
{
        RIG_AUTOFREE struct rig *rig = rig_new();
        BROKER_AUTOFREE Pb__BrokerMessage *hello = NULL, *again = NULL, *proof = NULL;

        rig->secret = "guessed";
        rig_start(rig);
        hello = rig_wait_hello(rig);
        rig_welcome(rig, true);
        again = rig_wait_hello(rig);
        cr_expect_neq(
                memcmp(hello->hello->nonce.data, again->hello->nonce.data, BROKER_NONCE_BYTES), 0);
        proof = rig_poll(rig, PB__BROKER_KIND__BROKER_KIND_PROOF, 0);
        cr_expect_null(proof);
        cr_expect_eq(rig_count(rig, "refused", NULL), 1);
        cr_expect_eq(rig_count(rig, "hello", NULL), 0);
}

Test(link, takes_no_order_before_the_handshake_is_done)
{
        RIG_AUTOFREE struct rig *rig = rig_new();
        BROKER_AUTOFREE Pb__BrokerMessage *hello = NULL, *report = NULL;
        const Pb__Submit order = rig_order("EARLY00000000001", 1);

        rig_start(rig);
        hello = rig_wait_hello(rig);
        rig_submit(rig, &order);
        rig_answer_hello(rig);
        report = rig_poll(rig, PB__BROKER_KIND__BROKER_KIND_REPORT, BUS_US_PER_SEC / 5);
        cr_expect_null(report);
        cr_expect_eq(rig_count(rig, "request", NULL), 0);
}

Test(link, dials_again_when_it_is_turned_away)
{
        RIG_AUTOFREE struct rig *rig = rig_new();
        BROKER_AUTOFREE Pb__BrokerMessage *hello = NULL;

        rig_start(rig);
        hello = rig_wait_hello(rig);
        rig_welcome(rig, false);
        rig_handshake(rig);
}

Test(link, dials_again_when_the_executor_comes_back)
{
        RIG_AUTOFREE struct rig *rig = rig_up();

        rig_unbind(rig);
        rig_forget(rig);
        rig_bind(rig);
        rig->token = 2;
        rig_handshake(rig);
        cr_expect_eq(rig->hello_token, 1);
        (void)rig_open(rig, "OPEN000000000001");
}

Test(link, dials_again_when_the_executor_falls_silent)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        int64_t began = bus_mono_us();

        rig->silent = true;
        rig_handshake(rig);
        cr_expect_geq(bus_mono_us() - began, 4 * BUS_US_PER_SEC);
}

Test(link, survives_frames_that_are_no_messages)
{
        RIG_AUTOFREE struct rig *rig = rig_up();

        rig_send_bytes(rig, bus_bytes("", 0));
        rig_send_bytes(rig, bus_bytes("\xff\xff\xff", 3));
        (void)rig_open(rig, "OPEN000000000001");
}

Test(link, leaves_with_status_0_when_told_to)
{
        RIG_AUTOFREE struct rig *rig = rig_up();

        kill(rig->pid, SIGTERM);
        cr_expect_eq(rig_wait_exit(rig), 0);
}

Test(link, does_not_share_its_ledger)
{
        RIG_AUTOFREE struct rig *rig = rig_up();
        pid_t first = rig->pid;

        rig->pid = 0;
        rig_start(rig);
        cr_expect_eq(rig_wait_exit(rig), 1);
        rig->pid = first;
}

Test(link, reads_the_file_the_services_share)
{
        RIG_AUTOFREE struct rig *rig = rig_new();

        rig->sets[0] = "bus.log_level=warn";
        rig->sets[1] = "bus.drain_timeout=1s";
        rig->sets[2] = "risk.daily_cap=5";
        rig->sets[3] = "alias.broker.XAUUSD=GOLD";
        rig_start(rig);
        rig_handshake(rig);
}

Test(link, does_not_start_on_a_config_that_is_wrong)
{
        static const char *const bad[] = { "mt5-demo.nonsense=1", "mt5-demo.mode=both",
                "mt5-demo.hours=always", "mt5-demo.symbols=BTCUSD", "mt5-demo.filling=now",
                "mt5-demo.connect=here", "mt5-demo.faults=explode", "mt5-demo.csv=/nonexistent",
                "mt5-demo.prices=EURUSD:0", "mt5-demo.secret_file=/nonexistent" };

        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                RIG_AUTOFREE struct rig *rig = rig_new();

                rig->sets[0] = bad[i];
                rig_start(rig);
                cr_expect_eq(rig_wait_exit(rig), 1, "%s", bad[i]);
        }
}
