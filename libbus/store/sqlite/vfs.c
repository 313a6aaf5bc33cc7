#include "libbus/store/sqlite/vfs.h"

#include "libbus/base/require.h"
#include "libbus/store/faults.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct vfs_file {
        sqlite3_file base;
        struct sqlite_vfs *vfs;
        sqlite3_file *real; /* lies behind this struct */
        const char *name;   /* sqlite keeps it as long as the file is open */
        bool checked;       /* the database itself: its pages carry a checksum */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
        return ((struct vfs_file *)file)->real;
}

static int file_close(sqlite3_file *file)
{
        struct vfs_file *f = (struct vfs_file *)file;

        if (f->vfs->wal == file)
                f->vfs->wal = NULL;
        return real_of(file)->pMethods->xClose(real_of(file));
}

static bool is_page(const struct vfs_file *f, int size, sqlite3_int64 offset)
{
        return f->checked && size == SQLITE_VFS_PAGE_BYTES && offset % SQLITE_VFS_PAGE_BYTES == 0;
}

/*
 * Over all of a page but the checksum, and its place. Every step is a bijection, so that no change
 * within one word goes unseen. A page of zeros has 0: sqlite may leave holes of free pages.
 */
static uint64_t page_sum(const uint8_t *page, sqlite3_int64 offset)
{
        uint64_t sum = (uint64_t)offset, any = 0, word;

        for (size_t i = 0; i < SQLITE_VFS_PAGE_BYTES - SQLITE_VFS_SUM_BYTES; i += sizeof(word)) {
                memcpy(&word, page + i, sizeof(word));
                any |= word;
                sum = (sum ^ le64toh(word)) * UINT64_C(0x9e3779b97f4a7c15);
                sum ^= sum >> 29;
        }
        return any ? htole64(sum) : 0;
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
        struct vfs_file *f = (struct vfs_file *)file;
        int rc = f->real->pMethods->xRead(f->real, data, size, offset);
        const uint8_t *page = data;
        uint64_t sum;

        if (rc != SQLITE_OK || !is_page(f, size, offset))
                return rc;
        memcpy(&sum, page + SQLITE_VFS_PAGE_BYTES - SQLITE_VFS_SUM_BYTES, sizeof(sum));
        return sum == page_sum(page, offset) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

/* ---- what changes the disk goes past the faults of tests ---- */

static int system_write(const struct disk_request *request, struct bus_bytes data)
{
        sqlite3_file *real = request->file;
        int rc = real->pMethods->xWrite(
                real, data.data, (int)data.size, (sqlite3_int64)request->offset);

        return rc == SQLITE_OK ? 0 : rc == SQLITE_FULL ? -ENOSPC : -EIO;
}

static int system_truncate(const struct disk_request *request, struct bus_bytes data)
{
        sqlite3_file *real = request->file;

        (void)data;
        return real->pMethods->xTruncate(real, (sqlite3_int64)request->offset) ? -EIO : 0;
}

static int system_sync(const struct disk_request *request, struct bus_bytes data)
{
        sqlite3_file *real = request->file;

        (void)data;
        return real->pMethods->xSync(real, request->flags) ? -EIO : 0;
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
        struct vfs_file *f = (struct vfs_file *)file;
        struct disk_request request = { .op = STORE_DISK_WRITE,
                .path = f->name,
                .data = bus_bytes(data, (size_t)size),
                .offset = (uint64_t)offset,
                .fn = system_write,
                .file = f->real };
        uint8_t page[SQLITE_VFS_PAGE_BYTES];
        uint64_t sum;
        int r;

        if (f->vfs->dead)
                return SQLITE_IOERR_WRITE;
        if (is_page(f, size, offset)) {
                memcpy(page, data, sizeof(page));
                sum = page_sum(page, offset);
                memcpy(page + SQLITE_VFS_PAGE_BYTES - SQLITE_VFS_SUM_BYTES, &sum, sizeof(sum));
                request.data.data = page;
        }
        r = disk_do(&request);
        return !r ? SQLITE_OK : r == -ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
        struct vfs_file *f = (struct vfs_file *)file;
        const struct disk_request request = { .op = STORE_DISK_TRUNCATE,
                .path = f->name,
                .offset = (uint64_t)size,
                .fn = system_truncate,
                .file = f->real };

        return f->vfs->dead || disk_do(&request) < 0 ? SQLITE_IOERR_TRUNCATE : SQLITE_OK;
}

static int file_sync(sqlite3_file *file, int flags)
{
        struct vfs_file *f = (struct vfs_file *)file;
        const struct disk_request request = { .op = STORE_DISK_SYNC,
                .path = f->name,
                .fn = system_sync,
                .file = f->real,
                .flags = flags };

        if (f->vfs->dead)
                return SQLITE_IOERR_FSYNC;
        f->vfs->syncs++;
        if (!disk_do(&request))
                return SQLITE_OK;
        f->vfs->sync_failed = true;
        return SQLITE_IOERR_FSYNC;
}

int sqlite_vfs_sync_wal(struct sqlite_vfs *vfs)
{
        if (!vfs->wal)
                return 0;
        return file_sync(vfs->wal, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) ? -EIO : 0;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
        return real_of(file)->pMethods->xFileSize(real_of(file), ret_size);
}

static int file_lock(sqlite3_file *file, int level)
{
        return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
        return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_reserved(sqlite3_file *file, int *ret_reserved)
{
        return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret_reserved);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
        return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int file_sector_size(sqlite3_file *file)
{
        return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
        return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

/* Version 1 has no shared memory: a store is one process's alone, and its WAL index lives on the heap. */
static const sqlite3_io_methods file_methods = {
        .iVersion = 1,
        .xClose = file_close,
        .xRead = file_read,
        .xWrite = file_write,
        .xTruncate = file_truncate,
        .xSync = file_sync,
        .xFileSize = file_size,
        .xLock = file_lock,
        .xUnlock = file_unlock,
        .xCheckReservedLock = file_check_reserved,
        .xFileControl = file_control,
        .xSectorSize = file_sector_size,
        .xDeviceCharacteristics = file_characteristics,
};

static int vfs_open(
        sqlite3_vfs *base, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
        struct sqlite_vfs *vfs = (struct sqlite_vfs *)base;
        struct vfs_file *f = (struct vfs_file *)file;
        int rc;

        f->vfs = vfs;
        f->real = (sqlite3_file *)(f + 1);
        f->base.pMethods = NULL;
        f->name = name ? name : "";
        f->checked = flags & SQLITE_OPEN_MAIN_DB;
        rc = vfs->system->xOpen(vfs->system, name, f->real, flags, ret_flags);
        if (f->real->pMethods)
                f->base.pMethods = &file_methods;
        if (rc == SQLITE_OK && flags & SQLITE_OPEN_WAL)
                vfs->wal = file;
        return rc;
}

struct deletion {
        sqlite3_vfs *system;
        int result;
};

static int system_delete(const struct disk_request *request, struct bus_bytes data)
{
        struct deletion *deletion = request->file;

        (void)data;
        deletion->result =
                deletion->system->xDelete(deletion->system, request->path, request->flags);
        return deletion->result ? -EIO : 0;
}

static int vfs_delete(sqlite3_vfs *base, const char *name, int sync_folder)
{
        struct sqlite_vfs *vfs = (struct sqlite_vfs *)base;
        struct deletion deletion = { vfs->system, SQLITE_IOERR_DELETE };
        const struct disk_request request = { .op = STORE_DISK_DELETE,
                .path = name,
                .fn = system_delete,
                .file = &deletion,
                .flags = sync_folder };

        if (!vfs->dead && disk_do(&request) == 0)
                return SQLITE_OK;
        return deletion.result;
}

struct sqlite_vfs *sqlite_vfs_new(void)
{
        static uint32_t count;
        struct sqlite_vfs *vfs = bus_new(struct sqlite_vfs);

        if (!count) /* else every allocation takes a lock, to be counted; too late is no harm */
                (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        vfs->system = sqlite3_vfs_find(NULL);
        bus_require(vfs->system);
        vfs->base = *vfs->system;
        snprintf(vfs->name, sizeof(vfs->name), "umbra-%u", ++count);
        vfs->base.zName = vfs->name;
        vfs->base.pNext = NULL;
        vfs->base.szOsFile = (int)sizeof(struct vfs_file) + vfs->system->szOsFile;
        vfs->base.xOpen = vfs_open;
        vfs->base.xDelete = vfs_delete;
        bus_require(sqlite3_vfs_register(&vfs->base, 0) == SQLITE_OK);
        return vfs;
}

struct sqlite_vfs *sqlite_vfs_free(struct sqlite_vfs *vfs)
{
        if (!vfs)
                return NULL;
        sqlite3_vfs_unregister(&vfs->base);
        free(vfs);
        return NULL;
}
