/*
 * What is not plain goes the general way: walks the wire format beside protobuf-c, only as far as it
 * takes to see the bytes of strings.
 */
#include "proto/unpack.h"

#include "libbus/base/require.h"

#include "proto/validate/plain.h"
#include "proto/validate/wire_limits.h"

#include <errno.h>
#include <stdalign.h>
#include <stddef.h>

/* False if it does not end within the bytes. */
static bool take_varint(struct bus_bytes *rest, uint64_t *ret_value)
{
        uint64_t value = 0;

        for (unsigned int i = 0; i < VARINT_MAX_BYTES && i < rest->size; i++) {
                value |= (uint64_t)(rest->data[i] & 0x7f) << (7 * i);
                if (rest->data[i] & 0x80)
                        continue;
                *rest = bus_bytes(rest->data + i + 1, rest->size - i - 1);
                *ret_value = value;
                return true;
        }
        return false;
}

static bool take(struct bus_bytes *rest, uint64_t size, struct bus_bytes *ret_taken)
{
        if (size > rest->size)
                return false;
        *ret_taken = bus_bytes(rest->data, size);
        *rest = bus_bytes(rest->data + size, rest->size - size);
        return true;
}

/* One field's value off REST; *RET_VALUE is empty unless it is of wire type 2. */
static bool take_value(struct bus_bytes *rest, unsigned int wire_type, struct bus_bytes *ret_value)
{
        struct bus_bytes skipped;
        uint64_t number;

        *ret_value = bus_bytes(NULL, 0);
        switch (wire_type) {
        case WIRE_VARINT: return take_varint(rest, &number);
        case WIRE_FIXED64: return take(rest, 8, &skipped);
        case WIRE_FIXED32: return take(rest, 4, &skipped);
        case WIRE_BYTES: return take_varint(rest, &number) && take(rest, number, ret_value);
        default: return false;
        }
}

struct scan {
        size_t fields_left;
        const char *why;
};

static int refuse(struct scan *scan, const char *why)
{
        scan->why = why;
        return -EBADMSG;
}

static int scan_message(struct scan *scan, const ProtobufCMessageDescriptor *descriptor,
        struct bus_bytes rest, unsigned int depth);

static int scan_value(struct scan *scan, const ProtobufCFieldDescriptor *field,
        struct bus_bytes value, unsigned int depth)
{
        switch (field->type) {
        case PROTOBUF_C_TYPE_STRING:
                if (value.size && memchr(value.data, 0, value.size))
                        return refuse(scan, field->name);
                return 0;
        case PROTOBUF_C_TYPE_MESSAGE:
                return scan_message(scan, field->descriptor, value, depth + 1);
        default: return 0;
        }
}

