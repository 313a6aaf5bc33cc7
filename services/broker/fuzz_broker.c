/*
 * Any bytes as a frame of the broker link: what is accepted must survive being packed and read
 * again, and what is refused must say why.
 */
#include "services/broker/broker_codec.h"

#include "libbus/base/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        BROKER_AUTOFREE Pb__BrokerMessage *message = NULL, *again = NULL;
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;
        const char *why = NULL;

        if (broker_unpack(bus_bytes(data, size), BROKER_FRAME_MAX_BYTES, &message, &why) < 0) {
                bus_require(why && !message);
                return 0;
        }
        broker_pack(message, &buf);
        if (buf.size > BROKER_FRAME_MAX_BYTES)
                return 0; /* a longer spelling of the same; possible only at the very limit */
        bus_require(broker_unpack(bus_buf_bytes(&buf), BROKER_FRAME_MAX_BYTES, &again, &why) == 0);
        bus_require(again->kind == message->kind);
        return 0;
}
