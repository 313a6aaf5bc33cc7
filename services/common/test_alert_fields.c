/* Each field by itself, on an entry unless the type matters. */
#include "services/common/alert_judged.h"

#include <criterion/criterion.h>

#define EXPECT(body, expected) \
        cr_expect_str_eq(judged(body), expected, "%s: %s", body, judged(body))

Test(alert_fields, type_missing_mistyped_or_unknown_is_the_only_error)
{
        EXPECT("{}", "missing_field:type");
        EXPECT("{\"price\":true}", "missing_field:type");
        EXPECT("{\"type\":null,\"price\":true}", "wrong_type:type");
        EXPECT("{\"type\":3}", "wrong_type:type");
        EXPECT("{\"type\":\"ENTRY_V3\",\"price\":true}", "unknown_type:type");
        EXPECT("{\"type\":\"\"}", "unknown_type:type");
}

Test(alert_fields, what_each_type_requires)
{
        EXPECT("{\"type\":\"entry_v3\"}",
                "missing_field:consensus_score missing_field:direction missing_field:price "
                "missing_field:signal_type missing_field:symbol missing_field:tf");
        EXPECT("{\"type\":\"squeeze_v3\"}",
                "missing_field:price missing_field:signal_type missing_field:symbol "
                "missing_field:tf");
        EXPECT("{\"type\":\"trend_pulse_v3\"}",
                "missing_field:price missing_field:signal_type missing_field:symbol "
                "missing_field:tf");
        EXPECT("{\"type\":\"exit_v3\"}",
                "missing_field:signal_type missing_field:symbol | missing_field:price "
                "missing_field:tf");
}

#define WITH_SIGNAL(type, signal)                                                                \
        "{\"type\":\"" type "\",\"signal_type\":" signal ",\"symbol\":\"XAUUSD\",\"tf\":\"15\"," \
        "\"price\":2650,\"consensus_score\":7,\"direction\":\"buy\"}"

Test(alert_fields, signal_type_must_be_one_of_the_type)
{
        EXPECT(WITH_SIGNAL("entry_v3", "\"Golden_Pocket_Flip\""), "");
        EXPECT(WITH_SIGNAL("entry_v3", "\"Bullish_Exit\""), "signal_type_mismatch:signal_type");
        EXPECT(WITH_SIGNAL("entry_v3", "\"golden_pocket_flip\""),
                "signal_type_mismatch:signal_type");
        EXPECT(WITH_SIGNAL("entry_v3", "\"\""), "signal_type_mismatch:signal_type");
        EXPECT(WITH_SIGNAL("entry_v3", "null"), "wrong_type:signal_type");
        EXPECT(WITH_SIGNAL("exit_v3", "\"Momentum_Breakout\""), "signal_type_mismatch:signal_type");
        EXPECT(WITH_SIGNAL("exit_v3", "7"), "wrong_type:signal_type");
        EXPECT(WITH_SIGNAL("squeeze_v3", "\"Volatility_Squeeze\""), "");
        EXPECT(WITH_SIGNAL("squeeze_v3", "\"Trend_Pulse\""), "signal_type_mismatch:signal_type");
        EXPECT(WITH_SIGNAL("trend_pulse_v3", "\"Trend_Pulse\""), "");
}

#define WITH_SYMBOL(symbol)                                                         \
        "{\"type\":\"exit_v3\",\"signal_type\":\"Bullish_Exit\",\"symbol\":" symbol \
        ",\"tf\":\"15\",\"price\":2650}"

Test(alert_fields, symbol_has_a_form_and_is_in_the_table)
{
        EXPECT(WITH_SYMBOL("\"EURUSD\""), "");
        EXPECT(WITH_SYMBOL("\"GOLD\""), "");
        EXPECT(WITH_SYMBOL("\"eurusd\""), "unknown_symbol:symbol");
        EXPECT(WITH_SYMBOL("\"EURUSD.a\""), "unknown_symbol:symbol");
        EXPECT(WITH_SYMBOL("\"A2345678901234567890123456789012\""), "unknown_symbol:symbol");
        EXPECT(WITH_SYMBOL("\"A23456789012345678901234567890123\""), "out_of_range:symbol");
        EXPECT(WITH_SYMBOL("\"\""), "out_of_range:symbol");
        EXPECT(WITH_SYMBOL("\"EUR/USD\""), "out_of_range:symbol");
        EXPECT(WITH_SYMBOL("\"EURUSD \""), "out_of_range:symbol");
        EXPECT(WITH_SYMBOL("\"\xc3\x84\""), "out_of_range:symbol");
        EXPECT(WITH_SYMBOL("7"), "wrong_type:symbol");
        EXPECT(WITH_SYMBOL("[\"EURUSD\"]"), "wrong_type:symbol");
}