static int scan_message(struct scan *scan, const ProtobufCMessageDescriptor *descriptor,
        struct bus_bytes rest, unsigned int depth)
{
        if (depth > DEPTH_MAX)
                return refuse(scan, "nested too deep");
        while (rest.size) {
                const ProtobufCFieldDescriptor *field;
                struct bus_bytes value;
                uint64_t tag;
                int r;

                if (!scan->fields_left--)
                        return refuse(scan, "too many fields");
                if (!take_varint(&rest, &tag) || tag >> 3 > UINT32_MAX ||
                        !take_value(&rest, tag & 7, &value))
                        return refuse(scan, "not a protobuf message");
                field = protobuf_c_message_descriptor_get_field(
                        descriptor, (unsigned int)(tag >> 3));
                if (!field || (tag & 7) != WIRE_BYTES)
                        continue;
                r = scan_value(scan, field, value, depth);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int unpack(ProtobufCAllocator *allocator, const ProtobufCMessageDescriptor *descriptor,
        struct bus_bytes bytes, ProtobufCMessage **ret_message, const char **ret_why)
{
        struct scan scan = { .fields_left = FIELDS_MAX };
        ProtobufCMessage *message;
        int r;

        if (!bytes.size) {
                *ret_why = "empty";
                return -EBADMSG;
        }
        message = message_read_plain(allocator, descriptor, bytes);
        if (message) {
                *ret_message = message;
                return 0;
        }
        r = scan_message(&scan, descriptor, bytes, 0);
        if (r < 0) {
                *ret_why = scan.why;
                return r;
        }
        message = protobuf_c_message_unpack(descriptor, allocator, bytes.size, bytes.data);
        if (!message) {
                *ret_why = "not such a message";
                return -EBADMSG;
        }
        *ret_message = message;
        return 0;
}

int message_unpack(const ProtobufCMessageDescriptor *descriptor, struct bus_bytes bytes,
        ProtobufCMessage **ret_message, const char **ret_why)
{
        return unpack(NULL, descriptor, bytes, ret_message, ret_why);
}

/* ---- arenas ---- */

/* A message of ours takes about so much more than its bytes. */
#define ARENA_EXTRA_BYTES 1024
#define ARENA_ALIGN       alignof(max_align_t)

struct message_arena_part {
        struct message_arena_part *next;
        alignas(max_align_t) uint8_t data[];
};

static void *arena_take(void *data, size_t size)
{
        struct message_arena *arena = data;
        struct message_arena_part *part;
        size_t rounded = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;

        if (rounded >= size && rounded <= arena->size - arena->used) {
                arena->used += rounded;
                return arena->block + arena->used - rounded;
        }
        part = size < SIZE_MAX / 2 ? malloc(sizeof(*part) + size) : NULL;
        if (!part)
                return NULL;
        part->next = arena->parts;
        arena->parts = part;
        return part->data;
}

static void arena_give_back(void *data, void *pointer)
{
        (void)data;
        (void)pointer;
}

/*
 * Blocks of one size go from hand to hand: one message follows the other, and asking malloc for two
 * kilobytes and giving them back costs as much as reading a message. Where a sanitizer looks for
 * what is used when it is gone, each is a block of its own.
 */
#define POOL_BLOCK_BYTES ((size_t)4096)
#define POOL_BLOCKS      8

#if defined(__SANITIZE_ADDRESS__)
#define EACH_ALONE 1
#elif defined(__has_feature)
#define EACH_ALONE __has_feature(address_sanitizer)
#else
#define EACH_ALONE 0
#endif

#if !EACH_ALONE
static _Thread_local struct {
        uint8_t *blocks[POOL_BLOCKS];
        size_t count;
} pool;

static uint8_t *take_block(size_t *size)
{
        if (*size > POOL_BLOCK_BYTES)
                return bus_xrealloc(NULL, *size);
        *size = POOL_BLOCK_BYTES;
        return pool.count ? pool.blocks[--pool.count] : bus_xrealloc(NULL, POOL_BLOCK_BYTES);
}

static void give_block(uint8_t *block, size_t size)
{
        if (block && size == POOL_BLOCK_BYTES && pool.count < POOL_BLOCKS)
                pool.blocks[pool.count++] = block;
        else
                free(block);
}
#else
static uint8_t *take_block(size_t *size)
{
        return bus_xrealloc(NULL, *size);
}

static void give_block(uint8_t *block, size_t size)
{
        (void)size;
        free(block);
}
#endif

void message_arena_begin(struct message_arena *arena, size_t wire_bytes)
{
        if (arena->block)
                return;
        arena->size = 2 * wire_bytes + ARENA_EXTRA_BYTES;
        arena->block = take_block(&arena->size);
}

void *message_arena_take(struct message_arena *arena, size_t size)
{
        void *taken = arena_take(arena, size);

        bus_require(taken);
        return taken;
}

int message_unpack_in(struct message_arena *arena, const ProtobufCMessageDescriptor *descriptor,
        struct bus_bytes bytes, ProtobufCMessage **ret_message, const char **ret_why)
{
        ProtobufCAllocator allocator = {
                .alloc = arena_take, .free = arena_give_back, .allocator_data = arena
        };

        message_arena_begin(arena, bytes.size);
        return unpack(&allocator, descriptor, bytes, ret_message, ret_why);
}

char *message_arena_text(struct message_arena *arena, const char *text)
{
        size_t size = strlen(text) + 1;

        return memcpy(message_arena_take(arena, size), text, size);
}

void message_arena_done(struct message_arena *arena)
{
        struct message_arena_part *part;

        while ((part = arena->parts)) {
                arena->parts = part->next;
                free(part);
        }
        give_block(arena->block, arena->size);
        *arena = (struct message_arena){ 0 };
}

ProtobufCMessage *message_unpack_or_null(
        const ProtobufCMessageDescriptor *descriptor, struct bus_bytes bytes)
{
        ProtobufCMessage *message = NULL;
        const char *why;

        return message_unpack(descriptor, bytes, &message, &why) < 0 ? NULL : message;
}
