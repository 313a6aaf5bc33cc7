#include "libbus/store/sqlite/redo_file.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/store/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Written at a time when the file is filled with zeros. */
#define ZEROS_BYTES 65536
/* What goes past the cache begins and ends at a multiple of this, of the file and of memory: hardly a
 * disk asks for more, and one that does refuses it before anything is written. */
#define BLOCK_BYTES ((size_t)4096)
/* A larger record goes through the cache: its size, not the way, is what it costs. */
#define DIRECT_MAX_BYTES ((size_t)256 << 10)

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

static bool is_full(int r)
{
        return r == -ENOSPC || r == -EDQUOT;
}

static int fill(struct redo_file *file, uint64_t from, uint64_t to)
{
        static const uint8_t zeros[ZEROS_BYTES];
        int r = 0;

        for (uint64_t at = from; at < to && !r; at += ZEROS_BYTES)
                r = write_at(file, bus_bytes(zeros, sizeof(zeros)), at, false);
        return r;
}

static int open_file(struct redo_file *file, const char *path, int flags)
{
        *file = (struct redo_file){ .path = bus_xstrdup(path), .direct_fd = -1 };
        file->fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
        if (file->fd < 0)
                return -errno;
        file->direct_fd = open(path, O_WRONLY | O_CLOEXEC | O_DIRECT | O_DSYNC);
        return 0;
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
                r = bus_sync_folder_of(path);
        file->size = REDO_FIRST_BYTES;
        file->wanted = REDO_SOON_BYTES;
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
        file->wanted = REDO_SOON_BYTES;
        return 0;
}

void redo_file_done(struct redo_file *file)
{
        if (file->fd >= 0) {
                close(file->fd);
                if (file->direct_fd >= 0)
                        close(file->direct_fd);
        }
        free(file->block);
        free(file->path);
        *file = (struct redo_file){ .fd = -1, .direct_fd = -1 };
}

bool redo_file_fits(const struct redo_file *file, size_t size)
{
        return size <= file->size - file->head;
}

/* ---- the block at the head ---- */

static size_t rounded_up(size_t size)
{
        return (size + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

/* Room for SIZE bytes; what is in the block stays. */
static void reserve_block(struct redo_file *file, size_t size)
{
        uint8_t *larger;

        if (size <= file->block_capacity)
                return;
        larger = aligned_alloc(BLOCK_BYTES, size);
        bus_require(larger);
        if (file->block)
                memcpy(larger, file->block, BLOCK_BYTES);
        free(file->block);
        file->block = larger;
        file->block_capacity = size;
}

/* The block at the head begins with what of RECORD, and before it, lies in the head's block. */
static void keep_end(struct redo_file *file, struct bus_bytes record)
{
        size_t before = file->head % BLOCK_BYTES, end = before + record.size, tail;

        if (file->direct_fd < 0)
                return;
        reserve_block(file, BLOCK_BYTES);
        if (end < BLOCK_BYTES) {
                memcpy(file->block + before, record.data, record.size);
                return;
        }
        tail = end % BLOCK_BYTES;
        memcpy(file->block, record.data + record.size - tail, tail);
}

static int direct_write(const struct disk_request *request, struct bus_bytes data)
{
        const struct redo_file *file = request->file;
        ssize_t n;

        do
                n = pwrite(file->direct_fd, data.data, data.size, (off_t)request->offset);
        while (n < 0 && errno == EINTR);
        /* a short one leaves the rest unwritten, and nobody knows what is on the disk */
        return n < 0 ? -errno : (size_t)n == data.size ? 0 : -EIO;
}

/* The write has synced: this is the moment a fault of a test may come between. */
static int direct_synced(const struct disk_request *request, struct bus_bytes data)
{
        (void)request;
        (void)data;
        return 0;
}

/* Whole blocks: what is in the head's block already, the record, and zeros, where no record is. Written
 * and synced in one: what fails may be either, unless the disk is full. -EINVAL: it cannot be. */
static int write_direct(struct redo_file *file, struct bus_bytes record)
{
        size_t before = file->head % BLOCK_BYTES, size = rounded_up(before + record.size);
        struct disk_request request = { .op = STORE_DISK_WRITE,
                .path = file->path,
                .offset = file->head - before,
                .of_commit = true,
                .fn = direct_write,
                .file = file };
        int r;

        reserve_block(file, size);
        memcpy(file->block + before, record.data, record.size);
        memset(file->block + before + record.size, 0, size - before - record.size);
        request.data = bus_bytes(file->block, size);
        r = disk_do(&request);
        if (r == -EINVAL)
                return r;
        file->sync_failed = r < 0 && !is_full(r);
        if (r < 0)
                return r;
        file->syncs++;
        request.op = STORE_DISK_SYNC;
        request.fn = direct_synced;
        r = disk_do(&request);
        file->sync_failed = r < 0;
        return r;
}

static int note_failure(struct redo_file *file, int r)
{
        file->failed = file->sync_failed || !is_full(r);
        return file->failed ? r : -ENOSPC;
}

static int append_and_sync(struct redo_file *file, struct bus_bytes record)
{
        int r = redo_file_append(file, record);

        return r < 0 ? r : redo_file_sync(file);
}

int redo_file_append_synced(struct redo_file *file, struct bus_bytes record)
{
        int r;

        bus_require(redo_file_fits(file, record.size));
        if (file->failed)
                return -EIO;
        if (file->direct_fd < 0 || file->unsynced || record.size > DIRECT_MAX_BYTES)
                return append_and_sync(file, record);
        r = write_direct(file, record);
        if (r == -EINVAL) {
                close(file->direct_fd);
                file->direct_fd = -1;
                return append_and_sync(file, record);
        }
        if (r < 0)
                return note_failure(file, r);
        keep_end(file, record);
        file->head += record.size;
        return 0;
}

int redo_file_append(struct redo_file *file, struct bus_bytes record)
{
        int r;

        bus_require(redo_file_fits(file, record.size));
        if (file->failed)
                return -EIO;
        r = write_at(file, record, file->head, true);
        if (r < 0)
                return note_failure(file, r);
        keep_end(file, record);
        file->head += record.size;
        file->unsynced = true;
        return 0;
}

void redo_file_restart(struct redo_file *file)
{
        file->head = 0;
        file->unsynced = false;
}

void redo_file_want_more(struct redo_file *file)
{
        uint64_t larger = file->size * REDO_GROWTH;

        if (larger > file->wanted)
                file->wanted = larger < REDO_LAST_BYTES ? larger : REDO_LAST_BYTES;
}

bool redo_file_wants_more(const struct redo_file *file)
{
        return file->wanted > file->size;
}

int redo_file_grow(struct redo_file *file)
{
        uint64_t to = file->wanted;
        int r;

        if (!redo_file_wants_more(file))
                return 0;
        if (to > file->size + REDO_STEP_BYTES)
                to = file->size + REDO_STEP_BYTES;
        r = fill(file, file->size, to);
        if (r < 0) {
                file->wanted = file->size;
                return is_full(r) ? 0 : r;
        }
        r = redo_file_sync(file);
        if (!r)
                file->size = to;
        return r;
}
