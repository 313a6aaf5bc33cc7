#pragma once
/*
 * For tests: makes the disk under every sqlite store of this process fail, dawdle, or tell what is
 * asked of it. All writes and syncs of a store go past here: its log, its database, sqlite's own
 * write-ahead log.
 */
#include "libbus/base/bytes.h"

enum store_disk_op {
        STORE_DISK_WRITE,
        STORE_DISK_SYNC,
        STORE_DISK_TRUNCATE,
        STORE_DISK_DELETE,
};

struct store_sqlite_faults {
        int write_errno;      /* writes fail with it: EIO, ENOSPC; 0: they work */
        int sync_errno;       /* syncs fail with it */
        uint32_t writes_left; /* so many writes still work before */
        bool write_once;      /* the next one after that works again */
        uint32_t syncs_left;
        uint32_t sync_stall_ms;  /* every sync takes so much longer */
        uint32_t write_stall_ms; /* every commit's write does; what sqlite writes later does not */
        uint32_t kill_at; /* the process is killed at the so manieth write, sync, truncation or
                             deletion; a write is half done. 0: never */
        /* Is told of each of them once it is done. OFFSET: of a write; the size of a truncation. */
        void (*told)(enum store_disk_op op, const char *path, struct bus_bytes data,
                uint64_t offset, void *arg);
        void *arg;
};

/* From now on; NULL ends it. */
void store_sqlite_set_faults(const struct store_sqlite_faults *faults);
