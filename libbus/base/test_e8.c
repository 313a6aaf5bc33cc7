#include "libbus/base/e8.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static int64_t parsed(const char *text)
{
        int64_t value = -1;

        cr_assert_eq(e8_parse(text, strlen(text), &value), 0, "%s", text);
        return value;
}

Test(e8, parses_what_json_calls_a_number)
{
        cr_expect_eq(parsed("0"), 0);
        cr_expect_eq(parsed("1"), E8_ONE);
        cr_expect_eq(parsed("-1.5"), -150000000);
        cr_expect_eq(parsed("2652.86008927"), INT64_C(265286008927));
        cr_expect_eq(parsed("1e2"), 100 * E8_ONE);
        cr_expect_eq(parsed("12.5E-1"), 125000000);
        cr_expect_eq(parsed("0.000000000001e12"), E8_ONE);
        cr_expect_eq(parsed("1e-400"), 0);
}

Test(e8, rounds_to_fewer_decimals_in_one_step)
{
        const char *below = "0.0994999999999", *tie = "99.5e-3";
        int64_t value;

        cr_expect_eq(e8_parse_rounded(below, strlen(below), 3, &value), 0);
        cr_expect_eq(value, 9900000);
        cr_expect_eq(e8_parse_rounded(tie, strlen(tie), 3, &value), 0);
        cr_expect_eq(value, 10000000);
        cr_expect_eq(e8_parse_rounded("1e11", 4, 0, &value), -ERANGE);
}

Test(e8, rounds_beyond_1e8_half_up_exactly)
{
        cr_expect_eq(parsed("1.000000005"), 100000001);
        cr_expect_eq(parsed("1.0000000049999999999999999999999999999999999999999"), 100000000);
        cr_expect_eq(parsed("0.000000005"), 1);
        cr_expect_eq(parsed("-0.000000005"), 0);
        cr_expect_eq(parsed("-0.0000000051"), -1);
        cr_expect_eq(parsed("0.99999999999"), E8_ONE);
}

Test(e8, refuses_what_is_not_a_number)
{
        const char *bad[] = { "", "-", ".5", "1.", "1e", "1e+", "+1", "0x1", "1 ", " 1", "nan",
                "1.2.3" };
        int64_t value = 7;

        for (size_t i = 0; i < BUS_COUNT(bad); i++)
                cr_expect_eq(e8_parse(bad[i], strlen(bad[i]), &value), -EINVAL, "%s", bad[i]);
        cr_expect_eq(value, 7);
}

Test(e8, refuses_what_does_not_fit)
{
        int64_t value = 7;

        cr_expect_eq(e8_parse("92233720368.54775807", 20, &value), 0);
        cr_expect_eq(value, INT64_MAX);
        value = 7;
        cr_expect_eq(e8_parse("92233720368.54775808", 20, &value), -ERANGE);
        cr_expect_eq(e8_parse("1e300", 5, &value), -ERANGE);
        cr_expect_eq(value, 7);
}

Test(e8, division_names_its_rounding)
{
        int64_t v;

        cr_expect_eq(e8_muldiv(7, 1, 2, E8_FLOOR, &v), 0);
        cr_expect_eq(v, 3);
        cr_expect_eq(e8_muldiv(7, 1, 2, E8_UP, &v), 0);
        cr_expect_eq(v, 4);
        cr_expect_eq(e8_muldiv(7, 1, 2, E8_HALF_UP, &v), 0);
        cr_expect_eq(v, 4);
        cr_expect_eq(e8_muldiv(-7, 1, 2, E8_FLOOR, &v), 0);
        cr_expect_eq(v, -4);
        cr_expect_eq(e8_muldiv(-7, 1, 2, E8_HALF_UP, &v), 0);
        cr_expect_eq(v, -3);
        cr_expect_eq(e8_muldiv(-7, 1, 2, E8_UP, &v), 0);
        cr_expect_eq(v, -3);
        cr_expect_eq(e8_muldiv(5, 1, -3, E8_UP, &v), 0);
        cr_expect_eq(v, -1);
}

Test(e8, product_is_wide_and_overflow_is_told)
{
        int64_t v = 3;

        cr_expect_eq(e8_muldiv(INT64_MAX, 10, 10, E8_FLOOR, &v), 0);
        cr_expect_eq(v, INT64_MAX);
        v = 3;
        cr_expect_eq(e8_muldiv(INT64_MAX, 2, 1, E8_FLOOR, &v), -EOVERFLOW);
        cr_expect_eq(v, 3);
}

Test(e8, rounds_to_a_step)
{
        int64_t v;

        cr_expect_eq(e8_round_to(123456789, 1000000, E8_HALF_UP, &v), 0);
        cr_expect_eq(v, 123000000);
        cr_expect_eq(e8_round_to(123500000, 1000000, E8_HALF_UP, &v), 0);
        cr_expect_eq(v, 124000000);
        cr_expect_eq(e8_step_of_digits(2), 1000000);
        cr_expect_eq(e8_step_of_digits(0), E8_ONE);
        cr_expect_eq(e8_step_of_digits(8), 1);
}

Test(e8, formats)
{
        char t[E8_TEXT_SIZE];

        cr_expect_str_eq(e8_format(INT64_C(265010000000), 2, t), "2650.10");
        cr_expect_str_eq(e8_format(-1, 8, t), "-0.00000001");
        cr_expect_str_eq(e8_format(300000000, 0, t), "3");
        cr_expect_str_eq(e8_format(INT64_MIN, 8, t), "-92233720368.54775808");
        cr_expect_str_eq(e8_format_short(150000000, t), "1.5");
        cr_expect_str_eq(e8_format_short(0, t), "0");
        cr_expect_str_eq(cents_format(-5, t), "-0.05");
        cr_expect_str_eq(cents_format(123456, t), "1234.56");
}

Test(cents, parse_refuses_fractions_of_a_cent)
{
        int64_t cents;

        cr_expect_eq(cents_parse("1000.25", 7, &cents), 0);
        cr_expect_eq(cents, 100025);
        cr_expect_eq(cents_parse("0.001", 5, &cents), -EINVAL);
        cr_expect_eq(cents_parse("0.000000000001", 14, &cents), -EINVAL);
        cr_expect_eq(cents_parse("1000.2500", 9, &cents), 0);
        cr_expect_eq(cents, 100025);
}

Test(cents, parse_takes_amounts_that_no_e8_holds)
{
        int64_t cents = 0;

        cr_expect_eq(cents_parse("90000000000000.07", 17, &cents), 0);
        cr_expect_eq(cents, INT64_C(9000000000000007));
        cr_expect_eq(cents_parse("-92233720368547758.08", 21, &cents), 0);
        cr_expect_eq(cents, INT64_MIN);
        cr_expect_eq(cents_parse("92233720368547758.08", 20, &cents), -ERANGE);
        cr_expect_eq(cents_parse("1e30", 4, &cents), -ERANGE);
}
