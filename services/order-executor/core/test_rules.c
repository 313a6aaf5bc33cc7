/*
 * Small rules, whole: retcodes, ids, limits, risk, symbols, switches.
 */
#include "services/order-executor/core/book_internal.h"
#include "services/order-executor/core/ids.h"
#include "services/order-executor/core/retcode.h"
#include "services/order-executor/core/submit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#define OPEN  PB__ACTION__ACTION_OPEN
#define CLOSE PB__ACTION__ACTION_CLOSE

/* The table of the link's page, written out once more: one cannot be changed without the other. */
static enum ex_class expected(uint32_t retcode, Pb__Action action)
{
        switch (retcode) {
        case 10009:
        case 10010:
        case 10025: return EX_CLASS_DONE;
        case 10036: return action == CLOSE ? EX_CLASS_DONE : EX_CLASS_UNKNOWN;
        case 10008: return EX_CLASS_PLACED;
        case 10004:
        case 10020:
        case 10021: return EX_CLASS_PRICE;
        case 10024:
        case 10028:
        case 10029: return EX_CLASS_WAIT;
        case 10006:
        case 10007:
        case 10013:
        case 10014:
        case 10015:
        case 10016:
        case 10022:
        case 10023:
        case 10030:
        case 10032:
        case 10035:
        case 10041:
        case 10042:
        case 10043:
        case 10044:
        case 10045:
        case 10046: return EX_CLASS_NEVER;
        case 10038:
        case 10039: return action == CLOSE ? EX_CLASS_CHANGED : EX_CLASS_UNKNOWN;
        case 10017:
        case 10018:
        case 10026:
        case 10027: return EX_CLASS_CLOSED;
        case 10019:
        case 10033:
        case 10034:
        case 10040: return EX_CLASS_ACCOUNT;
        default: return EX_CLASS_UNKNOWN; /* 10011, 10012, 10031 and whatever else there may be */
        }
}

Test(retcode, every_code_has_its_class_for_entries_and_closes)
{
        for (uint32_t retcode = 0; retcode < 20000; retcode++) {
                cr_assert_eq(
                        ex_retcode_class(OPEN, retcode), expected(retcode, OPEN), "%u", retcode);
                cr_assert_eq(
                        ex_retcode_class(CLOSE, retcode), expected(retcode, CLOSE), "%u", retcode);
        }
        cr_expect_eq(ex_retcode_class(OPEN, UINT32_MAX), EX_CLASS_UNKNOWN);
}

Test(retcode, only_rejections_are_configuration_faults)
{
        for (uint32_t retcode = 0; retcode < 20000; retcode++)
                if (ex_retcode_is_config_fault(retcode))
                        cr_expect_eq(ex_retcode_class(OPEN, retcode), EX_CLASS_NEVER);
        cr_expect(ex_retcode_is_config_fault(10030));
        cr_expect(!ex_retcode_is_config_fault(10016));
        cr_expect(!ex_retcode_is_config_fault(10009));
}

Test(ids, the_same_intent_has_the_same_id_and_no_other_has_it)
{
        char ids[9][CL_ORD_ID_SIZE], again[CL_ORD_ID_SIZE];

        ex_id_leg("alert", "v3", "A", ids[0]);
        ex_id_leg("alert", "v3", "B", ids[1]);
        ex_id_leg("alert", "v4", "A", ids[2]);
        ex_id_close("alert", "v3", 17, 1, ids[3]);
        ex_id_close("alert", "v3", 18, 1, ids[4]);
        ex_id_close("alert", "v3", 17, 2, ids[5]);
        ex_id_manual("alert", 17, 1, ids[6]);
        ex_id_manual("alert", 17, 2, ids[7]);
        ex_id_leg("alertv", "3", "A", ids[8]);
        for (size_t i = 0; i < 9; i++) {
                cr_expect(ex_id_valid(ids[i]));
                for (size_t j = 0; j < i; j++)
                        cr_expect_str_neq(ids[i], ids[j]);
        }
        ex_id_close("alert", "v3", 17, 2, again);
        cr_expect_str_eq(again, ids[5]);
        cr_expect(!ex_id_valid("short"));
        cr_expect(!ex_id_valid("0123456789abcdef"));
}

/* ---- limits ---- */

static struct ex_symbol symbol;
static struct ex_limit_leg legs[2];
static struct ex_limits limits;
static struct ex_limit_view view;

