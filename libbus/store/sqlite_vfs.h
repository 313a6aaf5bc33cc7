#pragma once
/*
 * The file layer under one sqlite store: passes everything to the system's, counts syncs, remembers
 * a failed one, and takes the faults of store_sqlite_faults.h.
 */
#include "libbus/base/attr.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct sqlite_vfs {
        sqlite3_vfs base; /* first: sqlite hands this back to us */
        sqlite3_vfs *system;
        char name[32];
        uint64_t syncs;
        bool sync_failed; /* nobody knows what is on the disk */
        bool dead;        /* nothing is written any more: the store was abandoned */
};

/* Registers a layer of its own for one connection; the caller frees it after closing that. */
struct sqlite_vfs *sqlite_vfs_new(void);
struct sqlite_vfs *sqlite_vfs_free(struct sqlite_vfs *vfs); /* takes NULL, returns NULL */
