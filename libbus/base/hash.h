#pragma once
/*
 * Hashes, random bytes and secrets compared in constant time (libsodium behind).
 * bus_hash_init must have run (the service runtime and every main() call it) before the others.
 */
#include "libbus/base/bytes.h"

#define BUS_SHA256_SIZE     32
#define BUS_SHA256_HEX_SIZE 65 /* with NUL */

#define BUS_SIPHASH_KEY_SIZE  16
#define BUS_SIPHASH_WIDE_SIZE 16

BUS_MUST int bus_hash_init(void); /* -EIO if the system gives no randomness */

void bus_sha256(struct bus_bytes data, uint8_t ret_hash[static BUS_SHA256_SIZE]);
/* Hash over several parts, each preceded by its length, so that ("ab","c") differs from ("a","bc"). */
void bus_sha256_parts(
        const struct bus_bytes *parts, size_t count, uint8_t ret_hash[static BUS_SHA256_SIZE]);
void bus_hmac_sha256(struct bus_bytes key, const struct bus_bytes *parts, size_t count,
        uint8_t ret_mac[static BUS_SHA256_SIZE]);
/* Keyed, 64 bits (SipHash-2-4): tells what was written from what was not, at the price of a copy.
 * Needs no bus_hash_init. */
uint64_t bus_siphash(struct bus_bytes data, const uint8_t key[static BUS_SIPHASH_KEY_SIZE]);
/* The same with 128 bits: a name for what was hashed. */
void bus_siphash_wide(struct bus_bytes data, const uint8_t key[static BUS_SIPHASH_KEY_SIZE],
        uint8_t ret_hash[static BUS_SIPHASH_WIDE_SIZE]);
void bus_hex(struct bus_bytes data, char *ret_text); /* 2 * size + 1 bytes, lower case */
BUS_MUST int bus_unhex(const char *text, uint8_t *ret_data, size_t size); /* -EINVAL */
bool bus_equal_consttime(const void *a, const void *b, size_t size);
void bus_random(void *ret_data, size_t size);
