/* Who owns what in a state folder, and that giving goes through no link. */
#include "services/umbra/owners.h"

#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/umbra/identity.h"
#include "services/umbra/ini_edit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define BASE 61100

struct rig {
        char folder[64];
        struct layout layout;
        char error[256];
};

static void rig_init(struct rig *rig)
{
        *rig = (struct rig){ .folder = "/tmp/umbra-test-owners-XXXXXX" };
        cr_assert_eq(bus_hash_init(), 0);
        cr_assert_not_null(mkdtemp(rig->folder));
        cr_assert_eq(layout_init(&rig->layout, rig->folder), 0);
        cr_assert_eq(bus_file_replace(rig->layout.config, 0600, bus_bytes_str("[bus]\n")), 0);
        cr_assert_eq(layout_prepare(&rig->layout, NULL, 0, rig->error, sizeof(rig->error)), 0);
}

static void rig_done(struct rig *rig)
{
        BUS_AUTOFREE char *command = bus_xasprintf("rm -rf %s", rig->folder);

        layout_done(&rig->layout);
        cr_assert_eq(system(command), 0);
}

static void settle(struct rig *rig, uid_t uid_base)
{
        cr_assert_eq(owners_settle(&rig->layout, uid_base, rig->error, sizeof(rig->error)), 0, "%s",
                rig->error);
}

static void expect(struct rig *rig, const char *name, uid_t uid, mode_t mode)
{
        BUS_AUTOFREE char *path = layout_path(rig->folder, name, "");
        struct stat st;

        cr_assert_eq(lstat(path, &st), 0, "%s", name);
        cr_expect_eq(st.st_uid, uid, "%s belongs to %u", name, st.st_uid);
        cr_expect_eq(st.st_mode & 07777, mode, "%s has mode %o", name, st.st_mode & 07777);
}

static void make_file(struct rig *rig, const char *name)
{
        BUS_AUTOFREE char *path = layout_path(rig->folder, name, "");

        cr_assert_eq(bus_file_replace(path, 0600, bus_bytes_str("x")), 0);
}

Test(owners, of_one_user_close_everything_to_others)
{
        struct rig rig;

        rig_init(&rig);
        settle(&rig, 0);
        settle(&rig, 0);
        expect(&rig, ".", geteuid(), 0700);
        expect(&rig, "umbra.ini", geteuid(), 0600);
        expect(&rig, "run/order-executor", geteuid(), 0700);
        expect(&rig, "order-executor", geteuid(), 0700);
        expect(&rig, "backup/health", geteuid(), 0700);
        rig_done(&rig);
}

Test(owners, with_uids_give_each_service_its_own_and_no_more)
{
        struct rig rig;

        if (geteuid() != 0)
                cr_skip_test("only root can give a file away");
        rig_init(&rig);
        settle(&rig, 0);
        make_file(&rig, "strategy-v3-shadow/strategy-v3-shadow.db");
        settle(&rig, BASE);
        expect(&rig, ".", 0, 0711);
        expect(&rig, "run", 0, 0711);
        expect(&rig, "umbra.ini", 0, 0644);
        expect(&rig, "run/strategy-v3-shadow", BASE + 4, 0711);
        expect(&rig, "strategy-v3-shadow", BASE + 4, 0700);
        expect(&rig, "strategy-v3-shadow/strategy-v3-shadow.db", BASE + 4, 0600);
        expect(&rig, "run/strategy-v3", BASE + 3, 0711);
        /* and back: another start, without them */
        settle(&rig, 0);
        expect(&rig, ".", 0, 0700);
        expect(&rig, "strategy-v3-shadow/strategy-v3-shadow.db", 0, 0600);
        rig_done(&rig);
}

