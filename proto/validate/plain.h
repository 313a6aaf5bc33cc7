#pragma once
/*
 * Bytes to message in one pass, where they are as our own programs write them. protobuf-c asks of
 * each field several times what it is, and takes four times as long.
 */
#include "libbus/base/bytes.h"

#include <protobuf-c/protobuf-c.h>

/*
 * The message, as protobuf_c_message_unpack makes it of the same bytes with the same ALLOCATOR (NULL:
 * malloc). NULL where anything about them is unusual: an unknown field, one that comes twice or in
 * another wire type, a list in pieces, a NUL within a text, an end too early. Then the general way
 * has to say what they are.
 */
ProtobufCMessage *message_read_plain(ProtobufCAllocator *allocator,
        const ProtobufCMessageDescriptor *descriptor, struct bus_bytes bytes);
