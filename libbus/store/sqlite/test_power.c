/*
 * Power cuts. A second disk is kept beside the one the store writes to: it knows of each file what
 * was synced, and what was written since. A cut leaves of the latter any sectors and forgets the
 * others; what a store opened on that finds must be whole, and have all that was promised.
 */
#include "libbus/base/require.h"
#include "libbus/store/sqlite/redo_file.h"
#include "libbus/store/store_sqlite_faults.h"
#include "libbus/store/test_numbered.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define SECTOR_BYTES ((size_t)512)
/* Each opens a store: about a tenth of a second where the disk is slow. */
#define CUTS 120

struct event {
        struct event *next;
        enum store_disk_op op;
        uint64_t offset;
        size_t size;
        uint8_t data[];
};

struct file {
        const char *suffix; /* of the store's path */
        bool exists;
        struct bus_buf synced;
        struct event *events, **end; /* since */
};

struct disk {
        struct file files[3];
        const char *path; /* of the store */
        uint64_t random;
        /* A cut in the middle of something is made when this falls to zero, and looked at later. */
        unsigned int countdown;
        bool was_cut;
        const char *cut_path;
};

static uint64_t next_random(struct disk *disk)
{
        disk->random = disk->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return disk->random >> 33;
}

static struct disk disk_new(struct test_store *t, const char *cut_path, uint64_t seed)
{
        return (struct disk){ .files = { { .suffix = "" }, { .suffix = "-wal" },
                                      { .suffix = "-log" } },
                .path = t->path,
                .cut_path = cut_path,
                .random = seed };
}

static void drop_events(struct file *file)
{
        while (file->events) {
                struct event *next = file->events->next;

                free(file->events);
                file->events = next;
        }
        file->end = &file->events;
}

static void disk_done(struct disk *disk)
{
        for (size_t i = 0; i < BUS_COUNT(disk->files); i++) {
                drop_events(&disk->files[i]);
                bus_buf_done(&disk->files[i].synced);
        }
}

/* ---- what the store does ---- */

static void resize(struct bus_buf *content, uint64_t size)
{
        if (size > content->size)
                memset(bus_buf_reserve(content, size - content->size), 0, size - content->size);
        content->size = size;
}

static void write_bytes(struct bus_buf *content, const uint8_t *data, size_t size, uint64_t offset)
{
        if (offset + size > content->size)
                resize(content, offset + size);
        memcpy(content->data + offset, data, size);
}

static void apply(struct bus_buf *content, const struct event *event)
{
        if (event->op == STORE_DISK_TRUNCATE)
                resize(content, event->offset);
        else
                write_bytes(content, event->data, event->size, event->offset);
}

static struct file *find_file(struct disk *disk, const char *path)
{
        size_t length = strlen(disk->path);

        for (size_t i = 0; i < BUS_COUNT(disk->files); i++)
                if (!strncmp(path, disk->path, length) &&
                        !strcmp(path + length, disk->files[i].suffix))
                        return &disk->files[i];
        return NULL;
}

static void add_event(
        struct file *file, enum store_disk_op op, struct bus_bytes data, uint64_t offset)
{
        struct event *event = bus_xcalloc(1, sizeof(*event) + data.size);

        event->op = op;
        event->offset = offset;
        event->size = data.size;
        if (data.size)
                memcpy(event->data, data.data, data.size);
        if (!file->end)
                file->end = &file->events;
        *file->end = event;
        file->end = &event->next;
        file->exists = true;
}

static void sync_file(struct file *file)
{
        for (const struct event *event = file->events; event; event = event->next)
                apply(&file->synced, event);
        drop_events(file);
}

static void cut(struct disk *disk);

static void told(
        enum store_disk_op op, const char *path, struct bus_bytes data, uint64_t offset, void *arg)
{
        struct disk *disk = arg;
        struct file *file = find_file(disk, path);

        if (!file)
                return;
        if (op == STORE_DISK_SYNC) {
                sync_file(file);
        } else if (op == STORE_DISK_DELETE) {
                drop_events(file);
                bus_buf_clear(&file->synced);
                file->exists = false;
        } else {
                add_event(file, op, data, offset);
        }
        if (disk->countdown && !--disk->countdown)
                cut(disk);
}

