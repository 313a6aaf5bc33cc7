/*
 * In one pass: the length of what lies within a message is written behind it, in front of it, where
 * one byte is kept for it; more than 127 bytes move by one. What none of our messages has (a oneof,
 * a field that must be there, fields that nobody knows) goes protobuf-c's way.
 */
#include "proto/pack.h"

#include "proto/validate/wire_limits.h"

#include <endian.h>

/* Asked for at once: most messages need no more. */
#define STEP_BYTES ((size_t)512)
/* A tag, and a number or a length. */
#define HEAD_MAX_BYTES ((size_t)20)

struct packing {
        struct bus_buf *buf;
        uint8_t *at, *end;
};

static void grow(struct packing *p, size_t size)
{
        p->buf->size = (size_t)(p->at - p->buf->data);
        p->at = bus_buf_reserve(p->buf, size + STEP_BYTES);
        p->end = p->at + size + STEP_BYTES;
}

static inline void make_room(struct packing *p, size_t size)
{
        if ((size_t)(p->end - p->at) < size)
                grow(p, size);
}

static inline uint8_t *put_varint(uint8_t *at, uint64_t value)
{
        for (; value > 0x7f; value >>= 7)
                *at++ = (uint8_t)(value | 0x80);
        *at++ = (uint8_t)value;
        return at;
}

static inline void put_tag(
        struct packing *p, const ProtobufCFieldDescriptor *field, unsigned int wire)
{
        make_room(p, HEAD_MAX_BYTES);
        p->at = put_varint(p->at, (uint64_t)field->id << 3 | wire);
}

static void put_bytes(struct packing *p, const void *data, size_t size)
{
        make_room(p, HEAD_MAX_BYTES + size);
        p->at = put_varint(p->at, size);
        if (size)
                memcpy(p->at, data, size);
        p->at += size;
}

/* ---- what lies within ---- */

static size_t begin_within(struct packing *p)
{
        make_room(p, 1);
        return (size_t)(p->at++ - p->buf->data);
}

static void end_within(struct packing *p, size_t start)
{
        uint8_t length[HEAD_MAX_BYTES];
        size_t size = (size_t)(p->at - p->buf->data) - start - 1;
        size_t more = (size_t)(put_varint(length, size) - length) - 1;
        uint8_t *at;

        make_room(p, more);
        at = p->buf->data + start;
        if (more)
                memmove(at + 1 + more, at + 1, size);
        memcpy(at, length, 1 + more);
        p->at += more;
}

/* ---- numbers ---- */

/* As it goes on the wire; of a double, its bits. False: no number, or of a kind that is not ours. */
static inline bool number_of(ProtobufCType type, const void *member, uint64_t *ret_number)
{
        switch (type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_ENUM:
                *ret_number = (uint64_t)(int64_t) * (const int32_t *)member;
                break;
        case PROTOBUF_C_TYPE_UINT32: *ret_number = *(const uint32_t *)member; break;
        case PROTOBUF_C_TYPE_SINT32: {
                uint32_t value = *(const uint32_t *)member;

                *ret_number = value << 1 ^ -(value >> 31);
                break;
        }
        case PROTOBUF_C_TYPE_SINT64: {
                uint64_t value = *(const uint64_t *)member;

                *ret_number = value << 1 ^ -(value >> 63);
                break;
        }
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_DOUBLE: *ret_number = *(const uint64_t *)member; break;
        case PROTOBUF_C_TYPE_BOOL: *ret_number = *(const protobuf_c_boolean *)member != 0; break;
        default: return false;
        }
        return true;
}

static void put_fixed64(struct packing *p, uint64_t number)
{
        number = htole64(number);
        memcpy(p->at, &number, sizeof(number)); /* there is room: HEAD_MAX_BYTES */
        p->at += sizeof(number);
}

static bool put_one_number(
        struct packing *p, const ProtobufCFieldDescriptor *field, const void *member)
{
        uint64_t number = 0;

