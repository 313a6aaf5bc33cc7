#include "libbus/base/e8.h"
#include "plugins/combined_v3/rules.h"

#include <criterion/criterion.h>
#include <errno.h>

#define LOT(hundredths) (E8_ONE / 100 * (hundredths))

static const struct v3_symbol eurusd = {
        .name = "EURUSD",
        .digits = 5,
        .pip_e8 = 10000,
        .usd_per_pip_lot_cents = 1000,
        .lot_min_e8 = LOT(1),
        .lot_step_e8 = LOT(1),
        .lot_max_e8 = LOT(1000),
        .min_stop_pips = 5,
        .fallback_sl_pips = { 150, 150, 50, 40, 40 },
};
static const struct v3_symbol usdjpy = {
        .name = "USDJPY",
        .digits = 3,
        .pip_e8 = 1000000,
        .usd_per_pip_lot_cents = 910,
        .lot_min_e8 = LOT(1),
        .lot_step_e8 = LOT(1),
        .lot_max_e8 = LOT(1000),
        .min_stop_pips = 5,
        .fallback_sl_pips = { 166, 166, 55, 44, 55 },
};

Test(classify, strength_counts_bulls_for_buys_and_bears_for_sells)
{
        cr_expect_eq(strength_of(V3_SIDE_BUY, 9), 9);
        cr_expect_eq(strength_of(V3_SIDE_BUY, 0), 0);
        cr_expect_eq(strength_of(V3_SIDE_SELL, 9), 0);
        cr_expect_eq(strength_of(V3_SIDE_SELL, 1), 8);
}

Test(classify, routes_by_kind_then_by_timeframe)
{
        static const struct {
                enum v3_signal_type signal;
                enum v3_tf tf;
                int32_t route;
                enum v3_routing routing;
        } cases[] = {
                { V3_SIGNAL_SCREENER_FULL_BULLISH, V3_TF_5, 3, V3_ROUTING_OVERRIDE },
                { V3_SIGNAL_SCREENER_FULL_BEARISH, V3_TF_W, 3, V3_ROUTING_OVERRIDE },
                { V3_SIGNAL_GOLDEN_POCKET_FLIP, V3_TF_60, 3, V3_ROUTING_OVERRIDE },
                { V3_SIGNAL_GOLDEN_POCKET_FLIP, V3_TF_240, 3, V3_ROUTING_OVERRIDE },
                { V3_SIGNAL_GOLDEN_POCKET_FLIP, V3_TF_120, 2, V3_ROUTING_DEFAULT },
                { V3_SIGNAL_GOLDEN_POCKET_FLIP, V3_TF_5, 1, V3_ROUTING_TIMEFRAME },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_5, 1, V3_ROUTING_TIMEFRAME },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_15, 2, V3_ROUTING_TIMEFRAME },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_60, 3, V3_ROUTING_TIMEFRAME },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_240, 3, V3_ROUTING_TIMEFRAME },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_1, 2, V3_ROUTING_DEFAULT },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_3, 2, V3_ROUTING_DEFAULT },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_30, 2, V3_ROUTING_DEFAULT },
                { V3_SIGNAL_MOMENTUM_BREAKOUT, V3_TF_D, 2, V3_ROUTING_DEFAULT },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                struct route route = route_of(cases[i].signal, cases[i].tf);

                cr_expect_eq(route.number, cases[i].route, "case %zu", i);
                cr_expect_eq(route.routing, cases[i].routing, "case %zu", i);
        }
}

Test(classify, multipliers_of_the_routes)
{
        cr_expect_eq(route_lot_thousandths(1), 1250);
        cr_expect_eq(route_lot_thousandths(2), 1000);
        cr_expect_eq(route_lot_thousandths(3), 625);
        cr_expect_eq(route_stop_tenths(1), 10);
        cr_expect_eq(route_stop_tenths(2), 15);
        cr_expect_eq(route_stop_tenths(3), 25);
}

