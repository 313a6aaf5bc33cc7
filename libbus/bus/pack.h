#pragma once
/* Any protobuf message, packed behind what a buffer holds. */
#include "libbus/base/bytes.h"

#include <protobuf-c/protobuf-c.h>

static inline void bus_pack(const ProtobufCMessage *message, struct bus_buf *buf)
{
        size_t size = protobuf_c_message_get_packed_size(message);

        protobuf_c_message_pack(message, bus_buf_reserve(buf, size));
        buf->size += size;
}