Test(alert_fields, an_alias_gives_way_to_our_name)
{
        struct alert *alert;

        judged_bytes(bus_bytes_str(WITH_SYMBOL("\"GOLD\"")), &alert);
        cr_expect_str_eq(alert->v3.symbol, "XAUUSD");
        alert_free(alert);
}

#define WITH_TF(tf)                                                                              \
        "{\"type\":\"squeeze_v3\",\"signal_type\":\"Volatility_Squeeze\",\"symbol\":\"EURUSD\"," \
        "\"price\":1.1,\"tf\":" tf "}"

Test(alert_fields, tf_is_one_of_a_list_as_text_or_integer)
{
        static const char *const good[] = { "\"1\"", "\"3\"", "\"5\"", "\"15\"", "\"30\"", "\"60\"",
                "\"120\"", "\"240\"", "\"D\"", "\"1D\"", "\"W\"", "\"1W\"", "1", "3", "5", "15",
                "30", "60", "120", "240" };
        static const char *const bad[] = { "\"d\"", "\"7\"", "\"015\"", "\"15.0\"", "\" 15\"",
                "\"\"", "\"1h\"", "\"M\"", "7", "0", "-5", "1440", "9223372036854775807" };
        char body[256];

        for (size_t i = 0; i < BUS_COUNT(good); i++) {
                snprintf(body, sizeof(body), WITH_TF("%s"), good[i]);
                EXPECT(body, "");
        }
        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                snprintf(body, sizeof(body), WITH_TF("%s"), bad[i]);
                EXPECT(body, "out_of_range:tf");
        }
        EXPECT(WITH_TF("15.0"), "wrong_type:tf");
        EXPECT(WITH_TF("1e1"), "wrong_type:tf");
        EXPECT(WITH_TF("null"), "wrong_type:tf");
        EXPECT(WITH_TF("true"), "wrong_type:tf");
        EXPECT(WITH_TF("[15]"), "wrong_type:tf");
}

#define WITH_PRICE(symbol, price)                                                              \
        "{\"type\":\"squeeze_v3\",\"signal_type\":\"Volatility_Squeeze\",\"symbol\":\"" symbol \
        "\",\"tf\":\"15\",\"price\":" price "}"

Test(alert_fields, price_is_judged_at_1e8_and_again_in_the_symbols_digits)
{
        EXPECT(WITH_PRICE("EURUSD", "1"), "");
        EXPECT(WITH_PRICE("EURUSD", "10000000"), "");
        EXPECT(WITH_PRICE("EURUSD", "1e7"), "");
        EXPECT(WITH_PRICE("EURUSD", "10000000.000000004"), "");
        EXPECT(WITH_PRICE("EURUSD", "10000000.000000005"), "out_of_range:price");
        EXPECT(WITH_PRICE("EURUSD", "10000000.00000001"), "out_of_range:price");
        EXPECT(WITH_PRICE("EURUSD", "0"), "out_of_range:price");
        EXPECT(WITH_PRICE("EURUSD", "-0"), "out_of_range:price");
        EXPECT(WITH_PRICE("EURUSD", "0.0"), "out_of_range:price");
        EXPECT(WITH_PRICE("EURUSD", "-1.0"), "out_of_range:price");
        EXPECT(WITH_PRICE("EURUSD", "0.000004"), "out_of_range:price");
        EXPECT(WITH_PRICE("EURUSD", "0.000005"), "");
        EXPECT(WITH_PRICE("XAUUSD", "0.004"), "out_of_range:price");
        EXPECT(WITH_PRICE("XAUUSD", "0.005"), "");
        EXPECT(WITH_PRICE("XAUUSD", "0.004999999999"), ""); /* 0.005 at 1e-8 */
        EXPECT(WITH_PRICE("NOSUCH", "0.000000004"), "out_of_range:price unknown_symbol:symbol");
        EXPECT(WITH_PRICE("NOSUCH", "0.00000001"), "unknown_symbol:symbol");
        EXPECT(WITH_PRICE("EURUSD", "\"1.1\""), "wrong_type:price");
        EXPECT(WITH_PRICE("EURUSD", "true"), "wrong_type:price");
        EXPECT(WITH_PRICE("EURUSD", "null"), "wrong_type:price");
        EXPECT(WITH_PRICE("EURUSD", "{}"), "wrong_type:price");
}

static int64_t price_of(const char *body)
{
        struct alert *alert;
        int64_t price_e8;

        judged_bytes(bus_bytes_str(body), &alert);
        price_e8 = alert->v3.price_e8;
        alert_free(alert);
        return price_e8;
}

