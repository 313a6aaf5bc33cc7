/*
 * What every engine must do when its process dies, or another one comes.
 */
#include "libbus/base/require.h"
#include "libbus/store/test_engines.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* Runs FN in a process of its own that is killed when it says so. */
static void in_killed_child(struct test_store *t, void (*fn)(struct test_store *t, int say))
{
        int pipes[2];
        char word;
        pid_t child;

        bus_require(pipe(pipes) == 0);
        child = fork();
        bus_require(child >= 0);
        if (!child) {
                fn(t, pipes[1]);
                _exit(0);
        }
        bus_require(read(pipes[0], &word, 1) == 1);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(pipes[0]);
        close(pipes[1]);
}

/* Each batch puts the same number everywhere; the parent kills it anywhere within. */
static void commit_on_and_on(struct test_store *t, int say)
{
        char number[16];

        test_open(t);
        test_stream(t, "signal@w", STORE_STREAM_FULL);
        for (int i = 1;; i++) {
                snprintf(number, sizeof(number), "%d", i);
                store_batch_clear(t->batch);
                store_batch_put(t->batch, bus_bytes_str("first"), bus_bytes_str(number));
                for (int k = 0; k < 20; k++)
                        store_batch_append(t->batch, &(struct store_append){ .stream = "signal@w",
                                                             .topic = "signal.test",
                                                             .body = bus_bytes_str(number),
                                                             .at_us = 1 });
                store_batch_put(t->batch, bus_bytes_str("last"), bus_bytes_str(number));
                store_batch_cursor(t->batch, "in@x", (struct bus_pos){ 1, (uint64_t)i, 0 });
                if (store_commit(t->store, t->batch, STORE_SYNC_NORMAL) < 0)
                        _exit(1);
                if (i == 20 && write(say, "!", 1) != 1)
                        _exit(1);
        }
}

Test(store, a_killed_process_leaves_all_of_a_batch_or_nothing)
{
        EACH_ENGINE(t)
        {
                for (int round = 0; round < 10; round++) {
                        struct bus_pos cursor;
                        char first[16];

                        t->store = store_free(t->store);
                        in_killed_child(t, commit_on_and_on);
                        test_open(t);
                        snprintf(first, sizeof(first), "%s", test_get(t, "first"));
                        cr_expect_str_eq(test_get(t, "last"), first);
                        cr_assert_eq(store_cursor(t->store, "in@x", &cursor), 0);
                        cr_expect_eq(cursor.seq, (uint64_t)atoi(first));
                        cr_expect_geq(cursor.seq, 20);
                        cr_expect_eq(
                                test_stream(t, "signal@w", STORE_STREAM_FULL).last.seq % 20, 0);
                }
        }
}

static void hold(struct test_store *t, int say)
{
        test_open(t);
        if (write(say, "!", 1) != 1)
                _exit(1);
        pause();
}

static int try_open(struct test_store *t, char *error, size_t error_size)
{
        struct store_options options = {
                .engine = t->engine, .path = t->path, .now_us = t->now_us, .boot_id = t->boot_id
        };
        struct store *store = NULL;
        int r = store_open(&options, &store, error, error_size);

        store_free(store);
        return r;
}

Test(store, one_process_holds_it_and_its_death_frees_it)
{
        EACH_ENGINE(t)
        {
                char error[256] = "", byte;
                int pipes[2];
                pid_t child;

                cr_expect_eq(try_open(t, error, sizeof(error)), -EBUSY);
                t->store = store_free(t->store);
                cr_assert_eq(pipe(pipes), 0);
                child = fork();
                if (!child)
                        hold(t, pipes[1]);
                cr_assert_eq(read(pipes[0], &byte, 1), 1);
                cr_expect_eq(try_open(t, error, sizeof(error)), -EBUSY);
                cr_expect_neq(strlen(error), 0);
                cr_expect_eq(store_verify(t->engine, t->path, error, sizeof(error)), -EBUSY);
                cr_expect_eq(
                        store_restore(t->engine, t->path, t->path, error, sizeof(error)), -EBUSY);
                kill(child, SIGKILL);
                waitpid(child, NULL, 0);
                cr_expect_eq(try_open(t, error, sizeof(error)), 0);
                close(pipes[0]);
                close(pipes[1]);
        }
}

Test(store, an_unknown_engine_is_named)
{
        struct store_options options = { .engine = "papyrus", .path = "/nonexistent/x" };
        struct store *store = NULL;
        char error[256] = "";

        cr_expect_eq(store_open(&options, &store, error, sizeof(error)), -EINVAL);
        cr_expect(strstr(error, "papyrus"));
        cr_expect_null(store);
}

static void backup_path(struct test_store *t, char path[static 160])
{
        snprintf(path, 160, "%s/backup", t->folder);
}

