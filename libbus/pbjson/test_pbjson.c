#include "libbus/pbjson/pbjson.h"

#include "decision.pb-c.h"
#include "heartbeat.pb-c.h"
#include "signal.pb-c.h"

#include <criterion/criterion.h>

static const char *text_at(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "(no text)";
}

static Pb__Signal signal_of_buy(void)
{
        Pb__Signal signal = PB__SIGNAL__INIT;

        signal.source = (char *)"tv";
        signal.type = PB__ALERT_TYPE__ALERT_TYPE_ENTRY;
        signal.direction = PB__SIDE__SIDE_BUY;
        signal.tf = PB__TIMEFRAME__TIMEFRAME_240;
        signal.price_e8 = 265050000000;
        signal.received_us = 1795371600123456;
        return signal;
}

Test(pbjson, writes_prices_as_exact_text_under_the_name_without_unit)
{
        Pb__Signal signal = signal_of_buy();
        json_t *json = pbjson(&signal.base);

        cr_expect_str_eq(text_at(json, "price"), "2650.5");
        cr_expect_null(json_object_get(json, "price_e8"));
        json_decref(json);
}

Test(pbjson, writes_enums_short_and_leaves_out_the_unspecified)
{
        Pb__Signal signal = signal_of_buy();
        json_t *json = pbjson(&signal.base);

        cr_expect_str_eq(text_at(json, "type"), "entry");
        cr_expect_str_eq(text_at(json, "direction"), "buy");
        cr_expect_str_eq(text_at(json, "tf"), "240");
        cr_expect_null(json_object_get(json, "signal_type"));
        json_decref(json);
}

Test(pbjson, writes_an_unknown_enum_value_as_its_number)
{
        Pb__Signal signal = signal_of_buy();
        json_t *json;

        signal.direction = (Pb__Side)77;
        json = pbjson(&signal.base);
        cr_expect_eq(json_integer_value(json_object_get(json, "direction")), 77);
        json_decref(json);
}

Test(pbjson, shows_a_moment_both_ways_and_a_duration_as_a_number)
{
        Pb__Signal signal = signal_of_buy();
        Pb__Heartbeat heartbeat = PB__HEARTBEAT__INIT;
        json_t *json = pbjson(&signal.base);

        cr_expect_eq(json_integer_value(json_object_get(json, "received_us")), 1795371600123456);
        cr_expect_str_eq(text_at(json, "received"), "2026-11-22T18:20:00.123456Z");
        json_decref(json);

        heartbeat.cpu_us = 1500;
        json = pbjson(&heartbeat.base);
        cr_expect_eq(json_integer_value(json_object_get(json, "cpu_us")), 1500);
        cr_expect_null(json_object_get(json, "cpu"));
        json_decref(json);
}

Test(pbjson, hides_a_field_whose_has_flag_is_false)
{
        Pb__Signal signal = signal_of_buy();
        json_t *json;

        signal.has_sl = true;
        signal.sl_e8 = 264400000000;
        json = pbjson(&signal.base);
        cr_expect_null(json_object_get(json, "has_sl"));
        cr_expect_str_eq(text_at(json, "sl"), "2644");
        cr_expect_null(json_object_get(json, "consensus_score"));
        cr_expect_null(json_object_get(json, "tp1"));
        cr_expect_not_null(json_object_get(json, "mtf_trends"));
        json_decref(json);
}

Test(pbjson, nests_messages_and_leaves_out_absent_ones)
{
        Pb__Signal signal = signal_of_buy();
        Pb__Context context = PB__CONTEXT__INIT;
        json_t *json = pbjson(&signal.base);

        cr_expect_null(json_object_get(json, "context"));
        json_decref(json);

        context.balance_cents = 1000050;
        signal.context = &context;
        json = pbjson(&signal.base);
        cr_expect_str_eq(text_at(json_object_get(json, "context"), "balance"), "10000.50");
        json_decref(json);
}

Test(pbjson, writes_repeated_numbers_and_messages_as_arrays)
{
        Pb__DecisionLeg leg = PB__DECISION_LEG__INIT, *legs[] = { &leg, &leg };
        Pb__Decision decision = PB__DECISION__INIT;
        Pb__Signal signal = signal_of_buy();
        int32_t trends[] = { 1, -1, 0 };
        json_t *json, *array;

        signal.n_mtf_trends = 3;
        signal.mtf_trends = trends;
        json = pbjson(&signal.base);
        array = json_object_get(json, "mtf_trends");
        cr_expect_eq(json_array_size(array), 3);
        cr_expect_eq(json_integer_value(json_array_get(array, 1)), -1);
        json_decref(json);

        leg.side = PB__SIDE__SIDE_SELL;
        leg.volume_e8 = 2000000;
        decision.n_legs = 2;
        decision.legs = legs;
        json = pbjson(&decision.base);
        array = json_object_get(json, "legs");
        cr_expect_str_eq(text_at(json_array_get(array, 1), "volume"), "0.02");
        cr_expect_str_eq(text_at(json_array_get(array, 1), "side"), "sell");
        json_decref(json);
}

Test(pbjson, writes_bytes_as_text_or_else_as_base64)
{
        Pb__Signal signal = signal_of_buy();
        uint8_t text[] = "{\"a\":1}", junk[] = { 0xff, 0x00, 0x10 };
        json_t *json;

        signal.raw = (ProtobufCBinaryData){ sizeof(text) - 1, text };
        json = pbjson(&signal.base);
        cr_expect_str_eq(text_at(json, "raw"), "{\"a\":1}");
        json_decref(json);

        signal.raw = (ProtobufCBinaryData){ sizeof(junk), junk };
        json = pbjson(&signal.base);
        cr_expect_null(json_object_get(json, "raw"));
        cr_expect_str_eq(text_at(json, "raw_base64"), "/wAQ");
        json_decref(json);
}

Test(pbjson, keeps_an_integer_beyond_json_as_text)
{
        Pb__StreamLag lag = PB__STREAM_LAG__INIT;
        json_t *json;

        lag.behind = UINT64_MAX;
        lag.cursor_seq = 7;
        json = pbjson(&lag.base);
        cr_expect_str_eq(text_at(json, "behind"), "18446744073709551615");
        cr_expect_eq(json_integer_value(json_object_get(json, "cursor_seq")), 7);
        json_decref(json);
}

Test(pbjson, shows_a_number_that_json_cannot_hold_as_null)
{
        Pb__Metric metric = PB__METRIC__INIT;
        json_t *json;

        metric.value = 1.0 / 0.0;
        json = pbjson(&metric.base);
        cr_expect(json_is_null(json_object_get(json, "value")));
        json_decref(json);
}
