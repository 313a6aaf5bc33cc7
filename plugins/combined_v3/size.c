/*
 * Keeps: lots are only ever rounded down.
 */
#include "plugins/combined_v3/rules.h"

#include "libbus/base/e8.h"

#include <errno.h>

#define DOLLARS(n)       (INT64_C(100) * (n))
#define LOTS(hundredths) (E8_ONE / 100 * (hundredths))

static const struct tier tiers[V3_TIER_COUNT] = {
        { DOLLARS(0), LOTS(1), DOLLARS(100), DOLLARS(500) },
        { DOLLARS(10000), LOTS(5), DOLLARS(200), DOLLARS(1000) },
        { DOLLARS(25000), LOTS(10), DOLLARS(500), DOLLARS(2500) },
        { DOLLARS(50000), LOTS(20), DOLLARS(1000), DOLLARS(5000) },
        { DOLLARS(100000), LOTS(50), DOLLARS(2000), DOLLARS(10000) },
};

size_t tier_of_balance(int64_t balance_cents)
{
        size_t i = V3_TIER_COUNT - 1;

        while (i > 0 && balance_cents < tiers[i].minimum_balance_cents)
                i--;
        return i;
}

const struct tier *tier_at(size_t index)
{
        return &tiers[index];
}

int total_lot(const struct v3_symbol *symbol, int64_t base_lot_e8, int64_t factor_e8,
        int64_t route_thousandths, int64_t *ret_total_e8)
{
        int64_t scaled_factor, total;
        int r;

        /* Both factors into one, still whole, so that there is one division only. */
        if (__builtin_mul_overflow(factor_e8, route_thousandths, &scaled_factor))
                return -EOVERFLOW;
        r = e8_muldiv(base_lot_e8, scaled_factor, E8_ONE * 1000, E8_FLOOR, &total);
        if (r < 0)
                return r;
        *ret_total_e8 = total < symbol->lot_max_e8 ? total : symbol->lot_max_e8;
        return 0;
}

int floor_to_step(const struct v3_symbol *symbol, int64_t lot_e8, int64_t *ret_lot_e8)
{
        return e8_round_to(lot_e8, symbol->lot_step_e8, E8_FLOOR, ret_lot_e8);
}

int split_lot(const struct v3_symbol *symbol, int64_t total_e8, struct split *ret_split)
{
        int64_t whole = 0, half = 0;
        int r;

        /* Half of a whole number is cut at 1e-8 first; the floor to the step is the same. */
        r = floor_to_step(symbol, total_e8 / 2, &half);
        if (r == 0)
                r = floor_to_step(symbol, total_e8, &whole);
        if (r < 0)
                return r;
        if (half >= symbol->lot_min_e8)
                *ret_split = (struct split){ 2, half };
        else if (whole >= symbol->lot_min_e8)
                *ret_split = (struct split){ 1, whole };
        else
                *ret_split = (struct split){ 0, 0 };
        return 0;
}
