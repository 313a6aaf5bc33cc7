#include "libbus/base/hash.h"
#include "libbus/base/ids.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* The stock of randomness must not be used by parent and child alike. */
Test(ids, a_child_makes_other_ids_than_its_parent)
{
        char mine[BUS_ID_SIZE], theirs[BUS_ID_SIZE];
        int ends[2], status;
        pid_t pid;

        bus_id_new(mine);
        cr_assert_eq(pipe(ends), 0);
        pid = fork();
        cr_assert_geq(pid, 0);
        if (pid == 0) {
                bus_id_new(theirs);
                _exit(write(ends[1], theirs, sizeof(theirs)) == (ssize_t)sizeof(theirs) ? 0 : 1);
        }
        bus_id_new(mine);
        cr_assert_eq(read(ends[0], theirs, sizeof(theirs)), (ssize_t)sizeof(theirs));
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_expect_eq(status, 0);
        cr_expect(bus_id_valid(theirs));
        cr_expect_str_neq(mine + 10, theirs + 10);
        close(ends[0]);
        close(ends[1]);
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

Test(ids, a_hashed_id_is_the_same_in_every_program)
{
        char x[BUS_ID_SIZE], y[BUS_ID_SIZE];

        bus_id_hashed(bus_bytes_str("abc"), x);
        bus_id_hashed(bus_bytes_str("abd"), y);
        cr_expect_str_eq(x, "NEAG3QNFE91QJ1MKK84XK8T48R");
        cr_expect(bus_id_valid(x));
        cr_expect_str_neq(x, y);
}

Test(ids, validity)
{
        cr_expect(!bus_id_valid(""));
        cr_expect(!bus_id_valid("01ARYZ6S41000000000000000"));
        cr_expect(!bus_id_valid("01ARYZ6S41000000000000000I"));
}

Test(ids, tell_when_they_were_made)
{
        static const uint8_t random[BUS_ID_RANDOM_SIZE] = { 0 };
        char id[BUS_ID_SIZE];

        bus_id_fresh(INT64_C(1795371600123456), random, id);
        cr_expect_eq(bus_id_us(id), INT64_C(1795371600123000));
}
