/* What fields have to do with each other, and what a type makes of a fault. */
#include "services/common/alert_judged.h"

#include <criterion/criterion.h>

#define EXPECT(body, expected) \
        cr_expect_str_eq(judged(body), expected, "%s: %s", body, judged(body))

#define ON(signal, side, more)                             \
        "{\"type\":\"entry_v3\",\"signal_type\":\"" signal \
        "\",\"symbol\":\"EURUSD\",\"direction\":\"" side   \
        "\",\"tf\":\"15\",\"price\":1.1,\"consensus_score\":5" more "}"
#define BUY(more)  ON("Momentum_Breakout", "buy", more)
#define SELL(more) ON("Momentum_Breakout", "sell", more)

Test(alert_rules, direction_is_a_lower_case_side)
{
        EXPECT(ON("Momentum_Breakout", "buy", ""), "");
        EXPECT(ON("Momentum_Breakout", "sell", ""), "");
        EXPECT(ON("Momentum_Breakout", "BUY", ""), "out_of_range:direction");
        EXPECT(ON("Momentum_Breakout", "", ""), "out_of_range:direction");
        EXPECT(ON("Momentum_Breakout", "long", ""), "out_of_range:direction");
}

Test(alert_rules, screeners_trade_one_way)
{
        EXPECT(ON("Screener_Full_Bullish", "buy", ""), "");
        EXPECT(ON("Screener_Full_Bearish", "sell", ""), "");
        EXPECT(ON("Screener_Full_Bullish", "sell", ""), "direction_mismatch:direction");
        EXPECT(ON("Screener_Full_Bearish", "buy", ""), "direction_mismatch:direction");
        EXPECT(ON("Screener_Full_Bearish", "up", ""), "out_of_range:direction");
}

Test(alert_rules, stops_stand_on_the_right_side_of_price)
{
        EXPECT(BUY(",\"sl_price\":1.09,\"tp1_price\":1.11,\"tp2_price\":1.12"), "");
        EXPECT(BUY(",\"sl_price\":1.09,\"tp1_price\":1.11,\"tp2_price\":1.11"), "");
        EXPECT(SELL(",\"sl_price\":1.11,\"tp1_price\":1.09,\"tp2_price\":1.08"), "");
        EXPECT(SELL(",\"sl_price\":1.11,\"tp1_price\":1.09,\"tp2_price\":1.09"), "");
        EXPECT(BUY(",\"sl_price\":1.11,\"tp1_price\":1.09,\"tp2_price\":1.08"),
                "stops_wrong_side:sl_price stops_wrong_side:tp1_price stops_wrong_side:tp2_price");
        EXPECT(SELL(",\"sl_price\":1.09,\"tp1_price\":1.11,\"tp2_price\":1.12"),
                "stops_wrong_side:sl_price stops_wrong_side:tp1_price stops_wrong_side:tp2_price");
}

Test(alert_rules, a_stop_at_the_price_is_on_no_side)
{
        EXPECT(BUY(",\"sl_price\":1.1"), "stops_wrong_side:sl_price");
        EXPECT(SELL(",\"tp1_price\":1.1"), "stops_wrong_side:tp1_price");
        /* the rounded values count: this is 1.10000 too */
        EXPECT(BUY(",\"sl_price\":1.099995"), "stops_wrong_side:sl_price");
        EXPECT(BUY(",\"sl_price\":1.099994"), "");
        EXPECT(BUY(",\"tp2_price\":1.100004"), "stops_wrong_side:tp2_price");
}

Test(alert_rules, the_second_target_is_not_nearer_than_the_first)
{
        EXPECT(BUY(",\"tp1_price\":1.12,\"tp2_price\":1.11"), "stops_wrong_side:tp2_price");
        EXPECT(SELL(",\"tp1_price\":1.08,\"tp2_price\":1.09"), "stops_wrong_side:tp2_price");
        EXPECT(BUY(",\"tp1_price\":1.12,\"tp2_price\":1.119999"), "");
        EXPECT(BUY(",\"tp1_price\":1.12,\"tp2_price\":1.05"), "stops_wrong_side:tp2_price");
}

