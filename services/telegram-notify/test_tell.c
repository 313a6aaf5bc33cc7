#include "services/telegram-notify/tell.h"

#include "libbus/base/e8.h"
#include "libbus/base/ids.h"
#include "libbus/base/require.h"
#include "services/telegram/markup.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char english[] =
#include "texts_en.inc"
        ;

#define ID      "01K0000000000000000000MSG0"
#define AT      INT64_C(1763000000000000)
#define TICKET  7001
#define EVIL    "<b>&\x01\xff"
#define PRICE_1 INT64_C(110123000)
#define PRICE_2 INT64_C(110223000)

struct rig {
        struct texts texts;
        struct symbols symbols;
        struct teller teller;
        char alert_id[BUS_ID_SIZE];
        struct tell_frame frame;
        struct told told;
};

static void rig_init(struct rig *rig)
{
        static const uint8_t random[BUS_ID_RANDOM_SIZE] = { 1 };
        char error[TEXTS_ERROR_SIZE] = "";

        *rig = (struct rig){ .told.kind = TELL_KINDS };
        texts_init(&rig->texts, tell_rules);
        cr_assert_eq(
                texts_read(&rig->texts, "en.ini", bus_bytes_str(english), error), 0, "%s", error);
        symbols_init(&rig->symbols);
        rig->teller = (struct teller){ &rig->texts, &rig->symbols };
        bus_id_fresh(AT - 12 * BUS_US_PER_MS, random, rig->alert_id);
        rig->frame = (struct tell_frame){ .id = ID,
                .alert_id = rig->alert_id,
                .writer = "order-executor",
                .at_us = AT,
                .reported_us = AT };
}

static void rig_done(struct rig *rig)
{
        tell_done(&rig->told);
        symbols_done(&rig->symbols);
        texts_done(&rig->texts);
}

/* What every text must keep: our id, one line where it is one, markup that comes out even. */
static void check_form(struct rig *rig)
{
        const char *html = bus_buf_str(&rig->told.html), *line = bus_buf_str(&rig->told.line);
        BUS_AUTOBUF struct bus_buf plain = BUS_BUF_INIT;

        cr_expect(strstr(html, "<code>" ID "</code>"), "no id: %s", html);
        cr_expect(*line && !strchr(line, '\n'), "no line: %s", line);
        cr_expect_not(strstr(html, "{") || strstr(html, "[") || strstr(html, "\n\n"), "%s", html);
        cr_expect(tg_units(html) < TG_MESSAGE_MAX_UNITS);
        tg_plain(&plain, html);
        for (const char *at = html; (at = strchr(at, '<')); at++)
                cr_expect(strchr("bc/", at[1]), "a tag that is not ours: %s", at);
}

static Pb__Trade trade_of(Pb__TradeEvent event, Pb__OrderRole role)
{
        Pb__Trade trade = PB__TRADE__INIT;

        trade.event = event;
        trade.role = role;
        trade.slot = "v3";
        trade.plugin = "legacy_v3";
        trade.symbol = "EURUSD";
        trade.cl_ord_id = "0123456789ABCDEF";
        trade.side = PB__SIDE__SIDE_BUY;
        trade.volume_e8 = 2 * E8_ONE / 100;
        trade.sl_e8 = INT64_C(109623000);
        trade.tp_e8 = INT64_C(111123000);
        trade.ticket = TICKET;
        trade.alert_price_e8 = INT64_C(110121000);
        trade.reason = "";
        return trade;
}

#define EVENT(name)  PB__TRADE_EVENT__TRADE_EVENT_##name
#define ROLE(name)   PB__ORDER_ROLE__ORDER_ROLE_##name
#define REASON(name) PB__DEAL_REASON__DEAL_REASON_##name

