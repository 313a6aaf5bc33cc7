#include "libbus/base/hash.h"
#include "libbus/base/ids.h"

#include <criterion/criterion.h>

Test(ids, fresh_ids_sort_by_time)
{
        uint8_t random[BUS_ID_RANDOM_SIZE] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                0xff };
        char a[BUS_ID_SIZE], b[BUS_ID_SIZE];

        bus_id_fresh(INT64_C(1795371600123456), random, a);
        random[0] = 0;
        bus_id_fresh(INT64_C(1795371600124456), random, b);
        cr_expect_lt(strcmp(a, b), 0);
        cr_expect(bus_id_valid(a));
        cr_expect_str_eq(a + 10, "ZZZZZZZZZZZZZZZZ");
}

Test(ids, known_ulid_layout)
{
        uint8_t random[BUS_ID_RANDOM_SIZE] = { 0 };
        char id[BUS_ID_SIZE];

        bus_id_fresh(INT64_C(1469918176385) * 1000, random, id);
        cr_expect_str_eq(id, "01ARYZ6S410000000000000000");
}

Test(ids, derived_ids_depend_on_where_the_parts_end)
{
        struct bus_bytes ab_c[] = { bus_bytes_str("ab"), bus_bytes_str("c") };
        struct bus_bytes a_bc[] = { bus_bytes_str("a"), bus_bytes_str("bc") };
        char x[BUS_ID_SIZE], y[BUS_ID_SIZE];

        bus_id_derived(ab_c, 2, x);
        bus_id_derived(a_bc, 2, y);
        cr_expect_str_neq(x, y);
        bus_id_derived(a_bc, 2, x);
        cr_expect_str_eq(x, y);
}

Test(ids, validity)
{
        cr_expect(!bus_id_valid(""));
        cr_expect(!bus_id_valid("01ARYZ6S41000000000000000"));
        cr_expect(!bus_id_valid("01ARYZ6S41000000000000000I"));
}
