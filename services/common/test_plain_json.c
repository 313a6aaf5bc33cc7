#include "services/common/plain_json.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct plain_object object;

static bool is_plain(const char *text)
{
        return plain_json_read(bus_bytes_str(text), &object);
}

#define PLAIN(text)     cr_expect(is_plain(text), "%s", text)
#define NOT_PLAIN(text) cr_expect_not(is_plain(text), "%s", text)
#define NOT_PLAIN_BYTES(text) \
        cr_expect_not(plain_json_read(bus_bytes(text, sizeof(text) - 1), &object), "%s", text)

static void expect_member(
        size_t i, const char *name, const char *literal, enum json_kind kind, int64_t integer)
{
        const struct plain_member *member = &object.members[i];

        cr_assert_lt(i, object.count);
        cr_expect(bus_bytes_equal(member->name, bus_bytes_str(name)), "%s", name);
        cr_expect(bus_bytes_equal(member->literal, bus_bytes_str(literal)), "%s", literal);
        cr_expect_eq(member->kind, kind, "%s", name);
        if (kind == JSON_KIND_INTEGER)
                cr_expect_eq(member->integer, integer, "%s", name);
}

Test(plain_json, members_come_in_their_order_with_their_exact_text)
{
        PLAIN("{\"s\":\"a {[,:]} b\",\"i\":-17,\"r\":1.50e+3,\"t\":true,\"f\":false,\"n\":null,"
              "\"\":\"\"}");
        cr_assert_eq(object.count, 7);
        expect_member(0, "s", "\"a {[,:]} b\"", JSON_KIND_STRING, 0);
        expect_member(1, "i", "-17", JSON_KIND_INTEGER, -17);
        expect_member(2, "r", "1.50e+3", JSON_KIND_REAL, 0);
        expect_member(3, "t", "true", JSON_KIND_BOOLEAN, 0);
        expect_member(4, "f", "false", JSON_KIND_BOOLEAN, 0);
        expect_member(5, "n", "null", JSON_KIND_NULL, 0);
        expect_member(6, "", "\"\"", JSON_KIND_STRING, 0);
}

Test(plain_json, blanks_stand_wherever_they_may)
{
        PLAIN("{}");
        cr_expect_eq(object.count, 0);
        PLAIN(" \t\r\n{ \t\r\n} \t\r\n");
        cr_expect_eq(object.count, 0);
        PLAIN(" { \"a\" \t:\r\n 1 , \"b\" : \"x\" } ");
        cr_assert_eq(object.count, 2);
        expect_member(0, "a", "1", JSON_KIND_INTEGER, 1);
        expect_member(1, "b", "\"x\"", JSON_KIND_STRING, 0);
        NOT_PLAIN("{\"a\":\f1}");
        NOT_PLAIN("{\"a\":1\v}");
}

Test(plain_json, anything_but_one_whole_object_is_not_plain)
{
        cr_expect_not(plain_json_read(bus_bytes(NULL, 0), &object));
        NOT_PLAIN("");
        NOT_PLAIN("  ");
        NOT_PLAIN("[]");
        NOT_PLAIN("7");
        NOT_PLAIN("\"text\"");
        NOT_PLAIN("null");
        NOT_PLAIN("\xef\xbb\xbf{}");
        NOT_PLAIN("{}x");
        NOT_PLAIN("{}{}");
        NOT_PLAIN("{},");
        NOT_PLAIN("{\"a\":1}}");
        NOT_PLAIN_BYTES("{}\0");
        NOT_PLAIN_BYTES("\0{}");
        NOT_PLAIN_BYTES("{\"a\"\0:1}");
}

Test(plain_json, an_object_cut_anywhere_is_not_plain)
{
        static const char text[] = "{\"a\":\"x\",\"b\":-1.5e+7,\"c\":true,\"d\":null}";

        PLAIN(text);
        for (size_t size = 0; size < sizeof(text) - 1; size++)
                cr_expect_not(plain_json_read(bus_bytes(text, size), &object), "%zu", size);
}

Test(plain_json, a_comma_or_colon_too_many_or_too_few_is_not_plain)
{
        NOT_PLAIN("{,}");
        NOT_PLAIN("{\"a\":1,}");
        NOT_PLAIN("{,\"a\":1}");
        NOT_PLAIN("{\"a\":1,,\"b\":2}");
        NOT_PLAIN("{\"a\":1 \"b\":2}");
        NOT_PLAIN("{\"a\":1;\"b\":2}");
        NOT_PLAIN("{\"a\" 1}");
        NOT_PLAIN("{\"a\"::1}");
        NOT_PLAIN("{\"a\":}");
        NOT_PLAIN("{\"a\"}");
        NOT_PLAIN("{\"a\":1 2}");
        NOT_PLAIN("{\"a\":/**/1}");
}

Test(plain_json, a_name_that_is_no_string_is_not_plain)
{
        NOT_PLAIN("{a:1}");
        NOT_PLAIN("{'a':1}");
        NOT_PLAIN("{1:1}");
        NOT_PLAIN("{null:1}");
}

Test(plain_json, what_is_nested_is_not_plain)
{
        NOT_PLAIN("{\"a\":{}}");
        NOT_PLAIN("{\"a\":[]}");
        NOT_PLAIN("{\"a\":[1]}");
}

