#pragma once
/* Protobuf's wire format, and how much of it a message of ours may have. */
#include <protobuf-c/protobuf-c.h>

enum {
        WIRE_VARINT = 0,
        WIRE_FIXED64 = 1,
        WIRE_BYTES = 2,
        WIRE_FIXED32 = 5,
        VARINT_MAX_BYTES = 10,
        DEPTH_MAX = 8, /* our deepest message has 3 levels, and none contains itself */
        /* Every field may cost an allocation many times its size; a replay reply or a heartbeat with
         * all its metrics stays far below. */
        FIELDS_MAX = 1 << 16,
};

/* Of a number in a list of numbers; 0: no list of ours has such. */
static inline size_t wire_listed_size(ProtobufCType type)
{
        switch (type) {
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_UINT32:
        case PROTOBUF_C_TYPE_ENUM: return sizeof(uint32_t);
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_UINT64: return sizeof(uint64_t);
        default: return 0;
        }
}
