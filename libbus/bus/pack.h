#pragma once
/* Any protobuf message, packed behind what a buffer holds. */
#include "proto/pack.h"

static inline void bus_pack(const ProtobufCMessage *message, struct bus_buf *buf)
{
        message_pack(message, buf);
}