Test(store, a_backup_is_the_store_as_it_was_then)
{
        EACH_ENGINE(t)
        {
                char path[160], error[256] = "";
                struct bus_pos last;

                backup_path(t, path);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                for (int i = 0; i < 300; i++)
                        last = test_append(t, "signal@w", "before");
                test_put(t, "key", "before");
                cr_assert_eq(store_backup(t->store, path, error, sizeof(error)), 0, "%s", error);
                cr_expect_eq(store_backup(t->store, path, error, sizeof(error)), -EEXIST);
                test_put(t, "key", "after");
                test_append(t, "signal@w", "after");
                cr_expect_eq(store_verify(t->engine, path, error, sizeof(error)), 0, "%s", error);
                cr_expect_str_eq(test_get(t, "key"), "after");

                /* whoever opens it finds the old state, and streams that know it */
                t->store = store_free(t->store);
                snprintf(t->path, sizeof(t->path), "%s/backup", t->folder);
                test_open(t);
                cr_expect(store_was_restored(t->store));
                cr_expect_str_eq(test_get(t, "key"), "before");
                expect_pos(test_stream(t, "signal@w", STORE_STREAM_FULL).last, last);
        }
}

Test(store, a_restore_begins_new_incarnations_above_all_that_were)
{
        EACH_ENGINE(t)
        {
                char path[160], error[256] = "";
                struct store_stream full, normal;
                struct bus_pos last;

                backup_path(t, path);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                test_stream(t, "order@w", STORE_STREAM_DERIVED);
                last = test_append(t, "signal@w", "kept");
                cr_assert_eq(store_backup(t->store, path, error, sizeof(error)), 0, "%s", error);
                test_append(t, "signal@w", "lost");
                /* an incarnation the backup has not heard of */
                test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                t->now_us += 3600 * BUS_US_PER_SEC;
                test_reopen_power_cut(t);
                normal = test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                t->store = store_free(t->store);
                cr_assert_eq(store_restore(t->engine, path, t->path, error, sizeof(error)), 0, "%s",
                        error);

                t->now_us = 1000; /* a clock that cannot be trusted */
                test_open(t);
                cr_expect(store_was_restored(t->store));
                full = test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_expect_str_eq(full.reason, "restored");
                cr_expect_gt(full.incarnation, normal.incarnation);
                expect_pos(full.forks[full.fork_count - 1].fork, last);
                cr_expect_str_eq(test_read(t, "signal@w", BUS_POS_ZERO), "kept ");
                cr_expect_not(test_stream(t, "order@w", STORE_STREAM_DERIVED).new_incarnation);
                normal = test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                cr_expect_gt(normal.incarnation, last.incarnation + 3600000);

                test_reopen_killed(t);
                cr_expect(store_was_restored(t->store));
                cr_expect_not(test_stream(t, "signal@w", STORE_STREAM_FULL).new_incarnation);
                cr_assert_eq(store_restored_done(t->store), 0);
                cr_expect_not(store_was_restored(t->store));
                test_reopen_killed(t);
                cr_expect_not(store_was_restored(t->store));
        }
}

Test(store, a_restore_keeps_the_old_one_beside_it)
{
        EACH_ENGINE(t)
        {
                char path[160], error[256] = "";

                backup_path(t, path);
                test_put(t, "key", "old");
                cr_assert_eq(store_backup(t->store, path, error, sizeof(error)), 0, "%s", error);
                test_put(t, "key", "newer");
                t->store = store_abandon(t->store);
                cr_assert_eq(store_restore(t->engine, path, t->path, error, sizeof(error)), 0, "%s",
                        error);
                test_open(t);
                cr_expect_str_eq(test_get(t, "key"), "old");
                t->store = store_free(t->store);
                snprintf(path, sizeof(path), "%s.before-restore", t->path);
                cr_expect_eq(store_verify(t->engine, path, error, sizeof(error)), 0, "%s", error);
                snprintf(t->path, sizeof(t->path), "%s/store.db.before-restore", t->folder);
                test_open(t);
                cr_expect_str_eq(test_get(t, "key"), "newer");
        }
}

Test(store, a_restore_from_what_is_no_backup_changes_nothing)
{
        EACH_ENGINE(t)
        {
                char path[160], error[256] = "";
                FILE *file;

                backup_path(t, path);
                test_put(t, "key", "value");
                t->store = store_free(t->store);
                file = fopen(path, "w");
                cr_assert(file);
                fputs("this is a shopping list\n", file);
                fclose(file);
                cr_expect_lt(store_restore(t->engine, path, t->path, error, sizeof(error)), 0);
                cr_expect_neq(strlen(error), 0);
                cr_expect_lt(
                        store_restore(t->engine, "/nonexistent", t->path, error, sizeof(error)), 0);
                test_open(t);
                cr_expect_not(store_was_restored(t->store));
                cr_expect_str_eq(test_get(t, "key"), "value");
        }
}
