/* Each rule by numbers worked out by hand. */
#include "libbus/base/e8.h"
#include "plugins/legacy_v3/legacy.h"

#include <criterion/criterion.h>
#include <string.h>

#define LOT(hundredths) (E8_ONE / 100 * (hundredths))
#define PRICE(cents)    (E8_ONE / 100 * INT64_C(cents))

static const struct v3_symbol gold = { "XAUUSD", 2, E8_ONE / 100, 100, LOT(1), LOT(1), LOT(200), 10,
        { 1000, 1500, 500, 500, 600 } };
static const struct v3_symbol euro = { "EURUSD", 5, E8_ONE / 10000, 1000, LOT(1), LOT(1), LOT(1000),
        5, { 150, 150, 50, 40, 40 } };
static const struct v3_symbol yen = { "USDJPY", 3, E8_ONE / 100, 910, LOT(1), LOT(1), LOT(1000), 5,
        { 166, 166, 55, 44, 55 } };

static struct v3_alert entry_on(const struct v3_symbol *symbol, enum v3_side side, int64_t price_e8)
{
        struct v3_alert alert = {
                .type = V3_TYPE_ENTRY,
                .signal_type = V3_SIGNAL_MOMENTUM_BREAKOUT,
                .direction = side,
                .tf = V3_TF_15,
                .price_e8 = price_e8,
                .has_score = true,
                .consensus_score = side == V3_SIDE_BUY ? 6 : 3,
                .multiplier_e8 = E8_ONE,
        };

        strcpy(alert.symbol, symbol->name);
        return alert;
}

static struct v3_decision decided(const struct v3_alert *alert, const struct v3_symbol *symbol,
        const struct v3_context *context, int tier)
{
        union umbra_setting setting = { .integer = tier + 1 };
        struct umbra_settings settings = { &setting, symbol, 1 };
        struct v3_decision decision = { 0 };
        char error[64];
        void *self;

        cr_assert_eq(umbra_plugin_entry.create(&settings, error, sizeof(error), &self), 0);
        cr_assert_eq(umbra_plugin_entry.decide(self, alert, context, &decision), 0);
        umbra_plugin_entry.destroy(self);
        return decision;
}

static struct v3_context with_balance(int64_t dollars)
{
        return (struct v3_context){ .balance_cents = dollars * 100, .equity_cents = dollars * 100 };
}

static void expect_leg(const struct v3_decision *d, uint32_t i, enum v3_leg_kind kind,
        int64_t volume_e8, int64_t sl_e8, int64_t tp_e8)
{
        const struct v3_leg *leg = &d->legs[i];

        cr_assert(i < d->leg_count && leg->leg == kind && leg->side == d->direction);
        cr_expect(leg->volume_e8 == volume_e8 && leg->sl_e8 == sl_e8 && leg->tp_e8 == tp_e8,
                "volume %ld sl %ld tp %ld", (long)leg->volume_e8, (long)leg->sl_e8,
                (long)leg->tp_e8);
}

Test(legacy, strength_is_the_score_from_the_traders_side)
{
        struct v3_alert alert = { .direction = V3_SIDE_BUY, .consensus_score = 9 };

        cr_expect_eq(legacy_strength(&alert), 9);
        alert.direction = V3_SIDE_SELL;
        cr_expect_eq(legacy_strength(&alert), 0);
        alert.consensus_score = 2;
        cr_expect_eq(legacy_strength(&alert), 7);
}

Test(legacy, routes_go_by_signal_first_and_timeframe_second)
{
        static const struct {
                enum v3_signal_type signal_type;
                enum v3_tf tf;
                int32_t number;
                enum v3_routing routing;
        } cases[] = {
                { V3_SIGNAL_SCREENER_FULL_BULLISH, V3_TF_5, 3, V3_ROUTING_OVERRIDE },
                { V3_SIGNAL_SCREENER_FULL_BEARISH, V3_TF_D, 3, V3_ROUTING_OVERRIDE },
                { V3_SIGNAL_GOLDEN_POCKET_FLIP, V3_TF_60, 3, V3_ROUTING_OVERRIDE },
                { V3_SIGNAL_GOLDEN_POCKET_FLIP, V3_TF_240, 3, V3_ROUTING_OVERRIDE },
                { V3_SIGNAL_GOLDEN_POCKET_FLIP, V3_TF_120, 2, V3_ROUTING_DEFAULT },
                { V3_SIGNAL_GOLDEN_POCKET_FLIP, V3_TF_15, 2, V3_ROUTING_TIMEFRAME },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_5, 1, V3_ROUTING_TIMEFRAME },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_60, 3, V3_ROUTING_TIMEFRAME },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_240, 3, V3_ROUTING_TIMEFRAME },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_1, 2, V3_ROUTING_DEFAULT },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_30, 2, V3_ROUTING_DEFAULT },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_W, 2, V3_ROUTING_DEFAULT },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                struct v3_alert alert = { .signal_type = cases[i].signal_type, .tf = cases[i].tf };
                struct legacy_route route = legacy_route(&alert);

                cr_expect_eq(route.number, cases[i].number, "%zu", i);
                cr_expect_eq(route.routing, cases[i].routing, "%zu", i);
        }
}

