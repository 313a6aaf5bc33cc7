#include "libbus/bus/envelope.h"

#include "libbus/base/require.h"
#include "libbus/bus/envelope_wire.h"
#include "libbus/bus/pack.h"
#include "libbus/bus/put.h"
#include "proto/unpack.h"
#include "proto/validate.h"

#include <errno.h>

struct bus_pos bus_pos_of(const Pb__Position *position)
{
        if (!position)
                return BUS_POS_ZERO;
        return (struct bus_pos){ position->incarnation, position->seq, position->part };
}

void bus_pos_to(struct bus_pos pos, Pb__Position *ret_position)
{
        pb__position__init(ret_position);
        ret_position->incarnation = pos.incarnation;
        ret_position->seq = pos.seq;
        ret_position->part = pos.part;
}

/* Three numbers, or two, each with its tag: below 128, so that one byte tells the size. */
#define SMALL_MAX_BYTES (3 * (1 + PUT_VARINT_MAX_BYTES))
/* All but texts, body and stamps. */
#define REST_MAX_BYTES 256

static uint8_t *put_small(uint8_t *at, unsigned int field, const uint8_t *start, const uint8_t *end)
{
        size_t size = (size_t)(end - start);

        at = put_head(at, field, size);
        memcpy(at, start, size);
        return at + size;
}

static uint8_t *put_position(uint8_t *at, unsigned int field, struct bus_pos pos)
{
        uint8_t inner[SMALL_MAX_BYTES], *end = inner;

        end = put_number(end, POSITION_INCARNATION, pos.incarnation);
        end = put_number(end, POSITION_SEQ, pos.seq);
        end = put_number(end, POSITION_PART, pos.part);
        return put_small(at, field, inner, end);
}

static uint8_t *put_stamp(uint8_t *at, Pb__Step step, int64_t at_us)
{
        uint8_t inner[SMALL_MAX_BYTES], *end = inner;

        end = put_number(end, STAMP_STEP, (uint64_t)(int64_t)(int32_t)step);
        end = put_number(end, STAMP_AT_US, (uint64_t)at_us);
        return put_small(at, ENVELOPE_STAMPS, inner, end);
}

void bus_envelope_pack(const Pb__Envelope *envelope, struct bus_buf *buf)
{
        struct bus_bytes stream = bus_bytes_str(envelope->stream),
                         message_id = bus_bytes_str(envelope->message_id),
                         alert_id = bus_bytes_str(envelope->alert_id),
                         body = bus_bytes(envelope->body.data, envelope->body.len);
        uint8_t *start, *at;

        bus_require(!envelope->position && !envelope->predecessor);
        start = at = bus_buf_reserve(buf, REST_MAX_BYTES + stream.size + message_id.size +
                                                  alert_id.size + body.size +
                                                  envelope->n_stamps * (2 + SMALL_MAX_BYTES));
        at = put_number(at, ENVELOPE_SCHEMA, envelope->schema);
        at = put_bytes(at, ENVELOPE_STREAM, stream);
        at = put_bytes(at, ENVELOPE_MESSAGE_ID, message_id);
        at = put_bytes(at, ENVELOPE_ALERT_ID, alert_id);
        for (size_t i = 0; i < envelope->n_stamps; i++)
                at = put_stamp(at, envelope->stamps[i]->step, envelope->stamps[i]->at_us);
        at = put_bytes(at, ENVELOPE_BODY, body);
        at = put_number(at, ENVELOPE_TEST, envelope->test != 0);
        at = put_number(at, ENVELOPE_STAGED_US, (uint64_t)envelope->staged_us);
        if (envelope->origin)
                at = put_position(at, ENVELOPE_ORIGIN, bus_pos_of(envelope->origin));
        buf->size += (size_t)(at - start);
}

size_t bus_envelope_put_place(uint8_t *start, struct bus_pos position, struct bus_pos predecessor)
{
        uint8_t *at = put_position(start, ENVELOPE_POSITION, position);

        return (size_t)(put_position(at, ENVELOPE_PREDECESSOR, predecessor) - start);
}

void bus_envelope_place(struct bus_buf *buf, struct bus_pos position, struct bus_pos predecessor,
        Pb__Step step, int64_t at_us)
{
        uint8_t *start = bus_buf_reserve(buf, 2 + SMALL_MAX_BYTES + BUS_ENVELOPE_PLACE_MAX_BYTES),
                *at = start;

        if (step != PB__STEP__STEP_UNSPECIFIED)
                at = put_stamp(at, step, at_us);
        at += bus_envelope_put_place(at, position, predecessor);
        buf->size += (size_t)(at - start);
}

void bus_envelope_sign(struct bus_buf *buf, uint64_t token)
{
        Pb__Envelope tail = PB__ENVELOPE__INIT;

        tail.writer_token = token;
        bus_pack(&tail.base, buf);
}

static int check(const Pb__Envelope *envelope, const char **ret_why)
{
        int r = validate_envelope_journaled(envelope, ret_why);

        if (r == 0 && envelope->schema > BUS_SCHEMA) {
                *ret_why = "was written by a newer program";
                r = -EPROTO;
        }
        return r;
}

int bus_envelope_unpack(struct bus_bytes bytes, Pb__Envelope **ret_envelope, const char **ret_why)
{
        BUS_AUTOENVELOPE Pb__Envelope *envelope = NULL;
        ProtobufCMessage *message;
        int r;

        r = message_unpack(&pb__envelope__descriptor, bytes, &message, ret_why);
        if (r < 0)
                return r;
        envelope = (Pb__Envelope *)message;
        r = check(envelope, ret_why);
        if (r == 0)
                *ret_envelope = BUS_STEAL(envelope);
        return r;
}

int bus_envelope_unpack_in(struct message_arena *arena, struct bus_bytes bytes,
        Pb__Envelope **ret_envelope, const char **ret_why)
{
        Pb__Envelope *envelope = envelope_read(arena, bytes);
        ProtobufCMessage *message;
        int r = 0;

        if (!envelope) {
                r = message_unpack_in(arena, &pb__envelope__descriptor, bytes, &message, ret_why);
                envelope = r < 0 ? NULL : (Pb__Envelope *)message;
        }
        if (r == 0)
                r = check(envelope, ret_why);
        if (r == 0)
                *ret_envelope = envelope;
        return r;
}
