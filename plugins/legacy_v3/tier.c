#include "libbus/base/e8.h"
#include "plugins/legacy_v3/legacy.h"

#define DOLLARS(n) (INT64_C(n) * 100)

static const struct legacy_tier tiers[V3_TIER_COUNT] = {
        { 0, E8_ONE / 100, DOLLARS(100), DOLLARS(500) },
        { DOLLARS(10000), 5 * E8_ONE / 100, DOLLARS(200), DOLLARS(1000) },
        { DOLLARS(25000), 10 * E8_ONE / 100, DOLLARS(500), DOLLARS(2500) },
        { DOLLARS(50000), 20 * E8_ONE / 100, DOLLARS(1000), DOLLARS(5000) },
        { DOLLARS(100000), 50 * E8_ONE / 100, DOLLARS(2000), DOLLARS(10000) },
};

int legacy_tier_index(int pinned, int64_t balance_cents)
{
        int index = V3_TIER_COUNT - 1;

        if (pinned != LEGACY_TIER_BY_BALANCE)
                return pinned;
        while (index > 0 && tiers[index].minimum_balance_cents > balance_cents)
                index--;
        return index;
}

const struct legacy_tier *legacy_tier(int index)
{
        return &tiers[index];
}
