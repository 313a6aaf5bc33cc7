/*
 * Any text: what was set is what is read back, and setting it again changes nothing.
 */
#include "libbus/base/require.h"
#include "services/umbra/ini_edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        BUS_AUTOBUF struct bus_buf once = BUS_BUF_INIT, twice = BUS_BUF_INIT;
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;

        ini_set(bus_bytes(data, size), "health", "listen", "127.0.0.1:1", &once);
        bus_require(ini_get(bus_buf_bytes(&once), "health", "listen", &value));
        bus_require(bus_bytes_equal(bus_buf_bytes(&value), bus_bytes_str("127.0.0.1:1")));
        ini_set(bus_buf_bytes(&once), "health", "listen", "127.0.0.1:1", &twice);
        bus_require(bus_bytes_equal(bus_buf_bytes(&once), bus_buf_bytes(&twice)));
        return 0;
}
