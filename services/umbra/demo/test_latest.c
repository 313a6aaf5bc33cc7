#include "services/umbra/demo/latest.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect(const char *alert, const char *words)
{
        char text[REPORT_WIDTH];
        json_t *json = json_loads(alert, 0, NULL);

        cr_assert_not_null(json, "%s", alert);
        latest_line(json, text);
        cr_expect_not_null(strstr(text, words), "'%s' is not in: %s", words, text);
        json_decref(json);
}

Test(latest, tells_a_fill_and_how_long_it_took)
{
        expect("{\"symbol\":\"EURUSD\",\"signal_type\":\"momentum_breakout\",\"direction\":\"buy\","
               "\"plugin\":\"legacy_v3\",\"verdict\":\"execute\",\"state\":\"filled\",\"fills\":2,"
               "\"received_us\":1000,\"submitted_us\":5200}",
                "legacy_v3 says execute: filled, 2 fills, at the broker in 4.2 ms");
}

Test(latest, tells_why_nothing_was_done)
{
        expect("{\"symbol\":\"EURUSD\",\"signal_type\":\"momentum_breakout\",\"direction\":\"buy\","
               "\"plugin\":\"legacy_v3\",\"verdict\":\"reject\",\"reason\":\"daily_cap\","
               "\"state\":\"rejected\"}",
                "reject: daily_cap");
        expect("{\"symbol\":\"EURUSD\",\"signal_type\":\"bullish_exit\",\"plugin\":\"legacy_v3\","
               "\"verdict\":\"execute\",\"state\":\"nothing_to_close\",\"fills\":0}",
                "exit  legacy_v3 says execute: nothing_to_close");
}

Test(latest, keeps_to_its_width)
{
        char text[REPORT_WIDTH], alert[1024];
        json_t *json;

        snprintf(alert, sizeof(alert),
                "{\"symbol\":\"%0200d\",\"signal_type\":\"%0200d\",\"plugin\":\"%0200d\","
                "\"submitted_us\":1,\"received_us\":1}",
                0, 0, 0);
        json = json_loads(alert, 0, NULL);
        cr_assert_not_null(json);
        cr_expect_eq(strlen(latest_line(json, text)), REPORT_WIDTH - 1);
        json_decref(json);
}