static const struct trade_case {
        Pb__TradeEvent event;
        Pb__OrderRole role;
        Pb__DealReason deal_reason;
        const char *reason;
        int64_t filled_e8;
        enum tell_kind kind; /* TELL_KINDS: not told */
        const char *line;
} trades[] = {
        { EVENT(FILLED), ROLE(LEG_A), 0, "", 2000000, TELL_ENTRY,
                "BUY 0.02 EURUSD at 1.10123, stop 1.09623, target 1.11123" },
        { EVENT(PARTIAL), ROLE(LEG_B), 0, "", 1000000, TELL_ENTRY,
                "BUY 0.01 EURUSD at 1.10123, stop 1.09623, target 1.11123" },
        { EVENT(FILLED), ROLE(EXIT_CLOSE), 0, "", 2000000, TELL_KINDS, NULL },
        { EVENT(FILLED), ROLE(EXIT_CLOSE), 0, "already_closed", 0, TELL_EXIT,
                "BUY EURUSD: was closed already" },
        { EVENT(PARTIAL), ROLE(EXIT_CLOSE), 0, "", 1000000, TELL_EXIT,
                "closed only 0.01 of 0.02 EURUSD" },
        { EVENT(DEAL), ROLE(EXIT_CLOSE), REASON(EXPERT), "", 2000000, TELL_EXIT,
                "closed BUY 0.02 EURUSD at 1.10123, result -8.20 $" },
        { EVENT(DEAL), ROLE(MANUAL_CLOSE), REASON(EXPERT), "", 2000000, TELL_EXIT,
                "closed BUY 0.02 EURUSD at 1.10123, result -8.20 $" },
        { EVENT(DEAL), ROLE(REVERSAL_CLOSE), REASON(EXPERT), "", 2000000, TELL_REVERSAL,
                "reversal: closed BUY 0.02 EURUSD at 1.10123, result -8.20 $" },
        { EVENT(DEAL), ROLE(UNSPECIFIED), REASON(STOP), "", 2000000, TELL_STOP,
                "stop: BUY 0.02 EURUSD at 1.10123, result -8.20 $" },
        { EVENT(DEAL), ROLE(UNSPECIFIED), REASON(STOP_OUT), "", 2000000, TELL_STOP,
                "the broker closed BUY 0.02 EURUSD at 1.10123, result -8.20 $" },
        { EVENT(DEAL), ROLE(UNSPECIFIED), REASON(TARGET), "", 2000000, TELL_TARGET,
                "target: BUY 0.02 EURUSD at 1.10123, result -8.20 $" },
        { EVENT(DEAL), ROLE(UNSPECIFIED), REASON(CLIENT), "", 2000000, TELL_HAND,
                "by hand: BUY 0.02 EURUSD at 1.10123, result -8.20 $" },
        { EVENT(DEAL), ROLE(LEG_A), REASON(EXPERT), "", 2000000, TELL_KINDS, NULL },
        { EVENT(REFUSED), ROLE(LEG_A), 0, "price_gap", 0, TELL_REJECTION,
                "refused BUY 0.02 EURUSD: the price has moved too far from the alert's" },
        { EVENT(REFUSED), ROLE(LEG_A), 0, "some_new_reason", 0, TELL_REJECTION,
                "refused BUY 0.02 EURUSD: some new reason" },
        { EVENT(REJECTED), ROLE(LEG_A), 0, "account", 0, TELL_REJECTION,
                "the broker rejected BUY 0.02 EURUSD: the account does not allow it" },
        { EVENT(EXPIRED), ROLE(LEG_A), 0, "max_age", 0, TELL_EXPIRY,
                "expired: BUY 0.02 EURUSD: too old" },
        { EVENT(UNKNOWN), ROLE(LEG_A), 0, "no_reply", 0, TELL_UNKNOWN,
                "outcome unknown: BUY 0.02 EURUSD" },
        { EVENT(NOT_EXECUTED), ROLE(LEG_A), 0, "absent", 0, TELL_UNKNOWN,
                "not executed after all: BUY 0.02 EURUSD" },
        { EVENT(MANUAL), ROLE(LEG_A), 0, "", 0, TELL_SETTLEMENT,
                "a person must settle BUY 0.02 EURUSD, order 0123456789ABCDEF" },
        { EVENT(NOTHING_TO_CLOSE), ROLE(UNSPECIFIED), 0, "nothing_to_close", 0, TELL_EXIT,
                "exit EURUSD: nothing to close" },
        { EVENT(ADOPTED), ROLE(LEG_A), 0, "", 2000000, TELL_POSITION,
                "found a position: BUY 0.02 EURUSD at 1.10123" },
        { EVENT(MODIFIED), ROLE(LEG_A), 0, "", 2000000, TELL_POSITION,
                "EURUSD: stop 1.09623, target 1.11123" },
        { EVENT(RECEIVED), ROLE(LEG_A), 0, "", 0, TELL_KINDS, NULL },
        { EVENT(INTENT), ROLE(LEG_A), 0, "", 0, TELL_KINDS, NULL },
        { EVENT(PLACED), ROLE(LEG_A), 0, "", 0, TELL_KINDS, NULL },
        { EVENT(TEST), ROLE(LEG_A), 0, "", 0, TELL_KINDS, NULL },
        { EVENT(DONE), ROLE(UNSPECIFIED), 0, "", 0, TELL_KINDS, NULL },
};

