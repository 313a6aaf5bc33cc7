#include "libbus/base/e8.h"
#include "plugins/legacy_v3/legacy.h"

#include <errno.h>

/* base lot x signal factor x route multiplier: two products, one division, down to 1e-8. */
static int total_lot(int64_t base_e8, int64_t factor_e8, int64_t multiplier_e8, int64_t *ret_e8)
{
        int64_t product;

        if (__builtin_mul_overflow(base_e8, factor_e8, &product))
                return -EOVERFLOW;
        return e8_muldiv(product, multiplier_e8, E8_ONE * E8_ONE, E8_FLOOR, ret_e8);
}

static void add_leg(struct v3_decision *decision, enum v3_leg_kind kind, int64_t volume_e8)
{
        decision->legs[decision->leg_count++] = (struct v3_leg){
                .leg = kind,
                .side = decision->direction,
                .volume_e8 = volume_e8,
        };
}

/* Two equal legs; where half is too little, A alone with the whole. False: that is too little. */
static bool split(const struct v3_symbol *symbol, struct v3_decision *decision, int64_t half_e8)
{
        if (half_e8 >= symbol->lot_min_e8) {
                add_leg(decision, V3_LEG_A, half_e8);
                add_leg(decision, V3_LEG_B, half_e8);
                return true;
        }
        if (decision->total_lot_e8 < symbol->lot_min_e8)
                return false;
        add_leg(decision, V3_LEG_A, decision->total_lot_e8);
        return true;
}

int legacy_size(const struct legacy_entry *entry, const struct legacy_route *route,
        struct v3_decision *decision, enum v3_reason *ret_reason)
{
        const struct v3_symbol *symbol = entry->symbol;
        int64_t total_e8, half_e8;
        int r;

        decision->base_lot_e8 = entry->tier->base_lot_e8;
        decision->signal_factor_e8 = entry->alert->multiplier_e8;
        decision->route_multiplier_e8 = route->lot_multiplier_e8;
        r = total_lot(decision->base_lot_e8, decision->signal_factor_e8,
                decision->route_multiplier_e8, &total_e8);
        if (r < 0)
                return r;
        if (total_e8 > symbol->lot_max_e8)
                total_e8 = symbol->lot_max_e8;

        r = e8_round_to(total_e8 / 2, symbol->lot_step_e8, E8_FLOOR, &half_e8);
        if (r < 0)
                return r;
        r = e8_round_to(total_e8, symbol->lot_step_e8, E8_FLOOR, &decision->total_lot_e8);
        if (r < 0)
                return r;
        if (split(symbol, decision, half_e8))
                return 0;
        *ret_reason = V3_REASON_LOT_BELOW_MINIMUM;
        return LEGACY_REJECT;
}
