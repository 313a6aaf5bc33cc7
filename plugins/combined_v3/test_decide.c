/* Whole decisions, through the plugin's entry as the host sees it. */
#include "libbus/base/e8.h"
#include "umbra/plugin.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define LOT(hundredths) (E8_ONE / 100 * (hundredths))
#define PLUGIN          (&UMBRA_PLUGIN_SYMBOL)

static const struct v3_symbol symbols[] = {
        { "EURUSD", 5, 10000, 1000, LOT(1), LOT(1), LOT(1000), 5, { 150, 150, 50, 40, 40 } },
        { "XAUUSD", 2, 1000000, 100, LOT(1), LOT(1), LOT(200), 10, { 1000, 1500, 500, 500, 600 } },
};

/* The options in the order of the plugin's table. */
struct set {
        int64_t profile, min_mtf_aligned, tier;
};

static struct v3_decision decide(
        struct set set, const struct v3_alert *alert, const struct v3_context *context)
{
        const union umbra_setting options[] = { { .integer = set.profile },
                { .integer = set.min_mtf_aligned }, { .integer = set.tier } };
        struct umbra_settings settings = { options, symbols, BUS_COUNT(symbols) };
        struct v3_decision decision = { 0 };
        char error[128];
        void *self;

        cr_assert_eq(PLUGIN->create(&settings, error, sizeof(error), &self), 0);
        cr_assert_eq(PLUGIN->decide(self, alert, context, &decision), 0);
        PLUGIN->destroy(self);
        return decision;
}

static struct v3_alert entry(enum v3_signal_type signal, enum v3_side side, int32_t score)
{
        return (struct v3_alert){
                .type = V3_TYPE_ENTRY,
                .signal_type = signal,
                .direction = side,
                .tf = V3_TF_15,
                .symbol = "EURUSD",
                .price_e8 = 110000000,
                .has_score = true,
                .consensus_score = score,
                .multiplier_e8 = E8_ONE,
        };
}

static struct v3_context account(int64_t balance_cents)
{
        return (struct v3_context){ .balance_cents = balance_cents, .equity_cents = balance_cents };
}

static const struct set parity = { 0 };
static const struct set strength = { .profile = 1 };

Test(decide, the_example_of_the_rules)
{
        struct v3_alert alert = entry(V3_SIGNAL_MOMENTUM_BREAKOUT, V3_SIDE_BUY, 8);
        struct v3_context context = account(1200000);
        struct v3_decision d;

        strcpy(alert.symbol, "XAUUSD");
        alert.price_e8 = 265000000000;
        alert.has_sl = alert.has_tp1 = alert.has_tp2 = true;
        alert.sl_e8 = 264400000000;
        alert.tp1_e8 = 265900000000;
        alert.tp2_e8 = 266800000000;
        alert.multiplier_e8 = 80000000;
        d = decide(parity, &alert, &context);

        cr_expect_eq(d.verdict, V3_VERDICT_EXECUTE);
        cr_expect_eq(d.reason, V3_REASON_OK);
        cr_expect_eq(d.direction, V3_SIDE_BUY);
        cr_expect_eq(d.strength, 8);
        cr_expect_eq(d.route, 2);
        cr_expect_eq(d.routing, V3_ROUTING_TIMEFRAME);
        cr_expect(d.aggressive);
        cr_expect_eq(d.base_lot_e8, LOT(5));
        cr_expect_eq(d.signal_factor_e8, 80000000);
        cr_expect_eq(d.route_multiplier_e8, E8_ONE);
        cr_expect_eq(d.total_lot_e8, LOT(4));
        cr_expect_not(d.scaled);
        cr_expect_eq(d.expected_loss_cents, 2200);
        cr_assert_eq(d.leg_count, 2);
        cr_expect_eq(d.legs[0].leg, V3_LEG_A);
        cr_expect_eq(d.legs[0].side, V3_SIDE_BUY);
        cr_expect_eq(d.legs[0].volume_e8, LOT(2));
        cr_expect_eq(d.legs[0].sl_e8, 264400000000);
        cr_expect_eq(d.legs[0].tp_e8, 266800000000);
        cr_expect_eq(d.legs[1].leg, V3_LEG_B);
        cr_expect_eq(d.legs[1].volume_e8, LOT(2));
        cr_expect_eq(d.legs[1].sl_e8, 264500000000);
        cr_expect_eq(d.legs[1].tp_e8, 265900000000);
        cr_assert_eq(d.close_count, 1);
        cr_expect_eq(d.closes[0].side, V3_SIDE_SELL);
        cr_expect_eq(d.closes[0].reason, V3_CLOSE_REVERSAL);
}