Test(tell, every_trade_event_is_told_in_the_traders_words)
{
        for (size_t i = 0; i < BUS_COUNT(trades); i++) {
                const struct trade_case *want = &trades[i];
                Pb__Trade trade = trade_of(want->event, want->role);
                struct rig rig;
                bool is_told;

                rig_init(&rig);
                trade.reason = (char *)want->reason;
                trade.deal_reason = want->deal_reason;
                trade.filled_e8 = want->filled_e8;
                trade.price_e8 = want->filled_e8 ? PRICE_1 : 0;
                if (want->event == EVENT(DEAL)) {
                        trade.profit_cents = -800;
                        trade.commission_cents = -20;
                }
                is_told = tell_trade(&rig.teller, &rig.frame, &trade,
                        &(struct tell_past){ .opened_us = 0 }, &rig.told);
                cr_expect_eq(is_told, want->kind != TELL_KINDS, "case %zu", i);
                if (is_told) {
                        cr_expect_eq(rig.told.kind, want->kind, "case %zu", i);
                        cr_expect_str_eq(bus_buf_str(&rig.told.line), want->line, "case %zu", i);
                        cr_expect_not(rig.told.critical);
                        check_form(&rig);
                }
                rig_done(&rig);
        }
}

Test(tell, an_entry_says_all_that_a_trader_asks)
{
        Pb__Trade trade = trade_of(EVENT(FILLED), ROLE(LEG_A));
        Pb__Decision decision = PB__DECISION__INIT;
        struct rig rig;

        rig_init(&rig);
        trade.filled_e8 = trade.volume_e8;
        trade.price_e8 = PRICE_1;
        decision.strength = 8;
        decision.route = 2;
        decision.aggressive = true;
        cr_assert(tell_trade(&rig.teller, &rig.frame, &trade,
                &(struct tell_past){ .decision = &decision }, &rig.told));
        /* 50 pips of 10 dollars a lot, 0.02 lots */
        cr_expect_str_eq(bus_buf_str(&rig.told.html),
                "🟢 <b>BUY 0.02 EURUSD</b> at 1.10123\n"
                "stop 1.09623, target 1.11123, risk 10.00 $\n"
                "legacy_v3: strength 8, route 2, aggressive\n"
                "alert to fill 12 ms, +2 points from the alert's price\n"
                "position 7001 · <code>" ID "</code>");
        rig_done(&rig);
}

Test(tell, an_exit_says_what_the_position_brought_and_how_long_it_was_held)
{
        Pb__Trade trade = trade_of(EVENT(DEAL), ROLE(EXIT_CLOSE));
        struct rig rig;

        rig_init(&rig);
        trade.deal_reason = REASON(EXPERT);
        trade.filled_e8 = trade.volume_e8;
        trade.price_e8 = PRICE_2;
        trade.profit_cents = 200;
        trade.commission_cents = -14;
        trade.swap_cents = -3;
        cr_assert(tell_trade(&rig.teller, &rig.frame, &trade,
                &(struct tell_past){
                        .opened_us = AT - 3 * 3600 * BUS_US_PER_SEC, .open_price_e8 = PRICE_1 },
                &rig.told));
        cr_expect_str_eq(bus_buf_str(&rig.told.html),
                "⚪ <b>Closed BUY 0.02 EURUSD</b> at 1.10223, result <b>1.83 $</b>\n"
                "opened at 1.10123, held 3 h\n"
                "commission -0.14 $, swap -0.03 $\n"
                "legacy_v3: exit, alert to close 12 ms\n"
                "position 7001 · <code>" ID "</code>");
        rig_done(&rig);
}

