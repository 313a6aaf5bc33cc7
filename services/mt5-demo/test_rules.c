#include "services/mt5-demo/test_desk_rig.h"

#include "libbus/base/e8.h"
#include "services/mt5-demo/hours.h"

#include <criterion/criterion.h>
#include <stdio.h>

static int64_t e8(const char *text)
{
        int64_t value = 0;

        cr_assert_eq(e8_parse(text, strlen(text), &value), 0);
        return value;
}

/* The retcode of ORDER under an id of its own. */
static uint32_t judged(struct desk_rig *rig, struct order order)
{
        static int n;

        snprintf(order.cl_ord_id, sizeof(order.cl_ord_id), "ID%d", n++);
        return desk_rig_submit(rig, &order);
}

#define WITH(base, change)               \
        ({                               \
                struct order o = (base); \
                change;                  \
                o;                       \
        })

Test(rules, names_what_is_wrong_with_an_opening_order)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        const struct order good = desk_rig_order("X", 1);

        cr_expect_eq(judged(rig, WITH(good, strcpy(o.symbol, "EURUSD.x"))), RETCODE_INVALID);
        cr_expect_eq(judged(rig, WITH(good, strcpy(o.comment, "01234567890123456789012345678901"))),
                RETCODE_INVALID, "32 characters");
        cr_expect_eq(judged(rig, WITH(good, o.position = 5)), RETCODE_INVALID);
        cr_expect_eq(judged(rig, WITH(good, o.volume_e8 = 0)), RETCODE_INVALID_VOLUME);
        cr_expect_eq(judged(rig, WITH(good, o.volume_e8 = e8("0.015"))), RETCODE_INVALID_VOLUME);
        cr_expect_eq(judged(rig, WITH(good, o.volume_e8 = e8("100.01"))), RETCODE_INVALID_VOLUME);
        cr_expect_eq(judged(rig, WITH(good, o.filling = FILLING_FOK)), RETCODE_INVALID_FILL);
        cr_expect_eq(judged(rig, WITH(good, o.filling = 0)), RETCODE_INVALID_FILL);
        cr_expect_eq(judged(rig, WITH(good, o.filling = FILLING_FOK | FILLING_IOC)),
                RETCODE_INVALID_FILL);
        cr_expect_eq(judged(rig, WITH(good, o.volume_e8 = e8("10"))), RETCODE_NO_MONEY,
                "10 x 1085.00 margin of 10 000.00");
        cr_expect_eq(judged(rig, WITH(good, o.volume_e8 = e8("9"))), RETCODE_DONE);
        cr_expect_eq(judged(rig, WITH(good, o.deadline_us = rig->at.wall_us - 1)), RETCODE_REJECT);
        cr_expect_str_eq(desk_rig_report(rig)->comment, "expired");
        cr_expect_eq(judged(rig, WITH(good, o.deadline_us = rig->at.wall_us)), RETCODE_DONE);
        cr_expect_eq(rig->deals_written, 2);
}

Test(rules, keeps_stops_their_distance_from_where_it_would_be_left)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        const struct order buy = desk_rig_order("X", 1);
        const struct order sell = WITH(buy, o.side = SIDE_SELL);

        /* bid 1.08500, ask 1.08510, level 20 ticks */
        cr_expect_eq(judged(rig, WITH(buy, o.sl_e8 = e8("1.08480"))), RETCODE_DONE);
        cr_expect_eq(judged(rig, WITH(buy, o.sl_e8 = e8("1.08481"))), RETCODE_INVALID_STOPS);
        cr_expect_eq(judged(rig, WITH(buy, o.sl_e8 = e8("1.09000"))), RETCODE_INVALID_STOPS);
        cr_expect_eq(judged(rig, WITH(buy, o.tp_e8 = e8("1.08520"))), RETCODE_DONE);
        cr_expect_eq(judged(rig, WITH(buy, o.tp_e8 = e8("1.08519"))), RETCODE_INVALID_STOPS);
        cr_expect_eq(judged(rig, WITH(sell, o.sl_e8 = e8("1.08530"))), RETCODE_DONE);
        cr_expect_eq(judged(rig, WITH(sell, o.sl_e8 = e8("1.08529"))), RETCODE_INVALID_STOPS);
        cr_expect_eq(judged(rig, WITH(sell, o.tp_e8 = e8("1.08490"))), RETCODE_DONE);
        cr_expect_eq(judged(rig, WITH(sell, o.tp_e8 = e8("1.08491"))), RETCODE_INVALID_STOPS);
        cr_expect_eq(judged(rig, WITH(buy, o.sl_e8 = e8("1.084005"))), RETCODE_INVALID_STOPS);
}

