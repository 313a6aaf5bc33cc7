#pragma once
/*
 * The file layer under one sqlite store: passes everything to the system's, counts syncs, remembers
 * a failed one, and takes the faults of store_sqlite_faults.h. Each page of the database ends in a
 * checksum (in bytes sqlite reserves for that; the log has its own): a page that comes back other
 * than it was written is an error wherever it is read, not a wrong number in an order.
 */
#include "libbus/base/attr.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* Of every database we make; sqlite's own default. */
#define SQLITE_VFS_PAGE_BYTES 4096
#define SQLITE_VFS_SUM_BYTES  8

struct sqlite_vfs {
        sqlite3_vfs base; /* first: sqlite hands this back to us */
        sqlite3_vfs *system;
        char name[32];
        sqlite3_file *wal; /* sqlite's write-ahead log, while it is open */
        uint64_t syncs;
        bool sync_failed; /* nobody knows what is on the disk */
        bool dead;        /* nothing is written any more: the store was abandoned */
};

/* Puts on the disk what sqlite committed without a sync. */
BUS_MUST int sqlite_vfs_sync_wal(struct sqlite_vfs *vfs);
/* Registers a layer of its own for one connection; the caller frees it after closing that. */
struct sqlite_vfs *sqlite_vfs_new(void);
struct sqlite_vfs *sqlite_vfs_free(struct sqlite_vfs *vfs); /* takes NULL, returns NULL */
