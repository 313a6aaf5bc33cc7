#include "services/common/decision_codec.h"

#include "libbus/base/require.h"

#include <errno.h>

_Static_assert((int)V3_VERDICT_ERROR == PB__VERDICT__VERDICT_ERROR, "verdicts");
_Static_assert((int)V3_REASON_VERDICT_LOST == PB__REASON__REASON_VERDICT_LOST, "reasons");
_Static_assert((int)V3_REASON_DAILY_CAP == PB__REASON__REASON_DAILY_CAP, "reasons");
_Static_assert((int)V3_ROUTING_DEFAULT == PB__ROUTING__ROUTING_DEFAULT, "routings");
_Static_assert((int)V3_SIDE_SELL == PB__SIDE__SIDE_SELL, "sides");
/* Legs and close reasons have no NONE in umbra/v3.h: the message's numbers are one higher. */
_Static_assert((int)V3_LEG_B + 1 == PB__LEG__LEG_B, "legs");
_Static_assert((int)V3_CLOSE_REVERSAL + 1 == PB__CLOSE_REASON__CLOSE_REASON_REVERSAL, "closes");

static char *text(const char *borrowed)
{
        return (char *)(borrowed ? borrowed : "");
}

static void fill_legs(struct decision_message *message, const struct v3_decision *decision)
{
        bus_require(decision->leg_count <= BUS_COUNT(message->legs));
        for (uint32_t i = 0; i < decision->leg_count; i++) {
                const struct v3_leg *leg = &decision->legs[i];
                Pb__DecisionLeg *pb = &message->legs[i];

                pb__decision_leg__init(pb);
                pb->leg = (Pb__Leg)(leg->leg + 1);
                pb->side = (Pb__Side)leg->side;
                pb->volume_e8 = leg->volume_e8;
                pb->sl_e8 = leg->sl_e8;
                pb->tp_e8 = leg->tp_e8;
                message->leg_list[i] = pb;
        }
        message->pb.n_legs = decision->leg_count;
        message->pb.legs = message->leg_list;
}

static void fill_closes(struct decision_message *message, const struct v3_decision *decision)
{
        bus_require(decision->close_count <= BUS_COUNT(message->closes));
        for (uint32_t i = 0; i < decision->close_count; i++) {
                Pb__DecisionClose *pb = &message->closes[i];

                pb__decision_close__init(pb);
                pb->side = (Pb__Side)decision->closes[i].side;
                pb->reason = (Pb__CloseReason)(decision->closes[i].reason + 1);
                message->close_list[i] = pb;
        }
        message->pb.n_closes = decision->close_count;
        message->pb.closes = message->close_list;
}

void decision_fill(struct decision_message *message, const struct decision_origin *origin,
        const struct v3_decision *decision)
{
        Pb__Decision *pb = &message->pb;

        pb__decision__init(pb);
        pb->slot = text(origin->slot);
        pb->plugin = text(origin->plugin);
        pb->plugin_build = text(origin->plugin_build);
        pb->config_hash = text(origin->config_hash);
        pb->epoch = origin->epoch;
        pb->symbol = text(origin->symbol);
        pb->decide_ns = origin->decide_ns;
        pb->error = text(origin->error);

        pb->verdict = (Pb__Verdict)decision->verdict;
        pb->reason = (Pb__Reason)decision->reason;
        pb->direction = (Pb__Side)decision->direction;
        pb->strength = decision->strength;
        pb->route = decision->route;
        pb->routing = (Pb__Routing)decision->routing;
        pb->aggressive = decision->aggressive;
        pb->base_lot_e8 = decision->base_lot_e8;
        pb->signal_factor_e8 = decision->signal_factor_e8;
        pb->route_multiplier_e8 = decision->route_multiplier_e8;
        pb->total_lot_e8 = decision->total_lot_e8;
        pb->scaled = decision->scaled;
        pb->expected_loss_cents = decision->expected_loss_cents;
        fill_legs(message, decision);
        fill_closes(message, decision);
}