Test(legacy, the_tier_is_the_highest_the_balance_reaches)
{
        cr_expect_eq(legacy_tier_index(LEGACY_TIER_BY_BALANCE, -100), 0);
        cr_expect_eq(legacy_tier_index(LEGACY_TIER_BY_BALANCE, 999999), 0);
        cr_expect_eq(legacy_tier_index(LEGACY_TIER_BY_BALANCE, 1000000), 1);
        cr_expect_eq(legacy_tier_index(LEGACY_TIER_BY_BALANCE, 4999999), 2);
        cr_expect_eq(legacy_tier_index(LEGACY_TIER_BY_BALANCE, INT64_MAX), 4);
        cr_expect_eq(legacy_tier_index(3, 0), 3);
}

/* 10 000 $: 0.05 lots, two legs of 0.02. A: 1500 pips x 1.5 = 22.50; B: 10 / (0.02 x 1) = 500 pips. */
Test(legacy, a_buy_without_levels_gets_them_computed)
{
        struct v3_alert alert = entry_on(&gold, V3_SIDE_BUY, PRICE(265000));
        struct v3_context context = with_balance(10000);
        struct v3_decision d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);

        cr_assert_eq(d.verdict, V3_VERDICT_EXECUTE);
        cr_expect_eq(d.total_lot_e8, LOT(5));
        expect_leg(&d, 0, V3_LEG_A, LOT(2), PRICE(262750), PRICE(268375));
        expect_leg(&d, 1, V3_LEG_B, LOT(2), PRICE(264500), PRICE(265500));
        cr_expect_eq(d.expected_loss_cents, 5500); /* 2250 x 0.02 + 500 x 0.02 */
        cr_expect_not(d.scaled);
        cr_expect_eq(d.close_count, 0);
}

/* 50 000 $ at 150.430: 0.20 lots, legs 0.10. A: 44 pips x 1.5 = 0.660. B: 10 x 0.01 / (0.10 x 9.1)
 * = 0.10989.., up to 0.110. A's loss 66 x 9.1 x 0.1 = 60.06, B's 11 x 9.1 x 0.1 = 10.01. */
Test(legacy, a_sell_mirrors_and_rounds_the_distance_of_b_up)
{
        struct v3_alert alert = entry_on(&yen, V3_SIDE_SELL, PRICE(15043));
        struct v3_context context = with_balance(50000);
        struct v3_decision d = decided(&alert, &yen, &context, LEGACY_TIER_BY_BALANCE);

        expect_leg(&d, 0, V3_LEG_A, LOT(10), PRICE(15109), PRICE(14944));
        expect_leg(&d, 1, V3_LEG_B, LOT(10), PRICE(15054), PRICE(15032));
        cr_expect_eq(d.expected_loss_cents, 7007);
}

/* Targets half a point off are rounded half up as prices, so towards the price on a sell. */
Test(legacy, a_target_between_two_points_is_rounded_half_up)
{
        struct v3_alert alert = entry_on(&gold, V3_SIDE_BUY, PRICE(265000));
        struct v3_context context = with_balance(10000);
        struct v3_decision d;

        alert.has_sl = true;
        alert.sl_e8 = PRICE(264899); /* 1.01 x 1.5 = 1.515 */
        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect_eq(d.legs[0].tp_e8, PRICE(265152));
        alert.direction = V3_SIDE_SELL;
        alert.sl_e8 = PRICE(265101);
        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect_eq(d.legs[0].tp_e8, PRICE(264849));
}