Test(classify, aggressive_by_kind_or_by_strength)
{
        cr_expect(is_aggressive(V3_SIGNAL_LIQUIDITY_TRAP_REVERSAL, 0));
        cr_expect(is_aggressive(V3_SIGNAL_GOLDEN_POCKET_FLIP, 0));
        cr_expect(is_aggressive(V3_SIGNAL_SCREENER_FULL_BULLISH, 0));
        cr_expect(is_aggressive(V3_SIGNAL_SCREENER_FULL_BEARISH, 0));
        cr_expect_not(is_aggressive(V3_SIGNAL_INSTITUTIONAL_LAUNCHPAD, 6));
        cr_expect_not(is_aggressive(V3_SIGNAL_MOMENTUM_BREAKOUT, 6));
        cr_expect_not(is_aggressive(V3_SIGNAL_MITIGATION_TEST_ENTRY, 6));
        cr_expect_not(is_aggressive(V3_SIGNAL_SIDEWAYS_BREAKOUT, 6));
        cr_expect(is_aggressive(V3_SIGNAL_SIDEWAYS_BREAKOUT, 7));
}

Test(classify, strength_gate_and_factors)
{
        static const int64_t factors_thousandths[] = { 700, 800, 850, 900, 1000 };

        cr_expect_not(is_strong_enough(V3_SIGNAL_MOMENTUM_BREAKOUT, 4));
        cr_expect(is_strong_enough(V3_SIGNAL_MOMENTUM_BREAKOUT, 5));
        cr_expect_not(is_strong_enough(V3_SIGNAL_SCREENER_FULL_BEARISH, 4));
        cr_expect_not(is_strong_enough(V3_SIGNAL_INSTITUTIONAL_LAUNCHPAD, 6));
        cr_expect(is_strong_enough(V3_SIGNAL_INSTITUTIONAL_LAUNCHPAD, 7));
        for (int32_t strength = 5; strength <= 9; strength++)
                cr_expect_eq(strength_factor_e8(strength),
                        factors_thousandths[strength - 5] * (E8_ONE / 1000));
}

Test(classify, pillars_stand_in_two_orders)
{
        /* 1D,4H,1H,15m,5m and 1m,5m,15m,1H,4H,1D: the short ones do not count. */
        struct v3_trends five = { 5, { 1, 0, -1, 1, 1 } };
        struct v3_trends six = { 6, { 1, 1, -1, 0, 1, 1 } };
        struct v3_trends none = { 0 };

        cr_expect_eq(aligned_pillars(&five, V3_SIDE_BUY), 2);
        cr_expect_eq(aligned_pillars(&five, V3_SIDE_SELL), 1);
        cr_expect_eq(aligned_pillars(&six, V3_SIDE_BUY), 2);
        cr_expect_eq(aligned_pillars(&six, V3_SIDE_SELL), 1);
        cr_expect_eq(aligned_pillars(&none, V3_SIDE_BUY), -1);
}

Test(size, tiers_begin_at_their_minimum)
{
        cr_expect_eq(tier_of_balance(-1), 0);
        cr_expect_eq(tier_of_balance(0), 0);
        cr_expect_eq(tier_of_balance(999999), 0);
        cr_expect_eq(tier_of_balance(1000000), 1);
        cr_expect_eq(tier_of_balance(2499999), 1);
        cr_expect_eq(tier_of_balance(2500000), 2);
        cr_expect_eq(tier_of_balance(5000000), 3);
        cr_expect_eq(tier_of_balance(9999999), 3);
        cr_expect_eq(tier_of_balance(INT64_MAX), 4);
        cr_expect_eq(tier_at(4)->base_lot_e8, LOT(50));
        cr_expect_eq(tier_at(0)->daily_cap_cents, 10000);
        cr_expect_eq(tier_at(2)->lifetime_cap_cents, 250000);
}

