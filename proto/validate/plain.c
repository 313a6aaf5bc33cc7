/*
 * Invariant: a message is whole at every moment, so that it can be freed wherever the bytes turn out
 * to be unusual: a list counts only the elements that are there.
 */
#include "proto/validate/plain.h"

#include "proto/validate/wire_limits.h"

#include <endian.h>

/* Of a varint that libraries of 32 bits read: tags and lengths. */
#define SHORT_VARINT_MAX_BYTES 5

struct wire {
        const uint8_t *at, *end;
};

struct field {
        uint64_t tag;
        const ProtobufCFieldDescriptor *is;
        uint64_t number;        /* of WIRE_VARINT, WIRE_FIXED64 */
        struct bus_bytes bytes; /* of WIRE_BYTES */
};

struct reading {
        ProtobufCAllocator *allocator;
        size_t fields_left;
        unsigned int depth;
};

static void *take(const struct reading *r, size_t size)
{
        return r->allocator ? r->allocator->alloc(r->allocator->allocator_data, size)
                            : malloc(size);
}

/* ---- the wire ---- */

static bool take_long_varint(struct wire *w, uint64_t *ret_value)
{
        uint64_t value = 0;

        for (unsigned int i = 0; i < VARINT_MAX_BYTES && w->at < w->end; i++) {
                uint8_t byte = *w->at++;

                value |= (uint64_t)(byte & 0x7f) << (7 * i);
                if (byte & 0x80)
                        continue;
                *ret_value = value;
                return i < VARINT_MAX_BYTES - 1 || byte <= 1; /* else it has more than 64 bits */
        }
        return false;
}

static inline bool take_varint(struct wire *w, uint64_t *ret_value)
{
        if (w->at < w->end && *w->at < 0x80) {
                *ret_value = *w->at++;
                return true;
        }
        return take_long_varint(w, ret_value);
}

static inline bool take_short_varint(struct wire *w, uint64_t *ret_value)
{
        const uint8_t *start = w->at;

        return take_varint(w, ret_value) && w->at - start <= SHORT_VARINT_MAX_BYTES &&
               *ret_value <= UINT32_MAX;
}

static bool take_bytes(struct wire *w, struct bus_bytes *ret_bytes)
{
        uint64_t size;

        if (!take_short_varint(w, &size) || size > (uint64_t)(w->end - w->at))
                return false;
        *ret_bytes = bus_bytes(w->at, size);
        w->at += size;
        return true;
}

static bool take_fixed64(struct wire *w, uint64_t *ret_value)
{
        if (w->end - w->at < (ptrdiff_t)sizeof(*ret_value))
                return false;
        memcpy(ret_value, w->at, sizeof(*ret_value));
        *ret_value = le64toh(*ret_value);
        w->at += sizeof(*ret_value);
        return true;
}

static bool take_value(struct wire *w, struct field *field)
{
        switch (field->tag & 7) {
        case WIRE_VARINT: return take_varint(w, &field->number);
        case WIRE_FIXED64: return take_fixed64(w, &field->number);
        case WIRE_BYTES: return take_bytes(w, &field->bytes);
        default: return false;
        }
}

/* ---- values ---- */

static bool is_of_wire(const ProtobufCFieldDescriptor *is, unsigned int wire)
{
        switch (is->type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_ENUM:
        case PROTOBUF_C_TYPE_BOOL: return wire == WIRE_VARINT;
        case PROTOBUF_C_TYPE_DOUBLE: return wire == WIRE_FIXED64;
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_BYTES:
        case PROTOBUF_C_TYPE_MESSAGE: return wire == WIRE_BYTES;
        default: return false; /* no message of ours has one */
        }
}

static void put_number(ProtobufCType type, uint64_t number, void *at)
{
        switch (type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_ENUM: *(uint32_t *)at = (uint32_t)number; break;
        case PROTOBUF_C_TYPE_SINT32:
                *(uint32_t *)at = (uint32_t)number >> 1 ^ -((uint32_t)number & 1);
                break;
        case PROTOBUF_C_TYPE_SINT64: *(uint64_t *)at = number >> 1 ^ -(number & 1); break;
        case PROTOBUF_C_TYPE_BOOL: *(protobuf_c_boolean *)at = number != 0; break;
        default: *(uint64_t *)at = number; break; /* a double's bits as well */
        }
}

static char *read_text(const struct reading *r, struct bus_bytes bytes)
{
        char *text = memchr(bytes.data, 0, bytes.size) ? NULL : take(r, bytes.size + 1);

        if (!text)
                return NULL;
        memcpy(text, bytes.data, bytes.size);
        text[bytes.size] = 0;
        return text;
}

static bool read_data(
        const struct reading *r, struct bus_bytes bytes, ProtobufCBinaryData *ret_data)
{
        if (!bytes.size)
                return true;
        ret_data->data = take(r, bytes.size);
        if (!ret_data->data)
                return false;
        memcpy(ret_data->data, bytes.data, bytes.size);
        ret_data->len = bytes.size;
        return true;
}

static ProtobufCMessage *read_message(
        struct reading *r, const ProtobufCMessageDescriptor *descriptor, struct bus_bytes bytes);

