#pragma once
/*
 * A copy of a store that nobody has open: its file and the logs beside it.
 */
#include "libbus/base/attr.h"

/* FOLDER/NAME and what begins with it, without locks and earlier states, into SCRATCH. -ENOENT: there is
 * no such file; -errno. */
BUS_MUST int copy_store(const char *folder, const char *name, const char *scratch);

/* An empty folder PARENT/replay-XXXXXX; the caller frees the path. */
BUS_MUST int scratch_make(const char *parent, char **ret_path);
/* Removes it with the files in it. Takes NULL. */
void scratch_remove(const char *path);
