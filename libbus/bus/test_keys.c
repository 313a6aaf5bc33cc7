/* Keys: made once, read with care, in the form that czmq's certificates have. */
#include "libbus/base/bytes.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/policy.h"

#include <criterion/criterion.h>
#include <czmq.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static char folder[32];
static char error[256];

static void set_up(void)
{
        strcpy(folder, "/tmp/umbra-keys-XXXXXX");
        cr_assert(mkdtemp(folder));
}

static void tear_down(void)
{
        BUS_AUTOFREE char *clean = bus_xasprintf("rm -r %s", folder);

        cr_expect_eq(system(clean), 0);
}

TestSuite(keys, .init = set_up, .fini = tear_down);

static struct bus_keys *load(const char *name)
{
        struct bus_keys *keys;

        cr_assert_eq(bus_keys_load(folder, name, &keys, error, sizeof(error)), 0, "%s", error);
        return keys;
}

static void expect_no_key(const char *name, const char *why)
{
        struct bus_keys *keys = NULL;

        cr_expect_eq(bus_keys_load(folder, name, &keys, error, sizeof(error)), -ENOKEY);
        cr_expect_null(keys);
        cr_expect(strstr(error, why), "'%s' does not say '%s'", error, why);
}

Test(keys, are_made_once_and_never_replaced)
{
        struct bus_keys *first, *second;

        cr_expect_eq(bus_keys_make(folder, "health"), 0);
        first = load("health");
        cr_expect_eq(bus_keys_make(folder, "health"), BUS_KEYS_THERE);
        cr_expect_eq(bus_keys_make_all(folder), 0);
        second = load("health");
        cr_expect_arr_eq(first->secret_key, second->secret_key, BUS_KEY_BYTES);
        cr_expect_arr_eq(first->public_key, second->public_key, BUS_KEY_BYTES);
        for (size_t i = 0; i < bus_principal_count; i++)
                bus_keys_free(load(bus_principals[i]));
        bus_keys_free(first);
        bus_keys_free(second);
}

Test(keys, of_others_are_left_alone_where_only_the_public_half_is)
{
        BUS_AUTOFREE char *secret = bus_keys_secret_path(folder, "health");
        BUS_AUTOFREE char *public_path = bus_keys_public_path(folder, "health");
        uint8_t before[BUS_KEY_BYTES], after[BUS_KEY_BYTES];

        cr_assert_eq(bus_keys_make(folder, "health"), 0);
        cr_assert_eq(bus_keys_public(folder, "health", before), 0);
        unlink(secret);
        cr_expect_eq(bus_keys_make(folder, "health"), BUS_KEYS_ELSEWHERE);
        cr_assert_eq(bus_keys_public(folder, "health", after), 0);
        cr_expect_arr_eq(before, after, BUS_KEY_BYTES);
        unlink(public_path);
        cr_expect_eq(bus_keys_public(folder, "health", after), -ENOKEY);
}

Test(keys, whose_public_half_was_lost_get_it_back_from_the_secret_one)
{
        BUS_AUTOFREE char *public_path = bus_keys_public_path(folder, "health");
        uint8_t before[BUS_KEY_BYTES], after[BUS_KEY_BYTES];

        cr_assert_eq(bus_keys_make(folder, "health"), 0);
        cr_assert_eq(bus_keys_public(folder, "health", before), 0);
        unlink(public_path);
        expect_no_key("health", "not in public/");
        cr_expect_eq(bus_keys_make(folder, "health"), 0);
        cr_assert_eq(bus_keys_public(folder, "health", after), 0);
        cr_expect_arr_eq(before, after, BUS_KEY_BYTES);
}

Test(keys, that_others_can_read_are_refused)
{
        BUS_AUTOFREE char *secret = bus_keys_secret_path(folder, "health");
        BUS_AUTOFREE char *public_path = bus_keys_public_path(folder, "health");
        struct stat st;

        cr_assert_eq(bus_keys_make(folder, "health"), 0);
        cr_assert_eq(stat(secret, &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600);
        cr_assert_eq(stat(public_path, &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0644);
        cr_assert_eq(chmod(secret, 0604), 0);
        expect_no_key("health", "others can read it");
        cr_assert_eq(chmod(secret, 0440), 0); /* as an orchestrator mounts secrets */
        bus_keys_free(load("health"));
}

Test(keys, that_are_missing_cut_short_or_anothers_are_told_apart)
{
        BUS_AUTOFREE char *secret = bus_keys_secret_path(folder, "health");
        BUS_AUTOFREE char *mix = NULL;

        expect_no_key("health", "No such file");
        cr_assert_eq(bus_file_replace(secret, 0600, bus_bytes_str("curve\n")), 0);
        expect_no_key("health", "is no certificate");
        cr_assert_eq(bus_file_replace(secret, 0600,
                             bus_bytes_str("public-key = \"short\"\nsecret-key = \"short\"\n")),
                0);
        expect_no_key("health", "is no certificate");
        unlink(secret);
        cr_assert_eq(bus_keys_make_all(folder), 0);
        mix = bus_xasprintf("cp %s/tools.cert_secret %s/health.cert_secret", folder, folder);
        cr_assert_eq(system(mix), 0);
        expect_no_key("health", "is another's");
}

Test(keys, are_read_by_czmq_and_its_certificates_by_us)
{
        BUS_AUTOFREE char *secret = bus_keys_secret_path(folder, "health");
        BUS_AUTOFREE char *theirs = bus_xasprintf("%s/tools.cert", folder);
        struct bus_keys *keys;
        zcert_t *cert;

        cr_assert_eq(bus_keys_make(folder, "health"), 0);
        keys = load("health");
        cert = zcert_load(secret);
        cr_assert_not_null(cert);
        cr_expect_arr_eq(zcert_secret_key(cert), keys->secret_key, BUS_KEY_BYTES);
        cr_expect_arr_eq(zcert_public_key(cert), keys->public_key, BUS_KEY_BYTES);
        cr_expect_str_eq(zcert_meta(cert, "name"), "health");
        zcert_destroy(&cert);
        bus_keys_free(keys);

        cert = zcert_new();
        zcert_set_meta(cert, "name", "tools");
        cr_assert_eq(zcert_save(cert, theirs), 0);
        cr_expect_eq(bus_keys_make(folder, "tools"), 0); /* its public half */
        keys = load("tools");
        cr_expect_arr_eq(zcert_secret_key(cert), keys->secret_key, BUS_KEY_BYTES);
        zcert_destroy(&cert);
        bus_keys_free(keys);
}
