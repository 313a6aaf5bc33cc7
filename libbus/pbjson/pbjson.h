#pragma once
/*
 * Any protobuf-c message as JSON, by its descriptor: for people and tools (tap, trace, health's
 * API). Nothing is ever read back from it. A library of its own, so that a service that must not
 * know JSON or other people's messages links neither.
 *
 * How fields appear, so that nothing is lost and nothing needs a table beside the .proto file:
 *   x_e8       "x": "2644.5"       decimal text, exact
 *   x_cents    "x": "1000.00"
 *   x_us       "x_us": 1763...     the number; and, where it is a moment and not a duration,
 *              "x": "2026-11-22T18:20:00.123456Z"
 *   enums      "buy"               lower case, without the enum's prefix; absent when unspecified;
 *              the number when this program does not know the value
 *   bytes      "x": "..." where they are text in UTF-8, else "x_base64": "..."
 *   uint64     a number, or decimal text beyond JSON's 2^63-1
 *   messages   objects; absent when not set
 *   strings    absent when empty
 *   repeated   arrays, also when empty
 *   has_y      not shown itself: where false, the field behind it is absent
 */
#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/* The caller owns the result; never NULL. Pure. */
json_t *pbjson(const ProtobufCMessage *message);

/* The short name of an enum's value ("take_profit"), written into TEXT; the number if unknown. */
#define PBJSON_ENUM_SIZE 64
const char *pbjson_enum(
        const ProtobufCEnumDescriptor *descriptor, int value, char text[static PBJSON_ENUM_SIZE]);
