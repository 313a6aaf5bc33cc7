/*
 * Any bytes as any message: the first byte picks the kind. What passes must pass again after being
 * packed and unpacked, or two services would judge one message differently.
 */
#include "proto/validate/samples.h"

#include "libbus/base/require.h"

#include "proto/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_stable(const struct sample_kind *kind, const ProtobufCMessage *message)
{
        size_t size = protobuf_c_message_get_packed_size(message);
        uint8_t *packed = bus_xcalloc(1, size + 1);
        ProtobufCMessage *again;
        const char *why;

        bus_require(protobuf_c_message_pack(message, packed) == size);
        bus_require(message_unpack(kind->descriptor, bus_bytes(packed, size), &again, &why) == 0);
        bus_require(kind->validate(again, &why) == 0);
        protobuf_c_message_free_unpacked(again, NULL);
        free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct sample_kind *kind;
        ProtobufCMessage *message;
        const char *why = NULL;

        if (!size)
                return 0;
        kind = &sample_kinds[data[0] % sample_kind_count];
        if (message_unpack(kind->descriptor, bus_bytes(data + 1, size - 1), &message, &why) < 0) {
                bus_require(why);
                return 0;
        }
        if (kind->validate(message, &why) == 0)
                require_stable(kind, message);
        else
                bus_require(why);
        protobuf_c_message_free_unpacked(message, NULL);
        return 0;
}
