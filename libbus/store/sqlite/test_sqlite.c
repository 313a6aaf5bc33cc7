/*
 * The sqlite engine on a disk that fails: what is promised of its file and its syncs.
 */
#include "libbus/base/require.h"
#include "libbus/store/dump.h"
#include "libbus/store/sqlite/sqlite.h"
#include "libbus/store/store_sqlite_faults.h"
#include "libbus/store/test_engines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static int put(struct test_store *t, const char *value, enum store_sync sync)
{
        store_batch_clear(t->batch);
        store_batch_put(t->batch, bus_bytes_str("a"), bus_bytes_str(value));
        store_batch_append(t->batch, &(struct store_append){ .stream = "signal@w",
                                             .topic = "t",
                                             .body = bus_bytes_str(value),
                                             .at_us = 1 });
        store_batch_put(t->batch, bus_bytes_str("b"), bus_bytes_str(value));
        return store_commit(t->store, t->batch, sync);
}

static const char *test_get_or_empty(struct test_store *t, const char *key)
{
        const char *value = test_get(t, key);

        return value ? value : "";
}

/* Both keys of a batch, or neither. */
static void expect_whole(struct test_store *t)
{
        BUS_AUTOFREE char *a = bus_xasprintf("%s", test_get_or_empty(t, "a"));

        cr_expect_str_eq(test_get_or_empty(t, "b"), a);
}

Test(sqlite, a_failed_sync_ends_the_connection_and_leaves_no_half_batch)
{
        struct store_sqlite_faults faults = { .sync_errno = EIO };

        EACH_ENGINE(t)
        {
                uint64_t incarnation;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                incarnation = test_stream(t, "comparison@w", STORE_STREAM_NORMAL).incarnation;
                cr_assert_eq(put(t, "one", STORE_SYNC_FULL), 0);
                store_sqlite_set_faults(&faults);
                cr_expect_lt(put(t, "two", STORE_SYNC_FULL), 0);
                store_sqlite_set_faults(NULL);
                /* never again on the same descriptor, though the disk is well now */
                cr_expect_lt(put(t, "three", STORE_SYNC_FULL), 0);
                cr_expect_lt(put(t, "three", STORE_SYNC_NORMAL), 0);
                test_reopen_killed(t);
                expect_whole(t);
                cr_expect(strcmp(test_get(t, "a"), "three"));
                /* the system may have forgotten what it could not write */
                cr_expect_gt(test_stream(t, "comparison@w", STORE_STREAM_NORMAL).incarnation,
                        incarnation);
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_expect_eq(put(t, "four", STORE_SYNC_FULL), 0);
        }
}

static bool goes_past_the_cache(const struct test_store *t)
{
        BUS_AUTOFREE char *log = bus_xasprintf("%s-log", t->path);
        BUS_AUTOCLOSE int fd = open(log, O_WRONLY | O_DIRECT | O_CLOEXEC);

        return fd >= 0;
}

/* What goes past the cache is written and synced in one: it fails as a sync does. */
Test(sqlite, a_failed_write_of_what_was_promised_is_a_failed_sync)
{
        struct store_sqlite_faults faults = { .write_errno = EIO };

        EACH_ENGINE(t)
        {
                uint64_t incarnation;

                if (!goes_past_the_cache(t))
                        cr_skip("this file system has no way past the cache");
                incarnation = test_stream(t, "comparison@w", STORE_STREAM_NORMAL).incarnation;
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_assert_eq(put(t, "one", STORE_SYNC_FULL), 0);
                store_sqlite_set_faults(&faults);
                cr_expect_eq(put(t, "two", STORE_SYNC_FULL), -EIO);
                store_sqlite_set_faults(NULL);
                test_reopen_killed(t);
                cr_expect_str_eq(test_get(t, "a"), "one");
                cr_expect_gt(test_stream(t, "comparison@w", STORE_STREAM_NORMAL).incarnation,
                        incarnation);
        }
}

