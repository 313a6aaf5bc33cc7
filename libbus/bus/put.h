#pragma once
/*
 * Protobuf's wire format, written by hand: what every message pays for, the envelope, costs a tenth
 * of what the general packer takes. Each puts a field at AT, where there must be room, and returns
 * what is behind it; a field of its default value takes no room (proto3).
 */
#include "libbus/base/bytes.h"

#define PUT_VARINT_MAX_BYTES 10

static inline size_t put_varint_size(uint64_t value)
{
        size_t size = 1;

        for (; value > 0x7f; value >>= 7)
                size++;
        return size;
}

static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
        for (; value > 0x7f; value >>= 7)
                *at++ = (uint8_t)(value | 0x80);
        *at++ = (uint8_t)value;
        return at;
}

/* Numbers of fields are below 16: a tag is one byte. */
static inline uint8_t *put_number(uint8_t *at, unsigned int field, uint64_t value)
{
        if (!value)
                return at;
        *at++ = (uint8_t)(field << 3);
        return put_varint(at, value);
}

/* The head of a field of SIZE bytes, which are to follow: text, bytes or a message. */
static inline uint8_t *put_head(uint8_t *at, unsigned int field, size_t size)
{
        *at++ = (uint8_t)(field << 3 | 2);
        return put_varint(at, size);
}

static inline uint8_t *put_bytes(uint8_t *at, unsigned int field, struct bus_bytes bytes)
{
        if (!bytes.size)
                return at;
        at = put_head(at, field, bytes.size);
        memcpy(at, bytes.data, bytes.size);
        return at + bytes.size;
}

/* How many bytes a field of SIZE bytes takes, with its head. */
static inline size_t put_field_size(size_t size)
{
        return 1 + put_varint_size(size) + size;
}
