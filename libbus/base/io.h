#pragma once
/*
 * Whole small files, read and written with care.
 */
#include "libbus/base/bytes.h"

/* Reads PATH whole into BUF (appended). -EFBIG if it is larger than MAX bytes. Blocks on the disk. */
BUS_MUST int bus_file_read(const char *path, size_t max, struct bus_buf *buf);
/* Reads a secret: as above, one trailing line break cut off, NUL-terminated, the caller frees.
 * -EINVAL if it is empty. */
BUS_MUST int bus_file_read_secret(const char *path, char **ret_text);
/* Replaces PATH by a temporary file renamed over it, synced with its folder; MODE as for open(2). What is
 * no file to be replaced (a pipe, a device, whatever link /dev has for one) is written to. */
BUS_MUST int bus_file_replace(const char *path, unsigned int mode, struct bus_bytes data);
/* PART, which is whole and closed, is synced and gets the name PATH, which must not exist: -EEXIST. On
 * failure PART stays. */
BUS_MUST int bus_file_put_new(const char *part, const char *path);
/* What was made, renamed or removed beside PATH outlives a power cut. */
BUS_MUST int bus_sync_folder_of(const char *path);
/* mkdir -p with MODE for what it makes. */
BUS_MUST int bus_mkdir_all(const char *path, unsigned int mode);
/* All of DATA to FD, through short writes and EINTR. */
BUS_MUST int bus_write_all(int fd, struct bus_bytes data);