Test(tell, texts_from_outside_inject_no_markup)
{
        Pb__Trade trade = trade_of(EVENT(REFUSED), ROLE(LEG_A));
        Pb__Alarm alarm = PB__ALARM__INIT;
        struct rig rig;

        rig_init(&rig);
        trade.symbol = EVIL;
        trade.plugin = EVIL;
        trade.reason = EVIL;
        cr_assert(tell_trade(
                &rig.teller, &rig.frame, &trade, &(struct tell_past){ .opened_us = 0 }, &rig.told));
        check_form(&rig);
        cr_expect(strstr(bus_buf_str(&rig.told.html), "&lt;b&gt;&amp; ?"));
        tell_done(&rig.told);
        alarm.code = alarm.subject = alarm.text = EVIL;
        alarm.raised = true;
        cr_assert(tell_alarm(&rig.teller, &rig.frame, &alarm, 0, 0, &rig.told));
        check_form(&rig);
        rig_done(&rig);
}

Test(tell, decisions_that_make_no_trade)
{
        static const struct {
                Pb__Verdict verdict;
                enum tell_kind kind;
                const char *line;
        } cases[] = {
                { PB__VERDICT__VERDICT_REJECT, TELL_REJECTION,
                        "combined_v3 rejected SELL XAUUSD: the daily risk cap" },
                { PB__VERDICT__VERDICT_NOTIFY, TELL_SQUEEZE, "squeeze on XAUUSD" },
                { PB__VERDICT__VERDICT_ERROR, TELL_REJECTION, "combined_v3 failed on XAUUSD" },
                { PB__VERDICT__VERDICT_EXECUTE, TELL_KINDS, NULL },
                { PB__VERDICT__VERDICT_IGNORE, TELL_KINDS, NULL },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                Pb__Decision decision = PB__DECISION__INIT;
                struct rig rig;
                bool is_told;

                rig_init(&rig);
                decision.plugin = "combined_v3";
                decision.symbol = "XAUUSD";
                decision.direction = PB__SIDE__SIDE_SELL;
                decision.verdict = cases[i].verdict;
                decision.reason = PB__REASON__REASON_DAILY_CAP;
                decision.error = "it said so";
                is_told = tell_decision(&rig.teller, &rig.frame, &decision, &rig.told);
                cr_expect_eq(is_told, cases[i].kind != TELL_KINDS);
                if (is_told) {
                        cr_expect_eq(rig.told.kind, cases[i].kind);
                        cr_expect_str_eq(bus_buf_str(&rig.told.line), cases[i].line);
                        check_form(&rig);
                }
                rig_done(&rig);
        }
}

Test(tell, a_critical_difference_of_the_shadow)
{
        Pb__Comparison comparison = PB__COMPARISON__INIT;
        struct rig rig;

        rig_init(&rig);
        comparison.plugin = "combined_v3";
        comparison.against = "legacy_v3";
        comparison.symbol = "XAUUSD";
        comparison.class_ = PB__COMPARISON_CLASS__COMPARISON_CLASS_ONE_SIDED;
        comparison.source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE;
        comparison.live_verdict = PB__VERDICT__VERDICT_EXECUTE;
        comparison.shadow_verdict = PB__VERDICT__VERDICT_REJECT;
        comparison.shadow_reason = PB__REASON__REASON_LOW_STRENGTH;
        cr_expect_not(tell_comparison(&rig.teller, &rig.frame, &comparison, &rig.told));
        comparison.critical = true;
        cr_assert(tell_comparison(&rig.teller, &rig.frame, &comparison, &rig.told));
        check_form(&rig);
        cr_expect(strstr(bus_buf_str(&rig.told.html),
                "legacy_v3: trade\ncombined_v3: no trade (the signal is too weak)\n"));
        tell_done(&rig.told);
        comparison.ignored = true;
        cr_expect_not(tell_comparison(&rig.teller, &rig.frame, &comparison, &rig.told));
        rig_done(&rig);
}