/* 100 000 $: 0.50 x 2.0 x 1.25 = 1.25, legs 0.62. On EURUSD 10 / (0.62 x 10) = 1.6 pips, but at least
 * 5; on XAUUSD 10 / 0.62 = 16.1, which is over the least 10. */
Test(legacy, the_stop_of_b_keeps_the_minimum_distance)
{
        struct v3_alert alert = entry_on(&euro, V3_SIDE_BUY, 110000000);
        struct v3_context context = with_balance(100000);
        struct v3_decision d;

        alert.tf = V3_TF_5;
        alert.multiplier_e8 = 2 * E8_ONE;
        d = decided(&alert, &euro, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect_eq(d.total_lot_e8, LOT(125));
        cr_expect_eq(d.legs[1].volume_e8, LOT(62));
        cr_expect_eq(d.legs[1].sl_e8, 109950000);
        cr_expect_eq(d.legs[1].tp_e8, 110050000);
        strcpy(alert.symbol, gold.name);
        alert.price_e8 = PRICE(265000);
        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect_eq(d.legs[1].sl_e8, PRICE(264983), "16.1 pips, up to 0.17");
}

Test(legacy, the_total_is_clamped_to_the_symbols_maximum)
{
        struct v3_symbol small = gold;
        struct v3_alert alert = entry_on(&gold, V3_SIDE_BUY, PRICE(265000));
        struct v3_context context = with_balance(100000);
        struct v3_decision d;

        small.lot_max_e8 = LOT(31);
        d = decided(&alert, &small, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect_eq(d.total_lot_e8, LOT(31));
        cr_expect_eq(d.legs[0].volume_e8, LOT(15));
}

Test(legacy, a_is_alone_where_half_is_too_little_and_nothing_where_all_is)
{
        struct v3_alert alert = entry_on(&gold, V3_SIDE_BUY, PRICE(265000));
        struct v3_context context = with_balance(5000);
        struct v3_decision d;

        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect_eq(d.leg_count, 1);
        cr_expect_eq(d.legs[0].leg, V3_LEG_A);
        cr_expect_eq(d.legs[0].volume_e8, LOT(1));

        alert.multiplier_e8 = E8_ONE / 1000 * 999;
        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect_eq(d.reason, V3_REASON_LOT_BELOW_MINIMUM);
        cr_expect_eq(d.leg_count, 0);
        alert.multiplier_e8 = 2 * E8_ONE;
        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect_eq(d.leg_count, 2);
}

/* The first gate that fails names the reason: size, then stops, then caps. */
Test(legacy, gates_have_an_order)
{
        struct v3_alert alert = entry_on(&gold, V3_SIDE_BUY, PRICE(100));
        struct v3_context context = with_balance(10000);

        context.daily_loss_cents = context.lifetime_loss_cents = 100000;
        alert.multiplier_e8 = E8_ONE / 10;
        cr_expect_eq(decided(&alert, &gold, NULL, 0).reason, V3_REASON_NO_CONTEXT);
        cr_expect_eq(decided(&alert, &gold, &context, 0).reason, V3_REASON_LOT_BELOW_MINIMUM);
        alert.multiplier_e8 = E8_ONE;
        cr_expect_eq(decided(&alert, &gold, &context, 0).reason, V3_REASON_INVALID_STOP);
        alert.price_e8 = PRICE(265000);
        cr_expect_eq(decided(&alert, &gold, &context, 0).reason, V3_REASON_LIFETIME_CAP);
        context.lifetime_loss_cents = 0;
        cr_expect_eq(decided(&alert, &gold, &context, 0).reason, V3_REASON_DAILY_CAP);
}

Test(legacy, a_level_at_zero_is_an_invalid_stop)
{
        struct v3_alert alert = entry_on(&gold, V3_SIDE_SELL, PRICE(265000));
        struct v3_context context = with_balance(10000);
        struct v3_decision d;

        alert.has_sl = true;
        alert.sl_e8 = PRICE(441667); /* target 2650.00 - 1.5 x 1766.67 = -0.005, which is 0.00 */
        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect_eq(d.reason, V3_REASON_INVALID_STOP);
        alert.sl_e8 = PRICE(441666); /* 0.01 */
        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect_neq(d.reason, V3_REASON_INVALID_STOP);
}

/* Loss 55.00 as above. With 40.00 left: 0.02 x 0.95 x 40 / 55 = 0.0138, so 0.01 each. */
Test(legacy, what_is_left_under_a_cap_scales_the_legs_once)
{
        struct v3_alert alert = entry_on(&gold, V3_SIDE_BUY, PRICE(265000));
        struct v3_context context = with_balance(10000);
        struct v3_decision d;

        context.daily_loss_cents = 16000;
        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect(d.scaled);
        cr_expect_eq(d.total_lot_e8, LOT(5), "as it was before");
        expect_leg(&d, 0, V3_LEG_A, LOT(1), PRICE(262750), PRICE(268375));
        expect_leg(&d, 1, V3_LEG_B, LOT(1), PRICE(264500), PRICE(265500));
        cr_expect_eq(d.expected_loss_cents, 2750);

        context.daily_loss_cents = 20000 - 5500;
        cr_expect_not(decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE).scaled, "it fits");
        context.daily_loss_cents = 20000 - 5499;
        cr_expect(decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE).scaled);
}

