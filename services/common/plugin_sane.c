/*
 * What a decision must be before anything acts on it, whatever plugin it came from.
 */
#include "services/common/plugin_host.h"
#include "services/common/v3_names.h"

#include <stdio.h>

static bool insane(char *error, const char *what)
{
        snprintf(error, PLUGIN_ERROR_SIZE, "decision refused: %s", what);
        return false;
}

/* Verdicts and reasons that belong together; the host's own reasons are no plugin's. */
static bool reason_fits(enum v3_verdict verdict, enum v3_reason reason)
{
        switch (verdict) {
        case V3_VERDICT_EXECUTE: return reason == V3_REASON_OK || reason == V3_REASON_EXIT_SIGNAL;
        case V3_VERDICT_REJECT:
                return reason >= V3_REASON_NO_CONTEXT && reason <= V3_REASON_LIFETIME_CAP;
        case V3_VERDICT_NOTIFY: return reason == V3_REASON_SQUEEZE;
        case V3_VERDICT_IGNORE: return reason == V3_REASON_TREND_PULSE;
        default: return false;
        }
}

static bool entry_part_sane(
        const struct v3_decision *decision, const struct v3_alert *alert, char *error)
{
        if (alert->type != V3_TYPE_ENTRY)
                return decision->direction == V3_SIDE_NONE || insane(error, "a direction");
        if (decision->direction != alert->direction)
                return insane(error, "not the alert's direction");
        if (decision->strength < 0 || decision->strength > 9)
                return insane(error, "strength");
        if (decision->route < 1 || decision->route > 3 || decision->routing < V3_ROUTING_OVERRIDE ||
                decision->routing > V3_ROUTING_DEFAULT)
                return insane(error, "route");
        return true;
}

static bool levels_sane(const struct v3_leg *leg, const struct v3_alert *alert)
{
        if (leg->sl_e8 <= 0 || leg->tp_e8 <= 0)
                return false;
        if (alert->direction == V3_SIDE_BUY)
                return leg->sl_e8 <= alert->price_e8 && leg->tp_e8 >= alert->price_e8;
        return leg->sl_e8 >= alert->price_e8 && leg->tp_e8 <= alert->price_e8;
}

static bool leg_sane(const struct v3_leg *leg, const struct v3_alert *alert,
        const struct v3_symbol *symbol, char *error)
{
        if ((unsigned int)leg->leg >= V3_LEG_COUNT)
                return insane(error, "an unknown leg");
        if (leg->side != alert->direction)
                return insane(error, "a leg's side is not the alert's");
        if (leg->volume_e8 < symbol->lot_min_e8 || leg->volume_e8 > symbol->lot_max_e8)
                return insane(error, "a leg's volume is outside the symbol's lots");
        if (leg->volume_e8 % symbol->lot_step_e8)
                return insane(error, "a leg's volume is off the lot step");
        if (!levels_sane(leg, alert))
                return insane(error, "a stop or target on the wrong side");
        return true;
}

static bool legs_sane(const struct v3_decision *decision, uint32_t capabilities,
        const struct v3_alert *alert, const struct v3_symbol *symbol, char *error)
{
        bool enters = alert->type == V3_TYPE_ENTRY && decision->verdict == V3_VERDICT_EXECUTE;

        if (decision->leg_count > V3_LEG_COUNT)
                return insane(error, "too many legs");
        if (enters != (decision->leg_count > 0))
                return insane(error, enters ? "an executed entry without legs" : "legs");
        if (decision->leg_count && !(capabilities & UMBRA_CAN_ENTER))
                return insane(error, "legs from a plugin that may not enter");
        for (uint32_t i = 0; i < decision->leg_count; i++) {
                if (!leg_sane(&decision->legs[i], alert, symbol, error))
                        return false;
                if (i > 0 && decision->legs[i].leg == decision->legs[0].leg)
                        return insane(error, "the same leg twice");
        }
        return true;
}

static bool closes_sane(const struct v3_decision *decision, uint32_t capabilities,
        const struct v3_alert *alert, char *error)
{
        const struct v3_close *close = &decision->closes[0];
        bool entry = alert->type == V3_TYPE_ENTRY;
        bool exit = alert->type == V3_TYPE_EXIT;
        enum v3_side side = entry ? v3_side_opposite(alert->direction)
                            : alert->signal_type == V3_SIGNAL_BULLISH_EXIT ? V3_SIDE_BUY
                                                                           : V3_SIDE_SELL;

        if (exit && decision->verdict == V3_VERDICT_EXECUTE && !decision->close_count)
                return insane(error, "an executed exit that closes nothing");
        if (!decision->close_count)
                return true;
        if (decision->close_count > 1)
                return insane(error, "too many closes");
        if (decision->verdict != V3_VERDICT_EXECUTE || (!entry && !exit))
                return insane(error, "a close");
        if (!(capabilities & UMBRA_CAN_EXIT))
                return insane(error, "a close from a plugin that may not exit");
        if (close->reason != (entry ? V3_CLOSE_REVERSAL : V3_CLOSE_EXIT))
                return insane(error, "a close for the wrong reason");
        if (close->side != side)
                return insane(error, "a close of the wrong side");
        return true;
}

bool plugin_decision_sane(const struct v3_decision *decision, uint32_t capabilities,
        const struct v3_alert *alert, const struct v3_symbol *symbol,
        char error[static PLUGIN_ERROR_SIZE])
{
        if (!reason_fits(decision->verdict, decision->reason))
                return insane(error, "verdict and reason do not go together");
        if (decision->verdict == V3_VERDICT_EXECUTE &&
                (decision->reason == V3_REASON_EXIT_SIGNAL) != (alert->type == V3_TYPE_EXIT))
                return insane(error, "the reason is not the alert's");
        if (decision->expected_loss_cents < 0 || decision->total_lot_e8 < 0 ||
                decision->base_lot_e8 < 0 || decision->signal_factor_e8 < 0 ||
                decision->route_multiplier_e8 < 0)
                return insane(error, "an amount under 0");
        return entry_part_sane(decision, alert, error) &&
               legs_sane(decision, capabilities, alert, symbol, error) &&
               closes_sane(decision, capabilities, alert, error);
}
