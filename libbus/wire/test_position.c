#include "libbus/wire/position.h"

#include <criterion/criterion.h>
#include <errno.h>

Test(position, orders_by_incarnation_then_seq_then_part)
{
        static const struct bus_pos rising[] = { { 0, 0, 0 }, { 0, 0, 1 }, { 0, 1, 0 }, { 1, 0, 0 },
                { 1, 1, 0 }, { 1, 1, 1 }, { 1, 2, 0 }, { 2, 0, 7 }, { UINT64_MAX, 1, 0 },
                { UINT64_MAX, UINT64_MAX, UINT32_MAX } };

        for (size_t i = 0; i < BUS_COUNT(rising); i++)
                for (size_t k = 0; k < BUS_COUNT(rising); k++) {
                        int order = bus_pos_compare(rising[i], rising[k]);

                        cr_expect_eq(order < 0, i < k);
                        cr_expect_eq(order > 0, i > k);
                        cr_expect_eq(bus_pos_equal(rising[i], rising[k]), i == k);
                        cr_expect_eq(bus_pos_is_zero(rising[i]), i == 0);
                }
}

Test(position, text_says_the_part_only_where_there_is_one)
{
        char text[BUS_POS_TEXT_SIZE];

        cr_expect_str_eq(bus_pos_format((struct bus_pos){ 12, 34, 0 }, text), "12.34");
        cr_expect_str_eq(bus_pos_format((struct bus_pos){ 12, 34, 5 }, text), "12.34.5");
        cr_expect_str_eq(
                bus_pos_format((struct bus_pos){ UINT64_MAX, UINT64_MAX, UINT32_MAX }, text),
                "18446744073709551615.18446744073709551615.4294967295");
}

Test(position, reads_back_what_it_wrote)
{
        static const struct bus_pos cases[] = { { 0, 0, 0 }, { 1, 2, 3 }, { 1763836800000, 9, 0 },
                { UINT64_MAX, UINT64_MAX, UINT32_MAX } };
        char text[BUS_POS_TEXT_SIZE];

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                struct bus_pos back = { 77, 77, 77 };

                cr_expect_eq(bus_pos_parse(bus_pos_format(cases[i], text), &back), 0);
                cr_expect(bus_pos_equal(back, cases[i]));
        }
}

Test(position, refuses_what_is_no_position_and_leaves_the_output_alone)
{
        static const char *const bad[] = { "", ".", "1", "1.", ".1", "1.2.", "1.2.3.4", "-1.2",
                "+1.2", " 1.2", "1.2 ", "1.2.x", "0x1.2", "18446744073709551616.1",
                "1.18446744073709551616", "1.2.4294967296", "99999999999999999999999.1" };

        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                struct bus_pos pos = { 7, 8, 9 };

                cr_expect_eq(bus_pos_parse(bad[i], &pos), -EINVAL, "%s", bad[i]);
                cr_expect(bus_pos_equal(pos, ((struct bus_pos){ 7, 8, 9 })));
        }
}