        if (!number_of(field->type, member, &number))
                return false;
        if (field->type == PROTOBUF_C_TYPE_DOUBLE) {
                if (*(const double *)member != 0) { /* nor is -0.0 written */
                        put_tag(p, field, WIRE_FIXED64);
                        put_fixed64(p, number);
                }
        } else if (number) {
                put_tag(p, field, WIRE_VARINT);
                p->at = put_varint(p->at, number);
        }
        return true;
}

static bool put_numbers(struct packing *p, const ProtobufCFieldDescriptor *field,
        const uint8_t *items, size_t count)
{
        size_t size = wire_listed_size(field->type), start;

        if (!size || !(field->flags & PROTOBUF_C_FIELD_FLAG_PACKED))
                return false;
        put_tag(p, field, WIRE_BYTES);
        start = begin_within(p);
        for (size_t i = 0; i < count; i++) {
                uint64_t number = 0;

                (void)number_of(field->type, items + i * size, &number);
                make_room(p, HEAD_MAX_BYTES);
                p->at = put_varint(p->at, number);
        }
        end_within(p, start);
        return true;
}

/* ---- messages ---- */

static bool put_fields(struct packing *p, const ProtobufCMessage *message);

static bool put_message(struct packing *p, const ProtobufCMessage *message)
{
        size_t start = begin_within(p);

        if (message && !put_fields(p, message))
                return false;
        end_within(p, start);
        return true;
}

static bool put_list(
        struct packing *p, const ProtobufCFieldDescriptor *field, const void *list, size_t count)
{
        const void *const *items = list;

        if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
                return put_numbers(p, field, list, count);
        for (size_t i = 0; i < count; i++) {
                put_tag(p, field, WIRE_BYTES);
                if (field->type == PROTOBUF_C_TYPE_STRING)
                        put_bytes(p, items[i], items[i] ? strlen(items[i]) : 0);
                else if (!put_message(p, items[i]))
                        return false;
        }
        return true;
}

static bool put_one(struct packing *p, const ProtobufCFieldDescriptor *field, const void *member)
{
        const ProtobufCBinaryData *data;
        const char *text;

        switch (field->type) {
        case PROTOBUF_C_TYPE_STRING:
                text = *(const char *const *)member;
                if (!text || !*text)
                        return true;
                put_tag(p, field, WIRE_BYTES);
                put_bytes(p, text, strlen(text));
                return true;
        case PROTOBUF_C_TYPE_BYTES:
                data = member;
                if (!data->len)
                        return true;
                put_tag(p, field, WIRE_BYTES);
                put_bytes(p, data->data, data->len);
                return true;
        case PROTOBUF_C_TYPE_MESSAGE:
                if (!*(const void *const *)member)
                        return true;
                put_tag(p, field, WIRE_BYTES);
                return put_message(p, *(const ProtobufCMessage *const *)member);
        default: return put_one_number(p, field, member);
        }
}

static bool put_fields(struct packing *p, const ProtobufCMessage *message)
{
        const ProtobufCMessageDescriptor *descriptor = message->descriptor;
        const uint8_t *base = (const uint8_t *)message;

        for (unsigned int i = 0; i < descriptor->n_fields; i++) {
                const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
                const void *member = base + field->offset;
                size_t count = 0;

                if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
                        return false;
                if (field->label == PROTOBUF_C_LABEL_NONE) {
                        if (!put_one(p, field, member))
                                return false;
                        continue;
                }
                if (field->label != PROTOBUF_C_LABEL_REPEATED)
                        return false;
                memcpy(&count, base + field->quantifier_offset, sizeof(count));
                if (count && !put_list(p, field, *(const void *const *)member, count))
                        return false;
        }
        return !message->n_unknown_fields;
}

void message_pack(const ProtobufCMessage *message, struct bus_buf *buf)
{
        uint8_t *at = bus_buf_reserve(buf, STEP_BYTES);
        struct packing packing = { .buf = buf, .at = at, .end = at + STEP_BYTES };
        size_t start = buf->size;

        if (put_fields(&packing, message)) {
                buf->size = (size_t)(packing.at - buf->data);
                return;
        }
        buf->size = start;
        bus_buf_reserve(buf, protobuf_c_message_get_packed_size(message));
        buf->size += protobuf_c_message_pack(message, buf->data + start);
}