Test(alert_rules, a_check_whose_operands_are_faulty_is_skipped)
{
        EXPECT(ON("Screener_Full_Bullish", "sell", ",\"sl_price\":1.0"),
                "direction_mismatch:direction");
        EXPECT(ON("Momentum_Breakout", "up", ",\"sl_price\":1.2"), "out_of_range:direction");
        EXPECT(BUY(",\"sl_price\":\"1.2\",\"tp1_price\":1.0"),
                "wrong_type:sl_price stops_wrong_side:tp1_price");
        EXPECT(BUY(",\"tp1_price\":0,\"tp2_price\":1.2"), "out_of_range:tp1_price");
        EXPECT("{\"type\":\"entry_v3\",\"signal_type\":\"Bullish_Exit\",\"symbol\":\"EURUSD\","
               "\"direction\":\"buy\",\"tf\":\"15\",\"price\":1.1,\"consensus_score\":5,"
               "\"sl_price\":1.2}",
                "signal_type_mismatch:signal_type stops_wrong_side:sl_price");
        EXPECT("{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":\"eurusd\","
               "\"direction\":\"buy\",\"tf\":\"15\",\"price\":1.1,\"consensus_score\":5,"
               "\"sl_price\":1.2}",
                "unknown_symbol:symbol");
        EXPECT("{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":\"EURUSD\","
               "\"direction\":\"buy\",\"tf\":\"15\",\"price\":0,\"consensus_score\":5,"
               "\"sl_price\":1.2}",
                "out_of_range:price");
}

Test(alert_rules, stops_have_sides_on_entries_only)
{
        EXPECT(PULSE(",\"direction\":\"buy\",\"sl_price\":9000"), "");
        EXPECT(EXIT(",\"direction\":\"sell\",\"sl_price\":9000"), "");
        EXPECT(PULSE(",\"sl_price\":0"), "out_of_range:sl_price");
}

Test(alert_rules, direction_is_ignored_where_the_type_has_none)
{
        struct alert *alert;

        EXPECT(PULSE(",\"direction\":\"sideways\""), "");
        EXPECT(PULSE(",\"direction\":7"), "");
        EXPECT("{\"type\":\"squeeze_v3\",\"signal_type\":\"Volatility_Squeeze\",\"symbol\":\"EURUSD\","
               "\"tf\":\"1\",\"price\":1,\"direction\":null}",
                "");
        judged_bytes(bus_bytes_str(PULSE(",\"direction\":\"buy\"")), &alert);
        cr_expect_eq(alert->v3.direction, V3_SIDE_NONE);
        alert_free(alert);
}

Test(alert_rules, an_exit_is_not_refused_for_its_decoration)
{
        EXPECT(EXIT(",\"consensus_score\":null,\"direction\":\"SELL\",\"sl_price\":\"x\",\"id\":7,"
                    "\"time\":\"noon\",\"mtf_trends\":\"?\",\"position_multiplier\":9"),
                "| wrong_type:consensus_score out_of_range:direction wrong_type:id "
                "out_of_range:mtf_trends out_of_range:position_multiplier wrong_type:sl_price "
                "out_of_range:time");
        EXPECT("{\"type\":\"exit_v3\",\"signal_type\":\"Bearish_Exit\",\"symbol\":\"EURUSD\","
               "\"tf\":\"{{interval}}\",\"price\":\"{{close}}\"}",
                "| unsubstituted_placeholder:price unsubstituted_placeholder:tf");
        EXPECT("{\"type\":\"exit_v3\",\"signal_type\":\"Bearish_Exit\",\"symbol\":\"{{ticker}}\","
               "\"tf\":7,\"price\":1.1}",
                "unsubstituted_placeholder:symbol | out_of_range:tf");
        EXPECT("{\"type\":\"exit_v3\",\"signal_type\":\"?\",\"symbol\":\"x/y\"}",
                "signal_type_mismatch:signal_type out_of_range:symbol | missing_field:price "
                "missing_field:tf");
}

