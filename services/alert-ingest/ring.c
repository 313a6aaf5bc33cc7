/*
 * Invariant: an entry is in the file whole, with the hash over it right, or it is not an entry.
 */
#include "services/alert-ingest/ring.h"

#include "libbus/base/hash.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define MAGIC     "UMBRARF1"
#define SLOTS_MAX 65536

struct slot {
        uint8_t magic[8];
        uint64_t number; /* from 1; 0: empty */
        int64_t at_us;
        uint64_t size;
        uint32_t stored, reserved;
        char source[RING_NAME_SIZE];
        char address[48];
        char code[RING_NAME_SIZE];
        char field[RING_FIELD_SIZE];
        uint8_t body[RING_BODY_MAX_BYTES];
        uint8_t hash[BUS_SHA256_SIZE]; /* over all before it */
};

struct ring {
        int fd;
        uint32_t slots;
        uint64_t last; /* number of the newest entry */
        struct slot scratch;
};

static void hash_of(const struct slot *slot, uint8_t ret_hash[static BUS_SHA256_SIZE])
{
        bus_sha256(bus_bytes(slot, offsetof(struct slot, hash)), ret_hash);
}

static bool slot_is_whole(const struct slot *slot)
{
        uint8_t hash[BUS_SHA256_SIZE];

        if (memcmp(slot->magic, MAGIC, sizeof(slot->magic)) || !slot->number ||
                slot->stored > RING_BODY_MAX_BYTES)
                return false;
        hash_of(slot, hash);
        return !memcmp(hash, slot->hash, sizeof(hash));
}

static int read_slot(int fd, uint32_t index, struct slot *ret_slot)
{
        ssize_t n = pread(fd, ret_slot, sizeof(*ret_slot), (off_t)index * (off_t)sizeof(*ret_slot));

        if (n < 0)
                return -errno;
        if (n != (ssize_t)sizeof(*ret_slot))
                memset(ret_slot, 0, sizeof(*ret_slot));
        return 0;
}

static int slot_count_of(int fd, uint32_t *ret_slots)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size % (off_t)sizeof(struct slot) ||
                st.st_size / (off_t)sizeof(struct slot) > SLOTS_MAX)
                return -EINVAL;
        *ret_slots = (uint32_t)(st.st_size / (off_t)sizeof(struct slot));
        return 0;
}

static int find_last(struct ring *ring)
{
        int r;

        for (uint32_t i = 0; i < ring->slots; i++) {
                r = read_slot(ring->fd, i, &ring->scratch);
                if (r < 0)
                        return r;
                if (slot_is_whole(&ring->scratch) && ring->scratch.number > ring->last)
                        ring->last = ring->scratch.number;
        }
        return 0;
}

int ring_open(const char *path, uint32_t slots, struct ring **ret_ring)
{
        struct ring *ring;
        uint32_t there = 0;
        int fd, r;

        bus_require(slots > 0 && slots <= SLOTS_MAX);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        ring = bus_new(struct ring);
        ring->fd = fd;
        ring->slots = slots;
        r = slot_count_of(fd, &there);
        if (r < 0 || there != slots)
                r = ftruncate(fd, 0) < 0 ? -errno : 0;
        /* All of it now, so that a full disk shows at start-up and not at the first bad alert. */
        if (r == 0)
                r = -posix_fallocate(fd, 0, (off_t)slots * (off_t)sizeof(struct slot));
        if (r == 0)
                r = find_last(ring);
        if (r < 0) {
                ring_free(ring);
                return r;
        }
        *ret_ring = ring;
        return 0;
}

struct ring *ring_free(struct ring *ring)
{
        if (!ring)
                return NULL;
        close(ring->fd);
        free(ring);
        return NULL;
}

static void copy_text(char *to, size_t size, const char *from)
{
        snprintf(to, size, "%s", from);
}

int ring_add(struct ring *ring, const struct ring_entry *entry)
{
        struct slot *slot = &ring->scratch;
        off_t at = (off_t)(ring->last % ring->slots) * (off_t)sizeof(*slot);
        ssize_t n;

        memset(slot, 0, sizeof(*slot));
        memcpy(slot->magic, MAGIC, sizeof(slot->magic));
        slot->number = ++ring->last;
        slot->at_us = entry->at_us;
        slot->size = entry->size;
        slot->stored = (uint32_t)(entry->body.size < RING_BODY_MAX_BYTES ? entry->body.size
                                                                         : RING_BODY_MAX_BYTES);
        copy_text(slot->source, sizeof(slot->source), entry->source);
        copy_text(slot->address, sizeof(slot->address), entry->address);
        copy_text(slot->code, sizeof(slot->code), entry->code);
        copy_text(slot->field, sizeof(slot->field), entry->field);
        if (slot->stored)
                memcpy(slot->body, entry->body.data, slot->stored);
        hash_of(slot, slot->hash);
        n = pwrite(ring->fd, slot, sizeof(*slot), at);
        if (n < 0)
                return -errno;
        return n == (ssize_t)sizeof(*slot) ? 0 : -EIO;
}

/* ---- reading ---- */

static void hand_over(const struct slot *slot, ring_fn fn, void *arg)
{
        struct ring_entry entry = { .number = slot->number,
                .at_us = slot->at_us,
                .size = slot->size,
                .body = bus_bytes(slot->body, slot->stored) };

        memcpy(entry.source, slot->source, sizeof(entry.source) - 1);
        memcpy(entry.address, slot->address, sizeof(entry.address) - 1);
        memcpy(entry.code, slot->code, sizeof(entry.code) - 1);
        memcpy(entry.field, slot->field, sizeof(entry.field) - 1);
        fn(arg, &entry);
}

int ring_read(const char *path, ring_fn fn, void *arg)
{
        BUS_AUTOFREE struct slot *slot = bus_new(struct slot);
        BUS_AUTOCLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        uint32_t slots = 0, oldest = 0;
        uint64_t number = UINT64_MAX;
        int r;

        if (fd < 0)
                return -errno;
        r = slot_count_of(fd, &slots);
        for (uint32_t i = 0; r == 0 && i < slots; i++) {
                r = read_slot(fd, i, slot);
                if (r == 0 && slot_is_whole(slot) && slot->number < number) {
                        number = slot->number;
                        oldest = i;
                }
        }
        for (uint32_t i = 0; r == 0 && i < slots; i++) {
                r = read_slot(fd, (oldest + i) % slots, slot);
                if (r == 0 && slot_is_whole(slot))
                        hand_over(slot, fn, arg);
        }
        return r;
}