Test(decide, a_calm_entry_closes_nothing)
{
        struct v3_alert alert = entry(V3_SIGNAL_MOMENTUM_BREAKOUT, V3_SIDE_SELL, 3);
        struct v3_context context = account(3000000);
        struct v3_decision d;

        alert.tf = V3_TF_5;
        d = decide(parity, &alert, &context);
        cr_expect_eq(d.verdict, V3_VERDICT_EXECUTE);
        cr_expect_eq(d.strength, 6);
        cr_expect_not(d.aggressive);
        cr_expect_eq(d.close_count, 0);
        cr_expect_eq(d.total_lot_e8, LOT(12)); /* 0.125 */
        cr_expect_eq(d.legs[0].volume_e8, LOT(6));
        cr_expect_eq(d.legs[0].sl_e8, 110500000);
        cr_expect_eq(d.legs[1].sl_e8, 110167000);
        cr_expect_eq(d.expected_loss_cents, 4002); /* 50 and 16.7 pips x 10 x 0.06 */
}

static void expect_reject(const struct v3_decision *d, enum v3_reason reason)
{
        cr_expect_eq(d->verdict, V3_VERDICT_REJECT);
        cr_expect_eq(d->reason, reason, "reason %d", d->reason);
        cr_expect_eq(d->leg_count, 0);
        cr_expect_eq(d->close_count, 0);
        cr_expect_eq(d->total_lot_e8, 0);
        cr_expect_eq(d->expected_loss_cents, 0);
        cr_expect_eq(d->legs[0].volume_e8, 0);
        cr_expect_not(d->scaled);
        cr_expect_neq(d->direction, V3_SIDE_NONE);
        cr_expect_neq(d->route, 0);
        cr_expect_neq(d->routing, V3_ROUTING_NONE);
}

Test(decide, without_context_entries_wait_and_exits_do_not)
{
        struct v3_alert alert = entry(V3_SIGNAL_GOLDEN_POCKET_FLIP, V3_SIDE_BUY, 5);
        struct v3_alert exit = {
                .type = V3_TYPE_EXIT, .signal_type = V3_SIGNAL_BULLISH_EXIT, .symbol = "EURUSD"
        };
        struct v3_decision d = decide(parity, &alert, NULL);

        expect_reject(&d, V3_REASON_NO_CONTEXT);
        cr_expect(d.aggressive);
        d = decide(parity, &exit, NULL);
        cr_expect_eq(d.verdict, V3_VERDICT_EXECUTE);
        cr_expect_eq(d.reason, V3_REASON_EXIT_SIGNAL);
        cr_expect_eq(d.close_count, 1);
        cr_expect_eq(d.closes[0].side, V3_SIDE_BUY);
        cr_expect_eq(d.closes[0].reason, V3_CLOSE_EXIT);
        cr_expect_eq(d.leg_count, 0);
        exit.signal_type = V3_SIGNAL_BEARISH_EXIT;
        exit.direction = V3_SIDE_BUY; /* of the closing deal: the position is what counts */
        cr_expect_eq(decide(parity, &exit, NULL).closes[0].side, V3_SIDE_SELL);
}

Test(decide, the_profile_decides_about_strength_and_size)
{
        struct v3_alert weak = entry(V3_SIGNAL_MOMENTUM_BREAKOUT, V3_SIDE_BUY, 4);
        struct v3_alert pad = entry(V3_SIGNAL_INSTITUTIONAL_LAUNCHPAD, V3_SIDE_BUY, 6);
        struct v3_context context = account(5000000);
        struct v3_decision d = decide(strength, &weak, &context);

        expect_reject(&d, V3_REASON_LOW_STRENGTH);
        cr_expect_eq(decide(parity, &weak, &context).verdict, V3_VERDICT_EXECUTE);
        d = decide(strength, &pad, &context);
        expect_reject(&d, V3_REASON_LOW_STRENGTH);
        pad.consensus_score = 7;
        pad.multiplier_e8 = 2 * E8_ONE; /* parity's business alone */
        d = decide(strength, &pad, &context);
        cr_expect_eq(d.signal_factor_e8, 85000000);
        cr_expect_eq(d.total_lot_e8, LOT(17));
        cr_expect_eq(d.legs[0].volume_e8, LOT(8));
        cr_expect_eq(decide(parity, &pad, &context).total_lot_e8, LOT(40));
}