Test(plain_json, a_byte_that_does_not_stand_for_itself_is_not_plain)
{
        char value[] = "{\"a\":\"_\"}", name[] = "{\"_\":1}";

        for (unsigned int c = 0; c < 256; c++) {
                bool plain = c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';

                value[6] = (char)c;
                cr_expect_eq(plain_json_read(bus_bytes(value, sizeof(value) - 1), &object), plain,
                        "0x%02x", c);
                name[2] = (char)c;
                cr_expect_eq(plain_json_read(bus_bytes(name, sizeof(name) - 1), &object), plain,
                        "0x%02x", c);
        }
        NOT_PLAIN("{\"a\":\"\\n\"}");
        NOT_PLAIN("{\"a\":\"\\u0041\"}");
        NOT_PLAIN("{\"\\u0041\":1}");
        NOT_PLAIN("{\"a\":\"Z\xc3\xbcrich\"}");
}

Test(plain_json, words_are_exactly_these)
{
        NOT_PLAIN("{\"a\":True}");
        NOT_PLAIN("{\"a\":tru}");
        NOT_PLAIN("{\"a\":truely}");
        NOT_PLAIN("{\"a\":falsee}");
        NOT_PLAIN("{\"a\":nul}");
        NOT_PLAIN("{\"a\":NULL}");
        NOT_PLAIN("{\"a\":NaN}");
        NOT_PLAIN("{\"a\":Infinity}");
        NOT_PLAIN("{\"a\":{{close}}}");
}

Test(plain_json, numbers_are_exactly_json_s)
{
        static const char *const reals[] = { "0.0", "-0.0", "0.5", "1e5", "1E5", "1e+5", "1e-5",
                "-0e0", "1.25e10", "1e999", "0.00000000000000000000000001",
                "123456789012345678901234567890.5" };
        static const char *const not_numbers[] = { "+1", "-", "--1", "01", "00", "-01", "1.", ".5",
                "-.5", "1.e5", "1e", "1e+", "1e+-5", "1.5.2", "1e5e5", "1e5.5", "0x10", "1_000",
                "1a", "00.5" };
        char text[64];

        for (size_t i = 0; i < BUS_COUNT(reals); i++) {
                snprintf(text, sizeof(text), "{\"a\":%s}", reals[i]);
                PLAIN(text);
                expect_member(0, "a", reals[i], JSON_KIND_REAL, 0);
        }
        for (size_t i = 0; i < BUS_COUNT(not_numbers); i++) {
                snprintf(text, sizeof(text), "{\"a\":%s}", not_numbers[i]);
                NOT_PLAIN(text);
        }
}

Test(plain_json, integers_have_at_most_18_digits)
{
        PLAIN("{\"a\":0,\"b\":999999999999999999,\"c\":-999999999999999999}");
        expect_member(0, "a", "0", JSON_KIND_INTEGER, 0);
        expect_member(1, "b", "999999999999999999", JSON_KIND_INTEGER, 999999999999999999);
        expect_member(2, "c", "-999999999999999999", JSON_KIND_INTEGER, -999999999999999999);
        NOT_PLAIN("{\"a\":1000000000000000000}");
        NOT_PLAIN("{\"a\":-1000000000000000000}");
        NOT_PLAIN("{\"a\":9223372036854775808}");
        NOT_PLAIN("{\"a\":18446744073709551617}");
        NOT_PLAIN("{\"a\":-0}");
}

Test(plain_json, a_name_that_came_before_is_not_plain)
{
        NOT_PLAIN("{\"a\":1,\"a\":1}");
        NOT_PLAIN("{\"\":1,\"\":1}");
        NOT_PLAIN("{\"price\":1,\"b\":2,\"c\":3,\"price\":1}");
        PLAIN("{\"a\":1,\"A\":1,\"aa\":1}");
}

/* Names of one length that begin and end alike share a bit. */
Test(plain_json, names_of_one_bit_are_told_apart)
{
        PLAIN("{\"axb\":1,\"ayb\":2,\"azb\":3}");
        cr_expect_eq(object.count, 3);
        NOT_PLAIN("{\"axb\":1,\"ayb\":2,\"azb\":3,\"ayb\":4}");
        NOT_PLAIN("{\"axb\":1,\"ayb\":2,\"azb\":3,\"axb\":4}");
}

static void add_members(struct bus_buf *buf, unsigned int count)
{
        bus_buf_clear(buf);
        for (unsigned int i = 0; i < count; i++)
                bus_buf_printf(buf, "%s\"n%03un\":%u", i ? "," : "{", i, i);
        bus_buf_add_str(buf, "}");
}

Test(plain_json, more_than_64_members_are_not_plain)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        add_members(&buf, PLAIN_MEMBERS_MAX);
        PLAIN(bus_buf_str(&buf));
        cr_assert_eq(object.count, PLAIN_MEMBERS_MAX);
        expect_member(PLAIN_MEMBERS_MAX - 1, "n063n", "63", JSON_KIND_INTEGER, 63);
        add_members(&buf, PLAIN_MEMBERS_MAX + 1);
        NOT_PLAIN(bus_buf_str(&buf));
}