Test(owners, are_not_led_astray_by_a_link)
{
        struct rig rig;
        char prize[] = "/tmp/umbra-test-prize-XXXXXX";
        BUS_AUTOFREE char *link_path = NULL, *folder_link = NULL, *hard = NULL;
        BUS_AUTOCLOSE int fd = mkstemp(prize);
        struct stat st;

        if (geteuid() != 0)
                cr_skip_test("only root can give a file away");
        rig_init(&rig);
        settle(&rig, BASE);
        link_path = layout_path(rig.folder, "strategy-v3-shadow/soft", "");
        folder_link = layout_path(rig.folder, "strategy-v3-shadow/folder", "");
        hard = layout_path(rig.folder, "strategy-v3-shadow/hard", "");
        cr_assert_eq(symlink(prize, link_path), 0);
        cr_assert_eq(symlink("/tmp", folder_link), 0);
        cr_assert_eq(link(prize, hard), 0);
        settle(&rig, BASE);
        cr_assert_eq(fstat(fd, &st), 0);
        cr_expect_eq(st.st_uid, 0, "a file outside was given away");
        cr_assert_eq(unlink(prize), 0);
        rig_done(&rig);
}

static void expect_key(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
        struct owners_rule rule = owners_of_key(name, BASE);

        cr_expect_eq(rule.uid, uid, "%s: uid %u", name, rule.uid);
        cr_expect_eq(rule.gid, gid, "%s: gid %u", name, rule.gid);
        cr_expect_eq(rule.mode, mode, "%s: mode %o", name, rule.mode);
}

Test(owners, let_each_service_read_its_own_key_alone)
{
        const uid_t we = geteuid();
        const gid_t us = getegid();

        expect_key("strategy-v3.cert_secret", we, BASE + 3, 0640);
        expect_key("strategy-v3-shadow.cert_secret", we, BASE + 4, 0640);
        expect_key("broker.secret", BASE + 2, BASE, 0440);
        expect_key("umbra.cert_secret", we, us, 0600);
        expect_key("test.token", we, BASE + 1, 0640);
        expect_key("strategy-v3.token", we, us, 0600);
        expect_key("strategy-v3.cert", we, us, 0644);
        cr_expect_eq(owners_of_key("strategy-v3.cert_secret", 0).mode, 0600);
}

static void expect_noted(struct rig *rig, const char *service, const char *uid)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT, value = BUS_BUF_INIT;
        BUS_AUTOFREE char *section = bus_xasprintf("endpoint.%s", service);

        cr_assert_eq(bus_file_read(rig->layout.config, 100000, &text), 0);
        ini_get(bus_buf_bytes(&text), section, "uid", &value);
        cr_expect_str_eq(bus_buf_str(&value), uid, "%s", service);
}

static void note(struct rig *rig, uid_t uid_base)
{
        cr_assert_eq(owners_note(&rig->layout, uid_base, rig->error, sizeof(rig->error)), 0);
}

Test(owners, tell_the_readers_whose_place_is_whose)
{
        char own[16];
        struct rig rig;

        rig_init(&rig);
        snprintf(own, sizeof(own), "%u", geteuid());
        note(&rig, 0);
        expect_noted(&rig, "strategy-v3", own);
        note(&rig, BASE);
        expect_noted(&rig, "strategy-v3", "61103");
        expect_noted(&rig, "mt5-demo", "61100"); /* nobody reads it, but health tells it apart */
        /* where anybody could put another folder in the place of ours */
        bus_log_init("test", BUS_LOG_ERROR);
        cr_assert_eq(chmod(rig.folder, 0777), 0);
        note(&rig, BASE);
        expect_noted(&rig, "strategy-v3", "");
        rig_done(&rig);
}

Test(identity, reaches_what_is_open_and_names_what_is_not)
{
        char closed[] = "/tmp/umbra-test-closed-XXXXXX";
        const char *paths[] = { "/tmp", "/bin/sh", closed };

        if (geteuid() != 0)
                cr_skip_test("only root can become another");
        cr_assert(mkdtemp(closed));
        cr_expect_eq(identity_reaches(BASE, paths, 2), 0);
        cr_expect_eq(identity_reaches(BASE, paths, 3), 3);
        cr_assert_eq(rmdir(closed), 0);
}
