#include "libbus/pbjson/pbjson.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <ctype.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Microseconds from here on are a moment (2001-09-09 and later), below a duration: nothing of
 * ours ran before, and nothing of ours lasts thirty years. */
#define MOMENT_MIN_US INT64_C(1000000000000000)
#define NAME_SIZE     96 /* longer than any field name in proto/ */

/* One value of a field: a plain field's, or one element of a repeated one. */
struct slot {
        const ProtobufCFieldDescriptor *field;
        const void *at;
};

static size_t size_of_element(ProtobufCType type)
{
        switch (type) {
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_SFIXED64:
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_FIXED64:
        case PROTOBUF_C_TYPE_DOUBLE: return 8;
        case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
        case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
        default: return 4;
        }
}

static bool name_ends(const char *name, const char *suffix)
{
        size_t n = strlen(name), m = strlen(suffix);

        return n > m && !strcmp(name + n - m, suffix);
}

static const char *name_without(const char *name, const char *suffix, char text[static NAME_SIZE])
{
        snprintf(text, NAME_SIZE, "%.*s", (int)(strlen(name) - strlen(suffix)), name);
        return text;
}

const char *pbjson_enum(
        const ProtobufCEnumDescriptor *descriptor, int value, char text[static PBJSON_ENUM_SIZE])
{
        const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(descriptor, value);
        const ProtobufCEnumValue *zero = protobuf_c_enum_descriptor_get_value(descriptor, 0);
        size_t prefix = 0;

        if (!known) {
                snprintf(text, PBJSON_ENUM_SIZE, "%d", value);
                return text;
        }
        if (zero && name_ends(zero->name, "UNSPECIFIED"))
                prefix = strlen(zero->name) - strlen("UNSPECIFIED");
        snprintf(text, PBJSON_ENUM_SIZE, "%s", known->name + prefix);
        for (char *p = text; *p; p++)
                *p = (char)tolower((unsigned char)*p);
        return text;
}

static json_t *integer(int64_t value)
{
        return json_integer((json_int_t)value);
}

static json_t *unsigned_integer(uint64_t value)
{
        char text[24];

        if (value <= INT64_MAX)
                return integer((int64_t)value);
        snprintf(text, sizeof(text), "%" PRIu64, value);
        return json_string(text);
}

static json_t *enumeration(const ProtobufCFieldDescriptor *field, int value)
{
        char text[PBJSON_ENUM_SIZE];

        if (!protobuf_c_enum_descriptor_get_value(field->descriptor, value))
                return integer(value);
        return json_string(pbjson_enum(field->descriptor, value, text));
}

/* NULL where text is not UTF-8: what came over the bus may be anything until it was validated. */
static json_t *text_or_null(const char *text)
{
        json_t *value = json_string(text);

        return value ? value : json_null();
}

static json_t *value_of(struct slot slot)
{
        switch (slot.field->type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_SFIXED32: return integer(*(const int32_t *)slot.at);
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_FIXED32: return integer(*(const uint32_t *)slot.at);
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_SFIXED64: return integer(*(const int64_t *)slot.at);
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_FIXED64: return unsigned_integer(*(const uint64_t *)slot.at);
        case PROTOBUF_C_TYPE_FLOAT: return json_real((double)*(const float *)slot.at);
        case PROTOBUF_C_TYPE_DOUBLE: return json_real(*(const double *)slot.at);
        case PROTOBUF_C_TYPE_BOOL: return json_boolean(*(const protobuf_c_boolean *)slot.at);
        case PROTOBUF_C_TYPE_ENUM: return enumeration(slot.field, *(const int *)slot.at);
        case PROTOBUF_C_TYPE_STRING: return text_or_null(*(char *const *)slot.at);
        case PROTOBUF_C_TYPE_MESSAGE: return pbjson(*(ProtobufCMessage *const *)slot.at);
        case PROTOBUF_C_TYPE_BYTES: break; /* has a name of its own: add_bytes */
        }
        return NULL;
}

static void set(json_t *object, const char *name, json_t *value)
{
        /* jansson makes no value of what it cannot write: NaN, or memory that is not there. */
        bus_require(!json_object_set_new(object, name, value ? value : json_null()));
}