static void a_good_entry(void)
{
        symbol = (struct ex_symbol){
                .name = "EURUSD",
                .lot_min_e8 = 1000000,
                .lot_step_e8 = 1000000,
                .lot_max_e8 = 1000000000,
                .stops_level_e8 = 10000,
                .tick_size_e8 = 1000,
                .tick_value_cents = 100,
                .bid_e8 = 110000000,
                .ask_e8 = 110010000,
        };
        for (int i = 0; i < 2; i++)
                legs[i] =
                        (struct ex_limit_leg){ PB__SIDE__SIDE_BUY, 2000000, 109900000, 110200000 };
        limits = (struct ex_limits){
                .max_lot_e8 = 100000000,
                .max_open_positions = 10,
                .context_max_age_us = 60000000,
                .max_price_gap_e8 = 50000000,
                .daily_cap_cents = 1000,
                .lifetime_cap_cents = 5000,
                .count_open_risk = true,
        };
        view = (struct ex_limit_view){
                .symbol = &symbol, .price_e8 = 110000000, .legs = legs, .leg_count = 2
        };
}

#define expect_reason(text) cr_expect_str_eq(ex_limits_check(&limits, &view) ?: "", text)

TestSuite(limits, .init = a_good_entry);

Test(limits, a_good_entry_passes)
{
        expect_reason("");
}

Test(limits, symbols_are_those_of_the_list_and_of_the_broker)
{
        snprintf(limits.symbols, sizeof(limits.symbols), "GBPUSD, EURUSDm");
        expect_reason("symbol_not_allowed");
        snprintf(limits.symbols, sizeof(limits.symbols), "GBPUSD, EURUSD");
        expect_reason("");
        view.symbol = NULL;
        expect_reason("unknown_symbol");
}

Test(limits, lots_have_a_ceiling_of_ours_and_of_the_broker_and_a_floor)
{
        legs[1].volume_e8 = limits.max_lot_e8 + 1000000;
        expect_reason("max_lot");
        limits.max_lot_e8 = limits.daily_cap_cents = limits.lifetime_cap_cents = 0;
        expect_reason("");
        legs[1].volume_e8 = symbol.lot_max_e8 + 1;
        expect_reason("max_lot");
        legs[1].volume_e8 = 999999;
        expect_reason("lot_below_minimum");
        legs[1].volume_e8 = 0;
        expect_reason("lot_below_minimum");
}

Test(limits, positions_count_with_the_entrys_own_legs)
{
        view.open_positions = 8;
        expect_reason("");
        view.open_positions = 9;
        expect_reason("max_open_positions");
        limits.max_open_positions = 0;
        expect_reason("");
}

Test(limits, the_price_may_not_be_far_from_the_side_it_is_dealt_at)
{
        limits.daily_cap_cents = limits.lifetime_cap_cents = 0;
        view.price_e8 = 110010000 + 550050;
        expect_reason("");
        view.price_e8++;
        expect_reason("price_gap");
        view.price_e8 = 110010000 - 550051;
        expect_reason("price_gap");
        limits.max_price_gap_e8 = 0;
        expect_reason("");
}

Test(limits, stops_keep_the_brokers_distance_from_the_price_they_trigger_at)
{
        legs[0].sl_e8 = symbol.bid_e8 - 10000;
        expect_reason("");
        legs[0].sl_e8++;
        expect_reason("stop_level");
        legs[0].sl_e8 = symbol.bid_e8 + 50000;
        expect_reason("stop_level");
        a_good_entry();
        legs[0].tp_e8 = symbol.bid_e8 + 9999;
        expect_reason("stop_level");
        for (int i = 0; i < 2; i++)
                legs[i] = (struct ex_limit_leg){ PB__SIDE__SIDE_SELL, 2000000,
                        symbol.ask_e8 + 10000, symbol.ask_e8 - 10000 };
        expect_reason("");
        legs[1].sl_e8--;
        expect_reason("stop_level");
}

Test(limits, caps_count_losses_what_is_held_and_what_would_be)
{
        /* 0.001 of price, 0.02 lots, $1 a tick: $2 a leg */
        view.day_loss_cents = 600;
        expect_reason("");
        view.day_loss_cents = 601;
        expect_reason("daily_cap");
        view.day_loss_cents = 500;
        view.held_risk_cents = 101;
        expect_reason("daily_cap");
        limits.count_open_risk = false;
        expect_reason("");
        view.day_loss_cents = 1000;
        expect_reason("daily_cap");
        view.lifetime_loss_cents = 5000;
        expect_reason("lifetime_cap");
        limits.daily_cap_cents = limits.lifetime_cap_cents = 0;
        expect_reason("");
}

