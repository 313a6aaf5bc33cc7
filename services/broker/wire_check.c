#include "services/broker/wire_check.h"

#include <errno.h>

enum {
        DEPTH_MAX = 8, /* our messages nest three deep */
        VARINT_BYTES_MAX = 10,
};

enum wire_type {
        WIRE_VARINT = 0,
        WIRE_FIXED64 = 1,
        WIRE_BYTES = 2,
        WIRE_FIXED32 = 5,
};

struct walk {
        size_t fields_left;
        const char *why;
};

struct field {
        uint32_t number;
        enum wire_type wire;
        uint64_t value;         /* of a varint */
        struct bus_bytes bytes; /* of the others */
};

static int refuse(struct walk *walk, const char *why)
{
        walk->why = why;
        return -EBADMSG;
}

static bool take_varint(struct bus_bytes *rest, uint64_t *ret_value)
{
        uint64_t value = 0;

        for (size_t i = 0; i < VARINT_BYTES_MAX && i < rest->size; i++) {
                value |= (uint64_t)(rest->data[i] & 0x7f) << (7 * i);
                if (rest->data[i] & 0x80)
                        continue;
                *rest = bus_bytes(rest->data + i + 1, rest->size - i - 1);
                *ret_value = value;
                return true;
        }
        return false;
}

static bool take_bytes(struct bus_bytes *rest, uint64_t size, struct bus_bytes *ret_bytes)
{
        if (size > rest->size)
                return false;
        *ret_bytes = bus_bytes(rest->data, (size_t)size);
        *rest = bus_bytes(rest->data + size, rest->size - (size_t)size);
        return true;
}

static bool take_field(struct bus_bytes *rest, struct field *ret_field)
{
        uint64_t tag, size;

        if (!take_varint(rest, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
                return false;
        ret_field->number = (uint32_t)(tag >> 3);
        ret_field->wire = (enum wire_type)(tag & 7);
        switch (ret_field->wire) {
        case WIRE_VARINT: return take_varint(rest, &ret_field->value);
        case WIRE_FIXED64: return take_bytes(rest, 8, &ret_field->bytes);
        case WIRE_FIXED32: return take_bytes(rest, 4, &ret_field->bytes);
        case WIRE_BYTES:
                return take_varint(rest, &size) && take_bytes(rest, size, &ret_field->bytes);
        }
        return false;
}

/* Bytes behind the first of a character that starts with LEAD, and the lowest code it may stand for. */
static int utf8_tail(uint8_t lead, uint32_t *ret_code, uint32_t *ret_lowest)
{
        if (lead < 0x80) {
                *ret_code = lead;
                *ret_lowest = 0;
                return 0;
        }
        if (lead >= 0xc2 && lead < 0xe0) {
                *ret_code = lead & 0x1f;
                *ret_lowest = 0x80;
                return 1;
        }
        if (lead >= 0xe0 && lead < 0xf0) {
                *ret_code = lead & 0x0f;
                *ret_lowest = 0x800;
                return 2;
        }
        if (lead >= 0xf0 && lead < 0xf5) {
                *ret_code = lead & 0x07;
                *ret_lowest = 0x10000;
                return 3;
        }
        return -1;
}

static bool is_plain_text(struct bus_bytes text)
{
        uint32_t code, lowest;

        for (size_t i = 0; i < text.size;) {
                int tail = utf8_tail(text.data[i++], &code, &lowest);

                if (tail < 0 || (size_t)tail > text.size - i)
                        return false;
                for (; tail > 0; tail--, i++) {
                        if ((text.data[i] & 0xc0) != 0x80)
                                return false;
                        code = code << 6 | (text.data[i] & 0x3f);
                }
                if (code < lowest || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
                        return false;
                if (code < 0x20 || code == 0x7f)
                        return false;
        }
        return true;
}

static bool is_known_enum(const ProtobufCFieldDescriptor *type, uint64_t value)
{
        return value <= INT32_MAX &&
               protobuf_c_enum_descriptor_get_value(type->descriptor, (int)value);
}

static int check_message(struct walk *walk, struct bus_bytes frame,
        const ProtobufCMessageDescriptor *type, int depth);

static int check_value(struct walk *walk, const struct field *field,
        const ProtobufCFieldDescriptor *type, int depth)
{
        switch (type->type) {
        case PROTOBUF_C_TYPE_MESSAGE:
                if (field->wire != WIRE_BYTES)
                        return refuse(walk, "field of the wrong wire type");
                return check_message(walk, field->bytes, type->descriptor, depth + 1);
        case PROTOBUF_C_TYPE_STRING:
                if (field->wire != WIRE_BYTES)
                        return refuse(walk, "field of the wrong wire type");
                return is_plain_text(field->bytes) ? 0 : refuse(walk, "text is not plain UTF-8");
        case PROTOBUF_C_TYPE_BYTES:
                return field->wire == WIRE_BYTES ? 0 : refuse(walk, "field of the wrong wire type");
        case PROTOBUF_C_TYPE_ENUM:
                if (field->wire != WIRE_VARINT)
                        return refuse(walk, "field of the wrong wire type");
                return is_known_enum(type, field->value)
                               ? 0
                               : refuse(walk, "unknown enumeration value");
        case PROTOBUF_C_TYPE_BOOL:
        case PROTOBUF_C_TYPE_UINT32:
                if (field->wire != WIRE_VARINT)
                        return refuse(walk, "field of the wrong wire type");
                return field->value <= UINT32_MAX ? 0 : refuse(walk, "number wider than its field");
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_INT64:
                return field->wire == WIRE_VARINT ? 0
                                                  : refuse(walk, "field of the wrong wire type");
        default:
                /* A type no message of ours uses: nothing is known about it, so nothing is let through. */
                return refuse(walk, "field of a type that is not in use");
        }
}

static int check_message(struct walk *walk, struct bus_bytes frame,
        const ProtobufCMessageDescriptor *type, int depth)
{
        uint64_t seen = 0; /* by the index of the field in the descriptor */
        int r;

        if (depth > DEPTH_MAX)
                return refuse(walk, "nested too deep");
        while (frame.size) {
                const ProtobufCFieldDescriptor *known;
                struct field field = { 0 };
                size_t index;

                if (!take_field(&frame, &field))
                        return refuse(walk, "not a protobuf message");
                if (!walk->fields_left--)
                        return refuse(walk, "too many fields");
                known = protobuf_c_message_descriptor_get_field(type, field.number);
                if (!known)
                        continue;
                index = (size_t)(known - type->fields);
                if (index >= 64 || (known->label != PROTOBUF_C_LABEL_REPEATED && seen >> index & 1))
                        return refuse(walk, "a single field is given twice");
                seen |= UINT64_C(1) << index;
                r = check_value(walk, &field, known, depth);
                if (r < 0)
                        return r;
        }
        return 0;
}

int wire_check(struct bus_bytes frame, const ProtobufCMessageDescriptor *type, size_t max_fields,
        const char **ret_why)
{
        struct walk walk = { .fields_left = max_fields };
        int r;

        r = check_message(&walk, frame, type, 0);
        if (r < 0)
                *ret_why = walk.why;
        return r;
}
