#include "libbus/base/e8.h"
#include "plugins/legacy_v3/legacy.h"

#include <errno.h>

/* Scaling aims at this part of what is left, so that the fill's slippage has room. */
#define SCALE_PERCENT 95

struct room {
        int64_t cents;         /* what may still be lost */
        enum v3_reason reason; /* the cap that sets it */
};

/* Distance x volume of all legs, which one division then turns into money. */
static int weight_of_legs(
        const struct legacy_entry *entry, const struct v3_decision *decision, __int128 *ret_weight)
{
        __int128 weight = 0;

        for (uint32_t i = 0; i < decision->leg_count; i++) {
                const struct v3_leg *leg = &decision->legs[i];
                int64_t price_e8 = entry->alert->price_e8;
                __int128 distance =
                        leg->sl_e8 > price_e8 ? leg->sl_e8 - price_e8 : price_e8 - leg->sl_e8;

                if (__builtin_add_overflow(weight, distance * leg->volume_e8, &weight))
                        return -EOVERFLOW;
        }
        *ret_weight = weight;
        return 0;
}

int legacy_expected_loss(
        const struct legacy_entry *entry, const struct v3_decision *decision, int64_t *ret_cents)
{
        const struct v3_symbol *symbol = entry->symbol;
        __int128 weight, cents;
        int r;

        r = weight_of_legs(entry, decision, &weight);
        if (r < 0)
                return r;
        if (__builtin_mul_overflow(weight, (__int128)symbol->usd_per_pip_lot_cents, &cents))
                return -EOVERFLOW;
        cents /= (__int128)symbol->pip_e8 * E8_ONE; /* nothing is negative here: a floor */
        if (cents > INT64_MAX)
                return -EOVERFLOW;
        *ret_cents = (int64_t)cents;
        return 0;
}

static bool cap_reached(const struct legacy_entry *entry, enum v3_reason *ret_reason)
{
        const struct v3_context *context = entry->context;

        if (context->lifetime_loss_cents >= entry->tier->lifetime_cap_cents)
                *ret_reason = V3_REASON_LIFETIME_CAP;
        else if (context->daily_loss_cents >= entry->tier->daily_cap_cents)
                *ret_reason = V3_REASON_DAILY_CAP;
        else
                return false;
        return true;
}

/* Under both caps, so both rooms are over 0. */
static struct room room_left(const struct legacy_entry *entry)
{
        int64_t daily = entry->tier->daily_cap_cents - entry->context->daily_loss_cents;
        int64_t lifetime = entry->tier->lifetime_cap_cents - entry->context->lifetime_loss_cents;

        if (lifetime < daily)
                return (struct room){ lifetime, V3_REASON_LIFETIME_CAP };
        return (struct room){ daily, V3_REASON_DAILY_CAP };
}

/* Shrinks the legs, floored to the step, and drops those that end under the minimum lot. */
static int scale_legs(
        const struct v3_symbol *symbol, struct v3_decision *decision, int64_t room_cents)
{
        int64_t part, whole;
        uint32_t kept = 0;

        if (__builtin_mul_overflow(room_cents, SCALE_PERCENT, &part) ||
                __builtin_mul_overflow(decision->expected_loss_cents, 100, &whole))
                return -EOVERFLOW;
        for (uint32_t i = 0; i < decision->leg_count; i++) {
                struct v3_leg leg = decision->legs[i];
                int r;

                r = e8_muldiv(leg.volume_e8, part, whole, E8_FLOOR, &leg.volume_e8);
                if (r == 0)
                        r = e8_round_to(
                                leg.volume_e8, symbol->lot_step_e8, E8_FLOOR, &leg.volume_e8);
                if (r < 0)
                        return r;
                if (leg.volume_e8 >= symbol->lot_min_e8)
                        decision->legs[kept++] = leg;
        }
        decision->leg_count = kept;
        return 0;
}

int legacy_risk(
        const struct legacy_entry *entry, struct v3_decision *decision, enum v3_reason *ret_reason)
{
        struct room room;
        int r;

        if (cap_reached(entry, ret_reason))
                return LEGACY_REJECT;
        r = legacy_expected_loss(entry, decision, &decision->expected_loss_cents);
        if (r < 0)
                return r;
        room = room_left(entry);
        if (decision->expected_loss_cents <= room.cents)
                return 0;

        r = scale_legs(entry->symbol, decision, room.cents);
        if (r < 0)
                return r;
        decision->scaled = true;
        if (!decision->leg_count) {
                *ret_reason = room.reason;
                return LEGACY_REJECT;
        }
        return legacy_expected_loss(entry, decision, &decision->expected_loss_cents);
}
