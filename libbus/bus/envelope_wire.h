#pragma once
/* The envelope as protobuf writes it: shared by envelope.c (packing) and envelope_read.c. */
#include "libbus/bus/envelope.h"

/* The numbers of the fields (proto/envelope.proto). */
enum {
        ENVELOPE_SCHEMA = 1,
        ENVELOPE_STREAM = 2,
        ENVELOPE_MESSAGE_ID = 3,
        ENVELOPE_ALERT_ID = 4,
        ENVELOPE_STAMPS = 5,
        ENVELOPE_BODY = 6,
        ENVELOPE_TEST = 7,
        ENVELOPE_STAGED_US = 8,
        ENVELOPE_ORIGIN = 9,
        ENVELOPE_POSITION = 10,
        ENVELOPE_PREDECESSOR = 11,
        ENVELOPE_WRITER_TOKEN = 12,
        POSITION_INCARNATION = 1,
        POSITION_SEQ = 2,
        POSITION_PART = 3,
        STAMP_STEP = 1,
        STAMP_AT_US = 2,
};

/*
 * The envelope that protobuf-c would unpack from BYTES, in ARENA; NULL where anything about them is
 * unusual (a field unknown, a value of another type, a NUL in a text, many stamps, a damage): then
 * the general unpacking has to say what it is.
 */
Pb__Envelope *envelope_read(struct message_arena *arena, struct bus_bytes bytes);
