#include "libbus/base/ids.h"

#include "libbus/base/clock.h"
#include "libbus/base/hash.h"

#include <pthread.h>

enum {
        POOL_IDS = 64, /* one question to the system for so many ids */
};

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void bus_base32(struct bus_bytes data, size_t count, char *ret_text)
{
        uint32_t bits = 0;
        unsigned int have = 0;
        size_t next = 0;

        for (size_t i = 0; i < count; i++) {
                if (have < 5) {
                        bits = bits << 8 | (next < data.size ? data.data[next] : 0);
                        next++;
                        have += 8;
                }
                have -= 5;
                ret_text[i] = alphabet[bits >> have & 31];
        }
        ret_text[count] = 0;
}

void bus_id_fresh(int64_t now_us, const uint8_t random[static BUS_ID_RANDOM_SIZE],
        char ret_id[static BUS_ID_SIZE])
{
        uint64_t ms = (uint64_t)(now_us / BUS_US_PER_MS);

        /* 10 characters hold 50 bits: the 48 bits of time, right-aligned */
        for (int i = 9; i >= 0; i--, ms >>= 5)
                ret_id[i] = alphabet[ms & 31];
        bus_base32(bus_bytes(random, BUS_ID_RANDOM_SIZE), 16, ret_id + 10);
}

/* Randomness in stock: each piece is used once, and a child has none of its parent's. */
static _Thread_local struct {
        uint8_t pieces[POOL_IDS][BUS_ID_RANDOM_SIZE];
        size_t left;
} pool;
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

static void empty_pool(void)
{
        pool.left = 0;
}

static void watch_forks(void)
{
        (void)pthread_atfork(NULL, NULL, empty_pool); /* -ENOMEM: so early that nobody has forked */
}

void bus_id_new(char ret_id[static BUS_ID_SIZE])
{
        if (!pool.left) {
                pthread_once(&pool_once, watch_forks);
                bus_random(pool.pieces, sizeof(pool.pieces));
                pool.left = POOL_IDS;
        }
        bus_id_fresh(bus_wall_us(), pool.pieces[--pool.left], ret_id);
}

void bus_id_derived(const struct bus_bytes *parts, size_t count, char ret_id[static BUS_ID_SIZE])
{
        uint8_t hash[BUS_SHA256_SIZE];

        bus_sha256_parts(parts, count, hash);
        bus_base32(bus_bytes(hash, sizeof(hash)), BUS_ID_SIZE - 1, ret_id);
}

void bus_id_hashed(struct bus_bytes data, char ret_id[static BUS_ID_SIZE])
{
        static const uint8_t key[BUS_SIPHASH_KEY_SIZE] = "umbra message id";
        uint8_t hash[BUS_SIPHASH_WIDE_SIZE];

        bus_siphash_wide(data, key, hash);
        bus_base32(bus_bytes(hash, sizeof(hash)), BUS_ID_SIZE - 1, ret_id);
}

bool bus_id_valid(const char *text)
{
        return strlen(text) == BUS_ID_SIZE - 1 && strspn(text, alphabet) == BUS_ID_SIZE - 1;
}

int64_t bus_id_us(const char *id)
{
        int64_t ms = 0;

        for (size_t i = 0; i < 10 && id[i]; i++) {
                const char *at = strchr(alphabet, id[i]);

                ms = ms * 32 + (at ? at - alphabet : 0);
        }
        return ms * BUS_US_PER_MS;
}
