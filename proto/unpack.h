#pragma once
/*
 * Bytes to message, refusing what protobuf-c lets through: an empty frame, and a NUL within a
 * string, which would show as a shorter text to us and as the whole one to somebody else.
 * What the fields hold is the validator's to judge (proto/validate.h), next.
 */
#include "libbus/base/bytes.h"

#include <protobuf-c/protobuf-c.h>

/*
 * 0 and the caller frees *RET_MESSAGE with protobuf_c_message_free_unpacked(message, NULL), or with
 * the type's own free_unpacked. -EBADMSG if BYTES are no such message; *RET_WHY is then a static
 * text or the name of the field.
 */
BUS_MUST int message_unpack(const ProtobufCMessageDescriptor *descriptor, struct bus_bytes bytes,
        ProtobufCMessage **ret_message, const char **ret_why);

/*
 * Where a message's memory comes from in one piece, and goes in one: a message has a dozen parts, and
 * asking for each costs more than reading it. May be moved as it is; begins as { 0 }.
 */
struct message_arena {
        uint8_t *block;
        size_t used, size;
        struct message_arena_part *parts; /* what the block had no room for */
};
/* As message_unpack, but what it makes belongs to ARENA, also where it fails. */
BUS_MUST int message_unpack_in(struct message_arena *arena,
        const ProtobufCMessageDescriptor *descriptor, struct bus_bytes bytes,
        ProtobufCMessage **ret_message, const char **ret_why);
/* Makes ARENA ready for a message of so many bytes on the wire; message_unpack_in does so itself. */
void message_arena_begin(struct message_arena *arena, size_t wire_bytes);
/* Room that belongs to ARENA, aligned for anything. Never NULL. */
void *message_arena_take(struct message_arena *arena, size_t size);
/* A copy of TEXT that belongs to ARENA. */
char *message_arena_text(struct message_arena *arena, const char *text);
void message_arena_done(struct message_arena *arena); /* may be called again */

/* The same where the reason does not matter: NULL if BYTES are no such message. */
ProtobufCMessage *message_unpack_or_null(
        const ProtobufCMessageDescriptor *descriptor, struct bus_bytes bytes);

/* Pb__Order *order = MESSAGE_UNPACK(order, bytes); NULL if BYTES are no order. */
#define MESSAGE_UNPACK(kind, bytes)                                                       \
        ((__typeof__(pb__##kind##__unpack(NULL, 0, NULL)))(void *)message_unpack_or_null( \
                &pb__##kind##__descriptor, bytes))
