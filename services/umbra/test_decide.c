/* What a line of umbra decide may be, and what comes back. */
#include "libbus/base/hash.h"
#include "services/umbra/decide_line.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define PULSE                                                                                 \
        "{\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\",\"symbol\":\"XAUUSD\"," \
        "\"tf\":\"15\",\"price\":2650.12}"
#define CONTEXT(daily, more)                                                      \
        "{\"balance\":\"10000.00\",\"equity\":\"10000.00\",\"daily_loss\":" daily \
        ",\"lifetime_loss\":\"0.00\",\"open_buy\":0,\"open_sell\":0" more "}"
#define BAD "{\"verdict\":\"error\",\"reason\":\"bad_input\"}"
#define IGNORED                                                                        \
        "{\"verdict\":\"ignore\",\"reason\":\"trend_pulse\",\"plugin\":\"legacy_v3\"," \
        "\"symbol\":\"XAUUSD\"}"
#define INVALID(code, field) \
        "{\"verdict\":\"invalid\",\"errors\":[{\"code\":\"" code "\",\"field\":\"" field "\"}]}"

static struct plugin *plugin;
static struct symbols symbols;

static void setup(void)
{
        const char *dir = getenv("UMBRA_TEST_PLUGINS");
        char error[PLUGIN_ERROR_SIZE];

        cr_assert(dir && bus_hash_init() == 0);
        symbols_init(&symbols);
        cr_assert(plugin_open(dir, "legacy_v3", error, &plugin) == 0 &&
                          plugin_start(plugin, &symbols, error) == 0,
                "%s", error);
}

static void teardown(void)
{
        plugin = plugin_close(plugin);
        symbols_done(&symbols);
}

TestSuite(decide, .init = setup, .fini = teardown);

static void expect(const char *line, const char *expected)
{
        BUS_AUTOBUF struct bus_buf answer = BUS_BUF_INIT;
        char error[PLUGIN_ERROR_SIZE];
        enum decide_result result;

        result = decide_line(plugin, &symbols, bus_bytes_str(line), &answer, error);
        cr_expect(!strcmp(bus_buf_str(&answer), expected), "%s: %s", line, bus_buf_str(&answer));
        cr_expect((result == DECIDE_BAD_INPUT) == !strcmp(expected, BAD), "%s", line);
}

Test(decide, a_line_is_an_object_with_alert_and_context)
{
        expect("{\"alert\":" PULSE ",\"context\":null}", IGNORED);
        expect(" { \"context\" : null , \"name\" : [1], \"alert\" : " PULSE " } ", IGNORED);
        expect("{\"alert\":" PULSE ",\"context\":" CONTEXT("\"0.00\"", "") "}", IGNORED);
        expect("{\"alert\":" PULSE
               ",\"context\":" CONTEXT("\"0.00\"", ",\"as_of\":\"2026-11-22T18:20:00Z\"") "}",
                IGNORED);
}

Test(decide, a_context_holds_any_amount_of_money)
{
        expect("{\"alert\":" PULSE ",\"context\":" CONTEXT("\"90000000000000.00\"", "") "}",
                IGNORED);
}

Test(decide, any_other_line_is_bad_input)
{
        static const char *const lines[] = { "", " ", "{}", "[]", "null", "alert",
                "{\"alert\":" PULSE, "{\"alert\":" PULSE "}", "{\"context\":null}",
                "{\"alert\":null,\"context\":null}", "{\"alert\":[],\"context\":null}",
                "{\"alert\":\"{}\",\"context\":null}", "{\"alert\":" PULSE ",\"context\":null}x",
                "{\"alert\":" PULSE ",\"alert\":" PULSE ",\"context\":null}",
                "{\"alert\":{\"price\":NaN},\"context\":null}",
                "{\"alert\":{\"price\":{{close}}},\"context\":null}" };

        for (size_t i = 0; i < BUS_COUNT(lines); i++)
                expect(lines[i], BAD);
}

