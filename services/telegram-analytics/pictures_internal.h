#pragma once
/* A file a picture. -ENODATA: there is nothing to draw; -EIO. */
#include "services/telegram-analytics/ledger.h"

BUS_MUST int picture_equity(
        struct ledger *ledger, int64_t from_us, int64_t to_us, struct bus_buf *png);
BUS_MUST int picture_parity(
        struct ledger *ledger, int64_t from_us, int64_t to_us, struct bus_buf *png);
