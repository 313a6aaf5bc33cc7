#include "plugins/legacy_v3/legacy.h"

#define SCORE_ALL_BULLISH   9
#define STRENGTH_AGGRESSIVE 7

/* The score is a bull's: a seller reads it from the other end. */
int32_t legacy_strength(const struct v3_alert *alert)
{
        if (alert->direction == V3_SIDE_BUY)
                return alert->consensus_score;
        return SCORE_ALL_BULLISH - alert->consensus_score;
}

bool legacy_is_aggressive(const struct v3_alert *alert, int32_t strength)
{
        switch (alert->signal_type) {
        case V3_SIGNAL_LIQUIDITY_TRAP_REVERSAL:
        case V3_SIGNAL_GOLDEN_POCKET_FLIP:
        case V3_SIGNAL_SCREENER_FULL_BULLISH:
        case V3_SIGNAL_SCREENER_FULL_BEARISH: return true;
        default: return strength >= STRENGTH_AGGRESSIVE;
        }
}