/* Larger than ours, say. */
Test(sqlite, a_disk_whose_blocks_do_not_fit_is_written_through_the_cache)
{
        struct store_sqlite_faults faults = { .write_errno = EINVAL, .write_once = true };

        EACH_ENGINE(t)
        {
                if (!goes_past_the_cache(t))
                        cr_skip("this file system has no way past the cache");
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_assert_eq(put(t, "one", STORE_SYNC_FULL), 0);
                store_sqlite_set_faults(&faults);
                cr_expect_eq(put(t, "two", STORE_SYNC_FULL), 0);
                store_sqlite_set_faults(NULL);
                cr_expect_eq(put(t, "three", STORE_SYNC_FULL), 0);
                test_reopen_killed(t);
                cr_expect_str_eq(test_get(t, "a"), "three");
                expect_whole(t);
                cr_expect_eq(test_stream(t, "signal@w", STORE_STREAM_FULL).last.seq, 3);
        }
}

Test(sqlite, a_full_disk_refuses_the_batch_and_recovers_by_itself)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_assert_eq(put(t, "one", STORE_SYNC_FULL), 0);
                for (uint32_t left = 0; left < 12; left++) {
                        struct store_sqlite_faults faults = { .write_errno = ENOSPC,
                                .writes_left = left };
                        int r;

                        store_sqlite_set_faults(&faults);
                        r = put(t, "two", STORE_SYNC_FULL);
                        store_sqlite_set_faults(NULL);
                        cr_expect(r == 0 || r == -ENOSPC, "%d", r);
                        cr_expect(left || r < 0);
                        expect_whole(t);
                        cr_expect_str_eq(test_get(t, "a"), r ? "one" : "two");
                        cr_expect_eq(put(t, "one", STORE_SYNC_FULL), 0);
                }
                test_reopen_killed(t);
                expect_whole(t);
        }
}

static void settle(struct test_store *t)
{
        while (store_unsettled(t->store) != STORE_BACKLOG_NONE)
                store_settle(t->store);
}

/* What was carried over and could not be committed there is neither in memory nor in the database. */
Test(sqlite, a_question_is_answered_with_an_error_where_the_database_could_not_follow)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *backup = bus_xasprintf("%s/backup", t->folder);
                BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
                struct store_sqlite_faults faults = { .write_errno = ENOSPC };
                struct bus_pos position;
                char error[256];

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_assert_eq(put(t, "one", STORE_SYNC_FULL), 0);
                store_batch_clear(t->batch);
                store_batch_cursor(t->batch, "in@x", (struct bus_pos){ 1, 2, 3 });
                cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_FULL), 0);
                settle(t);
                store_sqlite_set_faults(&faults);
                cr_expect_lt(store_backup(t->store, backup, error, sizeof(error)), 0);
                store_sqlite_set_faults(NULL);
                cr_expect_eq(store_get(t->store, bus_bytes_str("a"), &value), -ENOSPC);
                cr_expect_eq(store_cursor(t->store, "in@x", &position), -ENOSPC);
                test_reopen_killed(t);
                cr_expect_str_eq(test_get(t, "a"), "one");
        }
}

Test(sqlite, a_write_error_at_any_place_leaves_no_half_batch)
{
        EACH_ENGINE(t)
        {
                test_stream(t, "signal@w", STORE_STREAM_FULL);
                for (uint32_t left = 0; left < 16; left++) {
                        struct store_sqlite_faults faults = { .write_errno = EIO,
                                .writes_left = left };

                        cr_assert_eq(put(t, "one", STORE_SYNC_FULL), 0);
                        store_sqlite_set_faults(&faults);
                        if (put(t, "two", STORE_SYNC_FULL) < 0) {
                                store_sqlite_set_faults(NULL);
                                test_reopen_killed(t);
                                cr_expect_str_eq(test_get(t, "a"), "one");
                                test_stream(t, "signal@w", STORE_STREAM_FULL);
                        }
                        store_sqlite_set_faults(NULL);
                        expect_whole(t);
                }
        }
}