Test(alert_fields, price_is_taken_from_its_text_and_rounded_half_up)
{
        cr_expect_eq(price_of(WITH_PRICE("XAUUSD", "2652.125")), INT64_C(265213000000));
        cr_expect_eq(price_of(WITH_PRICE("XAUUSD", "2652.124999")), INT64_C(265212000000));
        cr_expect_eq(price_of(WITH_PRICE("XAUUSD", "2652.1249999999999999999")),
                INT64_C(265213000000)); /* 2652.125 at 1e-8 */
        cr_expect_eq(price_of(WITH_PRICE("EURUSD", "1.000005")), 100001000);
        cr_expect_eq(price_of(WITH_PRICE("EURUSD", "1000005e-6")), 100001000);
        cr_expect_eq(price_of(WITH_PRICE("USDJPY", "150.43009618")), INT64_C(15043000000));
}

Test(alert_fields, integers_are_written_as_integers_and_in_range)
{
        EXPECT(ENTRY(",\"market_trend\":-1"), "");
        EXPECT(ENTRY(",\"market_trend\":-0"), "");
        EXPECT(ENTRY(",\"market_trend\":2"), "out_of_range:market_trend");
        EXPECT(ENTRY(",\"market_trend\":-2"), "out_of_range:market_trend");
        EXPECT(ENTRY(",\"market_trend\":1.0"), "wrong_type:market_trend");
        EXPECT(ENTRY(",\"market_trend\":1e0"), "wrong_type:market_trend");
        EXPECT(ENTRY(",\"market_trend\":\"1\""), "wrong_type:market_trend");
        EXPECT(ENTRY(",\"market_trend\":null"), "wrong_type:market_trend");
        EXPECT(ENTRY(",\"market_trend\":true"), "wrong_type:market_trend");
        EXPECT(PULSE(",\"consensus_score\":9"), "");
        EXPECT(PULSE(",\"consensus_score\":10"), "out_of_range:consensus_score");
        EXPECT(PULSE(",\"consensus_score\":-1"), "out_of_range:consensus_score");
        EXPECT(PULSE(",\"consensus_score\":7.0"), "wrong_type:consensus_score");
        EXPECT(PULSE(",\"consensus_score\":1e1"), "wrong_type:consensus_score");
        EXPECT(PULSE(",\"consensus_score\":null"), "wrong_type:consensus_score");
}

Test(alert_fields, trends_are_five_or_six_bare_values)
{
        EXPECT(ENTRY(",\"mtf_trends\":\"1,-1,0,1,-1\""), "");
        EXPECT(ENTRY(",\"mtf_trends\":\"1,-1,0,1,-1,0\""), "");
        EXPECT(ENTRY(",\"mtf_trends\":\"\""), "out_of_range:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":\"1,1,1,1\""), "out_of_range:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":\"1,1,1,1,1,1,1\""), "out_of_range:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":\"1, 1,1,1,1\""), "out_of_range:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":\"1,1,1,1,1,\""), "out_of_range:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":\",1,1,1,1,1\""), "out_of_range:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":\"1,1,1,1,+1\""), "out_of_range:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":\"1,1,1,1,-0\""), "out_of_range:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":\"1,1,1,1,2\""), "out_of_range:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":\"1,1,1,1,11\""), "out_of_range:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":5"), "wrong_type:mtf_trends");
        EXPECT(ENTRY(",\"mtf_trends\":[1,1,1,1,1]"), "wrong_type:mtf_trends");
        EXPECT(ENTRY(",\"current_trends\":\"1,1,1,1,1,1\""), "");
        EXPECT(ENTRY(",\"current_trends\":\"1,1,1,1,1\""), "out_of_range:current_trends");
        EXPECT(ENTRY(",\"previous_trends\":\"1,1,1,1,1\""), "out_of_range:previous_trends");
}

static int64_t multiplier_of(const char *body)
{
        struct alert *alert;
        int64_t multiplier_e8;

        judged_bytes(bus_bytes_str(body), &alert);
        multiplier_e8 = alert->errors.count ? -1 : alert->v3.multiplier_e8;
        alert_free(alert);
        return multiplier_e8;
}

Test(alert_fields, multiplier_is_rounded_to_three_decimals_and_then_judged)
{
        cr_expect_eq(multiplier_of(ENTRY("")), 100000000);
        cr_expect_eq(multiplier_of(ENTRY(",\"position_multiplier\":0.12345")), 12300000);
        cr_expect_eq(multiplier_of(ENTRY(",\"position_multiplier\":0.1235")), 12400000);
        cr_expect_eq(multiplier_of(ENTRY(",\"position_multiplier\":0.0995")), 10000000);
        cr_expect_eq(multiplier_of(ENTRY(",\"position_multiplier\":2.0004999999")), 200000000);
        cr_expect_eq(multiplier_of(ENTRY(",\"position_multiplier\":2")), 200000000);
        EXPECT(ENTRY(",\"position_multiplier\":0.0994999999999999"),
                "out_of_range:position_multiplier");
        EXPECT(ENTRY(",\"position_multiplier\":2.0005"), "out_of_range:position_multiplier");
        EXPECT(ENTRY(",\"position_multiplier\":-1"), "out_of_range:position_multiplier");
        EXPECT(ENTRY(",\"position_multiplier\":\"1\""), "wrong_type:position_multiplier");
        EXPECT(ENTRY(",\"position_multiplier\":null"), "wrong_type:position_multiplier");
}

