#pragma once
/*
 * Ids as text. Two kinds:
 *  - fresh ids (alert ids, ids of messages nobody can derive): 26 characters of Crockford base32,
 *    48 bits of milliseconds and 80 random bits, so they sort by time (the ULID layout);
 *  - derived ids: the first characters of a hash of what they stand for, in the same alphabet, so
 *    whoever derives them again gets the same. Where an id is made for every message the hash is a
 *    short one: two that are alike by accident are as rare, but it keeps nobody from making two.
 * Pure: time and randomness are arguments.
 */
#include "libbus/base/bytes.h"

#define BUS_ID_SIZE        27 /* 26 characters and NUL */
#define BUS_ID_RANDOM_SIZE 10
#define CL_ORD_ID_SIZE     17 /* 16 characters and NUL: some brokers keep no more of a comment */

/* Writes COUNT base32 characters from the front of DATA (5 bits each) and a NUL. */
void bus_base32(struct bus_bytes data, size_t count, char *ret_text);

void bus_id_fresh(int64_t now_us, const uint8_t random[static BUS_ID_RANDOM_SIZE],
        char ret_id[static BUS_ID_SIZE]);
/* From the clock and the system's randomness; the one impure one. */
void bus_id_new(char ret_id[static BUS_ID_SIZE]);
/* 26 characters of the SHA-256 of PARTS. */
void bus_id_derived(const struct bus_bytes *parts, size_t count, char ret_id[static BUS_ID_SIZE]);
/* 26 characters of a 128-bit hash of DATA: SipHash-2-4 under a key that never changes. */
void bus_id_hashed(struct bus_bytes data, char ret_id[static BUS_ID_SIZE]);
bool bus_id_valid(const char *text); /* 26 characters of the alphabet */
/* When a fresh id was made, to the millisecond; of any other text something. */
int64_t bus_id_us(const char *id);
