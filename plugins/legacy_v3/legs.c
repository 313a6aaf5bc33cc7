/*
 * Where the legs' stops and targets stand. A level is price plus or minus a distance, rounded half
 * up to the symbol's digits as a price, on either side; B's distance is rounded up before that, so
 * its stop is never nearer than the fixed risk allows.
 */
#include "libbus/base/e8.h"
#include "plugins/legacy_v3/legacy.h"

#include <errno.h>

#define B_RISK_CENTS 1000 /* what order B may lose */

/* A distance in halves of 1e-8, so that 1.5 times something stays exact. */
typedef int64_t halves;

/* The price DISTANCE away, towards profit or loss, rounded half up to the digits. */
static int level_at(const struct legacy_entry *entry, halves distance, bool profit, int64_t *ret_e8)
{
        bool up = (entry->alert->direction == V3_SIDE_BUY) == profit;
        int64_t step_e8 = e8_step_of_digits(entry->symbol->digits), exact, rounded;
        int r;

        if (__builtin_mul_overflow(entry->alert->price_e8, 2, &exact) ||
                __builtin_add_overflow(exact, up ? distance : -distance, &exact))
                return -EOVERFLOW;
        r = e8_round_to(exact, 2 * step_e8, E8_HALF_UP, &rounded);
        if (r < 0)
                return r;
        *ret_e8 = rounded / 2;
        return 0;
}

static int64_t distance_to(const struct legacy_entry *entry, int64_t level_e8)
{
        int64_t price_e8 = entry->alert->price_e8;

        return level_e8 > price_e8 ? level_e8 - price_e8 : price_e8 - level_e8;
}

static int stop_of_a(
        const struct legacy_entry *entry, const struct legacy_route *route, int64_t *ret_e8)
{
        int64_t pips = entry->symbol->fallback_sl_pips[entry->tier_index];
        halves distance;

        if (entry->alert->has_sl) {
                *ret_e8 = entry->alert->sl_e8;
                return 0;
        }
        if (__builtin_mul_overflow(
                    entry->symbol->pip_e8, pips * route->sl_multiplier_halves, &distance))
                return -EOVERFLOW;
        return level_at(entry, distance, false, ret_e8);
}

static int target_of_a(const struct legacy_entry *entry, int64_t sl_e8, int64_t *ret_e8)
{
        halves distance;

        if (entry->alert->has_tp2) {
                *ret_e8 = entry->alert->tp2_e8;
                return 0;
        }
        if (__builtin_mul_overflow(distance_to(entry, sl_e8), 3, &distance))
                return -EOVERFLOW;
        return level_at(entry, distance, true, ret_e8);
}

/* How far B's stop stands off, so that VOLUME_E8 loses B_RISK_CENTS there. */
static int distance_of_b(const struct v3_symbol *symbol, int64_t volume_e8, int64_t *ret_e8)
{
        int64_t risk, value, distance_e8, least_e8;
        int r;

        if (__builtin_mul_overflow(symbol->pip_e8, B_RISK_CENTS, &risk) ||
                __builtin_mul_overflow(volume_e8, symbol->usd_per_pip_lot_cents, &value) ||
                __builtin_mul_overflow(symbol->pip_e8, symbol->min_stop_pips, &least_e8))
                return -EOVERFLOW;
        r = e8_muldiv(risk, E8_ONE, value, E8_UP, &distance_e8);
        if (r < 0)
                return r;
        if (distance_e8 < least_e8)
                distance_e8 = least_e8;
        return e8_round_to(distance_e8, e8_step_of_digits(symbol->digits), E8_UP, ret_e8);
}

static int set_a(
        const struct legacy_entry *entry, const struct legacy_route *route, struct v3_leg *leg)
{
        int r = stop_of_a(entry, route, &leg->sl_e8);

        return r < 0 ? r : target_of_a(entry, leg->sl_e8, &leg->tp_e8);
}

static int set_b(const struct legacy_entry *entry, struct v3_leg *leg)
{
        int64_t distance_e8;
        halves distance;
        int r;

        r = distance_of_b(entry->symbol, leg->volume_e8, &distance_e8);
        if (r < 0)
                return r;
        if (__builtin_mul_overflow(distance_e8, 2, &distance))
                return -EOVERFLOW;
        r = level_at(entry, distance, false, &leg->sl_e8);
        if (r < 0)
                return r;
        if (!entry->alert->has_tp1)
                return level_at(entry, distance, true, &leg->tp_e8);
        leg->tp_e8 = entry->alert->tp1_e8;
        return 0;
}

int legacy_legs(const struct legacy_entry *entry, const struct legacy_route *route,
        struct v3_decision *decision, enum v3_reason *ret_reason)
{
        for (uint32_t i = 0; i < decision->leg_count; i++) {
                struct v3_leg *leg = &decision->legs[i];
                int r = leg->leg == V3_LEG_A ? set_a(entry, route, leg) : set_b(entry, leg);

                if (r < 0)
                        return r;
                if (leg->sl_e8 <= 0 || leg->tp_e8 <= 0) {
                        *ret_reason = V3_REASON_INVALID_STOP;
                        return LEGACY_REJECT;
                }
        }
        return 0;
}