Test(rules, closes_only_the_position_that_is_named)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        uint64_t ticket = desk_rig_open(rig, "OPEN");
        const struct order close = desk_rig_close("X", ticket);

        cr_expect_eq(judged(rig, WITH(close, o.position = 0)), RETCODE_INVALID);
        cr_expect_eq(judged(rig, WITH(close, o.position++)), RETCODE_POSITION_CLOSED);
        cr_expect_eq(judged(rig, WITH(close, o.side = SIDE_BUY)), RETCODE_INVALID);
        cr_expect_eq(judged(rig, WITH(close, strcpy(o.symbol, "GOLD"))), RETCODE_INVALID);
        cr_expect_eq(
                judged(rig, WITH(close, o.volume_e8 = e8("0.11"))), RETCODE_INVALID_CLOSE_VOLUME);
        cr_expect_eq(judged(rig, WITH(close, o.volume_e8 = e8("0.005"))), RETCODE_INVALID_VOLUME);
        cr_expect_eq(judged(rig, WITH(close, o.filling = FILLING_FOK)), RETCODE_INVALID_FILL);
        cr_expect_eq(judged(rig, WITH(close, o.volume_e8 = e8("0.04"))), RETCODE_DONE);
        cr_expect_eq(rig->desk.account.positions[0]->volume_e8, e8("0.06"));
        cr_expect_eq(judged(rig, WITH(close, o.volume_e8 = e8("0.06"))), RETCODE_DONE);
        cr_expect_eq(judged(rig, WITH(close, o.volume_e8 = e8("0.06"))), RETCODE_POSITION_CLOSED);
}

Test(rules, changes_both_stops_at_once)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        uint64_t ticket = desk_rig_open(rig, "OPEN");
        struct order modify = desk_rig_close("X", ticket);

        modify.action = ACTION_MODIFY;
        modify.side = SIDE_NONE;
        cr_expect_eq(judged(rig, modify), RETCODE_NO_CHANGES);
        modify.sl_e8 = e8("1.08000");
        modify.tp_e8 = e8("1.09000");
        cr_expect_eq(judged(rig, modify), RETCODE_DONE);
        cr_expect_eq(rig->desk.account.positions[0]->sl_e8, e8("1.08000"));
        cr_expect_eq(judged(rig, WITH(modify, o.sl_e8 = e8("1.08499"))), RETCODE_INVALID_STOPS);
        cr_expect_eq(judged(rig, WITH(modify, o.sl_e8 = 0)), RETCODE_DONE);
        cr_expect_eq(rig->desk.account.positions[0]->sl_e8, 0, "a missing one is removed");
        cr_expect_eq(rig->desk.account.positions[0]->tp_e8, e8("1.09000"));
        cr_expect_eq(judged(rig, WITH(modify, o.position = 1)), RETCODE_POSITION_CLOSED);
        cr_expect_eq(judged(rig, WITH(modify, strcpy(o.symbol, "GOLD"))), RETCODE_INVALID);
}

Test(rules, fills_within_the_deviation_and_requotes_beyond_it)
{
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_new();
        const struct order order = WITH(desk_rig_order("X", 1), o.price_e8 = e8("1.08500");
                                        o.deviation_e8 = e8("0.00010"));

        cr_expect_eq(judged(rig, order), RETCODE_DONE, "the ask is 1.08510");
        cr_expect_eq(desk_rig_report(rig)->price_e8, e8("1.08510"));
        desk_rig_move(rig, 0, "1.08501");
        cr_expect_eq(judged(rig, order), RETCODE_REQUOTE);
        cr_expect_eq(desk_rig_report(rig)->price_e8, e8("1.08511"), "the price to ask again with");
        desk_rig_move(rig, 0, "1.08480");
        cr_expect_eq(judged(rig, order), RETCODE_DONE, "better by 0.00010 is within it");
        desk_rig_move(rig, 0, "1.08300");
        cr_expect_eq(judged(rig, order), RETCODE_REQUOTE, "and so is too much of a good thing not");
        cr_expect_eq(judged(rig, WITH(order, o.price_e8 = 0)), RETCODE_DONE, "at the market");
}

