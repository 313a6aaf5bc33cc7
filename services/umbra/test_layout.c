#include "services/umbra/layout.h"

#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "services/umbra/ini_edit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct rig {
        char folder[64];
        struct layout layout;
        char error[256];
};

static void rig_init(struct rig *rig)
{
        *rig = (struct rig){ .folder = "/tmp/umbra-test-layout-XXXXXX" };
        cr_assert_eq(bus_hash_init(), 0);
        cr_assert_not_null(mkdtemp(rig->folder));
        cr_assert_eq(layout_init(&rig->layout, rig->folder), 0);
}

static void rig_done(struct rig *rig)
{
        BUS_AUTOFREE char *command = bus_xasprintf("rm -rf %s", rig->folder);

        layout_done(&rig->layout);
        cr_assert_eq(system(command), 0);
}

/* A folder that has its configuration already: no plugins are looked for. */
static void write_config(struct rig *rig, const char *text)
{
        cr_assert_eq(bus_file_replace(rig->layout.config, 0600, bus_bytes_str(text)), 0);
}

static void expect_value(struct rig *rig, const char *section, const char *key, const char *want)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT, value = BUS_BUF_INIT;

        cr_assert_eq(bus_file_read(rig->layout.config, 100000, &text), 0);
        cr_expect(ini_get(bus_buf_bytes(&text), section, key, &value));
        cr_expect_str_eq(bus_buf_str(&value), want);
}

Test(layout, keeps_what_set_says_in_the_configuration)
{
        const char *sets[] = { "health.listen=127.0.0.1:1", "plugin.combined_v3.profile=strength",
                "alias.broker.EURUSD=EURUSD.a" };
        struct rig rig;

        rig_init(&rig);
        write_config(&rig, "[health]\nlisten = x\n");
        cr_assert_eq(layout_prepare(&rig.layout, sets, 3, rig.error, sizeof(rig.error)), 0);
        expect_value(&rig, "health", "listen", "127.0.0.1:1");
        expect_value(&rig, "plugin.combined_v3", "profile", "strength");
        expect_value(&rig, "alias.broker", "EURUSD", "EURUSD.a");
        rig_done(&rig);
}

/* The services read it under users of their own, whoever's umask it is rewritten with. */
Test(layout, leaves_the_configuration_as_open_as_it_was)
{
        const char *sets[] = { "health.listen=127.0.0.1:1" };
        struct rig rig;
        struct stat st;

        rig_init(&rig);
        write_config(&rig, "[health]\nlisten = x\n");
        cr_assert_eq(chmod(rig.layout.config, 0644), 0);
        umask(077);
        cr_assert_eq(layout_prepare(&rig.layout, sets, 1, rig.error, sizeof(rig.error)), 0);
        cr_assert_eq(stat(rig.layout.config, &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0644);
        rig_done(&rig);
}

Test(layout, names_a_set_it_cannot_place)
{
        static const char *const bad[] = { "health", "health.listen", "nosuch.key=1", "=1",
                "health.=1", "health.listen=1\n[x]" };
        struct rig rig;

        rig_init(&rig);
        write_config(&rig, "[health]\n");
        for (size_t i = 0; i < BUS_COUNT(bad); i++) {
                cr_expect_eq(layout_prepare(&rig.layout, &bad[i], 1, rig.error, sizeof(rig.error)),
                        -EINVAL, "%s", bad[i]);
                cr_expect_not_null(strstr(rig.error, bad[i]));
        }
        rig_done(&rig);
}

Test(layout, makes_a_secret_once_and_for_its_owner_alone)
{
        char first[BUS_SHA256_HEX_SIZE], second[BUS_SHA256_HEX_SIZE];
        struct rig rig;
        struct stat st;

        rig_init(&rig);
        cr_assert_eq(layout_secret(rig.layout.admin_token, first), 0);
        cr_assert_eq(layout_secret(rig.layout.admin_token, second), 0);
        cr_expect_str_eq(first, second);
        cr_assert_eq(stat(rig.layout.admin_token, &st), 0);
        cr_expect_eq(st.st_mode & 0777, 0600);
        rig_done(&rig);
}

Test(layout, lets_one_process_run_a_folder)
{
        struct rig rig;
        int first, second;

        rig_init(&rig);
        write_config(&rig, "");
        cr_assert_eq(layout_prepare(&rig.layout, NULL, 0, rig.error, sizeof(rig.error)), 0);
        cr_assert_eq(layout_lock(&rig.layout, &first), 0);
        cr_expect_eq(layout_lock(&rig.layout, &second), -EBUSY);
        close(first);
        cr_assert_eq(layout_lock(&rig.layout, &second), 0);
        close(second);
        rig_done(&rig);
}

Test(layout, refuses_a_folder_whose_sockets_would_have_no_address)
{
        BUS_AUTOFREE char *path = NULL;
        struct rig rig, deep;

        rig_init(&rig);
        path = bus_xasprintf("%s/%070d", rig.folder, 0);
        deep = rig;
        cr_assert_eq(layout_init(&deep.layout, path), 0);
        cr_expect_eq(layout_prepare(&deep.layout, NULL, 0, deep.error, sizeof(deep.error)),
                -ENAMETOOLONG);
        cr_expect_not_null(strstr(deep.error, "sockets"));
        layout_done(&deep.layout);
        rig_done(&rig);
}

Test(layout, refuses_a_folder_that_was_moved)
{
        struct rig rig;

        rig_init(&rig);
        write_config(&rig, "[bus]\nstate_dir = /elsewhere\n");
        cr_expect_eq(layout_prepare(&rig.layout, NULL, 0, rig.error, sizeof(rig.error)), -EINVAL);
        cr_expect_not_null(strstr(rig.error, "/elsewhere"));
        rig_done(&rig);
}
