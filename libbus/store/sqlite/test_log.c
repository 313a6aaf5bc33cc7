/*
 * The redo log in front of the sqlite engine: what becomes of it when the process dies within a
 * write, when somebody damages or loses it, when the disk is full, and in backups and restores.
 */
#include "libbus/base/require.h"
#include "libbus/store/sqlite/sqlite.h"
#include "libbus/store/store_sqlite_faults.h"
#include "libbus/store/test_numbered.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define expect_number(t, number) cr_expect_eq(numbered_check((t), __FILE__, __LINE__), (number))

static void commit_some(struct test_store *t, uint64_t first, uint64_t last)
{
        for (uint64_t number = first; number <= last; number++)
                cr_assert_eq(numbered_commit(t, number, 300, STORE_SYNC_FULL), 0);
}

/* A store with batches 1 to LAST in its log, left by a process that died. */
static void leave_log(struct test_store *t, uint64_t last)
{
        test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
        commit_some(t, 1, last);
        t->store = store_abandon(t->store);
}

static char *log_of(const struct test_store *t)
{
        return bus_xasprintf("%s-log", t->path);
}

static int open_it(struct test_store *t, char *error, size_t error_size)
{
        struct store_options options = {
                .engine = t->engine, .path = t->path, .now_us = t->now_us, .boot_id = "boot-2"
        };

        return store_open(&options, &t->store, error, error_size);
}

static void expect_damaged(struct test_store *t)
{
        char error[256] = "";

        cr_expect_eq(store_verify(t->engine, t->path, error, sizeof(error)), -EUCLEAN);
        cr_expect(strstr(error, "log"), "%s", error);
        cr_expect_eq(open_it(t, error, sizeof(error)), -EUCLEAN);
        cr_expect(strstr(error, "log"), "%s", error);
}

static void copy(const char *from, const char *to)
{
        BUS_AUTOFREE char *line = bus_xasprintf("cp %s %s", from, to);

        cr_assert_eq(system(line), 0);
}

/* ---- a process that dies within a write, or between any two ---- */

static void live(struct test_store *t, int say)
{
        uint64_t number;

        test_open(t);
        number = test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL).last.seq;
        for (int i = 0; i < 12; i++) {
                number++;
                if (numbered_commit(t, number, i % 4 ? 500 : 40000, i % 2) < 0)
                        _exit(1);
                if (write(say, &number, sizeof(number)) != (ssize_t)sizeof(number))
                        _exit(1);
                if (i % 3)
                        store_settle(t->store);
        }
        t->store = store_free(t->store);
}

/* True if it lived to the end. *RET_NUMBER: the last batch it said was done, if it said any. */
static bool live_until(struct test_store *t, uint32_t kill_at, uint64_t *ret_number)
{
        const struct store_sqlite_faults faults = { .kill_at = kill_at };
        int pipes[2], status;
        uint64_t number;
        pid_t child;

        cr_assert_eq(pipe(pipes), 0);
        child = fork();
        cr_assert_geq(child, 0);
        if (!child) {
                store_sqlite_set_faults(&faults);
                live(t, pipes[1]);
                _exit(0);
        }
        close(pipes[1]);
        while (read(pipes[0], &number, sizeof(number)) == (ssize_t)sizeof(number))
                *ret_number = number;
        close(pipes[0]);
        waitpid(child, &status, 0);
        cr_expect(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : !WEXITSTATUS(status));
        return !WIFSIGNALED(status);
}

Test(log, a_kill_within_any_write_loses_nothing_that_was_acknowledged)
{
        EACH_ENGINE(t)
        {
                uint64_t said = 0, found;
                bool lived = false;

                test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
                for (uint32_t at = 1; !lived && at < 1000; at += 1 + at / 8) {
                        t->store = store_free(t->store);
                        lived = live_until(t, at, &said);
                        test_open(t);
                        found = numbered_check(t, __FILE__, __LINE__);
                        cr_expect(found == said || found == said + 1,
                                "killed at %u: %llu said, %llu found", at, (unsigned long long)said,
                                (unsigned long long)found);
                        said = found;
                }
                cr_expect(lived);
        }
}

/* ---- damage ---- */

static void flip(const char *path, off_t offset)
{
        BUS_AUTOCLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
        uint8_t byte;

        cr_assert_eq(pread(fd, &byte, 1, offset), 1);
        byte ^= 0x10;
        cr_assert_eq(pwrite(fd, &byte, 1, offset), 1);
}

/* Where the last record begins: behind it there are but zeros. */
static off_t find_last(const char *path, uint64_t count)
{
        BUS_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        uint8_t word[4];
        off_t at = 0;

        for (off_t begin = 0; count; begin += 64) {
                cr_assert_eq(pread(fd, word, sizeof(word), begin + 8), (ssize_t)sizeof(word));
                if (memcmp(word, "UmbR", 4))
                        continue;
                at = begin;
                count--;
        }
        return at;
}

