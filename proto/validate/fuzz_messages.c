/*
 * Any bytes as any message: the first byte picks the kind. What passes must pass again after being
 * packed and unpacked, or two services would judge one message differently.
 */
#include "proto/validate/samples.h"

#include "libbus/base/require.h"

#include "proto/pack.h"
#include "proto/unpack.h"
#include "proto/validate/plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read plainly, it is what protobuf-c makes of it, and both pack it alike. */
static void require_alike(const struct sample_kind *kind, struct bus_bytes bytes)
{
        ProtobufCMessage *plain = message_read_plain(NULL, kind->descriptor, bytes), *general;
        BUS_AUTOBUF struct bus_buf ours = BUS_BUF_INIT, theirs = BUS_BUF_INIT;

        if (!plain)
                return;
        general = protobuf_c_message_unpack(kind->descriptor, NULL, bytes.size, bytes.data);
        bus_require(general);
        message_pack(plain, &ours);
        bus_buf_reserve(&theirs, protobuf_c_message_get_packed_size(general) + 1);
        theirs.size = protobuf_c_message_pack(general, theirs.data);
        bus_require(bus_bytes_equal(bus_buf_bytes(&ours), bus_buf_bytes(&theirs)));
        protobuf_c_message_free_unpacked(plain, NULL);
        protobuf_c_message_free_unpacked(general, NULL);
}

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
        require_alike(kind, bus_bytes(data + 1, size - 1));
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
