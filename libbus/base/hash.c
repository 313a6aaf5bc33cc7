#include "libbus/base/hash.h"

#include "libbus/base/require.h"

#include <errno.h>
#include <sodium.h>

int bus_hash_init(void)
{
        return sodium_init() < 0 ? -EIO : 0;
}

void bus_sha256(struct bus_bytes data, uint8_t ret_hash[static BUS_SHA256_SIZE])
{
        crypto_hash_sha256(ret_hash, data.data, data.size);
}

static void length_prefix(size_t size, uint8_t prefix[static 8])
{
        for (int i = 0; i < 8; i++)
                prefix[i] = (uint8_t)((uint64_t)size >> (8 * i));
}

void bus_sha256_parts(
        const struct bus_bytes *parts, size_t count, uint8_t ret_hash[static BUS_SHA256_SIZE])
{
        crypto_hash_sha256_state state;
        uint8_t prefix[8];

        crypto_hash_sha256_init(&state);
        for (size_t i = 0; i < count; i++) {
                length_prefix(parts[i].size, prefix);
                crypto_hash_sha256_update(&state, prefix, sizeof(prefix));
                crypto_hash_sha256_update(&state, parts[i].data, parts[i].size);
        }
        crypto_hash_sha256_final(&state, ret_hash);
}

void bus_hmac_sha256(struct bus_bytes key, const struct bus_bytes *parts, size_t count,
        uint8_t ret_mac[static BUS_SHA256_SIZE])
{
        crypto_auth_hmacsha256_state state;
        uint8_t prefix[8];

        crypto_auth_hmacsha256_init(&state, key.data, key.size);
        for (size_t i = 0; i < count; i++) {
                length_prefix(parts[i].size, prefix);
                crypto_auth_hmacsha256_update(&state, prefix, sizeof(prefix));
                crypto_auth_hmacsha256_update(&state, parts[i].data, parts[i].size);
        }
        crypto_auth_hmacsha256_final(&state, ret_mac);
}

uint64_t bus_siphash(struct bus_bytes data, const uint8_t key[static BUS_SIPHASH_KEY_SIZE])
{
        uint8_t hash[crypto_shorthash_BYTES];
        uint64_t value;

        _Static_assert(crypto_shorthash_KEYBYTES == BUS_SIPHASH_KEY_SIZE, "the key's size");
        _Static_assert(sizeof(hash) == sizeof(value), "the hash's size");
        crypto_shorthash(hash, data.data, data.size, key);
        memcpy(&value, hash, sizeof(value));
        return value;
}

void bus_siphash_wide(struct bus_bytes data, const uint8_t key[static BUS_SIPHASH_KEY_SIZE],
        uint8_t ret_hash[static BUS_SIPHASH_WIDE_SIZE])
{
        _Static_assert(crypto_shorthash_siphashx24_KEYBYTES == BUS_SIPHASH_KEY_SIZE, "the key's");
        _Static_assert(crypto_shorthash_siphashx24_BYTES == BUS_SIPHASH_WIDE_SIZE, "the hash's");
        crypto_shorthash_siphashx24(ret_hash, data.data, data.size, key);
}

void bus_hex(struct bus_bytes data, char *ret_text)
{
        sodium_bin2hex(ret_text, data.size * 2 + 1, data.data, data.size);
}

int bus_unhex(const char *text, uint8_t *ret_data, size_t size)
{
        size_t length;
        const char *end;

        if (strlen(text) != size * 2)
                return -EINVAL;
        if (sodium_hex2bin(ret_data, size, text, size * 2, NULL, &length, &end) < 0)
                return -EINVAL;
        return length == size && !*end ? 0 : -EINVAL;
}

bool bus_equal_consttime(const void *a, const void *b, size_t size)
{
        return sodium_memcmp(a, b, size) == 0;
}

void bus_random(void *ret_data, size_t size)
{
        randombytes_buf(ret_data, size);
}