/* Into MEMBER, where nothing is yet but the default; false also where it came before. */
static bool read_one(struct reading *r, const struct field *field, void *member)
{
        switch (field->is->type) {
        case PROTOBUF_C_TYPE_STRING:
                return *(void **)member == field->is->default_value &&
                       (*(char **)member = read_text(r, field->bytes));
        case PROTOBUF_C_TYPE_BYTES:
                return !((ProtobufCBinaryData *)member)->data && read_data(r, field->bytes, member);
        case PROTOBUF_C_TYPE_MESSAGE:
                return !*(void **)member && (*(ProtobufCMessage **)member = read_message(
                                                     r, field->is->descriptor, field->bytes));
        default: put_number(field->is->type, field->number, member); return true;
        }
}

/* ---- lists ---- */

/* Numbers, one behind the other in one field. */
static bool read_numbers(
        const struct reading *r, const struct field *field, size_t *count, void **list)
{
        struct wire w = { field->bytes.data, field->bytes.data + field->bytes.size };
        size_t size = wire_listed_size(field->is->type), all = 0;
        uint64_t number;

        for (size_t i = 0; i < field->bytes.size; i++)
                all += field->bytes.data[i] < 0x80;
        if (!all)
                return !field->bytes.size;
        *list = take(r, all * size);
        while (*list && w.at < w.end) {
                if (!take_varint(&w, &number))
                        return false;
                put_number(field->is->type, number, (uint8_t *)*list + (*count)++ * size);
        }
        return *list;
}

/* This one and how many of the same tag follow right behind. */
static size_t count_run(struct wire w, uint64_t tag)
{
        struct bus_bytes skipped;
        size_t count = 1;
        uint64_t next;

        while (take_short_varint(&w, &next) && next == tag && take_bytes(&w, &skipped))
                count++;
        return count;
}

/* Texts or messages: W stands behind the first. */
static bool read_run(
        struct reading *r, struct wire *w, struct field *field, size_t *count, void **list)
{
        size_t all = count_run(*w, field->tag);
        void **items = *list = take(r, all * sizeof(*items));
        uint64_t tag;

        if (!items)
                return false;
        for (;;) {
                void *item = field->is->type == PROTOBUF_C_TYPE_STRING
                                     ? (void *)read_text(r, field->bytes)
                                     : read_message(r, field->is->descriptor, field->bytes);

                if (!item)
                        return false;
                items[(*count)++] = item;
                if (*count == all)
                        return true;
                if (!r->fields_left || !take_short_varint(w, &tag) || !take_bytes(w, &field->bytes))
                        return false;
                r->fields_left--;
        }
}

static bool read_list(struct reading *r, struct wire *w, struct field *field, uint8_t *message)
{
        size_t *count = (size_t *)(void *)(message + field->is->quantifier_offset);
        void **list = (void **)(void *)(message + field->is->offset);
        bool is_packed = field->is->flags & PROTOBUF_C_FIELD_FLAG_PACKED;

        if (*list || (field->tag & 7) != WIRE_BYTES)
                return false;
        switch (field->is->type) {
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_MESSAGE: return read_run(r, w, field, count, list);
        default:
                return is_packed && wire_listed_size(field->is->type) &&
                       read_numbers(r, field, count, list);
        }
}

/* ---- messages ---- */

/* Fields are written in the order of their numbers, so it is the last one or one behind it. */
static const ProtobufCFieldDescriptor *find(
        const ProtobufCMessageDescriptor *descriptor, uint64_t id, unsigned int *index)
{
        const ProtobufCFieldDescriptor *fields = descriptor->fields;
        unsigned int i = *index;

        if (i < descriptor->n_fields && fields[i].id > id)
                i = 0;
        while (i < descriptor->n_fields && fields[i].id < id)
                i++;
        *index = i;
        return i < descriptor->n_fields && fields[i].id == id ? &fields[i] : NULL;
}

static bool read_fields(struct reading *r, struct wire *w, ProtobufCMessage *message)
{
        unsigned int index = 0;

        while (w->at < w->end) {
                struct field field = { .bytes = bus_bytes_str("") };
                bool good;

                if (!r->fields_left || !take_short_varint(w, &field.tag) || !take_value(w, &field))
                        return false;
                r->fields_left--;
                field.is = find(message->descriptor, field.tag >> 3, &index);
                if (!field.is || field.is->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
                        return false;
                if (field.is->label == PROTOBUF_C_LABEL_REPEATED)
                        good = read_list(r, w, &field, (uint8_t *)message);
                else
                        good = field.is->label == PROTOBUF_C_LABEL_NONE &&
                               is_of_wire(field.is, field.tag & 7) &&
                               read_one(r, &field, (uint8_t *)message + field.is->offset);
                if (!good)
                        return false;
        }
        return true;
}

static ProtobufCMessage *read_message(
        struct reading *r, const ProtobufCMessageDescriptor *descriptor, struct bus_bytes bytes)
{
        struct wire w = { bytes.data, bytes.data + bytes.size };
        ProtobufCMessage *message = NULL;
        bool good;

        if (r->depth <= DEPTH_MAX && descriptor->message_init)
                message = take(r, descriptor->sizeof_message);
        if (!message)
                return NULL;
        descriptor->message_init(message);
        r->depth++;
        good = read_fields(r, &w, message);
        r->depth--;
        if (good)
                return message;
        protobuf_c_message_free_unpacked(message, r->allocator);
        return NULL;
}

ProtobufCMessage *message_read_plain(ProtobufCAllocator *allocator,
        const ProtobufCMessageDescriptor *descriptor, struct bus_bytes bytes)
{
        struct reading reading = { .allocator = allocator, .fields_left = FIELDS_MAX };

        return read_message(&reading, descriptor, bytes);
}