Test(rules, slips_against_the_order_and_never_more_than_told)
{
        const struct desk_options options = { .slippage_ticks = 3, .seed = 5 };
        DESK_RIG_AUTOFREE struct desk_rig *rig = desk_rig_with(&options, NULL);
        const struct order buy = WITH(desk_rig_order("X", 1), o.volume_e8 = e8("0.01"));
        int64_t worst = 0;

        for (int i = 0; i < 100; i++) {
                cr_assert_eq(judged(rig, buy), RETCODE_DONE);
                int64_t slip = desk_rig_report(rig)->price_e8 - e8("1.08510");

                cr_expect(slip >= 0 && slip <= e8("0.00003"));
                worst = slip > worst ? slip : worst;
                cr_assert_eq(judged(rig, WITH(buy, o.side = SIDE_SELL)), RETCODE_DONE);
                cr_expect_leq(desk_rig_report(rig)->price_e8, e8("1.08500"));
        }
        cr_expect_eq(worst, e8("0.00003"));
}

Test(rules, knows_which_answers_exclude_an_execution)
{
        static const uint32_t open_ended[] = { 0, RETCODE_PLACED, RETCODE_DONE,
                RETCODE_DONE_PARTIAL, RETCODE_NO_CHANGES, RETCODE_ERROR, RETCODE_TIMEOUT,
                RETCODE_CONNECTION };

        for (size_t i = 0; i < BUS_COUNT(open_ended); i++)
                cr_expect_not(rules_definite_refusal(open_ended[i]), "%u", open_ended[i]);
        cr_expect(rules_definite_refusal(RETCODE_REQUOTE));
        cr_expect(rules_definite_refusal(RETCODE_NO_MONEY));
        cr_expect(rules_definite_refusal(RETCODE_POSITION_CLOSED));
}

/* 2026-11-22 is a Sunday. */
#define SUNDAY_US (INT64_C(1795305600) * BUS_US_PER_SEC)

static bool open_at(const char *text, int day, int hour, int minute)
{
        struct hours hours;

        cr_assert_eq(hours_parse(text, &hours), 0, "%s", text);
        return hours_open(&hours,
                SUNDAY_US + ((day * INT64_C(24) + hour) * 60 + minute) * 60 * BUS_US_PER_SEC);
}

Test(rules, keeps_trading_hours)
{
        cr_expect(open_at("", 0, 3, 0));
        cr_expect_not(open_at("mon-fri 00:05-23:55", 0, 12, 0));
        cr_expect_not(open_at("mon-fri 00:05-23:55", 1, 0, 4));
        cr_expect(open_at("mon-fri 00:05-23:55", 1, 0, 5));
        cr_expect(open_at("mon-fri 00:05-23:55", 5, 23, 54));
        cr_expect_not(open_at("mon-fri 00:05-23:55", 5, 23, 55));
        cr_expect(open_at("mon-fri 00:05-23:55, sun-sun 22:00-24:00", 0, 23, 59));
        cr_expect(open_at("sat-sun 00:00-24:00", 0, 0, 0));
        cr_expect(open_at("sat-sun 00:00-24:00", 6, 0, 0));
        cr_expect_not(open_at("sat-sun 00:00-24:00", 1, 0, 0));
}

Test(rules, refuses_hours_that_make_no_sense)
{
        static const char *const bad[] = { "mon", "mon-fri", "mon-fri 10:00", "mon-fri 10:00-09:00",
                "foo-fri 10:00-11:00", "mon-fri 10:00-24:01", "mon-fri 10:60-11:00",
                "mon-fri 10:00-11:00 x" };
        struct hours hours;

        for (size_t i = 0; i < BUS_COUNT(bad); i++)
                cr_expect_lt(hours_parse(bad[i], &hours), 0, "%s", bad[i]);
}

Test(rules, closes_the_market_outside_its_hours)
{
        struct desk_options options = { 0 };
        DESK_RIG_AUTOFREE struct desk_rig *rig = NULL;

        cr_assert_eq(hours_parse("mon-fri 00:00-24:00", &options.rules.hours), 0);
        rig = desk_rig_with(&options, NULL);
        rig->at.wall_us = SUNDAY_US;
        cr_expect_eq(judged(rig, desk_rig_order("X", 1)), RETCODE_MARKET_CLOSED);
        rig->at.wall_us = SUNDAY_US + INT64_C(24) * 3600 * BUS_US_PER_SEC;
        cr_expect_eq(judged(rig, desk_rig_order("X", 1)), RETCODE_DONE);
}