Test(tell, a_switch_names_who_asked_and_what_now_holds)
{
        Pb__ControlResult result = PB__CONTROL_RESULT__INIT;
        Pb__ResultFact active = PB__RESULT_FACT__INIT, epoch = PB__RESULT_FACT__INIT;
        Pb__ResultFact *facts[] = { &active, &epoch };
        Pb__Control command = PB__CONTROL__INIT;
        struct rig rig;

        rig_init(&rig);
        active.key = "active", active.value = "legacy_v3";
        epoch.key = "epoch", epoch.value = "7";
        result.facts = facts, result.n_facts = 2;
        result.command = PB__COMMAND__COMMAND_ROLLBACK;
        result.service = "strategy-v3";
        result.code = result.text = "";
        result.status = PB__RESULT_STATUS__RESULT_STATUS_DONE;
        command.actor = "admin@127.0.0.1";
        command.reason = "fills look odd";
        cr_assert(tell_result(&rig.teller, &rig.frame, &result, &command, AT - 5000, &rig.told));
        check_form(&rig);
        cr_expect_str_eq(bus_buf_str(&rig.told.html), "🔀 <b>Rollback</b>\n"
                                                      "trading: legacy_v3, epoch 7\n"
                                                      "by admin@127.0.0.1: fills look odd\n"
                                                      "took 5 ms · <code>" ID "</code>");
        tell_done(&rig.told);
        result.status = PB__RESULT_STATUS__RESULT_STATUS_UNCHANGED;
        cr_expect_not(tell_result(&rig.teller, &rig.frame, &result, NULL, 0, &rig.told));
        result.status = PB__RESULT_STATUS__RESULT_STATUS_FAILED;
        result.text = "the disk is full";
        cr_assert(tell_result(&rig.teller, &rig.frame, &result, NULL, 0, &rig.told));
        check_form(&rig);
        cr_expect_str_eq(bus_buf_str(&rig.told.line), "Rollback failed: the disk is full");
        rig_done(&rig);
}

Test(tell, every_command_has_a_word)
{
        struct rig rig;

        rig_init(&rig);
        for (int i = PB__COMMAND__COMMAND_ENABLE_PLUGIN; i <= PB__COMMAND__COMMAND_CLOSE; i++) {
                TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };

                if (i == PB__COMMAND__COMMAND_BACKUP)
                        continue; /* told only where it fails */
                tell_set_enum(
                        &rig.teller, &values, "command", "command", &pb__command__descriptor, i);
                cr_expect(values.items[0].value[0] >= 'A' && values.items[0].value[0] <= 'Z', "%s",
                        values.items[0].value);
        }
        rig_done(&rig);
}

Test(tell, an_alarm_its_end_and_a_lost_service)
{
        Pb__Alarm alarm = PB__ALARM__INIT;
        struct rig rig;

        rig_init(&rig);
        alarm.code = "order_manual", alarm.subject = "EURUSD", alarm.text = "look at it";
        alarm.severity = PB__SEVERITY__SEVERITY_CRITICAL;
        alarm.raised = true;
        cr_assert(tell_alarm(&rig.teller, &rig.frame, &alarm, 0, 0, &rig.told));
        check_form(&rig);
        cr_expect(rig.told.critical);
        cr_expect_eq(rig.told.priority, TG_PRIORITY_ALARM);
        cr_expect_str_eq(bus_buf_str(&rig.told.line), "CRITICAL order_manual EURUSD: look at it");
        tell_done(&rig.told);
        alarm.raised = false, alarm.text = "", alarm.severity = PB__SEVERITY__SEVERITY_INFO;
        cr_assert(tell_alarm(&rig.teller, &rig.frame, &alarm, PB__SEVERITY__SEVERITY_CRITICAL,
                AT - 90 * BUS_US_PER_SEC, &rig.told));
        check_form(&rig);
        cr_expect(rig.told.critical, "who was called must be told that it is over");
        cr_expect(strstr(bus_buf_str(&rig.told.html), "after 90 s"));
        tell_done(&rig.told);
        alarm.code = "service_lost", alarm.subject = "strategy-v3";
        cr_assert(tell_alarm(&rig.teller, &rig.frame, &alarm, 0, 0, &rig.told));
        cr_expect_eq(rig.told.kind, TELL_SERVICE);
        cr_expect_str_eq(bus_buf_str(&rig.told.line), "strategy-v3 is back");
        rig_done(&rig);
}

Test(tell, a_cap_that_is_near_and_one_that_is_hit)
{
        struct rig rig;

        rig_init(&rig);
        tell_cap(&rig.teller, &rig.frame, "daily", false, 8500, 10000, &rig.told);
        check_form(&rig);
        cr_expect(strstr(
                bus_buf_str(&rig.told.html), "daily risk cap</b>: 85.00 $ of 100.00 $ (85 %)"));
        tell_done(&rig.told);
        tell_cap(&rig.teller, &rig.frame, "lifetime", true, 50001, 50000, &rig.told);
        check_form(&rig);
        cr_expect_str_eq(
                bus_buf_str(&rig.told.line), "lifetime loss cap hit: 500.01 $ of 500.00 $");
        rig_done(&rig);
}