Test(alert_rules, what_is_faulty_on_an_exit_is_absent)
{
        struct alert *alert;

        judged_bytes(
                bus_bytes_str("{\"type\":\"exit_v3\",\"signal_type\":\"Bearish_Exit\",\"symbol\":"
                              "\"EURUSD\",\"tf\":7,\"price\":0,\"sl_price\":-1,\"id\":\"\","
                              "\"time\":1,\"consensus_score\":11,\"position_multiplier\":3}"),
                &alert);
        cr_assert_eq(alert->errors.count, 0);
        cr_expect_eq(alert->v3.tf, V3_TF_NONE);
        cr_expect_eq(alert->v3.price_e8, 0);
        cr_expect_not(alert->v3.has_sl);
        cr_expect_eq(alert->v3.sl_e8, 0);
        cr_expect_not(alert->has_id);
        cr_expect_not(alert->has_time);
        cr_expect_not(alert->v3.has_score);
        cr_expect_not(alert->v3.has_multiplier);
        cr_expect_eq(alert->v3.multiplier_e8, 100000000);
        alert_free(alert);
}

Test(alert_rules, unknown_fields_are_warned_of_up_to_a_cap)
{
        BUS_AUTOBUF struct bus_buf body = BUS_BUF_INIT;
        struct alert *alert;

        EXPECT(ENTRY(",\"strategy\":\"x\",\"Price\":1"),
                "| unknown_field:Price unknown_field:strategy");
        bus_buf_add_str(&body, EXIT(",\"time\":7"));
        body.size--; /* the closing brace */
        for (int i = 0; i < 500; i++)
                bus_buf_printf(&body, ",\"f%d\":0", i);
        bus_buf_add_str(&body, "}");
        judged_bytes(bus_buf_bytes(&body), &alert);
        cr_expect_eq(alert->errors.count, 0);
        cr_expect_eq(alert->warnings.count, ALERT_UNKNOWN_MAX + 1, "the time's own is not lost");
        alert_free(alert);
}

Test(alert_rules, all_of_a_sound_entry_arrives)
{
        struct alert *alert;
        const struct v3_alert *v3;

        cr_assert_str_eq(
                judged_bytes(bus_bytes_str(SELL(",\"sl_price\":1.11,\"tp1_price\":1.09,"
                                                "\"tp2_price\":1.08,\"market_trend\":-1,"
                                                "\"mtf_trends\":\"1,0,-1,0,1,-1\","
                                                "\"id\":\"a b\",\"position_multiplier\":0.5")),
                        &alert),
                "");
        v3 = &alert->v3;
        cr_expect_eq(v3->type, V3_TYPE_ENTRY);
        cr_expect_eq(v3->signal_type, V3_SIGNAL_MOMENTUM_BREAKOUT);
        cr_expect_eq(v3->direction, V3_SIDE_SELL);
        cr_expect_eq(v3->tf, V3_TF_15);
        cr_expect_str_eq(v3->symbol, "EURUSD");
        cr_expect_eq(v3->price_e8, 110000000);
        cr_expect(v3->has_score && v3->consensus_score == 5);
        cr_expect(v3->has_sl && v3->sl_e8 == 111000000);
        cr_expect(v3->has_tp1 && v3->tp1_e8 == 109000000);
        cr_expect(v3->has_tp2 && v3->tp2_e8 == 108000000);
        cr_expect(v3->has_market_trend && v3->market_trend == -1);
        cr_expect(v3->has_multiplier && v3->multiplier_e8 == 50000000);
        cr_expect(v3->mtf_trends.count == 6 && v3->mtf_trends.value[2] == -1 &&
                  v3->mtf_trends.value[5] == -1);
        cr_expect(alert->has_id && !strcmp(alert->id, "a b"));
        alert_free(alert);
}