static void watch(struct disk *disk)
{
        const struct store_sqlite_faults faults = { .told = told, .arg = disk };

        store_sqlite_set_faults(disk ? &faults : NULL);
}

/* ---- the cut ---- */

enum survival { NOTHING, SOME, ALL, SURVIVALS };

static void apply_some(struct disk *disk, struct bus_buf *content, const struct event *event)
{
        uint64_t at = event->offset, end = event->offset + event->size;

        if (event->op == STORE_DISK_TRUNCATE) {
                if (next_random(disk) % 2)
                        apply(content, event);
                return;
        }
        while (at < end) {
                uint64_t next = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;

                if (next > end)
                        next = end;
                if (next_random(disk) % 2)
                        write_bytes(content, event->data + (at - event->offset), next - at, at);
                at = next;
        }
}

static void write_file(const char *path, const struct bus_buf *content)
{
        BUS_AUTOCLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        bus_require(fd >= 0);
        bus_require(write(fd, content->data, content->size) == (ssize_t)content->size);
}

static void cut_file(struct disk *disk, const struct file *file, enum survival survival)
{
        BUS_AUTOFREE char *path = bus_xasprintf("%s%s", disk->cut_path, file->suffix);
        BUS_AUTOBUF struct bus_buf content = BUS_BUF_INIT;

        unlink(path);
        if (!file->exists)
                return;
        bus_buf_add(&content, file->synced.data, file->synced.size);
        for (const struct event *event = file->events; event && survival; event = event->next) {
                if (survival == ALL)
                        apply(&content, event);
                else
                        apply_some(disk, &content, event);
        }
        write_file(path, &content);
}

/* Each file for itself: one may have got everything and the other nothing. */
static void cut(struct disk *disk)
{
        for (size_t i = 0; i < BUS_COUNT(disk->files); i++)
                cut_file(disk, &disk->files[i], (enum survival)(next_random(disk) % SURVIVALS));
        disk->was_cut = true;
}

/* Opens what the cut left, under another boot; which batches are there. */
static uint64_t look(struct test_store *t, struct disk *disk)
{
        struct test_store after = *t;
        uint64_t number;

        watch(NULL);
        after.store = NULL;
        after.batch = store_batch_new();
        after.boot_id = "boot-after";
        snprintf(after.path, sizeof(after.path), "%s", disk->cut_path);
        test_open(&after);
        number = numbered_check(&after, __FILE__, __LINE__);
        /* and it goes on from there */
        cr_expect_eq(numbered_commit(&after, number + 1, 10, STORE_SYNC_FULL), 0);
        after.store = store_free(after.store);
        store_batch_free(after.batch);
        disk->was_cut = false;
        watch(disk);
        return number;
}

/* ---- tests ---- */

struct run {
        struct disk disk;
        uint64_t number; /* of the last batch */
        uint64_t synced; /* at least so many were promised to outlive a cut */
};

static size_t random_size(struct disk *disk)
{
        switch (next_random(disk) % 20) {
        case 0: return 150000; /* larger than half of a log at its smallest */
        case 1:
        case 2:
        case 3: return 20000;
        default: return next_random(disk) % 2000;
        }
}

static void commit_next(struct test_store *t, struct run *run)
{
        /* now and then none for long enough that the log begins anew in between */
        bool full = run->number / 70 % 2 && next_random(&run->disk) % 2;

        cr_assert_eq(numbered_commit(t, ++run->number, random_size(&run->disk),
                             full ? STORE_SYNC_FULL : STORE_SYNC_NORMAL),
                0);
        if (full)
                run->synced = run->number;
}

static void do_something(struct test_store *t, struct run *run)
{
        struct store_stream stream;

        switch (next_random(&run->disk) % 100) {
        case 0: test_reopen_clean(t); break;
        case 1: test_reopen_killed(t); break;
        case 2: (void)test_get(t, "first"); return;
        case 3:
                cr_assert_geq(
                        store_prune(t->store, NUMBERED_STREAM, (int64_t)run->number - 50, 9), 0);
                return;
        default:
                if (next_random(&run->disk) % 3)
                        commit_next(t, run);
                else
                        store_settle(t->store);
                return;
        }
        stream = test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
        cr_expect_eq(stream.last.seq, run->number);
        run->synced = run->number; /* opening makes durable what it found */
}

