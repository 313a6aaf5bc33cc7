#pragma once
/*
 * Envelopes as bytes. A writer packs everything but the position when it stages a message; when
 * the store has given the position, the position's fields are written behind the packed bytes:
 * protobuf reads fields in any order, so the two runs are one message.
 */
#include "libbus/base/bytes.h"
#include "libbus/wire/position.h"

#include "envelope.pb-c.h"
#include "proto/unpack.h"

/* The schema number this program writes; a reader refuses a message with a higher one. */
#define BUS_SCHEMA 1u

struct bus_pos bus_pos_of(const Pb__Position *position); /* NULL: zero */
void bus_pos_to(struct bus_pos pos, Pb__Position *ret_position);

/* Appends the packed fields of ENVELOPE, which has no position yet, to BUF. */
void bus_envelope_pack(const Pb__Envelope *envelope, struct bus_buf *buf);
/* Appends the position's fields; STEP other than UNSPECIFIED adds a stamp at AT_US. */
void bus_envelope_place(struct bus_buf *buf, struct bus_pos position, struct bus_pos predecessor,
        Pb__Step step, int64_t at_us);
/* The position's fields alone, at START, where there must be BUS_ENVELOPE_PLACE_MAX_BYTES; how many
 * bytes that were. */
size_t bus_envelope_put_place(uint8_t *start, struct bus_pos position, struct bus_pos predecessor);
#define BUS_ENVELOPE_PLACE_MAX_BYTES 72
/* Appends the token of the lease that the sender holds. */
void bus_envelope_sign(struct bus_buf *buf, uint64_t token);
/*
 * Unpacks and validates. The caller frees with pb__envelope__free_unpacked(e, NULL).
 * -EBADMSG if it is not a valid envelope (*RET_WHY: static text), -EPROTO for a newer schema.
 */
BUS_MUST int bus_envelope_unpack(
        struct bus_bytes bytes, Pb__Envelope **ret_envelope, const char **ret_why);
/* The same; the envelope is ARENA's, and goes with it. */
BUS_MUST int bus_envelope_unpack_in(struct message_arena *arena, struct bus_bytes bytes,
        Pb__Envelope **ret_envelope, const char **ret_why);

static inline void bus_envelope_freep(Pb__Envelope **envelope)
{
        pb__envelope__free_unpacked(*envelope, NULL);
}
#define BUS_AUTOENVELOPE BUS_CLEANUP(bus_envelope_freep)