Test(sqlite, an_opening_that_could_not_sync_is_told_to_the_next_one)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *unsure = bus_xasprintf("%s.unsure", t->path);
                struct store_sqlite_faults faults = { .sync_errno = EIO };
                char error[256];
                int r = -EIO;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_assert_eq(put(t, "one", STORE_SYNC_FULL), 0);
                t->store = store_abandon(t->store);
                for (; r < 0; faults.syncs_left++) {
                        struct store_options options = { .engine = t->engine,
                                .path = t->path,
                                .now_us = t->now_us,
                                .boot_id = t->boot_id };

                        unlink(unsure);
                        store_sqlite_set_faults(&faults);
                        r = store_open(&options, &t->store, error, sizeof(error));
                        store_sqlite_set_faults(NULL);
                        cr_expect(r == 0 || access(unsure, F_OK) == 0, "%u", faults.syncs_left);
                        cr_assert_lt(faults.syncs_left, 100);
                }
                cr_expect_gt(faults.syncs_left, 1);
                cr_expect_str_eq(test_get(t, "a"), "one");
        }
}

Test(sqlite, a_close_on_a_broken_disk_leaves_no_clean_mark)
{
        struct store_sqlite_faults faults = { .sync_errno = EIO };

        EACH_ENGINE(t)
        {
                test_stream(t, "comparison@w", STORE_STREAM_NORMAL);
                store_sqlite_set_faults(&faults);
                t->store = store_free(t->store);
                store_sqlite_set_faults(NULL);
                test_open(t);
                cr_expect(test_stream(t, "comparison@w", STORE_STREAM_NORMAL).new_incarnation);
        }
}

static void dump(struct test_store *t, const char *path)
{
        struct store_dump_file *file = NULL;
        struct store_sink sink;
        char error[256] = "";
        int r;

        cr_assert_eq(store_dump_create(path, &file, &sink), 0);
        r = store_dump(t->store, &sink, error, sizeof(error));
        cr_assert_eq(store_dump_finish(file, r), 0, "%s", error);
}

Test(sqlite, a_dump_is_loaded_whole_or_not_at_all_wherever_the_disk_is_full)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *dumped = bus_xasprintf("%s/dump", t->folder);
                BUS_AUTOFREE char *left = bus_xasprintf("%s/loaded.db.loading-wal", t->folder);
                struct store_sqlite_faults faults = { .write_errno = ENOSPC };
                char error[256];
                int r = -1;

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                cr_assert_eq(put(t, "value", STORE_SYNC_FULL), 0);
                dump(t, dumped);
                t->store = store_free(t->store);
                snprintf(t->path, sizeof(t->path), "%s/loaded.db", t->folder);
                for (; r < 0; faults.writes_left++) {
                        store_sqlite_set_faults(&faults);
                        r = store_load("sqlite", t->path, dumped, false, error, sizeof(error));
                        store_sqlite_set_faults(NULL);
                        cr_expect(r == 0 || access(t->path, F_OK) < 0);
                        cr_expect_lt(access(left, F_OK), 0);
                        cr_assert_lt(faults.writes_left, 10000);
                }
                test_open(t);
                cr_expect_str_eq(test_get_or_empty(t, "a"), "value");
                expect_whole(t);
        }
}

static void flip(const char *path, off_t offset)
{
        BUS_AUTOCLOSE int fd = open(path, O_RDWR);
        uint8_t byte;

        cr_assert_eq(pread(fd, &byte, 1, offset), 1);
        byte ^= 0x10;
        cr_assert_eq(pwrite(fd, &byte, 1, offset), 1);
}