Test(decide, a_context_is_whole_or_null)
{
        static const char *const contexts[] = { "{}", "[]", "0", "\"null\"", CONTEXT("0.00", ""),
                CONTEXT("\"0.0\"", ""), CONTEXT("\"0\"", ""), CONTEXT("\"1e2.00\"", ""),
                CONTEXT("\"-0.01\"", ""), CONTEXT("null", ""),
                CONTEXT("\"0.00\"", ",\"open_buy\":1"),
                "{\"balance\":\"1.00\",\"equity\":\"1.00\",\"daily_loss\":\"0.00\","
                "\"lifetime_loss\":\"0.00\",\"open_buy\":-1,\"open_sell\":0}",
                "{\"balance\":\"1.00\",\"equity\":\"1.00\",\"daily_loss\":\"0.00\","
                "\"lifetime_loss\":\"0.00\",\"open_buy\":0.0,\"open_sell\":0}" };

        for (size_t i = 0; i < BUS_COUNT(contexts); i++) {
                char line[1024];

                snprintf(line, sizeof(line), "{\"alert\":" PULSE ",\"context\":%s}", contexts[i]);
                expect(line, BAD);
        }
}

Test(decide, what_ingest_would_refuse_is_invalid)
{
        expect("{\"alert\":{},\"context\":null}", INVALID("missing_field", "type"));
        expect("{\"alert\":{\"type\":\"a\",\"type\":\"b\"},\"context\":null}",
                INVALID("invalid_json", ""));
        expect("{\"alert\":{\"type\":18446744073709551616},\"context\":null}",
                INVALID("invalid_json", ""));
        expect("{\"alert\":{\"type\":\"\\ud800\"},\"context\":null}", INVALID("invalid_json", ""));
        expect("{\"alert\":{\"a\\u0000\":1},\"context\":null}", INVALID("invalid_json", ""));
        expect("{\"alert\":{\"a\":{\"b\":{\"c\":{\"d\":{}}}}},\"context\":null}",
                INVALID("invalid_json", ""));
        expect("{\"alert\":{\"type\":\"exit_v3\",\"signal_type\":\"Bullish_Exit\",\"symbol\":\"a/b\"},"
               "\"context\":null}",
                INVALID("out_of_range", "symbol"));
}

Test(decide, the_alert_is_judged_from_its_exact_text)
{
        /* a double would make this 10000000 */
        expect("{\"alert\":{\"type\":\"squeeze_v3\",\"signal_type\":\"Volatility_Squeeze\",\"symbol\":"
               "\"EURUSD\",\"tf\":1,\"price\":10000000.000000005},\"context\":null}",
                INVALID("out_of_range", "price"));
}

Test(decide, a_whole_entry)
{
        expect("{\"alert\":{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":"
               "\"XAUUSD\",\"direction\":\"buy\",\"tf\":\"15\",\"price\":2650.00,\"consensus_score\":6,"
               "\"position_multiplier\":0.8,\"sl_price\":2644},\"context\":" CONTEXT(
                       "\"0.00\"", "") "}",
                "{\"verdict\":\"execute\",\"reason\":\"ok\",\"plugin\":\"legacy_v3\",\"symbol\":"
                "\"XAUUSD\",\"direction\":\"buy\",\"strength\":6,\"route\":2,\"routing\":"
                "\"timeframe\",\"aggressive\":false,\"base_lot\":\"0.05\",\"signal_factor\":"
                "\"0.800\",\"route_multiplier\":\"1.000\",\"total_lot\":\"0.04\",\"scaled\":false,"
                "\"expected_loss\":\"22.00\",\"legs\":[{\"leg\":\"A\",\"type\":\"tp_trail\","
                "\"side\":\"buy\",\"volume\":\"0.02\",\"sl\":\"2644.00\",\"tp\":\"2659.00\"},"
                "{\"leg\":\"B\",\"type\":\"profit_trail\",\"side\":\"buy\",\"volume\":\"0.02\","
                "\"sl\":\"2645.00\",\"tp\":\"2655.00\"}],\"closes\":[]}");
}
