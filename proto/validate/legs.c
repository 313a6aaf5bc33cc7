#include "proto/validate/legs.h"

#include "proto/validate/check.h"

#include "decision.pb-c.h"

static bool leg_holds(const Pb__DecisionLeg *leg)
{
        if (!check_enum(leg->leg, PB__LEG__LEG_B) || !check_enum(leg->side, PB__SIDE__SIDE_SELL))
                return false;
        if (!check_volume(leg->volume_e8) || !check_price(leg->sl_e8) || !check_price(leg->tp_e8))
                return false;
        return leg->side == PB__SIDE__SIDE_BUY ? leg->sl_e8 < leg->tp_e8 : leg->tp_e8 < leg->sl_e8;
}

bool legs_hold(const struct legs *legs)
{
        if (legs->leg_count > LEGS_MAX)
                return false;
        for (size_t i = 0; i < legs->leg_count; i++)
                if (!leg_holds(legs->legs[i]))
                        return false;
        return legs->leg_count < LEGS_MAX || (legs->legs[0]->leg != legs->legs[1]->leg &&
                                                     legs->legs[0]->side == legs->legs[1]->side);
}

bool closes_hold(const struct legs *legs)
{
        const Pb__DecisionClose *close;

        if (!legs->close_count)
                return true;
        if (legs->close_count > CLOSES_MAX)
                return false;
        close = legs->closes[0];
        if (!check_enum(close->side, PB__SIDE__SIDE_SELL))
                return false;
        switch (close->reason) {
        case PB__CLOSE_REASON__CLOSE_REASON_EXIT: return !legs->leg_count;
        case PB__CLOSE_REASON__CLOSE_REASON_REVERSAL:
                return legs->leg_count && legs->legs[0]->side != close->side;
        default: return false;
        }
}

bool legs_are_exit(const struct legs *legs)
{
        return legs->close_count == 1 &&
               legs->closes[0]->reason == PB__CLOSE_REASON__CLOSE_REASON_EXIT;
}
