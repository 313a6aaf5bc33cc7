#pragma once
/* A store of one engine becomes one of another. */
#include "libbus/store/dump.h"

/*
 * Takes all of PATH's store over from the engine FROM to the engine TO, and compares what arrived with
 * what there was: counts and hashes for each stream, the state and the cursors, in *RET_SUMS. Nobody
 * may have it open. What sqlite had is kept as PATH.migrated; what redis had stays, and counts no more.
 * If it fails, the store is where it was. -ENOENT where there is none.
 */
BUS_MUST int store_migrate(const char *path, const char *from, const char *to, int64_t now_us,
        const char *boot_id, struct store_sums *ret_sums, char *error, size_t error_size);
