#include "proto/validate.h"
#include "proto/validate/check.h"

#include "tick.pb-c.h"

int validate_tick(const Pb__Tick *tick, const char **ret_why)
{
        const struct check checks[] = {
                { check_symbol(tick->symbol), "symbol" },
                { check_price(tick->bid_e8), "bid_e8" },
                { check_range(tick->ask_e8, tick->bid_e8, CHECK_PRICE_MAX_E8), "ask_e8" },
                { check_time(tick->at_us), "at_us" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}