Test(size, total_is_exact_then_cut_then_clamped)
{
        struct v3_symbol small = eurusd;
        int64_t total = 0;

        /* 0.05 x 0.333 x 0.625 = 0.01040625 */
        cr_expect_eq(total_lot(&eurusd, LOT(5), 33300000, 625, &total), 0);
        cr_expect_eq(total, 1040625);
        /* 0.00000003 x 0.9 x 1.25 = 0.00000003375 */
        cr_expect_eq(total_lot(&eurusd, 3, 90000000, 1250, &total), 0);
        cr_expect_eq(total, 3);
        small.lot_max_e8 = LOT(7);
        cr_expect_eq(total_lot(&small, LOT(50), E8_ONE, 1000, &total), 0);
        cr_expect_eq(total, LOT(7));
        cr_expect_eq(total_lot(&eurusd, LOT(50), INT64_MAX, 1000, &total), -EOVERFLOW);
        cr_expect_eq(total, LOT(7));
}

Test(size, splits_in_two_or_leaves_order_a_alone)
{
        static const struct {
                int64_t total_e8;
                size_t legs;
                int64_t volume_e8;
        } cases[] = {
                { LOT(4), 2, LOT(2) },
                { LOT(5), 2, LOT(2) }, /* 0.025 */
                { LOT(2), 2, LOT(1) },
                { LOT(2) - 1, 1, LOT(1) }, /* half is 0.00999999 */
                { 1250000, 1, LOT(1) },
                { LOT(1), 1, LOT(1) },
                { LOT(1) - 1, 0, 0 },
                { 0, 0, 0 },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                struct split split;

                cr_assert_eq(split_lot(&eurusd, cases[i].total_e8, &split), 0);
                cr_expect_eq(split.legs, cases[i].legs, "case %zu", i);
                cr_expect_eq(split.volume_e8, cases[i].volume_e8, "case %zu", i);
        }
}

Test(size, a_symbol_with_coarse_lots)
{
        struct v3_symbol coarse = eurusd;
        struct split split;

        coarse.lot_min_e8 = LOT(10);
        coarse.lot_step_e8 = LOT(5);
        cr_assert_eq(split_lot(&coarse, LOT(38), &split), 0);
        cr_expect_eq(split.legs, 2);
        cr_expect_eq(split.volume_e8, LOT(15)); /* 0.19 */
        cr_assert_eq(split_lot(&coarse, LOT(19), &split), 0);
        cr_expect_eq(split.legs, 1);
        cr_expect_eq(split.volume_e8, LOT(15));
}

Test(legs, fixed_risk_distance_rounds_up_and_keeps_the_minimum)
{
        int64_t d = 0;

        /* 10 x 0.0001 / (0.06 x 10) = 0.0016666... */
        cr_expect_eq(fixed_risk_distance(&eurusd, LOT(6), &d), 0);
        cr_expect_eq(d, 167000);
        /* 10 x 0.01 / (0.01 x 9.1) = 1.0989... */
        cr_expect_eq(fixed_risk_distance(&usdjpy, LOT(1), &d), 0);
        cr_expect_eq(d, 109900000);
        /* 0.0002 exactly is under 5 pips */
        cr_expect_eq(fixed_risk_distance(&eurusd, LOT(50), &d), 0);
        cr_expect_eq(d, 50000);
        cr_expect_eq(fixed_risk_distance(&eurusd, INT64_MAX, &d), -EOVERFLOW);
}

static struct v3_alert alert_at(enum v3_side side, int64_t price_e8)
{
        return (struct v3_alert){ .direction = side, .price_e8 = price_e8 };
}

Test(legs, fallback_stop_and_targets_mirror)
{
        struct v3_alert buy = alert_at(V3_SIDE_BUY, 110000000), sell = buy;
        struct entry entry = { &eurusd, &buy, 2, 1 }; /* 50 pips x 1.0 */
        struct v3_leg leg = { .volume_e8 = LOT(6) };

        cr_assert_eq(place_leg_a(&entry, &leg), 0);
        cr_expect_eq(leg.sl_e8, 109500000);
        cr_expect_eq(leg.tp_e8, 110750000);
        cr_assert_eq(place_leg_b(&entry, &leg), 0);
        cr_expect_eq(leg.sl_e8, 109833000);
        cr_expect_eq(leg.tp_e8, 110167000);

        sell.direction = V3_SIDE_SELL;
        entry.alert = &sell;
        cr_assert_eq(place_leg_a(&entry, &leg), 0);
        cr_expect_eq(leg.sl_e8, 110500000);
        cr_expect_eq(leg.tp_e8, 109250000);
        cr_assert_eq(place_leg_b(&entry, &leg), 0);
        cr_expect_eq(leg.sl_e8, 110167000);
        cr_expect_eq(leg.tp_e8, 109833000);
}