Test(sqlite, verify_finds_a_flipped_bit_wherever_it_is)
{
        EACH_ENGINE(t)
        {
                struct stat status;
                char error[256] = "";

                test_stream(t, "signal@w", STORE_STREAM_FULL);
                for (int i = 0; i < 100; i++)
                        cr_assert_eq(put(t, "a value that is money", STORE_SYNC_NORMAL), 0);
                t->store = store_free(t->store);
                cr_assert_eq(
                        store_verify(t->engine, t->path, error, sizeof(error)), 0, "%s", error);
                cr_assert_eq(stat(t->path, &status), 0);
                for (off_t at = 0; at < status.st_size; at += 491) {
                        flip(t->path, at);
                        cr_expect_lt(store_verify(t->engine, t->path, error, sizeof(error)), 0,
                                "byte %ld", (long)at);
                        flip(t->path, at);
                }
                cr_expect_eq(
                        store_verify(t->engine, t->path, error, sizeof(error)), 0, "%s", error);
                test_open(t);
                cr_expect_str_eq(test_get(t, "a"), "a value that is money");
        }
}

Test(sqlite, a_damaged_value_is_an_error_and_not_a_value)
{
        EACH_ENGINE(t)
        {
                static const char needle[] = "0.05 lots of XAUUSD";
                BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
                BUS_AUTOFREE char *content = malloc(1 << 20);
                BUS_AUTOCLOSE int fd = -1;
                const char *found;
                ssize_t size;

                test_put(t, "order", needle);
                t->store = store_free(t->store);
                fd = open(t->path, O_RDONLY);
                size = read(fd, content, 1 << 20);
                cr_assert_gt(size, 0);
                found = memmem(content, (size_t)size, needle, sizeof(needle) - 1);
                cr_assert(found);
                flip(t->path, found - content);
                test_open(t);
                cr_expect_eq(store_get(t->store, bus_bytes_str("order"), &value), -EUCLEAN);
        }
}

static int open_error(struct test_store *t, char *error, size_t error_size)
{
        struct store_options options = { .engine = t->engine, .path = t->path, .boot_id = "" };
        struct store *store = NULL;
        int r = store_open(&options, &store, error, error_size);

        cr_expect_null(store);
        return r;
}

Test(sqlite, refuses_what_is_no_store)
{
        EACH_ENGINE(t)
        {
                char error[256] = "";
                FILE *file;

                t->store = store_free(t->store);
                file = fopen(t->path, "w");
                for (int i = 0; i < 1000; i++)
                        fputs("not a database at all\n", file);
                fclose(file);
                cr_expect_eq(open_error(t, error, sizeof(error)), -EUCLEAN);
                cr_expect(strstr(error, t->path));
                cr_expect_eq(store_verify(t->engine, t->path, error, sizeof(error)), -EUCLEAN);
                unlink(t->path);
                snprintf(t->path, sizeof(t->path), "%s/no/such/folder.db", t->folder);
                cr_expect_eq(open_error(t, error, sizeof(error)), -ENOENT);
                cr_expect(strstr(error, "folder.db"));
                snprintf(t->path, sizeof(t->path), "%s/new.db", t->folder);
                test_open(t);
        }
}

Test(sqlite, refuses_a_format_newer_than_itself_and_leaves_it_alone)
{
        EACH_ENGINE(t)
        {
                struct sqlite_vfs *vfs = sqlite_vfs_new();
                char error[256] = "";
                sqlite3 *db = NULL;

                t->store = store_free(t->store);
                cr_assert_eq(sqlite_db_open(t->path, vfs, false, &db, error, sizeof(error)), 0);
                cr_assert_eq(sqlite_exec(db, "PRAGMA user_version=2"), 0);
                sqlite3_close(db);
                cr_expect_eq(open_error(t, error, sizeof(error)), -EPROTO);
                cr_expect(strstr(error, t->path));
                cr_expect_eq(store_verify(t->engine, t->path, error, sizeof(error)), -EPROTO);
                cr_assert_eq(sqlite_db_open(t->path, vfs, false, &db, error, sizeof(error)), 0);
                cr_assert_eq(sqlite_exec(db, "PRAGMA user_version=1"), 0);
                sqlite3_close(db);
                sqlite_vfs_free(vfs);
                test_open(t);
        }
}
