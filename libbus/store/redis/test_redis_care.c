/*
 * The redis engine's care for what it has beside Redis: its small files, and backups, which are put back
 * whole, once more, and behind a restore that was cut short.
 */
#include "libbus/base/require.h"
#include "libbus/store/redis/redis.h"
#include "libbus/store/test_engines.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- what a power cut would leave of the folder: how it stood at its last sync ---- */

static const char *watched;
static bool was_there;

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
        struct stat status;

        if (watched && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
                was_there = access(watched, F_OK) == 0;
        return __real_fsync(fd);
}

/* ---- the folder ---- */

#define MAY_NOT_MOUNT 77

static int take_place(const char *path)
{
        struct redis_store *s = bus_new(struct redis_store);
        char error[256] = "";
        int r;

        s->lock_fd = -1;
        r = redis_place_take(s, path, error, sizeof(error));
        if (!r)
                redis_mark_set(s, "0123", 1);
        redis_place_done(s);
        free(s);
        return r;
}

/* On a small disk of its own, which is full but for the mark's file. */
static int take_place_on_full_disk(const char *folder)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s/store.db", folder);
        BUS_AUTOFREE char *mark = bus_xasprintf("%s.mark", path);
        BUS_AUTOFREE char *filler = bus_xasprintf("%s/filler", folder);
        BUS_AUTOCLOSE int fd = -1;
        static const char page[4096];

        if ((unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
                mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                mount("none", folder, "tmpfs", 0, "size=64k") < 0)
                return MAY_NOT_MOUNT;
        if (take_place(path) < 0 || unlink(mark) < 0)
                return 1;
        fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        while (write(fd, page, sizeof(page)) > 0)
                ;
        return take_place(path) == -ENOSPC ? 0 : 2;
}

Test(redis_care, a_full_disk_beside_it_is_an_error_and_no_death)
{
        char folder[] = "/tmp/umbra-full-XXXXXX";
        int status;
        pid_t child;

        cr_assert(mkdtemp(folder));
        child = fork();
        cr_assert_geq(child, 0);
        if (!child)
                _exit(take_place_on_full_disk(folder));
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_expect_eq(rmdir(folder), 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == MAY_NOT_MOUNT)
                cr_skip("this user may not mount");
        cr_expect(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
        cr_expect_eq(WEXITSTATUS(status), 0);
}

/* ---- restores ---- */

static void restore(struct test_store *t, const char *backup)
{
        char error[256] = "";

        t->store = store_free(t->store);
        cr_assert_eq(store_restore("redis", backup, t->path, error, sizeof(error)), 0, "%s", error);
        test_open(t);
}

static void back_up(struct test_store *t, const char *path)
{
        char error[256] = "";

        cr_assert_eq(store_backup(t->store, path, error, sizeof(error)), 0, "%s", error);
}

Test(redis_care, a_store_with_nothing_in_it_can_be_put_back)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);

                back_up(t, backup);
                test_put(t, "key", "later");
                restore(t, backup);
                cr_expect_null(test_get(t, "key"));
        }
}

Test(redis_care, a_backup_outlives_a_power_cut)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);

                watched = backup;
                back_up(t, backup);
                watched = NULL;
                cr_expect(was_there);
        }
}

/* What is larger than a file of the child may be is its end in the middle of writing. */
static void back_up_and_be_killed(struct test_store *t, const char *backup)
{
        const struct rlimit limit = { 1000, 1000 };
        char error[256];
        int status;
        pid_t child = fork();

        cr_assert_geq(child, 0);
        if (!child) {
                signal(SIGXFSZ, SIG_DFL);
                bus_require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
                (void)!store_backup(t->store, backup, error, sizeof(error));
                _exit(0);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
}

Test(redis_care, a_backup_that_was_cut_short_has_no_name_and_stands_in_no_way)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);
                BUS_AUTOFREE char *part = bus_xasprintf("%s.part", backup);
                char value[32768] = "", error[256] = "";

                memset(value, 'v', sizeof(value) - 1);
                test_put(t, "key", value);
                back_up_and_be_killed(t, backup);
                cr_expect_lt(access(backup, F_OK), 0);
                cr_expect_eq(access(part, F_OK), 0);
                cr_expect_eq(store_verify("redis", part, error, sizeof(error)), -EUCLEAN);
                test_put(t, "key", "later");
                back_up(t, backup);
                cr_expect_lt(access(part, F_OK), 0);
                restore(t, backup);
                cr_expect_str_eq(test_get(t, "key"), "later");
        }
}

/* Else what is committed behind it would be replaced by it once more. */
Test(redis_care, a_backup_that_was_taken_over_is_not_taken_over_again_behind_a_power_cut)
{
        EACH_ENGINE(t)
        {
                test_put(t, "key", "value");
                back_up(t, t->path);
                t->store = store_free(t->store);
                was_there = true;
                watched = t->path;
                test_open(t);
                watched = NULL;
                cr_expect(store_was_restored(t->store));
                cr_expect_not(was_there);
        }
}

Test(redis_care, what_a_restore_kept_can_be_put_back_itself)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);
                BUS_AUTOFREE char *kept = bus_xasprintf("%s.before-restore", t->path);

                test_put(t, "key", "old");
                back_up(t, backup);
                test_put(t, "key", "new");
                restore(t, backup);
                cr_expect_str_eq(test_get(t, "key"), "old");
                restore(t, kept);
                cr_expect_str_eq(test_get(t, "key"), "new");
                restore(t, kept);
                cr_expect_str_eq(test_get(t, "key"), "old");
        }
}

/* As a restore leaves it that is killed in the middle. */
static void cut_short(struct test_store *t)
{
        struct redis_store *s = (struct redis_store *)(void *)t->store;
        struct redis_loader loader;
        struct store_sink sink;
        char error[256] = "";

        cr_assert_eq(redis_load_begin(&loader, s, &sink, error, sizeof(error)), 0, "%s", error);
        cr_expect_eq(redis_load_end(&loader, -EIO, true, error, sizeof(error)), -EIO);
        t->store = store_abandon(t->store);
}

Test(redis_care, a_restore_that_is_run_again_keeps_what_was_there_before_the_first)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);
                BUS_AUTOFREE char *kept = bus_xasprintf("%s.before-restore", t->path);
                BUS_AUTOFREE char *part = bus_xasprintf("%s.part", kept);

                test_put(t, "key", "old");
                back_up(t, backup);
                test_put(t, "key", "new");
                back_up(t, part); /* the first thing it does */
                cut_short(t);
                restore(t, backup);
                cr_expect_str_eq(test_get(t, "key"), "old");
                restore(t, kept);
                cr_expect_str_eq(test_get(t, "key"), "new");
        }
}