Test(legs, fallback_stop_widens_with_the_route)
{
        struct v3_alert buy = alert_at(V3_SIDE_BUY, 15000000000);
        struct entry entry = { &usdjpy, &buy, 2, 3 }; /* 55 pips x 2.5 = 137.5 pips */
        struct v3_leg leg = { 0 };

        cr_assert_eq(place_leg_a(&entry, &leg), 0);
        cr_expect_eq(leg.sl_e8, 14862500000);
        cr_expect_eq(leg.tp_e8, 15206300000); /* 150 + 2.0625, half up */
}

Test(legs, given_stops_and_targets_go_out_as_given)
{
        struct v3_alert buy = alert_at(V3_SIDE_BUY, 110000000);
        struct entry entry = { &eurusd, &buy, 0, 2 };
        struct v3_leg leg = { .volume_e8 = LOT(6) };

        buy.has_sl = buy.has_tp1 = buy.has_tp2 = true;
        buy.sl_e8 = 109950000;
        buy.tp1_e8 = 110001000;
        buy.tp2_e8 = 110002000;
        cr_assert_eq(place_leg_a(&entry, &leg), 0);
        cr_expect_eq(leg.sl_e8, 109950000);
        cr_expect_eq(leg.tp_e8, 110002000);
        cr_assert_eq(place_leg_b(&entry, &leg), 0);
        cr_expect_eq(leg.sl_e8, 109833000); /* B has its own stop */
        cr_expect_eq(leg.tp_e8, 110001000);
}

/* 1.5 x 0.00003 is 0.000045: a tie, and the higher price wins on both sides. */
Test(legs, a_tie_rounds_to_the_higher_price)
{
        struct v3_alert alert = alert_at(V3_SIDE_BUY, 110000000);
        struct entry entry = { &eurusd, &alert, 0, 2 };
        struct v3_leg leg = { 0 };

        alert.has_sl = true;
        alert.sl_e8 = 109997000;
        cr_assert_eq(place_leg_a(&entry, &leg), 0);
        cr_expect_eq(leg.tp_e8, 110005000);
        alert.direction = V3_SIDE_SELL;
        alert.sl_e8 = 110003000;
        cr_assert_eq(place_leg_a(&entry, &leg), 0);
        cr_expect_eq(leg.tp_e8, 109996000);
}

/* With all 8 digits in use 1.5 x 1e-8 is itself a tie. */
Test(legs, a_tie_below_the_last_digit_rounds_up_too)
{
        struct v3_symbol fine = eurusd;
        struct v3_alert alert = alert_at(V3_SIDE_SELL, 100);
        struct entry entry = { &fine, &alert, 0, 2 };
        struct v3_leg leg = { 0 };

        fine.digits = 8;
        alert.has_sl = true;
        alert.sl_e8 = 101;
        cr_assert_eq(place_leg_a(&entry, &leg), 0);
        cr_expect_eq(leg.tp_e8, 99); /* 98.5 */
}

Test(legs, a_price_that_is_not_above_zero_is_invalid)
{
        struct v3_alert buy = alert_at(V3_SIDE_BUY, 2250000);
        struct entry entry = { &eurusd, &buy, 0, 2 }; /* 150 pips x 1.5 = 0.0225 */
        struct v3_leg leg = { .volume_e8 = LOT(1) };

        cr_expect_eq(place_leg_a(&entry, &leg), INVALID_STOP);
        buy.price_e8 = 2251000;
        cr_expect_eq(place_leg_a(&entry, &leg), 0);
        cr_expect_eq(leg.sl_e8, 1000);
        buy.price_e8 = 1000000; /* B's 0.01 */
        cr_expect_eq(place_leg_b(&entry, &leg), INVALID_STOP);
        buy.direction = V3_SIDE_SELL;
        cr_expect_eq(place_leg_b(&entry, &leg), INVALID_STOP);
        buy.has_tp1 = true;
        buy.tp1_e8 = 1000;
        cr_expect_eq(place_leg_b(&entry, &leg), 0);
        cr_expect_eq(leg.tp_e8, 1000);
}

