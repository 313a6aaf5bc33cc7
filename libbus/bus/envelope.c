#include "libbus/bus/envelope.h"

#include "libbus/base/require.h"
#include "libbus/bus/pack.h"
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

void bus_envelope_pack(const Pb__Envelope *envelope, struct bus_buf *buf)
{
        bus_require(!envelope->position && !envelope->predecessor);
        bus_pack(&envelope->base, buf);
}

void bus_envelope_place(struct bus_buf *buf, struct bus_pos position, struct bus_pos predecessor,
        Pb__Step step, int64_t at_us)
{
        Pb__Envelope tail = PB__ENVELOPE__INIT;
        Pb__Position at, before;
        Pb__Stamp stamp = PB__STAMP__INIT, *stamps[] = { &stamp };

        bus_pos_to(position, &at);
        bus_pos_to(predecessor, &before);
        tail.position = &at;
        tail.predecessor = &before;
        if (step != PB__STEP__STEP_UNSPECIFIED) {
                stamp.step = step;
                stamp.at_us = at_us;
                tail.stamps = stamps;
                tail.n_stamps = 1;
        }
        bus_pack(&tail.base, buf);
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
        ProtobufCMessage *message;
        int r;

        r = message_unpack_in(arena, &pb__envelope__descriptor, bytes, &message, ret_why);
        if (r == 0)
                r = check((Pb__Envelope *)message, ret_why);
        if (r == 0)
                *ret_envelope = (Pb__Envelope *)message;
        return r;
}