Test(log, a_flipped_bit_in_what_was_synced_is_damage)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *log = log_of(t);
                off_t last;

                leave_log(t, 20);
                last = find_last(log, 20);
                for (off_t at = 0; at < last; at += last / 37) {
                        /* between one record and the next, nothing is written */
                        bool padding = false;

                        flip(log, at);
                        if (store_verify(t->engine, t->path, (char[256]){ 0 }, 256) == 0)
                                padding = true;
                        else
                                expect_damaged(t);
                        flip(log, at);
                        cr_expect(!padding || at % 64 > 0);
                }
                test_open(t);
                expect_number(t, 20);
        }
}

/* Nothing behind it tells that it had been synced: it looks as if the power had gone meanwhile. */
Test(log, a_flipped_bit_in_the_last_record_is_taken_for_a_torn_end)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *log = log_of(t);

                leave_log(t, 20);
                flip(log, find_last(log, 20) + 50);
                test_open(t);
                expect_number(t, 19);
        }
}

Test(log, a_log_that_is_cut_short_or_gone_is_damage)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *log = log_of(t);
                BUS_AUTOFREE char *kept = bus_xasprintf("%s/kept", t->folder);

                leave_log(t, 20);
                copy(log, kept);
                cr_assert_eq(truncate(log, 4096), 0);
                expect_damaged(t);
                unlink(log);
                expect_damaged(t);
                copy(kept, log);
                test_open(t);
                expect_number(t, 20);
        }
}

Test(log, a_log_of_another_time_is_none)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *log = log_of(t);
                BUS_AUTOFREE char *kept = bus_xasprintf("%s/kept", t->folder);

                leave_log(t, 20);
                copy(log, kept);
                test_open(t);
                test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
                commit_some(t, 21, 25);
                t->store = store_free(t->store);
                cr_expect_lt(access(log, F_OK), 0); /* a clean end leaves all in the database */
                copy(kept, log);
                test_open(t);
                expect_number(t, 25);
        }
}

static int64_t format_of(const struct test_store *t)
{
        struct sqlite_vfs *vfs = sqlite_vfs_new();
        int64_t format = 0;
        char error[256];
        sqlite3 *db = NULL;

        cr_assert_eq(sqlite_db_open(t->path, vfs, false, &db, error, sizeof(error)), 0);
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        cr_assert_eq(sqlite_number(db, "PRAGMA user_version", &format), 0);
        sqlite3_close(db);
        sqlite_vfs_free(vfs);
        return format;
}

/* It would not see the log. What a clean end leaves it may read. */
Test(log, a_program_that_knows_of_no_log_is_kept_from_what_a_kill_left)
{
        EACH_ENGINE(t)
        {
                leave_log(t, 3);
                cr_expect_eq(format_of(t), STORE_SQLITE_FORMAT_LOGGED);
                test_open(t);
                t->store = store_free(t->store);
                cr_expect_eq(format_of(t), STORE_SQLITE_FORMAT);
                test_open(t);
                expect_number(t, 3);
        }
}

/* Records of the round before are behind those of this one, whole and with the right key. */
Test(log, records_of_an_earlier_round_are_not_taken_for_new_ones)
{
        EACH_ENGINE(t)
        {
                uint64_t number = 0;
                BUS_AUTOFREE char *log = log_of(t);
                struct stat status = { 0 };

                test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
                for (int round = 0; round < 3; round++) {
                        for (int i = 0; i < 300; i++) {
                                cr_assert_eq(
                                        numbered_commit(t, ++number, 700, STORE_SYNC_NORMAL), 0);
                                store_settle(t->store);
                        }
                        test_reopen_killed(t);
                        expect_number(t, number);
                }
                cr_assert_eq(stat(log, &status), 0);
                cr_expect_gt((uint64_t)status.st_size, REDO_FIRST_BYTES);
        }
}

static uint64_t settled_size(const struct test_store *t, const char *log)
{
        struct stat status = { 0 };
        int steps = 0;

        while (store_unsettled(t->store) != STORE_BACKLOG_NONE && steps++ < 10000)
                store_settle(t->store);
        cr_assert_eq(stat(log, &status), 0);
        return (uint64_t)status.st_size;
}

/* So that the first burst need not wait for it. */
Test(log, grows_while_nothing_happens)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *log = log_of(t);

                test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
                cr_assert_eq(numbered_commit(t, 1, 700, STORE_SYNC_FULL), 0);
                cr_expect_eq(settled_size(t, log), REDO_SOON_BYTES);
                test_reopen_killed(t);
                expect_number(t, 1);
        }
}

/* Beginning anew in quiet, while there is room enough, is no reason to. */
Test(log, grows_on_where_it_was_half_full)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *log = log_of(t);
                const uint64_t body = 10000;
                uint64_t number = 0, third = REDO_SOON_BYTES / 3 / body;

                test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
                cr_assert_eq(numbered_commit(t, ++number, body, STORE_SYNC_NORMAL), 0);
                cr_assert_eq(settled_size(t, log), REDO_SOON_BYTES);
                for (uint64_t i = 0; i < third; i++)
                        cr_assert_eq(numbered_commit(t, ++number, body, STORE_SYNC_NORMAL), 0);
                cr_expect_eq(settled_size(t, log), REDO_SOON_BYTES);
                for (uint64_t i = 0; i < 2 * third; i++)
                        cr_assert_eq(numbered_commit(t, ++number, body, STORE_SYNC_NORMAL), 0);
                cr_expect_eq(settled_size(t, log), REDO_LAST_BYTES);
                test_reopen_killed(t);
                expect_number(t, number);
        }
}