Test(alert_fields, what_is_carried_along_has_a_type_too)
{
        EXPECT(ENTRY(",\"volume_delta_ratio\":-1.5,\"fib_level\":0,\"adx_value\":25.123456789012"),
                "");
        EXPECT(ENTRY(",\"fib_level\":\"0.5\",\"adx_value\":true"),
                "wrong_type:adx_value wrong_type:fib_level");
        EXPECT(ENTRY(",\"price_in_ob\":true,\"full_alignment\":false"), "");
        EXPECT(ENTRY(",\"price_in_ob\":1,\"full_alignment\":\"true\""),
                "wrong_type:full_alignment wrong_type:price_in_ob");
        EXPECT(ENTRY(",\"confidence\":\"HIGH\",\"reason\":\"\",\"trend_labels\":\"a\""), "");
        EXPECT(ENTRY(",\"confidence\":1,\"reason\":null,\"message\":[],\"changed_timeframes\":0,"
                     "\"change_details\":{},\"trend_labels\":false"),
                "wrong_type:change_details wrong_type:changed_timeframes wrong_type:confidence "
                "wrong_type:message wrong_type:reason wrong_type:trend_labels");
}

Test(alert_fields, id_is_one_to_64_printable_bytes)
{
        EXPECT(ENTRY(",\"id\":\"ok-1\""), "");
        EXPECT(ENTRY(",\"id\":\" ~\""), "");
        EXPECT(ENTRY(",\"id\":\"1234567890123456789012345678901234567890123456789012345678901234\""),
                "");
        EXPECT(ENTRY(",\"id\":\"12345678901234567890123456789012345678901234567890123456789012345\""),
                "out_of_range:id");
        EXPECT(ENTRY(",\"id\":\"\""), "out_of_range:id");
        EXPECT(ENTRY(",\"id\":\"a\\nb\""), "out_of_range:id");
        EXPECT(ENTRY(",\"id\":\"\\u007f\""), "out_of_range:id");
        EXPECT(ENTRY(",\"id\":\"\xc3\xa9\""), "out_of_range:id");
        EXPECT(ENTRY(",\"id\":7"), "wrong_type:id");
        EXPECT(ENTRY(",\"id\":null"), "wrong_type:id");
}

Test(alert_fields, time_is_rfc3339_with_a_zone_or_epoch_milliseconds)
{
        EXPECT(ENTRY(",\"time\":\"2026-11-22T18:20:00Z\""), "");
        EXPECT(ENTRY(",\"time\":\"2026-11-22T18:20:00.5+02:00\""), "");
        EXPECT(ENTRY(",\"time\":1000000000000"), "");
        EXPECT(ENTRY(",\"time\":4000000000000"), "");
        EXPECT(ENTRY(",\"time\":\"1763835600000\""), "");
        EXPECT(ENTRY(",\"time\":999999999999"), "out_of_range:time");
        EXPECT(ENTRY(",\"time\":4000000000001"), "out_of_range:time");
        EXPECT(ENTRY(",\"time\":\"2026-11-22T18:20:00\""), "out_of_range:time");
        EXPECT(ENTRY(",\"time\":\"2026-02-30T18:20:00Z\""), "out_of_range:time");
        EXPECT(ENTRY(",\"time\":\"now\""), "out_of_range:time");
        EXPECT(ENTRY(",\"time\":\"\""), "out_of_range:time");
        EXPECT(ENTRY(",\"time\":1.7e12"), "wrong_type:time");
        EXPECT(ENTRY(",\"time\":null"), "wrong_type:time");
}

Test(alert_fields, time_is_read_to_the_microsecond)
{
        struct alert *alert;

        judged_bytes(bus_bytes_str(ENTRY(",\"time\":\"1970-01-01T00:00:01.5Z\"")), &alert);
        cr_expect(alert->has_time && alert->time_us == 1500000);
        alert_free(alert);
        judged_bytes(bus_bytes_str(ENTRY(",\"time\":1763835600123")), &alert);
        cr_expect_eq(alert->time_us, INT64_C(1763835600123000));
        alert_free(alert);
}
