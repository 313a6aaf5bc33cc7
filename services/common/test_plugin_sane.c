/* A decision that breaks one rule of decisions is refused for it. */
#include "services/common/plugin_host.h"

#include <criterion/criterion.h>

#define BOTH (UMBRA_CAN_ENTER | UMBRA_CAN_EXIT)

static const struct v3_alert entry = {
        .type = V3_TYPE_ENTRY,
        .signal_type = V3_SIGNAL_MOMENTUM_BREAKOUT,
        .direction = V3_SIDE_BUY,
        .tf = V3_TF_15,
        .symbol = "XAUUSD",
        .price_e8 = 265000000000,
};
static const struct v3_alert exit_alert = {
        .type = V3_TYPE_EXIT,
        .signal_type = V3_SIGNAL_BEARISH_EXIT,
        .symbol = "XAUUSD",
};
static const struct v3_decision executed = {
        .verdict = V3_VERDICT_EXECUTE,
        .reason = V3_REASON_OK,
        .direction = V3_SIDE_BUY,
        .strength = 8,
        .route = 2,
        .routing = V3_ROUTING_TIMEFRAME,
        .leg_count = 2,
        .legs = { { V3_LEG_A, V3_SIDE_BUY, 2000000, 264000000000, 266000000000 },
                { V3_LEG_B, V3_SIDE_BUY, 2000000, 264500000000, 265500000000 } },
        .close_count = 1,
        .closes = { { V3_SIDE_SELL, V3_CLOSE_REVERSAL } },
};
static const struct v3_decision exited = {
        .verdict = V3_VERDICT_EXECUTE,
        .reason = V3_REASON_EXIT_SIGNAL,
        .close_count = 1,
        .closes = { { V3_SIDE_SELL, V3_CLOSE_EXIT } },
};

static bool sane(
        const struct v3_decision *decision, uint32_t capabilities, const struct v3_alert *alert)
{
        struct symbols symbols;
        char error[PLUGIN_ERROR_SIZE] = { 0 };
        bool is_sane;

        symbols_init(&symbols);
        is_sane = plugin_decision_sane(
                decision, capabilities, alert, symbols_find(&symbols, "XAUUSD"), error);
        cr_expect_eq(is_sane, error[0] == 0, "%s", error);
        symbols_done(&symbols);
        return is_sane;
}

Test(plugin_sane, sound_decisions_pass)
{
        struct v3_decision rejected = executed;

        cr_expect(sane(&executed, BOTH, &entry));
        cr_expect(sane(&exited, BOTH, &exit_alert));
        cr_expect(sane(&exited, UMBRA_CAN_EXIT, &exit_alert));
        rejected.verdict = V3_VERDICT_REJECT;
        rejected.reason = V3_REASON_DAILY_CAP;
        rejected.leg_count = rejected.close_count = 0;
        cr_expect(sane(&rejected, 0, &entry));
}

Test(plugin_sane, capabilities_bound_what_a_plugin_may_do)
{
        cr_expect_not(sane(&executed, UMBRA_CAN_EXIT, &entry));
        cr_expect_not(sane(&executed, UMBRA_CAN_ENTER, &entry), "it closes, too");
        cr_expect_not(sane(&exited, UMBRA_CAN_ENTER, &exit_alert));
}

#define SPOILT(name, original, alert, statement)       \
        Test(plugin_sane, name)                        \
        {                                              \
                struct v3_decision d = original;       \
                                                       \
                statement;                             \
                cr_expect_not(sane(&d, BOTH, &alert)); \
        }

SPOILT(no_verdict, executed, entry, d.verdict = V3_VERDICT_NONE)
SPOILT(error_is_the_hosts_word, executed, entry, d.verdict = V3_VERDICT_ERROR)
SPOILT(reason_of_another_verdict, executed, entry, d.reason = V3_REASON_DAILY_CAP)
SPOILT(reason_of_an_exit, executed, entry, d.reason = V3_REASON_EXIT_SIGNAL)
SPOILT(the_hosts_reason, executed, entry, d.reason = V3_REASON_NO_ACTIVE_PLUGIN)
SPOILT(other_direction, executed, entry, d.direction = V3_SIDE_SELL)
SPOILT(no_route, executed, entry, d.route = 0)
SPOILT(strength_over_nine, executed, entry, d.strength = 10)
SPOILT(executed_without_legs, executed, entry, d.leg_count = 0)
SPOILT(three_legs, executed, entry, d.leg_count = 3)
SPOILT(same_leg_twice, executed, entry, d.legs[1].leg = V3_LEG_A)
SPOILT(unknown_leg, executed, entry, d.legs[0].leg = 7)
SPOILT(leg_of_other_side, executed, entry, d.legs[1].side = V3_SIDE_SELL)
SPOILT(no_volume, executed, entry, d.legs[0].volume_e8 = 0)
SPOILT(negative_volume, executed, entry, d.legs[0].volume_e8 = -1000000)
SPOILT(volume_off_the_step, executed, entry, d.legs[0].volume_e8 = 1500000)
SPOILT(volume_over_the_maximum, executed, entry, d.legs[0].volume_e8 = 201000000)
SPOILT(no_stop, executed, entry, d.legs[0].sl_e8 = 0)
SPOILT(stop_on_the_wrong_side, executed, entry, d.legs[0].sl_e8 = 265000000001)
SPOILT(target_on_the_wrong_side, executed, entry, d.legs[1].tp_e8 = 264999999999)
SPOILT(closes_its_own_side, executed, entry, d.closes[0].side = V3_SIDE_BUY)
SPOILT(reversal_called_exit, executed, entry, d.closes[0].reason = V3_CLOSE_EXIT)
SPOILT(two_closes, executed, entry, d.close_count = 2)
SPOILT(negative_loss, executed, entry, d.expected_loss_cents = -1)
SPOILT(exit_that_closes_nothing, exited, exit_alert, d.close_count = 0)
SPOILT(exit_of_the_other_side, exited, exit_alert, d.closes[0].side = V3_SIDE_BUY)
SPOILT(exit_with_legs, exited, exit_alert, d.leg_count = 1)
SPOILT(rejected_with_legs, executed, entry,
        (d.verdict = V3_VERDICT_REJECT, d.reason = V3_REASON_DAILY_CAP, d.close_count = 0))
SPOILT(rejected_with_a_close, executed, entry,
        (d.verdict = V3_VERDICT_REJECT, d.reason = V3_REASON_DAILY_CAP, d.leg_count = 0))
