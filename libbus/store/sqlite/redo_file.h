#pragma once
/*
 * The file of the redo log: blocks that are on the disk already, written over from the front, so
 * that a sync has data to write and no metadata. Once a write or a sync failed (but for a full disk
 * that took nothing), it takes nothing more.
 */
#include "libbus/base/bytes.h"

/* As it begins, and as soon as there is time: a burst of some hundred alerts fits into half of it. */
#define REDO_FIRST_BYTES ((uint64_t)256 << 10)
#define REDO_SOON_BYTES  ((uint64_t)4 << 20)
/* As far as it grows, fourfold at a time: half of it holds a burst of some thousand alerts, which the
 * database then sees when it is over; more would only make a restart longer. */
#define REDO_LAST_BYTES ((uint64_t)16 << 20)
#define REDO_GROWTH     4
/* So much of that in one step, synced: nobody waits for longer. */
#define REDO_STEP_BYTES ((uint64_t)1 << 20)

struct redo_file {
        int fd;        /* -1: closed */
        int direct_fd; /* the same file, past the system's cache, each write synced; -1: not to be had */
        uint8_t *block; /* aligned: what is written past the cache */
        size_t block_capacity;
        char *path;
        uint64_t size;   /* that may be written */
        uint64_t wanted; /* what it is to grow to; not over size: nothing */
        uint64_t head;   /* where the next record goes */
        bool unsynced;   /* something was appended since the last sync */
        bool failed;     /* nothing more is written */
        bool sync_failed;
        uint64_t syncs;
};

/* Makes the file anew, zeros, and on the disk with its name. */
BUS_MUST int redo_file_create(struct redo_file *file, const char *path);
/* Opens the file as it is, to be written over. */
BUS_MUST int redo_file_reuse(struct redo_file *file, const char *path);
void redo_file_done(struct redo_file *file);

bool redo_file_fits(const struct redo_file *file, size_t size);
/* -ENOSPC: it was not written, and may be tried again. Else the file has failed. */
BUS_MUST int redo_file_append(struct redo_file *file, struct bus_bytes record);
BUS_MUST int redo_file_sync(struct redo_file *file);
/* Both in one: the record is on the disk, and everything before it. */
BUS_MUST int redo_file_append_synced(struct redo_file *file, struct bus_bytes record);
/* From the front again: what is in it is on the disk elsewhere. */
void redo_file_restart(struct redo_file *file);
/* It is to be REDO_GROWTH times as large, up to its limit. */
void redo_file_want_more(struct redo_file *file);
bool redo_file_wants_more(const struct redo_file *file);
/* A step towards it, if it is to grow. It stays as it is where there is no room. */
BUS_MUST int redo_file_grow(struct redo_file *file);
