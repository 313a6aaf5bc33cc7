#include "services/umbra/replay/copy.h"

#include "libbus/base/bytes.h"
#include "libbus/base/require.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)1 << 30) /* one call's worth: the kernel copies, or shares blocks */

BUS_DEFINE_CLEANUP(dir_closep, DIR *, closedir);

static int copy_file(const char *from, const char *to)
{
        BUS_AUTOCLOSE int in = open(from, O_RDONLY | O_CLOEXEC);
        BUS_AUTOCLOSE int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ssize_t n;

        if (in < 0 || out < 0)
                return -errno;
        do
                n = copy_file_range(in, NULL, out, NULL, CHUNK_BYTES, 0);
        while (n > 0);
        return n < 0 ? -errno : 0;
}

/* Whether ENTRY is NAME or a log of it. */
static bool belongs(const char *entry, const char *name)
{
        size_t size = strlen(name);

        if (strncmp(entry, name, size))
                return false;
        return !entry[size] || entry[size] == '-';
}

int copy_store(const char *folder, const char *name, const char *scratch)
{
        BUS_CLEANUP(dir_closep) DIR *dir = opendir(folder);
        const struct dirent *entry;
        bool found = false;
        int r = 0;

        if (!dir)
                return -errno;
        while (!r && (entry = readdir(dir))) {
                BUS_AUTOFREE char *from = NULL;
                BUS_AUTOFREE char *to = NULL;

                if (!belongs(entry->d_name, name))
                        continue;
                found |= !strcmp(entry->d_name, name);
                from = bus_xasprintf("%s/%s", folder, entry->d_name);
                to = bus_xasprintf("%s/%s", scratch, entry->d_name);
                r = copy_file(from, to);
        }
        return r || found ? r : -ENOENT;
}

int scratch_make(const char *parent, char **ret_path)
{
        char *path = bus_xasprintf("%s/replay-XXXXXX", parent);
        int r = 0;

        if (!mkdtemp(path)) {
                r = -errno;
                free(path);
        } else {
                *ret_path = path;
        }
        return r;
}

void scratch_remove(const char *path)
{
        BUS_CLEANUP(dir_closep) DIR *dir = path ? opendir(path) : NULL;
        const struct dirent *entry;

        while (dir && (entry = readdir(dir)))
                (void)unlinkat(dirfd(dir), entry->d_name, 0); /* not "." and ".." */
        if (path)
                (void)rmdir(path);
}
