#include "services/common/decision_json.h"

#include <criterion/criterion.h>

static void expect(unsigned int digits, const struct v3_decision *decision, const char *expected)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        decision_json(&buf, "legacy_v3", "XAUUSD", digits, decision);
        cr_expect(!strcmp(bus_buf_str(&buf), expected), "%s", bus_buf_str(&buf));
}

Test(decision_json, an_executed_entry_has_every_key_in_order)
{
        expect(2,
                &(struct v3_decision){
                        .verdict = V3_VERDICT_EXECUTE,
                        .reason = V3_REASON_OK,
                        .direction = V3_SIDE_BUY,
                        .strength = 8,
                        .route = 2,
                        .routing = V3_ROUTING_TIMEFRAME,
                        .aggressive = true,
                        .base_lot_e8 = 5000000,
                        .signal_factor_e8 = 80000000,
                        .route_multiplier_e8 = 100000000,
                        .total_lot_e8 = 4000000,
                        .expected_loss_cents = 2200,
                        .leg_count = 2,
                        .legs = { { V3_LEG_A, V3_SIDE_BUY, 2000000, 264400000000, 266800000000 },
                                { V3_LEG_B, V3_SIDE_BUY, 2000000, 264500000000, 265900000000 } },
                        .close_count = 1,
                        .closes = { { V3_SIDE_SELL, V3_CLOSE_REVERSAL } },
                },
                "{\"verdict\":\"execute\",\"reason\":\"ok\",\"plugin\":\"legacy_v3\","
                "\"symbol\":\"XAUUSD\",\"direction\":\"buy\",\"strength\":8,\"route\":2,"
                "\"routing\":\"timeframe\",\"aggressive\":true,\"base_lot\":\"0.05\","
                "\"signal_factor\":\"0.800\",\"route_multiplier\":\"1.000\",\"total_lot\":\"0.04\","
                "\"scaled\":false,\"expected_loss\":\"22.00\",\"legs\":[{\"leg\":\"A\","
                "\"type\":\"tp_trail\",\"side\":\"buy\",\"volume\":\"0.02\",\"sl\":\"2644.00\","
                "\"tp\":\"2668.00\"},{\"leg\":\"B\",\"type\":\"profit_trail\",\"side\":\"buy\","
                "\"volume\":\"0.02\",\"sl\":\"2645.00\",\"tp\":\"2659.00\"}],"
                "\"closes\":[{\"side\":\"sell\",\"scope\":\"symbol\",\"reason\":\"reversal\"}]}");
}

Test(decision_json, prices_have_the_symbols_digits)
{
        struct v3_decision decision = {
                .verdict = V3_VERDICT_EXECUTE,
                .reason = V3_REASON_OK,
                .direction = V3_SIDE_SELL,
                .route = 3,
                .routing = V3_ROUTING_OVERRIDE,
                .leg_count = 1,
                .legs = { { V3_LEG_A, V3_SIDE_SELL, 1000000, 110000000, 100000 } },
        };
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        decision_json(&buf, "p", "S", 5, &decision);
        cr_expect_not_null(strstr(bus_buf_str(&buf), "\"sl\":\"1.10000\",\"tp\":\"0.00100\""));
        bus_buf_clear(&buf);
        decision_json(&buf, "p", "S", 0, &decision);
        cr_expect_not_null(strstr(bus_buf_str(&buf), "\"sl\":\"1\",\"tp\":\"0\""));
}

Test(decision_json, a_reject_has_no_amounts)
{
        expect(2,
                &(struct v3_decision){
                        .verdict = V3_VERDICT_REJECT,
                        .reason = V3_REASON_DAILY_CAP,
                        .direction = V3_SIDE_SELL,
                        .strength = 0,
                        .route = 1,
                        .routing = V3_ROUTING_TIMEFRAME,
                },
                "{\"verdict\":\"reject\",\"reason\":\"daily_cap\",\"plugin\":\"legacy_v3\","
                "\"symbol\":\"XAUUSD\",\"direction\":\"sell\",\"strength\":0,\"route\":1,"
                "\"routing\":\"timeframe\",\"aggressive\":false,\"legs\":[],\"closes\":[]}");
}

Test(decision_json, an_exit_has_only_its_close)
{
        expect(2,
                &(struct v3_decision){
                        .verdict = V3_VERDICT_EXECUTE,
                        .reason = V3_REASON_EXIT_SIGNAL,
                        .close_count = 1,
                        .closes = { { V3_SIDE_BUY, V3_CLOSE_EXIT } },
                },
                "{\"verdict\":\"execute\",\"reason\":\"exit_signal\",\"plugin\":\"legacy_v3\","
                "\"symbol\":\"XAUUSD\",\"legs\":[],"
                "\"closes\":[{\"side\":\"buy\",\"scope\":\"symbol\",\"reason\":\"exit\"}]}");
}

Test(decision_json, notify_ignore_and_error_have_nothing_more)
{
        expect(2,
                &(struct v3_decision){ .verdict = V3_VERDICT_NOTIFY, .reason = V3_REASON_SQUEEZE },
                "{\"verdict\":\"notify\",\"reason\":\"squeeze\",\"plugin\":\"legacy_v3\","
                "\"symbol\":\"XAUUSD\"}");
        expect(2,
                &(struct v3_decision){
                        .verdict = V3_VERDICT_IGNORE, .reason = V3_REASON_TREND_PULSE },
                "{\"verdict\":\"ignore\",\"reason\":\"trend_pulse\",\"plugin\":\"legacy_v3\","
                "\"symbol\":\"XAUUSD\"}");
        expect(2,
                &(struct v3_decision){
                        .verdict = V3_VERDICT_ERROR, .reason = V3_REASON_PLUGIN_ERROR },
                "{\"verdict\":\"error\",\"reason\":\"plugin_error\",\"plugin\":\"legacy_v3\","
                "\"symbol\":\"XAUUSD\"}");
}
