#include "libbus/base/e8.h"
#include "umbra/plugin.h"

#include <criterion/criterion.h>
#include <errno.h>

static const struct v3_symbol symbols[] = {
        { .name = "EURUSD",
                .digits = 5,
                .pip_e8 = 10000,
                .usd_per_pip_lot_cents = 1000,
                .lot_min_e8 = E8_ONE / 100,
                .lot_step_e8 = E8_ONE / 100,
                .lot_max_e8 = 10 * E8_ONE },
};
static const union umbra_setting options[] = { { .integer = 2 * E8_ONE } };
static const struct umbra_settings settings = { options, symbols, BUS_COUNT(symbols) };
static const struct v3_context context = { .balance_cents = 100000 };

static struct v3_alert entry(enum v3_side side, int64_t sl_e8)
{
        return (struct v3_alert){ .type = V3_TYPE_ENTRY,
                .signal_type = V3_SIGNAL_MOMENTUM_BREAKOUT,
                .direction = side,
                .symbol = "EURUSD",
                .price_e8 = 110000000,
                .has_sl = sl_e8 > 0,
                .sl_e8 = sl_e8 };
}

static struct v3_decision decide(const struct v3_alert *alert, const struct v3_context *account)
{
        const struct umbra_plugin *plugin = &UMBRA_PLUGIN_SYMBOL;
        struct v3_decision decision = { 0 };
        char error[64];
        void *self;

        cr_assert_eq(plugin->create(&settings, error, sizeof(error), &self), 0);
        cr_assert_eq(plugin->decide(self, alert, account, &decision), 0);
        plugin->destroy(self);
        return decision;
}

Test(example, follows_an_entry_with_the_smallest_lot)
{
        struct v3_alert buy = entry(V3_SIDE_BUY, 109900000), sell = entry(V3_SIDE_SELL, 110100000);
        struct v3_decision d = decide(&buy, &context);

        cr_expect_eq(d.verdict, V3_VERDICT_EXECUTE);
        cr_assert_eq(d.leg_count, 1);
        cr_expect_eq(d.legs[0].side, V3_SIDE_BUY);
        cr_expect_eq(d.legs[0].volume_e8, E8_ONE / 100);
        cr_expect_eq(d.legs[0].sl_e8, 109900000);
        cr_expect_eq(d.legs[0].tp_e8, 110200000);
        d = decide(&sell, &context);
        cr_expect_eq(d.legs[0].side, V3_SIDE_SELL);
        cr_expect_eq(d.legs[0].tp_e8, 109800000);
}

Test(example, rejects_what_it_cannot_judge)
{
        struct v3_alert alert = entry(V3_SIDE_BUY, 109900000);
        struct v3_alert far = entry(V3_SIDE_SELL, 300000000);

        cr_expect_eq(decide(&alert, NULL).reason, V3_REASON_NO_CONTEXT);
        cr_expect_eq(decide(&far, &context).reason, V3_REASON_INVALID_STOP);
        alert.has_sl = false;
        cr_expect_eq(decide(&alert, &context).reason, V3_REASON_INVALID_STOP);
        cr_expect_eq(decide(&alert, &context).leg_count, 0);
}

Test(example, closes_without_a_context)
{
        struct v3_alert alert = { .type = V3_TYPE_EXIT, .signal_type = V3_SIGNAL_BEARISH_EXIT };
        struct v3_decision d = decide(&alert, NULL);

        cr_expect_eq(d.verdict, V3_VERDICT_EXECUTE);
        cr_expect_eq(d.close_count, 1);
        cr_expect_eq(d.closes[0].side, V3_SIDE_SELL);
}
