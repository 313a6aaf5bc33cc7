/* Which bodies are read at all, and what is said of the others. */
#include "services/common/alert_judged.h"

#include <criterion/criterion.h>

#define EXPECT(body, expected) \
        cr_expect_str_eq(judged(body), expected, "%s: %s", body, judged(body))
#define EXPECT_BYTES(body, expected) \
        cr_expect_str_eq(judged_bytes(bus_bytes(body, sizeof(body) - 1), NULL), expected)

Test(alert_body, one_object_is_read_with_blanks_around_it)
{
        EXPECT(ENTRY(""), "");
        EXPECT("\n\t " ENTRY("") "\r\n", "");
}

Test(alert_body, anything_but_one_object_is_invalid_json)
{
        EXPECT("", "invalid_json:");
        EXPECT("  ", "invalid_json:");
        EXPECT("[]", "invalid_json:");
        EXPECT("[{}]", "invalid_json:");
        EXPECT("7", "invalid_json:");
        EXPECT("\"text\"", "invalid_json:");
        EXPECT("null", "invalid_json:");
        EXPECT("BUY XAUUSD", "invalid_json:");
        EXPECT("{}{}", "invalid_json:");
        EXPECT(ENTRY("") "x", "invalid_json:");
        EXPECT(ENTRY("") ",", "invalid_json:");
        EXPECT("{\"type\":\"entry_v3\"", "invalid_json:");
}

Test(alert_body, lax_json_is_invalid)
{
        EXPECT(ENTRY(","), "invalid_json:");
        EXPECT("{'type':'entry_v3'}", "invalid_json:");
        EXPECT("{type:\"entry_v3\"}", "invalid_json:");
        EXPECT(ENTRY(" /* no */"), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":NaN"), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":Infinity"), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":-Infinity"), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":+1"), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":01"), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":1."), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":.5"), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":1e"), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":1.5.2"), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":0x10"), "invalid_json:");
        EXPECT(ENTRY(",\"adx_value\":True"), "invalid_json:");
        EXPECT(ENTRY(",\"message\":\"tab\there\""), "invalid_json:");
        EXPECT(ENTRY(",\"message\":\"\\x41\""), "invalid_json:");
}

Test(alert_body, duplicate_keys_are_refused_however_they_are_written)
{
        EXPECT(ENTRY(",\"price\":1"), "invalid_json:");
        EXPECT(ENTRY(",\"pri\\u0063e\":1"), "invalid_json:");
        EXPECT(ENTRY(",\"extra\":{\"a\":1,\"a\":2}"), "invalid_json:");
}

Test(alert_body, integers_beyond_64_bits_are_refused_wherever_they_stand)
{
        EXPECT(ENTRY(",\"x\":9223372036854775807"), "| unknown_field:x");
        EXPECT(ENTRY(",\"x\":9223372036854775808"), "invalid_json:");
        EXPECT(ENTRY(",\"x\":-9223372036854775808"), "| unknown_field:x");
        EXPECT(ENTRY(",\"x\":-9223372036854775809"), "invalid_json:");
        EXPECT(ENTRY(",\"x\":[18446744073709551616]"), "invalid_json:");
}

Test(alert_body, a_real_no_double_can_hold_is_a_number_out_of_range)
{
        EXPECT(ENTRY(",\"adx_value\":1e999"), "");
        EXPECT(ENTRY(",\"sl_price\":1e999"), "out_of_range:sl_price");
        EXPECT(ENTRY(",\"tp1_price\":1e-999"), "out_of_range:tp1_price");
}

Test(alert_body, nesting_deeper_than_four_is_refused)
{
        EXPECT(ENTRY(",\"x\":{\"a\":{\"b\":{}}}"), "| unknown_field:x");
        EXPECT(ENTRY(",\"x\":[[[1]]]"), "| unknown_field:x");
        EXPECT(ENTRY(",\"x\":{\"a\":{\"b\":{\"c\":{}}}}"), "invalid_json:");
        EXPECT(ENTRY(",\"x\":[[[[]]]]"), "invalid_json:");
        EXPECT(ENTRY(",\"message\":\"{[{[{[{[\""), "");
}

Test(alert_body, bom_nul_and_bad_utf8_are_refused)
{
        EXPECT("\xef\xbb\xbf" ENTRY(""), "invalid_json:");
        EXPECT_BYTES(ENTRY("") "\0", "invalid_json:");
        EXPECT_BYTES(ENTRY(",\"message\":\"a\0b\""), "invalid_json:");
        EXPECT(ENTRY(",\"message\":\"a\\u0000b\""), "invalid_json:");
        EXPECT(ENTRY(",\"message\":\"\xff\""), "invalid_json:");
        EXPECT(ENTRY(",\"message\":\"\xc0\xaf\""), "invalid_json:");
        EXPECT(ENTRY(",\"message\":\"\xed\xa0\x80\""), "invalid_json:");
        EXPECT(ENTRY(",\"message\":\"\\ud800\""), "invalid_json:");
        EXPECT(ENTRY(",\"message\":\"Zürich 黄金 \xf0\x9f\x98\x80\""), "");
}

