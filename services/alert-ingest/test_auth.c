#include "services/alert-ingest/auth.h"

#include <criterion/criterion.h>

static void init(void)
{
        cr_assert_eq(bus_hash_init(), 0);
}

TestSuite(auth, .init = init);

static struct auth_source source_of(const char *name, const char *token)
{
        struct auth_source source = { .name = name };

        bus_sha256(bus_bytes_str(token), source.token_hash);
        return source;
}

Test(auth, each_token_finds_its_own_source)
{
        const struct auth_source sources[] = { source_of("a", "first"), source_of("b", "second"),
                source_of("c", "third") };

        cr_expect_str_eq(auth_find(sources, 3, "first")->name, "a");
        cr_expect_str_eq(auth_find(sources, 3, "second")->name, "b");
        cr_expect_str_eq(auth_find(sources, 3, "third")->name, "c");
}

Test(auth, a_token_that_is_nearly_one_or_none_is_nobodys)
{
        const struct auth_source sources[] = { source_of("a", "first") };

        cr_expect_null(auth_find(sources, 1, ""));
        cr_expect_null(auth_find(sources, 1, "First"));
        cr_expect_null(auth_find(sources, 1, "first "));
        cr_expect_null(auth_find(sources, 1, "firs"));
        cr_expect_null(auth_find(sources, 0, "first"));
}

/* The hash stands in the config; it must not open the door itself. */
Test(auth, the_hash_of_a_token_is_no_token)
{
        const struct auth_source sources[] = { source_of("a", "first") };
        char hex[BUS_SHA256_HEX_SIZE];

        bus_hex(bus_bytes(sources[0].token_hash, BUS_SHA256_SIZE), hex);
        cr_expect_null(auth_find(sources, 1, hex));
}
