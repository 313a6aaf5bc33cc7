/*
 * Keeps: a stop or target that the alert gives goes out as given; one that is computed is a price
 * of the symbol's digits, above 0.
 */
#include "plugins/combined_v3/rules.h"

#include "libbus/base/e8.h"

#include <errno.h>

enum { FIXED_RISK_CENTS = 1000 }; /* what order B may lose */
/* Target distances in tenths of the stop distance. */
enum { TARGET_TENTHS_A = 15, TARGET_TENTHS_B = 10 };

/* +1 where a profit lies above the price, -1 where it lies below. */
static int64_t profit_sign(enum v3_side side)
{
        return side == V3_SIDE_BUY ? 1 : -1;
}

static int64_t distance(int64_t a, int64_t b)
{
        return a < b ? b - a : a - b;
}

/*
 * The price OFFSET away, as the symbol writes it. Offsets are in tenths of 1e-8, for the
 * multipliers have one decimal: so nothing is rounded before this one rounding.
 */
static int price_at(const struct entry *entry, int64_t offset_tenths, int64_t *ret_price_e8)
{
        int64_t step_tenths = 10 * e8_step_of_digits(entry->symbol->digits), exact, price;
        int r;

        if (__builtin_mul_overflow(entry->alert->price_e8, 10, &exact) ||
                __builtin_add_overflow(exact, offset_tenths, &exact))
                return -EOVERFLOW;
        r = e8_round_to(exact, step_tenths, E8_HALF_UP, &price);
        if (r < 0)
                return r;
        if (price <= 0)
                return INVALID_STOP;
        *ret_price_e8 = price / 10;
        return 0;
}

/* The price DISTANCE x TENTHS/10 away, on the side where a profit lies. */
static int target_at(
        const struct entry *entry, int64_t distance_e8, int64_t tenths, int64_t *ret_price_e8)
{
        int64_t offset;

        if (__builtin_mul_overflow(
                    distance_e8, profit_sign(entry->alert->direction) * tenths, &offset))
                return -EOVERFLOW;
        return price_at(entry, offset, ret_price_e8);
}

/* The same on the other side. */
static int stop_at(
        const struct entry *entry, int64_t distance_e8, int64_t tenths, int64_t *ret_price_e8)
{
        return target_at(entry, distance_e8, -tenths, ret_price_e8);
}

static int fallback_stop(const struct entry *entry, int64_t *ret_stop_e8)
{
        int64_t pips = entry->symbol->fallback_sl_pips[entry->tier], gap;

        if (__builtin_mul_overflow(pips, entry->symbol->pip_e8, &gap))
                return -EOVERFLOW;
        return stop_at(entry, gap, route_stop_tenths(entry->route), ret_stop_e8);
}

int place_leg_a(const struct entry *entry, struct v3_leg *leg)
{
        const struct v3_alert *alert = entry->alert;
        int64_t stop = alert->sl_e8, target = alert->tp2_e8;
        int r = 0;

        if (!alert->has_sl)
                r = fallback_stop(entry, &stop);
        if (r == 0 && !alert->has_tp2)
                r = target_at(entry, distance(alert->price_e8, stop), TARGET_TENTHS_A, &target);
        if (r != 0)
                return r;
        leg->sl_e8 = stop;
        leg->tp_e8 = target;
        return 0;
}

int fixed_risk_distance(const struct v3_symbol *symbol, int64_t volume_e8, int64_t *ret_distance_e8)
{
        int64_t cents_a_pip, needed, least;
        int r;

        /* In e8 of a cent, as the risk is below: the scale cancels out. */
        if (__builtin_mul_overflow(volume_e8, symbol->usd_per_pip_lot_cents, &cents_a_pip) ||
                __builtin_mul_overflow(symbol->pip_e8, (int64_t)symbol->min_stop_pips, &least))
                return -EOVERFLOW;
        r = e8_muldiv(symbol->pip_e8, FIXED_RISK_CENTS * E8_ONE, cents_a_pip, E8_UP, &needed);
        if (r < 0)
                return r;
        return e8_round_to(needed > least ? needed : least, e8_step_of_digits(symbol->digits),
                E8_UP, ret_distance_e8);
}

int place_leg_b(const struct entry *entry, struct v3_leg *leg)
{
        const struct v3_alert *alert = entry->alert;
        int64_t gap, stop, target = alert->tp1_e8;
        int r;

        r = fixed_risk_distance(entry->symbol, leg->volume_e8, &gap);
        if (r == 0)
                r = stop_at(entry, gap, 10, &stop);
        if (r == 0 && !alert->has_tp1)
                r = target_at(entry, gap, TARGET_TENTHS_B, &target);
        if (r != 0)
                return r;
        leg->sl_e8 = stop;
        leg->tp_e8 = target;
        return 0;
}
