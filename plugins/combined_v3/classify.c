/*
 * Keeps: what a kind of signal means stands in one row of one table.
 */
#include "plugins/combined_v3/rules.h"

#include "libbus/base/e8.h"

enum { STRENGTH_MAX = 9, STRENGTH_AGGRESSIVE = 7 };

enum override {
        OVERRIDE_NEVER,
        OVERRIDE_ON_HOURS, /* on 60 and 240 */
        OVERRIDE_ALWAYS,
};

struct kind {
        enum override override; /* takes route 3 whatever its timeframe says */
        bool aggressive;
        int32_t strength_minimum; /* profile strength */
};

static const struct kind kinds[V3_SIGNAL_COUNT] = {
        [V3_SIGNAL_INSTITUTIONAL_LAUNCHPAD] = { OVERRIDE_NEVER, false, 7 },
        [V3_SIGNAL_LIQUIDITY_TRAP_REVERSAL] = { OVERRIDE_NEVER, true, 5 },
        [V3_SIGNAL_MOMENTUM_BREAKOUT] = { OVERRIDE_NEVER, false, 5 },
        [V3_SIGNAL_MITIGATION_TEST_ENTRY] = { OVERRIDE_NEVER, false, 5 },
        [V3_SIGNAL_GOLDEN_POCKET_FLIP] = { OVERRIDE_ON_HOURS, true, 5 },
        [V3_SIGNAL_SCREENER_FULL_BULLISH] = { OVERRIDE_ALWAYS, true, 5 },
        [V3_SIGNAL_SCREENER_FULL_BEARISH] = { OVERRIDE_ALWAYS, true, 5 },
        [V3_SIGNAL_SIDEWAYS_BREAKOUT] = { OVERRIDE_NEVER, false, 5 },
};

struct timeframe {
        int32_t route; /* 0: none of its own */
        bool hours;    /* an OVERRIDE_ON_HOURS holds here */
};

static const struct timeframe timeframes[V3_TF_COUNT] = {
        [V3_TF_5] = { 1, false },
        [V3_TF_15] = { 2, false },
        [V3_TF_60] = { 3, true },
        [V3_TF_240] = { 3, true },
};

static const struct {
        int64_t lot_thousandths, stop_tenths;
} routes[] = {
        [1] = { 1250, 10 },
        [2] = { 1000, 15 },
        [3] = { 625, 25 },
};

static const int64_t strength_factors_e8[STRENGTH_MAX + 1] = {
        [5] = E8_ONE * 70 / 100,
        [6] = E8_ONE * 80 / 100,
        [7] = E8_ONE * 85 / 100,
        [8] = E8_ONE * 90 / 100,
        [9] = E8_ONE,
};

/* Where 15m, 1H, 4H and 1D are, by how many values there are. */
static const uint8_t pillars_of_5[] = { 3, 2, 1, 0 };
static const uint8_t pillars_of_6[] = { 2, 3, 4, 5 };

int32_t strength_of(enum v3_side side, int32_t consensus_score)
{
        return side == V3_SIDE_BUY ? consensus_score : STRENGTH_MAX - consensus_score;
}

struct route route_of(enum v3_signal_type signal, enum v3_tf tf)
{
        enum override override = kinds[signal].override;
        const struct timeframe *timeframe = &timeframes[tf];

        if (override == OVERRIDE_ALWAYS || (override == OVERRIDE_ON_HOURS && timeframe->hours))
                return (struct route){ 3, V3_ROUTING_OVERRIDE };
        if (timeframe->route)
                return (struct route){ timeframe->route, V3_ROUTING_TIMEFRAME };
        return (struct route){ 2, V3_ROUTING_DEFAULT };
}

int64_t route_lot_thousandths(int32_t route)
{
        return routes[route].lot_thousandths;
}

int64_t route_stop_tenths(int32_t route)
{
        return routes[route].stop_tenths;
}

bool is_aggressive(enum v3_signal_type signal, int32_t strength)
{
        return kinds[signal].aggressive || strength >= STRENGTH_AGGRESSIVE;
}

bool is_strong_enough(enum v3_signal_type signal, int32_t strength)
{
        return strength >= kinds[signal].strength_minimum;
}

int64_t strength_factor_e8(int32_t strength)
{
        return strength_factors_e8[strength];
}

int aligned_pillars(const struct v3_trends *trends, enum v3_side side)
{
        const uint8_t *pillars = trends->count == V3_TRENDS_MAX ? pillars_of_6 : pillars_of_5;
        int wanted = side == V3_SIDE_BUY ? 1 : -1, aligned = 0;

        if (!trends->count)
                return -1;
        for (size_t i = 0; i < BUS_COUNT(pillars_of_5); i++)
                aligned += trends->value[pillars[i]] == wanted;
        return aligned;
}
