#include "libbus/base/e8.h"
#include "plugins/legacy_v3/legacy.h"

static const struct {
        int64_t lot_multiplier_e8, sl_multiplier_halves;
} multipliers[] = {
        [1] = { 125 * E8_ONE / 100, 2 },
        [2] = { E8_ONE, 3 },
        [3] = { 625 * E8_ONE / 1000, 5 },
};

static struct legacy_route make(int32_t number, enum v3_routing routing)
{
        return (struct legacy_route){
                .number = number,
                .routing = routing,
                .lot_multiplier_e8 = multipliers[number].lot_multiplier_e8,
                .sl_multiplier_halves = multipliers[number].sl_multiplier_halves,
        };
}

struct legacy_route legacy_route(const struct v3_alert *alert)
{
        bool long_bar = alert->tf == V3_TF_60 || alert->tf == V3_TF_240;

        if (alert->signal_type == V3_SIGNAL_SCREENER_FULL_BULLISH ||
                alert->signal_type == V3_SIGNAL_SCREENER_FULL_BEARISH)
                return make(3, V3_ROUTING_OVERRIDE);
        if (alert->signal_type == V3_SIGNAL_GOLDEN_POCKET_FLIP && long_bar)
                return make(3, V3_ROUTING_OVERRIDE);
        if (alert->tf == V3_TF_5)
                return make(1, V3_ROUTING_TIMEFRAME);
        if (alert->tf == V3_TF_15)
                return make(2, V3_ROUTING_TIMEFRAME);
        if (long_bar)
                return make(3, V3_ROUTING_TIMEFRAME);
        return make(2, V3_ROUTING_DEFAULT);
}