Test(legs, what_does_not_fit_is_told)
{
        struct v3_alert buy = alert_at(V3_SIDE_BUY, INT64_MAX / 2);
        struct entry entry = { &eurusd, &buy, 0, 2 };
        struct v3_leg leg = { .volume_e8 = LOT(1), .sl_e8 = 7 };

        cr_expect_eq(place_leg_a(&entry, &leg), -EOVERFLOW);
        cr_expect_eq(leg.sl_e8, 7);
}

Test(risk, loss_is_summed_then_floored)
{
        struct v3_leg legs[] = {
                { .volume_e8 = LOT(1), .sl_e8 = 14999900000 }, /* 0.1 pip x 9.1 x 0.01 = 0.0091 */
                { .volume_e8 = LOT(1), .sl_e8 = 15000100000 },
        };
        int64_t cents = -1;

        cr_expect_eq(expected_loss(&usdjpy, 15000000000, legs, 1, &cents), 0);
        cr_expect_eq(cents, 0);
        cr_expect_eq(expected_loss(&usdjpy, 15000000000, legs, 2, &cents), 0);
        cr_expect_eq(cents, 1); /* 0.0182, where each alone gives nothing */
        legs[0].volume_e8 = INT64_MAX;
        legs[0].sl_e8 = -INT64_MAX;
        cr_expect_eq(expected_loss(&usdjpy, 15000000000, legs, 1, &cents), -EOVERFLOW);
}

Test(risk, the_smaller_remainder_names_the_cap)
{
        static const struct {
                int64_t daily_loss, lifetime_loss, remaining;
                enum v3_reason reason;
        } cases[] = {
                { 0, 0, 10000, V3_REASON_DAILY_CAP },
                { 0, 40000, 10000, V3_REASON_DAILY_CAP }, /* a tie */
                { 0, 40001, 9999, V3_REASON_LIFETIME_CAP },
                { 10000, 0, 0, V3_REASON_DAILY_CAP },
                { 99999, 50000, 0, V3_REASON_LIFETIME_CAP },
                { 10000, 60000, -10000, V3_REASON_LIFETIME_CAP },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                struct v3_context context = { .daily_loss_cents = cases[i].daily_loss,
                        .lifetime_loss_cents = cases[i].lifetime_loss };
                struct budget budget = budget_of(tier_at(0), &context);

                cr_expect_eq(budget.remaining_cents, cases[i].remaining, "case %zu", i);
                cr_expect_eq(budget.exhausted_by, cases[i].reason, "case %zu", i);
        }
}

Test(risk, scaling_drops_the_leg_that_gets_too_small)
{
        struct v3_leg legs[V3_LEG_COUNT] = {
                { .leg = V3_LEG_A, .volume_e8 = LOT(1), .sl_e8 = 1 },
                { .leg = V3_LEG_B, .volume_e8 = LOT(5), .sl_e8 = 2 },
        };
        uint32_t count = 2;

        /* x 0.95 x 60/100: 0.0057 and 0.0285 */
        cr_assert_eq(scale_legs(&eurusd, 6000, 10000, legs, &count), 0);
        cr_assert_eq(count, 1);
        cr_expect_eq(legs[0].leg, V3_LEG_B);
        cr_expect_eq(legs[0].volume_e8, LOT(2));
        cr_expect_eq(legs[0].sl_e8, 2);
        cr_assert_eq(scale_legs(&eurusd, 1, 10000, legs, &count), 0);
        cr_expect_eq(count, 0);
}
