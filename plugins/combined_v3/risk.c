/*
 * Keeps: what an entry may lose is counted exactly and cut to the cent once, at the end.
 */
#include "plugins/combined_v3/rules.h"

#include "libbus/base/e8.h"

#include <errno.h>

/* Scaling aims a little under what is left, for a stop that slips. */
enum { SCALE_PERCENT = 95 };

/* Price distance times lots, summed: 10^16 of a price-lot, beyond 64 bits. */
static int exposure(int64_t price_e8, const struct v3_leg *legs, size_t count, __int128 *ret_sum)
{
        __int128 sum = 0;

        for (size_t i = 0; i < count; i++) {
                __int128 gap = (__int128)price_e8 - legs[i].sl_e8;
                __int128 part;

                if (__builtin_mul_overflow(gap < 0 ? -gap : gap, legs[i].volume_e8, &part) ||
                        __builtin_add_overflow(sum, part, &sum))
                        return -EOVERFLOW;
        }
        *ret_sum = sum;
        return 0;
}

int expected_loss(const struct v3_symbol *symbol, int64_t price_e8, const struct v3_leg *legs,
        size_t count, int64_t *ret_cents)
{
        __int128 scaled, cents;
        int r;

        r = exposure(price_e8, legs, count, &scaled);
        if (r < 0)
                return r;
        if (__builtin_mul_overflow(scaled, symbol->usd_per_pip_lot_cents, &scaled))
                return -EOVERFLOW;
        cents = scaled / ((__int128)symbol->pip_e8 * E8_ONE); /* floor: nothing is negative */
        if (cents > INT64_MAX)
                return -EOVERFLOW;
        *ret_cents = (int64_t)cents;
        return 0;
}

struct budget budget_of(const struct tier *tier, const struct v3_context *context)
{
        int64_t daily = tier->daily_cap_cents - context->daily_loss_cents;
        int64_t lifetime = tier->lifetime_cap_cents - context->lifetime_loss_cents;

        /* A lifetime cap that is reached is named first, however far the day is over its own. */
        if (lifetime <= 0 || lifetime < daily)
                return (struct budget){ lifetime, V3_REASON_LIFETIME_CAP };
        return (struct budget){ daily, V3_REASON_DAILY_CAP };
}

int scale_legs(const struct v3_symbol *symbol, int64_t remaining_cents, int64_t expected_cents,
        struct v3_leg *legs, uint32_t *count)
{
        struct v3_leg kept[V3_LEG_COUNT];
        uint32_t kept_count = 0;

        for (uint32_t i = 0; i < *count; i++) {
                struct v3_leg leg = legs[i];
                int64_t target, whole;
                int r;

                if (__builtin_mul_overflow(remaining_cents, SCALE_PERCENT, &target) ||
                        __builtin_mul_overflow(expected_cents, 100, &whole))
                        return -EOVERFLOW;
                r = e8_muldiv(leg.volume_e8, target, whole, E8_FLOOR, &leg.volume_e8);
                if (r == 0)
                        r = floor_to_step(symbol, leg.volume_e8, &leg.volume_e8);
                if (r < 0)
                        return r;
                if (leg.volume_e8 >= symbol->lot_min_e8)
                        kept[kept_count++] = leg;
        }
        for (uint32_t i = 0; i < kept_count; i++)
                legs[i] = kept[i];
        *count = kept_count;
        return 0;
}
