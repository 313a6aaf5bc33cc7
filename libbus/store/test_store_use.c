#include "libbus/store/test_engines.h"

#include <dirent.h>
#include <stdio.h>

#define START_US (INT64_C(1763836800) * BUS_US_PER_SEC)

struct test_store *test_store_begin(struct test_store *t, size_t engine)
{
        snprintf(t->folder, sizeof(t->folder), "/tmp/umbra-store-XXXXXX");
        cr_assert(mkdtemp(t->folder));
        test_engine_begin(t);
        snprintf(t->path, sizeof(t->path), "%s/store.db", t->folder);
        t->engine = test_engines[engine];
        t->boot_id = "boot-1";
        t->now_us = START_US;
        t->batch = store_batch_new();
        test_open(t);
        return t;
}

static void remove_folder(const char *path)
{
        DIR *folder = opendir(path);
        struct dirent *entry;
        char file[512];

        while (folder && (entry = readdir(folder))) {
                snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
                unlink(file);
        }
        if (folder)
                closedir(folder);
        rmdir(path);
}

struct test_store *test_store_end(struct test_store *t)
{
        t->store = store_free(t->store);
        t->batch = store_batch_free(t->batch);
        test_engine_end(t);
        remove_folder(t->folder);
        return NULL;
}

void test_open(struct test_store *t)
{
        struct store_options options = {
                .engine = t->engine, .path = t->path, .now_us = t->now_us, .boot_id = t->boot_id
        };
        char error[256] = "";

        cr_assert_eq(store_open(&options, &t->store, error, sizeof(error)), 0, "%s", error);
}

void test_reopen_clean(struct test_store *t)
{
        t->store = store_free(t->store);
        t->now_us += BUS_US_PER_SEC;
        test_open(t);
}

void test_reopen_killed(struct test_store *t)
{
        t->store = store_abandon(t->store);
        t->now_us += BUS_US_PER_SEC;
        test_open(t);
}

void test_reopen_power_cut(struct test_store *t)
{
        t->boot_id = strcmp(t->boot_id, "boot-1") ? "boot-1" : "boot-2";
        test_reopen_killed(t);
}

struct store_stream test_stream(struct test_store *t, const char *name, enum store_stream_kind kind)
{
        struct store_stream stream = { 0 };

        cr_assert_eq(store_stream_open(t->store, name, kind, &stream), 0);
        return stream;
}

struct store_stream test_stand(struct test_store *t, const char *name)
{
        struct store_stream stream = { 0 };

        cr_assert_eq(store_stream_get(t->store, name, &stream), 0);
        return stream;
}

static struct bus_pos commit_one(struct test_store *t, const struct store_append *append)
{
        size_t index;

        store_batch_clear(t->batch);
        index = store_batch_append(t->batch, append);
        cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), 0);
        return store_batch_result(t->batch, index)->position;
}

struct bus_pos test_append_at(
        struct test_store *t, const char *stream, const char *body, int64_t at_us)
{
        return commit_one(t, &(struct store_append){ .stream = stream,
                                     .topic = "signal.test",
                                     .body = bus_bytes_str(body),
                                     .at_us = at_us });
}

struct bus_pos test_append(struct test_store *t, const char *stream, const char *body)
{
        return test_append_at(t, stream, body, t->now_us);
}

struct bus_pos test_append_derived(
        struct test_store *t, const char *stream, const char *body, struct bus_pos position)
{
        return commit_one(t, &(struct store_append){ .stream = stream,
                                     .topic = "order.test",
                                     .body = bus_bytes_str(body),
                                     .at_us = t->now_us,
                                     .position = position });
}

static int add_body(const struct store_record *record, void *arg)
{
        bus_buf_add(arg, record->body.data, record->body.size);
        bus_buf_add_str(arg, " ");
        return 0;
}

const char *test_read(struct test_store *t, const char *stream, struct bus_pos after)
{
        static char text[4096];
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        struct bus_pos started;
        int r = store_read(t->store, stream, after, 1000, add_body, &buf, &started);

        bus_buf_add_str(&buf, r == STORE_AHEAD    ? "ahead "
                              : r == STORE_PRUNED ? "pruned "
                              : r                 ? "error "
                                                  : "");
        snprintf(text, sizeof(text), "%s", bus_buf_str(&buf));
        return text;
}

void test_put(struct test_store *t, const char *key, const char *value)
{
        store_batch_clear(t->batch);
        store_batch_put(t->batch, bus_bytes_str(key), bus_bytes_str(value));
        cr_assert_eq(store_commit(t->store, t->batch, STORE_SYNC_NORMAL), 0);
}

const char *test_get(struct test_store *t, const char *key)
{
        static char text[256];
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        int r = store_get(t->store, bus_bytes_str(key), &buf);

        if (r == STORE_ABSENT)
                return NULL;
        cr_assert_eq(r, 0);
        snprintf(text, sizeof(text), "%s", bus_buf_str(&buf));
        return text;
}

void test_expect_pos(struct bus_pos actual, struct bus_pos expected, const char *file, int line)
{
        char a[BUS_POS_TEXT_SIZE], b[BUS_POS_TEXT_SIZE];

        cr_expect(bus_pos_equal(actual, expected), "%s:%d: %s instead of %s", file, line,
                bus_pos_format(actual, a), bus_pos_format(expected, b));
}
