#pragma once
/* Message to bytes: the same bytes as protobuf_c_message_pack makes, in a third of its time. */
#include "libbus/base/bytes.h"

#include <protobuf-c/protobuf-c.h>

/* Behind what BUF holds. */
void message_pack(const ProtobufCMessage *message, struct bus_buf *buf);