static void add_bytes(json_t *object, const char *name, const ProtobufCBinaryData *bytes)
{
        const int variant = sodium_base64_VARIANT_ORIGINAL;
        BUS_AUTOFREE char *base64 = NULL;
        char other[NAME_SIZE];
        size_t size;
        json_t *text;

        text = json_stringn((const char *)bytes->data, bytes->len);
        if (text && (!bytes->len || !memchr(bytes->data, 0, bytes->len))) {
                set(object, name, text);
                return;
        }
        json_decref(text);
        size = sodium_base64_ENCODED_LEN(bytes->len, variant);
        base64 = bus_xcalloc(1, size);
        sodium_bin2base64(base64, size, bytes->data, bytes->len, variant);
        snprintf(other, sizeof(other), "%s_base64", name);
        set(object, other, json_string(base64));
}

/* The three suffixes that carry a unit; false where the name has none of them. */
static bool add_unit(json_t *object, const char *name, int64_t value)
{
        char text[E8_TEXT_SIZE], when[BUS_TIME_TEXT_SIZE], other[NAME_SIZE];

        if (name_ends(name, "_e8")) {
                set(object, name_without(name, "_e8", other),
                        json_string(e8_format_short(value, text)));
        } else if (name_ends(name, "_cents")) {
                set(object, name_without(name, "_cents", other),
                        json_string(cents_format(value, text)));
        } else if (name_ends(name, "_us")) {
                set(object, name, integer(value));
                if (value >= MOMENT_MIN_US)
                        set(object, name_without(name, "_us", other),
                                json_string(bus_time_format(value, when)));
        } else {
                return false;
        }
        return true;
}

static void add_repeated(
        json_t *object, const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
        const uint8_t *base = (const uint8_t *)message;
        size_t count = *(const size_t *)(base + field->quantifier_offset);
        const uint8_t *elements = *(uint8_t *const *)(base + field->offset);
        size_t step = size_of_element(field->type);
        json_t *array = json_array(), *value;

        for (size_t i = 0; i < count; i++) {
                value = value_of((struct slot){ field, elements + i * step });
                bus_require(!json_array_append_new(array, value ? value : json_null()));
        }
        set(object, field->name, array);
}

static bool is_absent(struct slot slot)
{
        switch (slot.field->type) {
        case PROTOBUF_C_TYPE_MESSAGE: return !*(void *const *)slot.at;
        case PROTOBUF_C_TYPE_STRING: return !*(char *const *)slot.at || !**(char *const *)slot.at;
        case PROTOBUF_C_TYPE_ENUM: return !*(const int *)slot.at;
        case PROTOBUF_C_TYPE_BYTES: return !((const ProtobufCBinaryData *)slot.at)->len;
        default: return false;
        }
}

static void add_field(
        json_t *object, const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
        struct slot slot = { field, (const uint8_t *)message + field->offset };

        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
                add_repeated(object, field, message);
                return;
        }
        if (is_absent(slot))
                return;
        if (field->type == PROTOBUF_C_TYPE_BYTES)
                add_bytes(object, field->name, slot.at);
        else if (field->type != PROTOBUF_C_TYPE_INT64 ||
                 !add_unit(object, field->name, *(const int64_t *)slot.at))
                set(object, field->name, value_of(slot));
}

json_t *pbjson(const ProtobufCMessage *message)
{
        const ProtobufCMessageDescriptor *descriptor = message->descriptor;
        const ProtobufCFieldDescriptor *field;
        json_t *object = json_object();
        bool hidden = false;

        bus_require(object);
        for (unsigned int i = 0; i < descriptor->n_fields; i++) {
                field = &descriptor->fields[i];
                if (field->type == PROTOBUF_C_TYPE_BOOL && !strncmp(field->name, "has_", 4)) {
                        hidden = !*(const protobuf_c_boolean *)((const uint8_t *)message +
                                                                field->offset);
                        continue;
                }
                if (!hidden)
                        add_field(object, field, message);
                hidden = false;
        }
        return object;
}
