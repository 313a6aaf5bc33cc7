#include "services/common/json_text.h"

#include <criterion/criterion.h>

static void expect_masked(const char *text, enum json_mask mask, const char *expected)
{
        BUS_AUTOFREE char *masked = json_masked(bus_bytes_str(text), mask);

        cr_expect(!strcmp(masked, expected), "%s -> %s", text, masked);
}

Test(json_text, masks_well_formed_numbers_outside_of_strings)
{
        expect_masked("[1.5,12,-2e10]", JSON_MASK_REALS, "[0.0,12,0.0  ]");
        expect_masked("[1.5,12,-2e10]", JSON_MASK_ALL, "[0.0,0 ,0.0  ]");
        expect_masked("\"1.5\\\"2.5\" 3.5", JSON_MASK_REALS, "\"1.5\\\"2.5\" 0.0");
        expect_masked("1.5.2 01.5 1. 1e 1-2.5 - 0x1.5", JSON_MASK_REALS,
                "1.5.2 01.5 1. 1e 1-2.5 - 0x0.0");
}

Test(json_text, masks_escapes_that_stand_for_no_text)
{
        expect_masked("\"\\ud800\\uD83d\"", JSON_MASK_ALL, "\"\\u0020\\u0020\"");
        expect_masked("\"\\\\ud800\\ud80\"", JSON_MASK_ALL, "\"\\\\ud800\\ud80\"");
        expect_masked("\"\\ud800\" \\ud800", JSON_MASK_REALS, "\"\\ud800\" \\ud800");
}

Test(json_text, depth_is_that_of_brackets_outside_of_strings)
{
        cr_expect_eq(json_depth(bus_bytes_str("1")), 0);
        cr_expect_eq(json_depth(bus_bytes_str("{\"[[[\":[1,{}]}")), 3);
        cr_expect_eq(json_depth(bus_bytes_str("]]][")), 1);
}

Test(json_text, scans_the_members_of_an_object_in_order)
{
        static const char *const expected[][2] = {
                { "a", "1.50" },
                { "b\\\"}", "\"x,}\\\"\"" },
                { "c", "{\"d\":[1,\"}\"]}" },
                { "e", "null" },
        };
        struct bus_bytes name, value;
        struct json_scan scan;
        size_t n = 0;

        json_scan_init(&scan,
                bus_bytes_str(" { \"a\" : 1.50 ,\"b\\\"}\":\"x,}\\\"\",\"c\":{\"d\":[1,\"}\"]}\n,"
                              "\"e\":null } "));
        for (; json_scan_next(&scan, &name, &value); n++) {
                cr_assert(n < BUS_COUNT(expected));
                cr_expect(bus_bytes_equal(name, bus_bytes_str(expected[n][0])));
                cr_expect(bus_bytes_equal(value, bus_bytes_str(expected[n][1])));
        }
        cr_expect_eq(n, BUS_COUNT(expected));
}

static void expect_string(const char *text, const char *expected)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        json_add_string(&buf, text);
        cr_expect(!strcmp(bus_buf_str(&buf), expected), "%s", bus_buf_str(&buf));
}

Test(json_text, writes_any_bytes_as_a_json_string)
{
        expect_string("", "\"\"");
        expect_string("a\"b\\c", "\"a\\\"b\\\\c\"");
        expect_string("a\nb\x7f", "\"a\\u000ab\\u007f\"");
        expect_string("\xc3\xa9\xff\xf0\x9f\x98\x80", "\"\xc3\xa9?\xf0\x9f\x98\x80\"");
        expect_string("\xed\xa0\x80", "\"???\"");
}

Test(json_text, a_clean_prefix_cuts_no_character)
{
        cr_expect_eq(json_clean_prefix("abc", 3, 2), 2);
        cr_expect_eq(json_clean_prefix("a\xc3\xa9", 3, 2), 1);
        cr_expect_eq(json_clean_prefix("a\xc3\xa9", 2, 9), 1);
        cr_expect_eq(json_clean_prefix("a\nb", 3, 9), 1);
        cr_expect_eq(json_clean_prefix("\xf4\x90\x80\x80", 4, 9), 0);
}