/* ---- a full disk ---- */

Test(log, what_the_database_has_no_room_for_is_kept_and_nothing_more_is_promised)
{
        EACH_ENGINE(t)
        {
                const struct store_sqlite_faults faults = { .write_errno = ENOSPC };
                uint64_t number = 0;
                char error[256] = "";

                test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
                while (numbered_commit(t, number + 1, 20000, STORE_SYNC_FULL) == 0) {
                        number++;
                        store_sqlite_set_faults(&faults); /* the log has its room already */
                        store_settle(t->store);
                        store_sqlite_set_faults(NULL);
                        cr_assert_lt(number, 1000);
                }
                cr_expect_gt(number, 1);
                cr_expect_eq(numbered_commit(t, number + 1, 10, STORE_SYNC_NORMAL), -ENOSPC);
                t->store = store_abandon(t->store);
                store_sqlite_set_faults(&faults);
                cr_expect_eq(open_it(t, error, sizeof(error)), -ENOSPC);
                store_sqlite_set_faults(NULL);
                test_open(t);
                expect_number(t, number);
        }
}

/* ---- a disk that fails ---- */

Test(log, a_failed_write_or_sync_is_not_tried_again_on_the_same_descriptor)
{
        static const struct store_sqlite_faults kinds[] = { { .write_errno = EIO },
                { .sync_errno = EIO } };

        EACH_ENGINE(t)
        {
                uint64_t number = 0;

                test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
                for (size_t kind = 0; kind < BUS_COUNT(kinds); kind++) {
                        struct store_stats before, after;
                        uint64_t found;

                        commit_some(t, number + 1, number + 3);
                        number += 3;
                        store_sqlite_set_faults(&kinds[kind]);
                        cr_expect_eq(numbered_commit(t, number + 1, 10, STORE_SYNC_FULL), -EIO);
                        store_sqlite_set_faults(NULL);
                        store_stats(t->store, &before);
                        cr_expect_eq(numbered_commit(t, number + 1, 10, STORE_SYNC_FULL), -EIO);
                        store_settle(t->store);
                        store_stats(t->store, &after);
                        cr_expect_eq(before.syncs, after.syncs);
                        test_reopen_killed(t);
                        found = numbered_check(t, __FILE__, __LINE__);
                        /* after a failed sync nobody knows, but it is there or it is not */
                        cr_expect(
                                found == number || (kinds[kind].sync_errno && found == number + 1));
                        number = found;
                }
        }
}

/* ---- backup and restore ---- */

Test(log, a_backup_has_what_only_the_log_had)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);
                char error[256] = "";

                test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
                commit_some(t, 1, 20);
                cr_assert_eq(store_backup(t->store, backup, error, sizeof(error)), 0, "%s", error);
                t->store = store_free(t->store);
                snprintf(t->path, sizeof(t->path), "%s", backup);
                test_open(t);
                expect_number(t, 20);
        }
}

Test(log, a_restore_is_not_followed_by_what_the_old_log_says)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *log = log_of(t);
                BUS_AUTOFREE char *kept = bus_xasprintf("%s/kept", t->folder);
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);
                char error[256] = "";

                test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
                commit_some(t, 1, 20);
                cr_assert_eq(store_backup(t->store, backup, error, sizeof(error)), 0, "%s", error);
                commit_some(t, 21, 30);
                t->store = store_abandon(t->store);
                copy(log, kept);
                cr_assert_eq(store_restore(t->engine, backup, t->path, error, sizeof(error)), 0,
                        "%s", error);
                copy(kept, log); /* even if it comes back */
                test_open(t);
                expect_number(t, 20);
                t->store = store_free(t->store);
                /* and what was there before has all of its own */
                snprintf(t->path, sizeof(t->path), "%s/store.db.before-restore", t->folder);
                test_open(t);
                expect_number(t, 30);
        }
}

/* A store whose log is damaged can be restored, and keeps what there is of it for people. */
Test(log, a_restore_over_a_damaged_log_keeps_it_beside)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *log = log_of(t);
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);
                BUS_AUTOFREE char *beside = bus_xasprintf("%s.before-restore-log", t->path);
                char error[256] = "";

                test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
                commit_some(t, 1, 5);
                cr_assert_eq(store_backup(t->store, backup, error, sizeof(error)), 0, "%s", error);
                commit_some(t, 6, 30);
                t->store = store_abandon(t->store);
                flip(log, 100 + find_last(log, 10));
                expect_damaged(t);
                cr_assert_eq(store_restore(t->engine, backup, t->path, error, sizeof(error)), 0,
                        "%s", error);
                cr_expect_eq(access(beside, F_OK), 0);
                test_open(t);
                expect_number(t, 5);
        }
}