Test(decide, trends_must_agree_where_that_is_asked)
{
        struct v3_alert alert = entry(V3_SIGNAL_MOMENTUM_BREAKOUT, V3_SIDE_SELL, 4);
        struct v3_context context = account(5000000);
        struct v3_decision d;

        alert.mtf_trends = (struct v3_trends){ 5, { -1, -1, -1, 1, -1 } };
        cr_expect_eq(decide(parity, &alert, &context).verdict, V3_VERDICT_EXECUTE);
        cr_expect_eq(decide((struct set){ .min_mtf_aligned = 3 }, &alert, &context).verdict,
                V3_VERDICT_EXECUTE);
        d = decide((struct set){ .min_mtf_aligned = 4 }, &alert, &context);
        expect_reject(&d, V3_REASON_MTF_MISALIGNED);
        alert.mtf_trends.count = 0;
        cr_expect_eq(decide((struct set){ .min_mtf_aligned = 4 }, &alert, &context).verdict,
                V3_VERDICT_EXECUTE);
}

Test(decide, small_accounts_send_order_a_alone_or_nothing)
{
        struct v3_alert alert = entry(V3_SIGNAL_MOMENTUM_BREAKOUT, V3_SIDE_BUY, 5);
        struct v3_context context = account(0);
        struct v3_decision d = decide(parity, &alert, &context);

        cr_expect_eq(d.leg_count, 1);
        cr_expect_eq(d.legs[0].leg, V3_LEG_A);
        cr_expect_eq(d.legs[0].volume_e8, LOT(1));
        cr_expect_eq(d.expected_loss_cents, 2250); /* 225 pips x 10 x 0.01 */
        alert.tf = V3_TF_60;
        d = decide(parity, &alert, &context);
        expect_reject(&d, V3_REASON_LOT_BELOW_MINIMUM);
}

Test(decide, a_pinned_tier_takes_lot_caps_and_fallback)
{
        struct v3_alert alert = entry(V3_SIGNAL_MOMENTUM_BREAKOUT, V3_SIDE_BUY, 5);
        struct v3_context context = account(100);
        struct v3_decision d = decide((struct set){ .tier = 5 }, &alert, &context);

        cr_expect_eq(d.base_lot_e8, LOT(50));
        cr_expect_eq(d.legs[0].sl_e8, 109400000); /* 40 x 1.5 pips */
        context = account(100000000);
        cr_expect_eq(decide((struct set){ .tier = 1 }, &alert, &context).base_lot_e8, LOT(1));
        context.daily_loss_cents = 10000;
        d = decide((struct set){ .tier = 1 }, &alert, &context);
        expect_reject(&d, V3_REASON_DAILY_CAP);
}

Test(decide, a_stop_below_zero_rejects_before_the_caps)
{
        struct v3_alert alert = entry(V3_SIGNAL_MOMENTUM_BREAKOUT, V3_SIDE_BUY, 5);
        struct v3_context context = account(5000000);
        struct v3_decision d;

        alert.price_e8 = 100000;
        context.lifetime_loss_cents = 999999999;
        d = decide(parity, &alert, &context);
        expect_reject(&d, V3_REASON_INVALID_STOP);
        alert.price_e8 = 110000000;
        d = decide(parity, &alert, &context);
        expect_reject(&d, V3_REASON_LIFETIME_CAP);
}

