#include "services/common/sample_alert.h"

void sample_alert(const char *id, struct bus_buf *ret)
{
        /* The price is not the market's: a test ends before anybody compares the two. */
        bus_buf_printf(ret,
                "{\"type\":\"entry_v3\",\"signal_type\":\"Momentum_Breakout\","
                "\"symbol\":\"XAUUSD\",\"direction\":\"buy\",\"tf\":\"15\",\"price\":2650.00,"
                "\"sl_price\":2640.00,\"consensus_score\":7,\"id\":\"umbra-test-%s\"}",
                id);
}
