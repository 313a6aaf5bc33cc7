/* Any bytes from a prober, in two pieces: judged the same whole, and never a crash. */
#include "libbus/base/require.h"
#include "libbus/service/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        bool head = false, head_before = false;
        enum probe_question whole = probe_question(bus_bytes(data, size), &head), before;

        bus_require(whole != PROBE_UNFINISHED || size < PROBE_REQUEST_MAX_BYTES);
        if (!size)
                return 0;
        /* what was judged before the last byte came is not judged otherwise behind it */
        before = probe_question(bus_bytes(data, size - 1), &head_before);
        if (before != PROBE_UNFINISHED && size < PROBE_REQUEST_MAX_BYTES)
                bus_require(before == whole && head_before == head);
        return 0;
}
