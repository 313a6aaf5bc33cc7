#pragma once
/*
 * What protobuf-c lets through and must not get further: judged on the bytes, before they are
 * unpacked, so that the cost of unpacking is bounded too.
 *
 * Refused: a field of the wrong wire type, a single field given twice, text that is not UTF-8 or
 * holds a NUL or another control character, an enumeration's unknown value, a number wider than its
 * field, more than MAX_FIELDS fields at all depths together. Fields the descriptor does not know
 * are counted and otherwise left alone: a newer peer may send them.
 *
 * Pure. 0, or -EBADMSG with *RET_WHY a constant text.
 */
#include "libbus/base/bytes.h"

#include <protobuf-c/protobuf-c.h>

BUS_MUST int wire_check(struct bus_bytes frame, const ProtobufCMessageDescriptor *type,
        size_t max_fields, const char **ret_why);
