#pragma once
/* Protobuf's wire format, and how much of it a message of ours may have. */

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
