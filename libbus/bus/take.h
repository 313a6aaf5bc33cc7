#pragma once
/*
 * Protobuf's wire format, read by hand: put.h the other way round. Only what put.h writes is taken,
 * numbers and bytes under field numbers below 16; all else is bad, which stays with the take.
 */
#include "libbus/base/bytes.h"

#define TAKE_VARINT_MAX_BYTES 10
#define TAKE_FIELD_MAX        15

enum {
        TAKE_NUMBER = 0,
        TAKE_BYTES = 2,
};

/* What is left to read, and the field that was read last. */
struct take {
        const uint8_t *at, *end;
        bool bad;
        unsigned int field, type;
        uint64_t number;        /* of TAKE_NUMBER */
        struct bus_bytes bytes; /* of TAKE_BYTES; they lie in what is read */
};

static inline uint64_t take_varint(struct take *t)
{
        uint64_t value = 0;

        for (unsigned int i = 0; i < TAKE_VARINT_MAX_BYTES && t->at < t->end; i++) {
                uint8_t byte = *t->at++;

                value |= (uint64_t)(byte & 0x7f) << (7 * i);
                if (!(byte & 0x80))
                        return value;
        }
        t->bad = true;
        return 0;
}

/* True if there is one; bad where it is not plain. */
static inline bool take_field(struct take *t)
{
        uint64_t tag, size;

        if (t->bad || t->at == t->end)
                return false;
        tag = take_varint(t);
        t->bad |= tag >> 3 > TAKE_FIELD_MAX;
        t->field = (unsigned int)(tag >> 3 & TAKE_FIELD_MAX);
        t->type = tag & 7;
        if (t->type == TAKE_NUMBER) {
                t->number = take_varint(t);
        } else if (t->type == TAKE_BYTES) {
                size = take_varint(t);
                t->bad |= size > (uint64_t)(t->end - t->at);
                if (!t->bad) {
                        t->bytes = bus_bytes(t->at, size);
                        t->at += size;
                }
        } else {
                t->bad = true;
        }
        return !t->bad;
}

static inline uint64_t take_number(struct take *t)
{
        t->bad |= t->type != TAKE_NUMBER;
        return t->number;
}

static inline struct bus_bytes take_bytes(struct take *t)
{
        t->bad |= t->type != TAKE_BYTES;
        return t->bad ? bus_bytes(t->at, 0) : t->bytes;
}

/* The message that the field is. */
static inline struct take take_inner(struct take *t)
{
        struct bus_bytes bytes = take_bytes(t);

        return (struct take){ .at = bytes.data, .end = bytes.data + bytes.size, .bad = t->bad };
}
