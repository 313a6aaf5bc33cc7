/*
 * Every message of every stream comes in an envelope: read in one pass, by hand. Only what is plain
 * is taken here; test_envelope.c holds it against the general way.
 */
#include "libbus/bus/envelope_wire.h"
#include "libbus/bus/take.h"

#define STAMPS_MAX 24 /* more than a message of ours has */

static char *text_of(struct take *w, struct message_arena *arena)
{
        struct bus_bytes bytes = take_bytes(w);
        char *text;

        if (!bytes.size)
                return (char *)(uintptr_t)protobuf_c_empty_string;
        text = message_arena_take(arena, bytes.size + 1);
        memcpy(text, bytes.data, bytes.size);
        text[bytes.size] = 0;
        w->bad |= strlen(text) != bytes.size;
        return text;
}

/* Into what was read of it before, as protobuf has it. */
static void read_position(struct take *w, struct message_arena *arena, Pb__Position **position)
{
        struct take inner = take_inner(w);

        if (!*position) {
                *position = message_arena_take(arena, sizeof(**position));
                pb__position__init(*position);
        }
        while (take_field(&inner))
                switch (inner.field) {
                case POSITION_INCARNATION: (*position)->incarnation = take_number(&inner); break;
                case POSITION_SEQ: (*position)->seq = take_number(&inner); break;
                case POSITION_PART: (*position)->part = (uint32_t)take_number(&inner); break;
                default: inner.bad = true;
                }
        w->bad |= inner.bad;
}

static void read_stamp(struct take *w, struct message_arena *arena, Pb__Envelope *envelope)
{
        struct take inner = take_inner(w);
        Pb__Stamp *stamp;

        if (envelope->n_stamps == STAMPS_MAX) {
                w->bad = true;
                return;
        }
        if (!envelope->stamps)
                envelope->stamps = message_arena_take(arena, STAMPS_MAX * sizeof(Pb__Stamp *));
        stamp = message_arena_take(arena, sizeof(*stamp));
        pb__stamp__init(stamp);
        envelope->stamps[envelope->n_stamps++] = stamp;
        while (take_field(&inner))
                switch (inner.field) {
                case STAMP_STEP: stamp->step = (Pb__Step)(int32_t)take_number(&inner); break;
                case STAMP_AT_US: stamp->at_us = (int64_t)take_number(&inner); break;
                default: inner.bad = true;
                }
        w->bad |= inner.bad;
}

static void read_body(struct take *w, struct message_arena *arena, ProtobufCBinaryData *body)
{
        struct bus_bytes bytes = take_bytes(w);

        *body = (ProtobufCBinaryData){ .len = bytes.size };
        if (!bytes.size)
                return;
        body->data = message_arena_take(arena, bytes.size);
        memcpy(body->data, bytes.data, bytes.size);
}

static void read_field(struct take *w, struct message_arena *arena, Pb__Envelope *e)
{
        switch (w->field) {
        case ENVELOPE_SCHEMA: e->schema = (uint32_t)take_number(w); break;
        case ENVELOPE_STREAM: e->stream = text_of(w, arena); break;
        case ENVELOPE_MESSAGE_ID: e->message_id = text_of(w, arena); break;
        case ENVELOPE_ALERT_ID: e->alert_id = text_of(w, arena); break;
        case ENVELOPE_STAMPS: read_stamp(w, arena, e); break;
        case ENVELOPE_BODY: read_body(w, arena, &e->body); break;
        case ENVELOPE_TEST: e->test = take_number(w) != 0; break;
        case ENVELOPE_STAGED_US: e->staged_us = (int64_t)take_number(w); break;
        case ENVELOPE_ORIGIN: read_position(w, arena, &e->origin); break;
        case ENVELOPE_POSITION: read_position(w, arena, &e->position); break;
        case ENVELOPE_PREDECESSOR: read_position(w, arena, &e->predecessor); break;
        case ENVELOPE_WRITER_TOKEN: e->writer_token = take_number(w); break;
        default: w->bad = true;
        }
}

Pb__Envelope *envelope_read(struct message_arena *arena, struct bus_bytes bytes)
{
        struct take w = { .at = bytes.data, .end = bytes.data + bytes.size };
        Pb__Envelope *envelope;

        if (!bytes.size)
                return NULL;
        message_arena_begin(arena, bytes.size);
        envelope = message_arena_take(arena, sizeof(*envelope));
        pb__envelope__init(envelope);
        while (take_field(&w))
                read_field(&w, arena, envelope);
        return w.bad ? NULL : envelope;
}
