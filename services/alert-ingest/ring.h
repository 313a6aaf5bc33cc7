#pragma once
/*
 * The last refused alerts that came with a valid token, for the person who wonders why: a file of
 * fixed size, written over from its start, never synced. What a power cut leaves of a slot is told
 * by its checksum. Its size is all of it, so nobody can fill a disk with it.
 */
#include "libbus/base/bytes.h"

#define RING_BODY_MAX_BYTES 4096 /* of a body is kept at most this; real ones have 200 to 600 */
#define RING_SLOTS_DEFAULT  256  /* 1.2 MiB */
#define RING_NAME_SIZE      40
#define RING_FIELD_SIZE     72

struct ring;

struct ring_entry {
        uint64_t number; /* counts up; set by ring_add */
        int64_t at_us;
        char source[RING_NAME_SIZE];
        char address[48];
        char code[RING_NAME_SIZE];
        char field[RING_FIELD_SIZE];
        uint64_t size;         /* of the whole body */
        struct bus_bytes body; /* its beginning; borrowed */
};

/* Opens or makes PATH and goes on behind the newest entry. A file of another size or form is begun
 * anew. -errno. Blocks on the disk. */
BUS_MUST int ring_open(const char *path, uint32_t slots, struct ring **ret_ring);
struct ring *ring_free(struct ring *ring); /* takes NULL, returns NULL */
/* Writes ENTRY over the oldest one. -errno; the ring goes on either way. */
BUS_MUST int ring_add(struct ring *ring, const struct ring_entry *entry);

typedef void (*ring_fn)(void *arg, const struct ring_entry *entry);
/* Every whole entry of the file at PATH, oldest first, also while a process writes it. -errno. */
BUS_MUST int ring_read(const char *path, ring_fn fn, void *arg);