static bool side_ok(Pb__Side side)
{
        return side == PB__SIDE__SIDE_BUY || side == PB__SIDE__SIDE_SELL;
}

static bool leg_ok(const Pb__DecisionLeg *leg)
{
        return (leg->leg == PB__LEG__LEG_A || leg->leg == PB__LEG__LEG_B) && side_ok(leg->side) &&
               leg->volume_e8 > 0 && leg->sl_e8 > 0 && leg->tp_e8 > 0;
}

static bool close_ok(const Pb__DecisionClose *close)
{
        return side_ok(close->side) &&
               (close->reason == PB__CLOSE_REASON__CLOSE_REASON_EXIT ||
                       close->reason == PB__CLOSE_REASON__CLOSE_REASON_REVERSAL);
}

static bool head_ok(const Pb__Decision *pb)
{
        return pb->verdict >= PB__VERDICT__VERDICT_EXECUTE &&
               pb->verdict <= PB__VERDICT__VERDICT_ERROR && pb->reason >= PB__REASON__REASON_OK &&
               pb->reason <= PB__REASON__REASON_VERDICT_LOST &&
               (pb->direction == PB__SIDE__SIDE_UNSPECIFIED || side_ok(pb->direction)) &&
               pb->strength >= 0 && pb->strength <= 9 && pb->route >= 0 && pb->route <= 3 &&
               (int)pb->routing >= 0 && pb->routing <= PB__ROUTING__ROUTING_DEFAULT;
}

static bool amounts_ok(const Pb__Decision *pb)
{
        return pb->base_lot_e8 >= 0 && pb->signal_factor_e8 >= 0 && pb->route_multiplier_e8 >= 0 &&
               pb->total_lot_e8 >= 0 && pb->expected_loss_cents >= 0;
}

static bool message_ok(const Pb__Decision *pb)
{
        if (!head_ok(pb) || !amounts_ok(pb))
                return false;
        if (pb->n_legs > V3_LEG_COUNT || pb->n_closes > 1)
                return false;
        for (size_t i = 0; i < pb->n_legs; i++)
                if (!leg_ok(pb->legs[i]))
                        return false;
        return !pb->n_closes || close_ok(pb->closes[0]);
}

static void read_legs(const Pb__Decision *pb, struct v3_decision *decision)
{
        decision->leg_count = (uint32_t)pb->n_legs;
        for (size_t i = 0; i < pb->n_legs; i++)
                decision->legs[i] = (struct v3_leg){
                        .leg = (enum v3_leg_kind)(pb->legs[i]->leg - 1),
                        .side = (enum v3_side)pb->legs[i]->side,
                        .volume_e8 = pb->legs[i]->volume_e8,
                        .sl_e8 = pb->legs[i]->sl_e8,
                        .tp_e8 = pb->legs[i]->tp_e8,
                };
        decision->close_count = (uint32_t)pb->n_closes;
        for (size_t i = 0; i < pb->n_closes; i++)
                decision->closes[i] = (struct v3_close){
                        .side = (enum v3_side)pb->closes[i]->side,
                        .reason = (enum v3_close_reason)(pb->closes[i]->reason - 1),
                };
}

int decision_read(const Pb__Decision *message, struct v3_decision *ret_decision)
{
        if (!message_ok(message))
                return -EBADMSG;
        *ret_decision = (struct v3_decision){
                .verdict = (enum v3_verdict)message->verdict,
                .reason = (enum v3_reason)message->reason,
                .direction = (enum v3_side)message->direction,
                .strength = message->strength,
                .route = message->route,
                .routing = (enum v3_routing)message->routing,
                .aggressive = message->aggressive,
                .base_lot_e8 = message->base_lot_e8,
                .signal_factor_e8 = message->signal_factor_e8,
                .route_multiplier_e8 = message->route_multiplier_e8,
                .total_lot_e8 = message->total_lot_e8,
                .scaled = message->scaled,
                .expected_loss_cents = message->expected_loss_cents,
        };
        read_legs(message, ret_decision);
        return 0;
}
