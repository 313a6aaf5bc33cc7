#pragma once
/*
 * The way to the disk past the faults a test has set; without any it costs a comparison.
 */
#include "libbus/store/store_sqlite_faults.h"

/* What is to be done to one file, and how the system is asked for it; all return 0 or -errno. */
struct disk_request {
        enum store_disk_op op;
        const char *path;
        struct bus_bytes data; /* of a write */
        uint64_t offset;       /* of a write; size of a truncation */
        bool of_commit;        /* a commit waits for it */
        int (*fn)(const struct disk_request *request, struct bus_bytes data);
        void *file;
        int flags;
};

BUS_MUST int disk_do(const struct disk_request *request);