Test(limits, the_context_must_be_there_and_fresh)
{
        cr_expect_null(ex_limits_context(&limits, 100000000, 40000000));
        cr_expect_str_eq(ex_limits_context(&limits, 100000001, 40000000), "context_stale");
        cr_expect_str_eq(ex_limits_context(&limits, 100000000, 0), "no_context");
        limits.context_max_age_us = 0;
        cr_expect_null(ex_limits_context(&limits, 100000000, 0));
}

Test(limits, are_set_by_name_or_not_at_all)
{
        cr_expect_eq(ex_limits_set(&limits, "daily_cap", "250.50"), 0);
        cr_expect_eq(limits.daily_cap_cents, 25050);
        cr_expect_eq(ex_limits_set(&limits, "max_lot", "0.5"), 0);
        cr_expect_eq(limits.max_lot_e8, 50000000);
        cr_expect_eq(ex_limits_set(&limits, "max_open_positions", "3"), 0);
        cr_expect_eq(limits.max_open_positions, 3);
        cr_expect_eq(ex_limits_set(&limits, "count_open_risk", "no"), 0);
        cr_expect(!limits.count_open_risk);
        cr_expect_eq(ex_limits_set(&limits, "symbols", "EURUSD"), 0);
        cr_expect_eq(ex_limits_set(&limits, "max_open_positions", "3.5"), -EINVAL);
        cr_expect_eq(ex_limits_set(&limits, "daily_cap", "-1"), -EINVAL);
        cr_expect_eq(ex_limits_set(&limits, "daily_cap", "12abc"), -EINVAL);
        cr_expect_eq(ex_limits_set(&limits, "daily_cap", ""), -EINVAL);
        cr_expect_eq(ex_limits_set(&limits, "no_such", "1"), -ENOENT);
        cr_expect_eq(limits.daily_cap_cents, 25050);
}

/* ---- risk ---- */

#define DAY (INT64_C(24) * 3600 * 1000000)

Test(risk, a_day_begins_at_its_hour_and_forgets_the_one_before)
{
        struct ex_risk risk = { .day_start_us = INT64_C(22) * 3600 * 1000000 };
        int64_t noon = 20000 * DAY + DAY / 2;

        cr_expect(ex_risk_roll(&risk, noon));
        cr_expect_eq(risk.today_us, 19999 * DAY + risk.day_start_us);
        ex_risk_add(&risk, noon, -500);
        ex_risk_add(&risk, risk.today_us - 1, -70);
        cr_expect_eq(ex_risk_day_loss_cents(&risk), 500);
        cr_expect_eq(ex_risk_lifetime_loss_cents(&risk), 570);
        cr_expect(!ex_risk_roll(&risk, noon + 1));
        cr_expect(!ex_risk_roll(&risk, noon - DAY), "a clock set back begins no day");
        cr_expect(ex_risk_roll(&risk, 20000 * DAY + risk.day_start_us));
        cr_expect_eq(ex_risk_day_loss_cents(&risk), 0);
        cr_expect_eq(ex_risk_lifetime_loss_cents(&risk), 570);
        ex_risk_add(&risk, 20000 * DAY + risk.day_start_us, 1000);
        cr_expect_eq(ex_risk_day_loss_cents(&risk), 0, "a gain is no loss");
        cr_expect_eq(ex_risk_lifetime_loss_cents(&risk), 0);
}

/* Else nothing that is lost would count until the clock had come there. */
Test(risk, a_clock_that_was_a_day_ahead_is_put_right)
{
        const int64_t noon = 20000 * DAY + DAY / 2;
        struct ex_risk risk = { 0 };

        ex_risk_roll(&risk, noon);
        ex_risk_add(&risk, noon, -100);
        cr_expect(ex_risk_roll(&risk, noon + DAY));
        cr_expect(!ex_risk_roll(&risk, noon));
        ex_risk_add(&risk, noon, -500);
        cr_expect_eq(ex_risk_day_loss_cents(&risk), 500);
        cr_expect(ex_risk_roll(&risk, noon + DAY), "and the next day comes when it comes");
}

Test(risk, lifetime_begins_where_it_is_told_to)
{
        struct ex_risk risk = { .since_us = 1000 };

        ex_risk_add(&risk, 999, -5);
        ex_risk_add(&risk, 1000, -7);
        cr_expect_eq(ex_risk_lifetime_loss_cents(&risk), 7);
}

/* ---- symbols ---- */

