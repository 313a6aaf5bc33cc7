#pragma once
/*
 * For tests: makes the disk under every sqlite store of this process fail or dawdle.
 */
#include <stdint.h>

struct store_sqlite_faults {
        int write_errno;      /* writes fail with it: EIO, ENOSPC; 0: they work */
        int sync_errno;       /* syncs fail with it */
        uint32_t writes_left; /* so many writes still work before */
        uint32_t syncs_left;
        uint32_t sync_stall_ms;  /* every sync takes so much longer */
        uint32_t write_stall_ms; /* every write of a transaction does; a checkpoint's do not */
};

/* From now on; NULL ends it. */
void store_sqlite_set_faults(const struct store_sqlite_faults *faults);
