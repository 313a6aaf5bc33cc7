/*
 * By way of a file that has a hash over it: the two engines lock the same path, so one is closed
 * before the other is opened. Until what arrived has been compared nothing of the old is gone, and until
 * all has arrived it is where it was: a migration that is killed is run again.
 */
#include "libbus/store/migrate.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <stdio.h>

struct migration {
        const char *path;
        char *dump, *aside;
        struct store_options options;
        bool loaded, moved;
        char *error;
        size_t error_size;
};

/* What the engine has of it, into DUMP unless that is NULL. */
static int count(struct migration *m, const char *engine, const char *dump, struct store_sums *sums,
        bool *ret_restored)
{
        struct store_dump_file *file = NULL;
        struct store_sum_sink *summing;
        struct store_sink to_file, sink;
        struct store *store = NULL;
        int r;

        m->options.engine = engine;
        r = store_open(&m->options, &store, m->error, m->error_size);
        if (r < 0)
                return r;
        *ret_restored = store_was_restored(store);
        if (dump) {
                unlink(dump);
                r = store_dump_create(dump, &file, &to_file);
        }
        if (!r) {
                store_sums_begin(sums, dump ? &to_file : NULL, &summing, &sink);
                r = store_dump(store, &sink, m->error, m->error_size);
                store_sums_end(summing);
        }
        if (file)
                r = store_dump_finish(file, r);
        if (r < 0 && !*m->error)
                snprintf(m->error, m->error_size, "%s: %s", dump ? dump : m->path, strerror(-r));
        store_free(store);
        return r;
}

/* Redis opens no store where sqlite's lies. */
static int move_aside(struct migration *m)
{
        if (rename(m->path, m->aside) < 0)
                return -errno;
        m->moved = true;
        return bus_sync_folder_of(m->path);
}

static void move_back(struct migration *m, const char *to)
{
        if (m->loaded && !strcmp(to, "sqlite"))
                unlink(m->path); /* what was made of it */
        if (m->moved && rename(m->aside, m->path) < 0)
                snprintf(m->error, m->error_size, "%s is the store: put it back as %s", m->aside,
                        m->path);
}

static int load_and_compare(
        struct migration *m, const char *to, bool restored, const struct store_sums *before)
{
        struct store_sums after;
        bool ignored;
        int r;

        r = store_load(to, m->path, m->dump, restored, m->error, m->error_size);
        m->loaded = r == 0;
        if (!r && !strcmp(to, "redis"))
                r = move_aside(m);
        if (!r)
                r = count(m, to, NULL, &after, &ignored);
        if (!r)
                r = store_sums_compare(before, &after, m->error, m->error_size);
        if (r < 0)
                move_back(m, to);
        return r;
}

static int is_there(struct migration *m, const char *from, const char *to)
{
        bool file = access(m->path, F_OK) == 0;

        if (!strcmp(from, "sqlite") && !file)
                return -ENOENT;
        if (!strcmp(to, "sqlite") && file) {
                snprintf(m->error, m->error_size, "%s is there already", m->path);
                return -EEXIST;
        }
        return strcmp(from, "redis") ? 0 : store_verify(from, m->path, m->error, m->error_size);
}

int store_migrate(const char *path, const char *from, const char *to, int64_t now_us,
        const char *boot_id, struct store_sums *ret_sums, char *error, size_t error_size)
{
        BUS_AUTOFREE char *dump = bus_xasprintf("%s.migrating", path);
        BUS_AUTOFREE char *aside = bus_xasprintf("%s.migrated", path);
        struct migration m = { .path = path,
                .dump = dump,
                .aside = aside,
                .options = { .path = path, .now_us = now_us, .boot_id = boot_id },
                .error = error,
                .error_size = error_size };
        bool restored = false;
        int r;

        *error = 0;
        r = is_there(&m, from, to);
        if (!r)
                r = count(&m, from, dump, ret_sums, &restored);
        if (!r)
                r = load_and_compare(&m, to, restored, ret_sums);
        unlink(dump);
        return r;
}
