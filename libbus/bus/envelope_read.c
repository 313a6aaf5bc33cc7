/*
 * Every message of every stream comes in an envelope: read in one pass, by hand. Only what is plain
 * is taken here; test_envelope.c holds it against the general way.
 */
#include "libbus/bus/envelope_wire.h"

#define STAMPS_MAX       24 /* more than a message of ours has */
#define VARINT_MAX_BYTES 10

enum {
        WIRE_VARINT = 0,
        WIRE_BYTES = 2,
};

/* What is left to read, and the field that was read last. */
struct wire {
        const uint8_t *at, *end;
        bool bad;
        unsigned int field, type;
        uint64_t number;        /* of WIRE_VARINT */
        struct bus_bytes bytes; /* of WIRE_BYTES */
};

static uint64_t read_varint(struct wire *w)
{
        uint64_t value = 0;

        for (unsigned int i = 0; i < VARINT_MAX_BYTES && w->at < w->end; i++) {
                uint8_t byte = *w->at++;

                value |= (uint64_t)(byte & 0x7f) << (7 * i);
                if (!(byte & 0x80))
                        return value;
        }
        w->bad = true;
        return 0;
}

/* True if there is one; bad where it is not plain. */
static bool next_field(struct wire *w)
{
        uint64_t tag, size;

        if (w->bad || w->at == w->end)
                return false;
        tag = read_varint(w);
        w->field = (unsigned int)(tag >> 3 & 0xff);
        w->type = tag & 7;
        w->bad |= tag >> 3 > ENVELOPE_WRITER_TOKEN;
        if (w->type == WIRE_VARINT) {
                w->number = read_varint(w);
        } else if (w->type == WIRE_BYTES) {
                size = read_varint(w);
                w->bad |= size > (uint64_t)(w->end - w->at);
                if (!w->bad) {
                        w->bytes = bus_bytes(w->at, size);
                        w->at += size;
                }
        } else {
                w->bad = true;
        }
        return !w->bad;
}

static uint64_t number_of(struct wire *w)
{
        w->bad |= w->type != WIRE_VARINT;
        return w->number;
}

static struct bus_bytes bytes_of(struct wire *w)
{
        w->bad |= w->type != WIRE_BYTES;
        return w->bad ? bus_bytes(w->at, 0) : w->bytes;
}

static char *text_of(struct wire *w, struct message_arena *arena)
{
        struct bus_bytes bytes = bytes_of(w);
        char *text;

        if (!bytes.size)
                return (char *)(uintptr_t)protobuf_c_empty_string;
        text = message_arena_take(arena, bytes.size + 1);
        memcpy(text, bytes.data, bytes.size);
        text[bytes.size] = 0;
        w->bad |= strlen(text) != bytes.size;
        return text;
}

static struct wire inner_of(struct wire *w)
{
        struct bus_bytes bytes = bytes_of(w);

        return (struct wire){ .at = bytes.data, .end = bytes.data + bytes.size, .bad = w->bad };
}

/* Into what was read of it before, as protobuf has it. */
static void read_position(struct wire *w, struct message_arena *arena, Pb__Position **position)
{
        struct wire inner = inner_of(w);

        if (!*position) {
                *position = message_arena_take(arena, sizeof(**position));
                pb__position__init(*position);
        }
        while (next_field(&inner))
                switch (inner.field) {
                case POSITION_INCARNATION: (*position)->incarnation = number_of(&inner); break;
                case POSITION_SEQ: (*position)->seq = number_of(&inner); break;
                case POSITION_PART: (*position)->part = (uint32_t)number_of(&inner); break;
                default: inner.bad = true;
                }
        w->bad |= inner.bad;
}

static void read_stamp(struct wire *w, struct message_arena *arena, Pb__Envelope *envelope)
{
        struct wire inner = inner_of(w);
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
        while (next_field(&inner))
                switch (inner.field) {
                case STAMP_STEP: stamp->step = (Pb__Step)(int32_t)number_of(&inner); break;
                case STAMP_AT_US: stamp->at_us = (int64_t)number_of(&inner); break;
                default: inner.bad = true;
                }
        w->bad |= inner.bad;
}

static void read_body(struct wire *w, struct message_arena *arena, ProtobufCBinaryData *body)
{
        struct bus_bytes bytes = bytes_of(w);

        *body = (ProtobufCBinaryData){ .len = bytes.size };
        if (!bytes.size)
                return;
        body->data = message_arena_take(arena, bytes.size);
        memcpy(body->data, bytes.data, bytes.size);
}

static void read_field(struct wire *w, struct message_arena *arena, Pb__Envelope *e)
{
        switch (w->field) {
        case ENVELOPE_SCHEMA: e->schema = (uint32_t)number_of(w); break;
        case ENVELOPE_STREAM: e->stream = text_of(w, arena); break;
        case ENVELOPE_MESSAGE_ID: e->message_id = text_of(w, arena); break;
        case ENVELOPE_ALERT_ID: e->alert_id = text_of(w, arena); break;
        case ENVELOPE_STAMPS: read_stamp(w, arena, e); break;
        case ENVELOPE_BODY: read_body(w, arena, &e->body); break;
        case ENVELOPE_TEST: e->test = number_of(w) != 0; break;
        case ENVELOPE_STAGED_US: e->staged_us = (int64_t)number_of(w); break;
        case ENVELOPE_ORIGIN: read_position(w, arena, &e->origin); break;
        case ENVELOPE_POSITION: read_position(w, arena, &e->position); break;
        case ENVELOPE_PREDECESSOR: read_position(w, arena, &e->predecessor); break;
        case ENVELOPE_WRITER_TOKEN: e->writer_token = number_of(w); break;
        default: w->bad = true;
        }
}

Pb__Envelope *envelope_read(struct message_arena *arena, struct bus_bytes bytes)
{
        struct wire w = { .at = bytes.data, .end = bytes.data + bytes.size };
        Pb__Envelope *envelope;

        if (!bytes.size)
                return NULL;
        message_arena_begin(arena, bytes.size);
        envelope = message_arena_take(arena, sizeof(*envelope));
        pb__envelope__init(envelope);
        while (next_field(&w))
                read_field(&w, arena, envelope);
        return w.bad ? NULL : envelope;
}