/* A sound entry blown up to SIZE bytes. */
static struct bus_bytes sized(size_t size, char *body)
{
        static const char head[] = ENTRY(",\"message\":\"");
        size_t start = sizeof(head) - 2; /* without the closing brace */

        memset(body, 'x', size);
        memcpy(body, head, start);
        memcpy(body + size - 2, "\"}", 2);
        return bus_bytes(body, size);
}

Test(alert_body, may_have_16384_bytes_and_no_more)
{
        static char body[ALERT_BODY_MAX_BYTES + 1];

        cr_expect_str_eq(judged_bytes(sized(ALERT_BODY_MAX_BYTES, body), NULL), "");
        cr_expect_str_eq(
                judged_bytes(sized(ALERT_BODY_MAX_BYTES + 1, body), NULL), "body_too_large:");
}

Test(alert_body, a_placeholder_that_breaks_the_json_is_told_by_itself)
{
        EXPECT("{\"type\":\"entry_v3\",\"price\":{{close}}}",
                "unsubstituted_placeholder:{{close}}");
        EXPECT("price {{close}} at {{time}}", "unsubstituted_placeholder:{{close}}");
        EXPECT("{{plot(\"Gr\xc3\xb6\xc3\x9f"
               "e\")}}",
                "unsubstituted_placeholder:{{plot(\"Gr\xc3\xb6\xc3\x9f"
                "e\")}}");
        EXPECT("{\"price\":{{clo", "unsubstituted_placeholder:{{clo");
        EXPECT("{{line\nbreak}}", "unsubstituted_placeholder:{{line");
        EXPECT("[\"{{ticker}}\"]", "unsubstituted_placeholder:{{ticker}}");
        EXPECT("{{1234567890123456789012345678901234567890123456789012345678901234567890}}",
                "unsubstituted_placeholder:"
                "{{12345678901234567890123456789012345678901234567890123456789012");
}

Test(alert_body, a_placeholder_in_a_required_field_is_the_only_thing_said_of_it)
{
        EXPECT("{\"type\":\"{{type}}\",\"symbol\":\"{{ticker}}\"}",
                "unsubstituted_placeholder:type");
        EXPECT("{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\",\"symbol\":"
               "\"{{ticker}}\",\"direction\":\"{{strategy.order.action}}\",\"tf\":\"{{interval}}\","
               "\"price\":\"{{close}}\",\"consensus_score\":7}",
                "unsubstituted_placeholder:direction unsubstituted_placeholder:price "
                "unsubstituted_placeholder:symbol unsubstituted_placeholder:tf");
}

Test(alert_body, a_placeholder_elsewhere_is_a_warning_and_the_field_is_judged_as_it_stands)
{
        EXPECT(ENTRY(",\"message\":\"{{x}}\""), "| unsubstituted_placeholder:message");
        EXPECT(ENTRY(",\"sl_price\":\"{{plot_0}}\""),
                "wrong_type:sl_price | unsubstituted_placeholder:sl_price");
        EXPECT(ENTRY(",\"x\":[\"{{y}}\"]"), "| unknown_field:x unsubstituted_placeholder:x");
        EXPECT(PULSE(",\"direction\":\"{{x}}\""), "| unsubstituted_placeholder:direction");
}

Test(alert_body, the_status_is_that_of_the_first_check_that_failed)
{
        static const struct {
                const char *body;
                unsigned int status;
        } cases[] = {
                { "", 400 },
                { "{{x}}", 400 },
                { "{}", 422 },
                { ENTRY(",\"x\":1,\"sl_price\":true"), 422 },
                { "{\"type\":\"exit_v3\",\"symbol\":\"{{x}}\"}", 400 },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                struct alert *alert;

                judged_bytes(bus_bytes_str(cases[i].body), &alert);
                cr_expect_eq(alert_http_status(alert), cases[i].status, "%s", cases[i].body);
                alert_free(alert);
        }
}

Test(alert_body, says_where_and_tells_it_in_clean_json)
{
        BUS_AUTOBUF struct bus_buf json = BUS_BUF_INIT;
        struct alert *alert;

        judged_bytes(bus_bytes_str("{\"a\" \"b\"}"), &alert);
        cr_expect_not_null(strstr(alert->errors.items[0].message, "byte "));
        alert_faults_json(&alert->errors, false, &json);
        cr_expect_str_eq(bus_buf_str(&json), "[{\"code\":\"invalid_json\",\"field\":\"\"}]");
        alert_free(alert);

        judged_bytes(bus_bytes_str(ENTRY(",\"odd\\\"\\\\name\":1")), &alert);
        bus_buf_clear(&json);
        alert_faults_json(&alert->warnings, true, &json);
        cr_expect_str_eq(bus_buf_str(&json),
                "[{\"code\":\"unknown_field\",\"field\":\"odd\\\"\\\\name\","
                "\"message\":\"is not a field of an alert; carried along\"}]");
        alert_free(alert);
}