/* 0.25 lots each: A loses 60 pips, 150.00, B its 5 at least, 12.50. */
Test(decide, what_is_left_of_the_caps_scales_the_legs)
{
        struct v3_alert alert = entry(V3_SIGNAL_SCREENER_FULL_BULLISH, V3_SIDE_BUY, 5);
        struct v3_context context = account(10000000);
        struct v3_decision d;

        alert.signal_type = V3_SIGNAL_LIQUIDITY_TRAP_REVERSAL;
        context.daily_loss_cents = 200000 - 16250;
        d = decide(parity, &alert, &context);
        cr_expect_not(d.scaled);
        cr_expect_eq(d.expected_loss_cents, 16250);

        context.daily_loss_cents = 190000; /* 0.25 x 0.95 x 100/162.5 = 0.1461 */
        d = decide(parity, &alert, &context);
        cr_expect(d.scaled);
        cr_expect_eq(d.total_lot_e8, LOT(50));
        cr_expect_eq(d.leg_count, 2);
        cr_expect_eq(d.legs[0].volume_e8, LOT(14));
        cr_expect_eq(d.legs[1].volume_e8, LOT(14));
        cr_expect_eq(d.legs[1].sl_e8, 109950000);
        cr_expect_eq(d.expected_loss_cents, 9100);
        cr_expect_eq(d.close_count, 1);

        context.daily_loss_cents = 199500; /* 0.0073 */
        d = decide(parity, &alert, &context);
        expect_reject(&d, V3_REASON_DAILY_CAP);
        context.lifetime_loss_cents = 999600;
        d = decide(parity, &alert, &context);
        expect_reject(&d, V3_REASON_LIFETIME_CAP);
}

Test(decide, squeeze_and_pulse_trade_nothing)
{
        struct v3_alert squeeze = { .type = V3_TYPE_SQUEEZE,
                .signal_type = V3_SIGNAL_VOLATILITY_SQUEEZE,
                .symbol = "EURUSD" };
        struct v3_alert pulse = {
                .type = V3_TYPE_PULSE, .signal_type = V3_SIGNAL_TREND_PULSE, .symbol = "EURUSD"
        };
        struct v3_decision d = decide(parity, &squeeze, NULL);

        cr_expect_eq(d.verdict, V3_VERDICT_NOTIFY);
        cr_expect_eq(d.reason, V3_REASON_SQUEEZE);
        d = decide(parity, &pulse, NULL);
        cr_expect_eq(d.verdict, V3_VERDICT_IGNORE);
        cr_expect_eq(d.reason, V3_REASON_TREND_PULSE);
        cr_expect_eq(d.leg_count + d.close_count, 0);
}

Test(decide, what_no_host_should_send_is_an_error_not_a_guess)
{
        const union umbra_setting options[3] = { 0 };
        struct umbra_settings settings = { options, symbols, BUS_COUNT(symbols) };
        struct v3_alert alert = entry(V3_SIGNAL_MOMENTUM_BREAKOUT, V3_SIDE_NONE, 5);
        struct v3_context context = account(0);
        struct v3_decision untouched = { 0 }, decision = { 0 };
        char error[128];
        void *self;

        cr_assert_eq(PLUGIN->create(&settings, error, sizeof(error), &self), 0);
        cr_expect_eq(PLUGIN->decide(self, &alert, &context, &decision), -EINVAL);
        alert.direction = V3_SIDE_BUY;
        strcpy(alert.symbol, "NOSUCH");
        cr_expect_eq(PLUGIN->decide(self, &alert, &context, &decision), -EINVAL);
        alert.type = V3_TYPE_NONE;
        cr_expect_eq(PLUGIN->decide(self, &alert, &context, &decision), -EINVAL);
        cr_expect_eq(memcmp(&decision, &untouched, sizeof(decision)), 0);
        PLUGIN->destroy(self);
        PLUGIN->destroy(NULL);
}

Test(create, a_symbol_that_would_divide_by_zero_is_refused)
{
        const union umbra_setting options[3] = { 0 };
        struct v3_symbol flat = symbols[0];
        struct umbra_settings settings = { options, &flat, 1 };
        char error[128] = "";
        void *self = NULL;

        flat.pip_e8 = 0;
        cr_expect_eq(PLUGIN->create(&settings, error, sizeof(error), &self), -EINVAL);
        cr_expect_str_eq(error, "symbol EURUSD: pip, pip value and lots must be above 0");
        cr_expect_null(self);
}

Test(entry, says_what_it_is)
{
        cr_expect_eq(PLUGIN->stamp, UMBRA_PLUGIN_STAMP);
        cr_expect_str_eq(PLUGIN->name, "combined_v3");
        cr_expect_eq(PLUGIN->option_count, 3);
        cr_expect_str_eq(PLUGIN->options[2].values, "auto|5000|10000|25000|50000|100000");
}