Test(legacy, legs_scaled_to_nothing_are_refused_by_the_nearer_cap)
{
        struct v3_alert alert = entry_on(&gold, V3_SIDE_BUY, PRICE(265000));
        struct v3_context context = with_balance(10000);

        context.daily_loss_cents = 19000; /* 10.00 left: 0.0034 lots */
        cr_expect_eq(decided(&alert, &gold, &context, -1).reason, V3_REASON_DAILY_CAP);
        context.lifetime_loss_cents = 99000; /* as near */
        cr_expect_eq(decided(&alert, &gold, &context, -1).reason, V3_REASON_DAILY_CAP);
        context.lifetime_loss_cents = 99001;
        cr_expect_eq(decided(&alert, &gold, &context, -1).reason, V3_REASON_LIFETIME_CAP);
}

Test(legacy, an_aggressive_entry_that_executes_closes_the_other_side)
{
        struct v3_alert alert = entry_on(&gold, V3_SIDE_SELL, PRICE(265000));
        struct v3_context context = with_balance(10000);
        struct v3_decision d;

        alert.consensus_score = 2; /* strength 7 */
        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect(d.aggressive);
        cr_assert_eq(d.close_count, 1);
        cr_expect_eq(d.closes[0].side, V3_SIDE_BUY);
        cr_expect_eq(d.closes[0].reason, V3_CLOSE_REVERSAL);
        context.daily_loss_cents = 20000;
        d = decided(&alert, &gold, &context, LEGACY_TIER_BY_BALANCE);
        cr_expect(d.aggressive);
        cr_expect_eq(d.close_count, 0, "a rejected entry closes nothing");

        alert.consensus_score = 3;
        cr_expect_not(decided(&alert, &gold, &context, -1).aggressive);
        alert.signal_type = V3_SIGNAL_LIQUIDITY_TRAP_REVERSAL;
        cr_expect(decided(&alert, &gold, &context, -1).aggressive);
}

Test(legacy, exits_close_by_their_signal_whatever_the_context)
{
        struct v3_alert alert = { .type = V3_TYPE_EXIT, .signal_type = V3_SIGNAL_BULLISH_EXIT };
        struct v3_decision d;

        alert.direction = V3_SIDE_BUY; /* says nothing here */
        d = decided(&alert, &gold, NULL, LEGACY_TIER_BY_BALANCE);
        cr_expect_eq(d.verdict, V3_VERDICT_EXECUTE);
        cr_expect_eq(d.reason, V3_REASON_EXIT_SIGNAL);
        cr_expect_eq(d.direction, V3_SIDE_NONE);
        cr_expect_eq(d.closes[0].side, V3_SIDE_BUY);
        cr_expect_eq(d.closes[0].reason, V3_CLOSE_EXIT);
        alert.signal_type = V3_SIGNAL_BEARISH_EXIT;
        cr_expect_eq(decided(&alert, &gold, NULL, -1).closes[0].side, V3_SIDE_SELL);
}

Test(legacy, squeeze_notifies_and_pulse_is_ignored)
{
        struct v3_alert alert = { .type = V3_TYPE_SQUEEZE };

        cr_expect_eq(decided(&alert, &gold, NULL, -1).verdict, V3_VERDICT_NOTIFY);
        alert.type = V3_TYPE_PULSE;
        cr_expect_eq(decided(&alert, &gold, NULL, -1).verdict, V3_VERDICT_IGNORE);
}