static void offer(struct ex_symbols *symbols, const char *const *names, size_t count)
{
        Pb__BrokerSymbol items[8], *list[8];
        Pb__Hello hello = PB__HELLO__INIT;

        for (size_t i = 0; i < count; i++) {
                pb__broker_symbol__init(&items[i]);
                items[i].name = (char *)(uintptr_t)names[i];
                list[i] = &items[i];
        }
        hello.symbols = list;
        hello.n_symbols = count;
        ex_symbols_hello(symbols, &hello);
}

Test(symbols, are_translated_both_ways_by_alias_and_suffix)
{
        static const char *const names[] = { "GOLD", "EURUSD.a", "XAUUSD.a", "DAX" };
        struct ex_symbols symbols;

        ex_symbols_init(&symbols, ".a");
        cr_assert_eq(ex_symbols_alias(&symbols, "XAUUSD", "GOLD"), 0);
        cr_expect_eq(ex_symbols_alias(&symbols, "XAUUSD", "XAU"), -EEXIST);
        cr_expect_eq(ex_symbols_alias(&symbols, "SILVER", "GOLD"), -EEXIST);
        offer(&symbols, names, 4);
        cr_expect_str_eq(ex_symbols_by_name(&symbols, "XAUUSD")->broker, "GOLD");
        cr_expect_str_eq(ex_symbols_by_name(&symbols, "EURUSD")->broker, "EURUSD.a");
        cr_expect_str_eq(ex_symbols_by_broker(&symbols, "GOLD")->name, "XAUUSD");
        cr_expect_str_eq(ex_symbols_by_broker(&symbols, "DAX")->name, "DAX");
        cr_expect_str_eq(ex_symbols_by_broker(&symbols, "XAUUSD.a")->name, "#XAUUSD",
                "our name belongs to the alias");
        cr_expect_null(ex_symbols_by_name(&symbols, "GOLD"));
        ex_symbols_done(&symbols);
}

Test(symbols, what_is_no_longer_offered_is_gone_and_quotes_with_it)
{
        static const char *const both[] = { "EURUSD", "DAX" }, *const one[] = { "EURUSD" };
        struct ex_symbols symbols;
        struct ex_symbol *kept;

        ex_symbols_init(&symbols, "");
        offer(&symbols, both, 2);
        kept = ex_symbols_by_name(&symbols, "EURUSD");
        kept->bid_e8 = 5;
        offer(&symbols, one, 1);
        cr_expect_eq(ex_symbols_by_name(&symbols, "EURUSD"), kept);
        cr_expect_eq(kept->bid_e8, 0);
        cr_expect_null(ex_symbols_by_name(&symbols, "DAX"));
        ex_symbols_done(&symbols);
}

Test(symbols, lots_are_floored_and_losses_rounded_up)
{
        a_good_entry();
        cr_expect_eq(ex_symbol_floor_lots(&symbol, 2999999), 2000000);
        cr_expect_eq(ex_symbol_floor_lots(&symbol, 999999), 0);
        cr_expect_eq(ex_symbol_loss_cents(&symbol, 100000, 2000000), 200);
        cr_expect_eq(ex_symbol_loss_cents(&symbol, 100001, 2000000), 201);
        cr_expect_eq(ex_symbol_loss_cents(&symbol, -5, 2000000), 0);
}

Test(filling, is_one_the_terminal_offers)
{
        cr_expect_eq(ex_filling_of(PB__FILLING__FILLING_FOK | PB__FILLING__FILLING_IOC),
                PB__FILLING__FILLING_FOK);
        cr_expect_eq(ex_filling_of(PB__FILLING__FILLING_IOC), PB__FILLING__FILLING_IOC);
        cr_expect_eq(ex_filling_of(PB__FILLING__FILLING_RETURN), PB__FILLING__FILLING_RETURN);
        cr_expect_eq(ex_filling_of(0), PB__FILLING__FILLING_RETURN);
}

Test(switches, a_full_list_of_closed_symbols_halts_everything)
{
        struct ex_switches switches = { 0 };
        char name[EX_NAME_SIZE];

        for (int i = 0; i < EX_CLOSED_SYMBOLS_MAX; i++) {
                snprintf(name, sizeof(name), "S%d", i);
                cr_expect(ex_switches_close(&switches, name, "config_fault"));
        }
        cr_expect(!switches.halted);
        cr_expect(!ex_switches_close(&switches, "S3", "again"));
        cr_expect(ex_switches_close(&switches, "ONE_MORE", "config_fault"));
        cr_expect(switches.halted);
        cr_expect(ex_switches_open(&switches, "S3"));
        cr_expect_null(ex_switches_closed(&switches, "S3"));
        cr_expect(!ex_switches_open(&switches, "S3"));
}