static void run_until_cut(struct test_store *t, struct run *run)
{
        uint64_t synced, found;

        run->disk.countdown = 1 + (unsigned int)(next_random(&run->disk) % 40);
        do {
                synced = run->synced;
                do_something(t, run);
        } while (!run->disk.was_cut);
        found = look(t, &run->disk);
        cr_expect(found >= synced && found <= run->number,
                "batch %llu is the last, of %llu promised and %llu made", (unsigned long long)found,
                (unsigned long long)synced, (unsigned long long)run->number);
}

static void begin(struct test_store *t, struct run *run, const char *cut_path)
{
        run->disk = disk_new(t, cut_path, 20261123);
        t->store = store_free(t->store);
        unlink(t->path);
        watch(&run->disk);
        test_open(t);
        test_stream(t, NUMBERED_STREAM, STORE_STREAM_FULL);
}

static void end(struct run *run)
{
        watch(NULL);
        disk_done(&run->disk);
}

Test(power, a_cut_at_any_instant_leaves_all_that_was_promised_and_no_half_batch)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *cut_path = bus_xasprintf("%s/cut.db", t->folder);
                struct run run = { 0 };

                begin(t, &run, cut_path);
                for (int i = 0; i < CUTS; i++)
                        run_until_cut(t, &run);
                end(&run);
        }
}

static void cut_all_unsynced(struct disk *disk)
{
        for (size_t i = 0; i < BUS_COUNT(disk->files); i++)
                cut_file(disk, &disk->files[i], NOTHING);
}

Test(power, a_batch_is_not_acknowledged_before_it_is_synced)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *cut_path = bus_xasprintf("%s/cut.db", t->folder);
                struct run run = { 0 };

                begin(t, &run, cut_path);
                for (uint64_t number = 1; number <= 100; number++) {
                        size_t size = number % 10 ? number * 100 : 150000;

                        cr_assert_eq(numbered_commit(t, number, size, STORE_SYNC_FULL), 0);
                        cut_all_unsynced(&run.disk);
                        cr_expect_eq(look(t, &run.disk), number);
                        if (number % 3)
                                store_settle(t->store);
                }
                end(&run);
        }
}

static uint64_t log_bytes(const struct test_store *t)
{
        BUS_AUTOFREE char *log = bus_xasprintf("%s-log", t->path);
        struct stat status = { 0 };

        cr_assert_eq(stat(log, &status), 0);
        return (uint64_t)status.st_size;
}

Test(power, a_promise_holds_what_came_before_it_however_long_ago)
{
        EACH_ENGINE(t)
        {
                BUS_AUTOFREE char *cut_path = bus_xasprintf("%s/cut.db", t->folder);
                struct store_stats before, after;
                struct run run = { 0 };
                uint64_t number = 0, bytes, steps;

                begin(t, &run, cut_path);
                for (int round = 0; round < 3; round++) {
                        /* more than the log holds */
                        store_stats(t->store, &before);
                        bytes = log_bytes(t);
                        for (int i = 0; i < 100; i++) {
                                cr_assert_eq(
                                        numbered_commit(t, ++number, 9000, STORE_SYNC_NORMAL), 0);
                                store_settle(t->store);
                        }
                        store_stats(t->store, &after);
                        /* nobody asked for a sync: they made the log larger, a step each, or, once
                         * behind a promise, kept that in the database before the log began anew,
                         * and two are a checkpoint's */
                        steps = (log_bytes(t) - bytes + REDO_STEP_BYTES - 1) / REDO_STEP_BYTES;
                        cr_expect_leq(after.syncs - before.syncs, steps + (round ? 3 : 0));
                        cr_assert_eq(numbered_commit(t, ++number, 100, STORE_SYNC_FULL), 0);
                        cut_all_unsynced(&run.disk);
                        cr_expect_eq(look(t, &run.disk), number);
                }
                end(&run);
        }
}
