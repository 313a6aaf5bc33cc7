/*
 * Keeps: no file of a service's folder is read or written but as whoever owns that folder.
 */
#include "services/umbra/backup.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/store/store.h"
#include "services/umbra/services.h"
#include "services/umbra/store_use.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ERROR_SIZE STORE_USE_ERROR_SIZE

struct restore {
        const struct layout *layout;
        const char *name;
        unsigned int found;
        const char *bad; /* the first service whose copy is not sound */
};

typedef int (*restore_fn)(const struct restore *restore, const char *service, const char *backup);

static int verify(const struct restore *restore, const char *service, const char *backup)
{
        char error[ERROR_SIZE] = "";
        const char *engine;
        int r;

        r = store_use_engine(restore->layout, service, NULL, &engine, error);
        if (!r)
                r = store_verify(engine, backup, error, sizeof(error));
        if (r < 0)
                fprintf(stderr, "umbra restore: %s: %s: %s\n", service, backup, error);
        return r;
}

static int put_back(const struct restore *restore, const char *service, const char *backup)
{
        BUS_AUTOFREE char *folder = layout_path(restore->layout->state, service, "");
        BUS_AUTOFREE char *path = layout_path(folder, service, ".db");
        char error[ERROR_SIZE] = "";
        const char *engine;
        int r;

        r = bus_mkdir_all(folder, 0700);
        if (!r)
                r = store_use_engine(restore->layout, service, NULL, &engine, error);
        if (!r)
                r = store_restore(engine, backup, path, error, sizeof(error));
        if (r < 0)
                fprintf(stderr, "umbra restore: %s: %s\n", service, *error ? error : strerror(-r));
        else
                printf("%s: restored; what was there is %s.before-restore\n", service, path);
        return r;
}

struct one {
        const struct restore *restore;
        restore_fn fn;
        const char *backup;
};

static int do_one(void *arg, const char *service)
{
        struct one *one = arg;

        return one->fn(one->restore, service, one->backup);
}

/* FN for each service the backup has a file of. */
static int for_each(struct restore *restore, restore_fn fn)
{
        int r = 0;

        restore->found = 0;
        for (size_t i = 0; !r && umbra_services[i].name; i++) {
                const char *service = umbra_services[i].name;
                BUS_AUTOFREE char *backup = bus_xasprintf(
                        "%s/backup/%s/%s.db", restore->layout->state, service, restore->name);

                if (!umbra_services[i].on_bus)
                        continue;
                if (access(backup, R_OK) < 0) {
                        if (fn == put_back)
                                printf("%s: not in this backup; left as it is\n", service);
                        continue;
                }
                restore->found++;
                r = store_use_as_owner(
                        restore->layout, service, do_one, &(struct one){ restore, fn, backup });
                if (r < 0)
                        restore->bad = service;
        }
        return r;
}

int backup_verify(const struct layout *layout, const char *name, unsigned int *ret_found,
        char *error, size_t error_size)
{
        struct restore restore = { .layout = layout, .name = name };
        int r = for_each(&restore, verify);

        if (!r && !restore.found)
                r = -ENOENT;
        if (r == -ENOENT && !restore.bad)
                snprintf(error, error_size, "there is no backup %s", name);
        else if (r < 0)
                snprintf(error, error_size, "backup %s is not sound: %s: %s", name, restore.bad,
                        strerror(-r));
        *ret_found = restore.found;
        return r;
}

int backup_restore(const struct layout *layout, const char *name)
{
        struct restore restore = { .layout = layout, .name = name };
        char error[ERROR_SIZE];
        unsigned int found;
        int r;

        /* All are looked at before the first is touched. */
        r = backup_verify(layout, name, &found, error, sizeof(error));
        if (r < 0) {
                fprintf(stderr, "umbra restore: %s\n", error);
                return r;
        }
        return for_each(&restore, put_back);
}
