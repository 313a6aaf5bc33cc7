#include "libbus/store/redo_file.h"

#include "libbus/base/require.h"
#include "libbus/store/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Written at a time when the file is filled with zeros. */
#define ZEROS_BYTES 65536

static int system_write(const struct disk_request *request, struct bus_bytes data)
{
        const struct redo_file *file = request->file;
        size_t done = 0;

        while (done < data.size) {
                ssize_t n = pwrite(file->fd, data.data + done, data.size - done,
                        (off_t)(request->offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                done += (size_t)n;
        }
        return 0;
}

static int system_sync(const struct disk_request *request, struct bus_bytes data)
{
        const struct redo_file *file = request->file;

        (void)data;
        return fdatasync(file->fd) < 0 ? -errno : 0;
}

static int write_at(struct redo_file *file, struct bus_bytes data, uint64_t offset, bool of_commit)
{
        const struct disk_request request = { .op = STORE_DISK_WRITE,
                .path = file->path,
                .data = data,
                .offset = offset,
                .of_commit = of_commit,
                .fn = system_write,
                .file = file };

        return disk_do(&request);
}

int redo_file_sync(struct redo_file *file)
{
        const struct disk_request request = {
                .op = STORE_DISK_SYNC, .path = file->path, .fn = system_sync, .file = file
        };
        int r;

        if (file->failed)
                return -EIO;
        file->syncs++;
        r = disk_do(&request);
        if (r < 0)
                file->failed = file->sync_failed = true;
        else
                file->unsynced = false;
        return r;
}

static int fill(struct redo_file *file, uint64_t from, uint64_t to)
{
        static const uint8_t zeros[ZEROS_BYTES];
        int r = 0;

        for (uint64_t at = from; at < to && !r; at += ZEROS_BYTES)
                r = write_at(file, bus_bytes(zeros, sizeof(zeros)), at, false);
        return r;
}

static int sync_folder_of(const char *path)
{
        BUS_AUTOFREE char *folder = bus_xstrdup(path);
        BUS_AUTOCLOSE int fd = -1;
        char *slash = strrchr(folder, '/');

        if (slash)
                slash[slash == folder ? 1 : 0] = 0;
        fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

static int open_file(struct redo_file *file, const char *path, int flags)
{
        *file = (struct redo_file){ .path = bus_xstrdup(path) };
        file->fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
        return file->fd < 0 ? -errno : 0;
}

int redo_file_create(struct redo_file *file, const char *path)
{
        int r;

        r = open_file(file, path, O_CREAT | O_TRUNC);
        if (!r)
                r = fill(file, 0, REDO_FIRST_BYTES);
        if (!r)
                r = redo_file_sync(file);
        if (!r)
                r = sync_folder_of(path);
        file->size = REDO_FIRST_BYTES;
        return r;
}

int redo_file_reuse(struct redo_file *file, const char *path)
{
        struct stat status;
        int r;

        r = open_file(file, path, 0);
        if (r < 0)
                return r;
        if (fstat(file->fd, &status) < 0)
                return -errno;
        file->size = (uint64_t)status.st_size;
        return 0;
}

void redo_file_done(struct redo_file *file)
{
        if (file->fd >= 0)
                close(file->fd);
        free(file->path);
        *file = (struct redo_file){ .fd = -1 };
}

bool redo_file_fits(const struct redo_file *file, size_t size)
{
        return size <= file->size - file->head;
}

int redo_file_append(struct redo_file *file, struct bus_bytes record)
{
        int r;

        bus_require(redo_file_fits(file, record.size));
        if (file->failed)
                return -EIO;
        r = write_at(file, record, file->head, true);
        if (r < 0) {
                file->failed = r != -ENOSPC && r != -EDQUOT;
                return file->failed ? r : -ENOSPC;
        }
        file->head += record.size;
        file->unsynced = true;
        return 0;
}

void redo_file_restart(struct redo_file *file)
{
        file->head = 0;
        file->unsynced = false;
}

int redo_file_grow(struct redo_file *file)
{
        int r;

        if (file->size * REDO_GROWTH > REDO_LAST_BYTES)
                return 0;
        r = fill(file, file->size, file->size * REDO_GROWTH);
        if (r < 0)
                return r == -ENOSPC || r == -EDQUOT ? 0 : r;
        r = redo_file_sync(file);
        if (!r)
                file->size *= REDO_GROWTH;
        return r;
}
