#pragma once
/*
 * The rules of V3 as combined_v3 reads them (docs/v3.md), one small pure function each. Nothing
 * here is shared with legacy_v3: a mistake in either must show as a difference between the two.
 *
 * Prices and lots are e8, money is cents. Functions that multiply may answer -EOVERFLOW; then the
 * outputs are untouched.
 */
#include "libbus/base/attr.h"
#include "umbra/v3.h"

#include <stddef.h>

enum profile {
        PROFILE_PARITY,   /* decides as legacy_v3 does */
        PROFILE_STRENGTH, /* gates and sizes by the alert's strength */
};

enum { TIER_BY_BALANCE = -1 };

/* ---- classify.c: what kind of entry it is ---- */

/* 0..9: how much of the consensus speaks for SIDE. */
int32_t strength_of(enum v3_side side, int32_t consensus_score);

struct route {
        int32_t number; /* 1..3 */
        enum v3_routing routing;
};
struct route route_of(enum v3_signal_type signal, enum v3_tf tf);
int64_t route_lot_thousandths(int32_t route); /* 625 is x 0.625 */
int64_t route_stop_tenths(int32_t route);     /* 25 is x 2.5 */

bool is_aggressive(enum v3_signal_type signal, int32_t strength);

/* Profile strength: whether STRENGTH suffices for SIGNAL, and what it does to the size. */
bool is_strong_enough(enum v3_signal_type signal, int32_t strength);
int64_t strength_factor_e8(int32_t strength); /* of a strength that is strong enough */

/* How many of the pillars 15m, 1H, 4H, 1D point to SIDE; -1 where the alert has no trends. */
int aligned_pillars(const struct v3_trends *trends, enum v3_side side);

/* ---- size.c: how many lots ---- */

struct tier {
        int64_t minimum_balance_cents;
        int64_t base_lot_e8;
        int64_t daily_cap_cents, lifetime_cap_cents;
};
size_t tier_of_balance(int64_t balance_cents); /* 0..V3_TIER_COUNT-1 */
const struct tier *tier_at(size_t index);

/* base x factor x route, cut at 1e-8, not over the symbol's maximum. */
BUS_MUST int total_lot(const struct v3_symbol *symbol, int64_t base_lot_e8, int64_t factor_e8,
        int64_t route_thousandths, int64_t *ret_total_e8);
BUS_MUST int floor_to_step(const struct v3_symbol *symbol, int64_t lot_e8, int64_t *ret_lot_e8);

struct split {
        size_t legs;       /* 0: under the minimum lot; 1: order A alone; 2 */
        int64_t volume_e8; /* of each */
};
BUS_MUST int split_lot(const struct v3_symbol *symbol, int64_t total_e8, struct split *ret_split);

/* ---- legs.c: where they stop ---- */

/* What the legs of one entry have in common. */
struct entry {
        const struct v3_symbol *symbol;
        const struct v3_alert *alert;
        size_t tier;
        int32_t route;
};
#define INVALID_STOP 1 /* a computed stop or target is not above 0 */

/* Fill stop and target of LEG, whose volume is set. 0, INVALID_STOP, -EOVERFLOW. */
BUS_MUST int place_leg_a(const struct entry *entry, struct v3_leg *leg);
BUS_MUST int place_leg_b(const struct entry *entry, struct v3_leg *leg);
/* Distance at which VOLUME loses the fixed risk of order B. */
BUS_MUST int fixed_risk_distance(
        const struct v3_symbol *symbol, int64_t volume_e8, int64_t *ret_distance_e8);

/* ---- risk.c: what it may cost ---- */

/* What all LEGS lose at their stops, floored to the cent. */
BUS_MUST int expected_loss(const struct v3_symbol *symbol, int64_t price_e8,
        const struct v3_leg *legs, size_t count, int64_t *ret_cents);

struct budget {
        int64_t remaining_cents;
        enum v3_reason exhausted_by; /* the cap that is, or will first be, reached */
};
/* What TIER's caps leave after the losses so far; remaining <= 0: nothing. */
struct budget budget_of(const struct tier *tier, const struct v3_context *context);

/* Shrinks LEGS so that EXPECTED becomes 95 % of REMAINING; drops those under the minimum lot. */
BUS_MUST int scale_legs(const struct v3_symbol *symbol, int64_t remaining_cents,
        int64_t expected_cents, struct v3_leg *legs, uint32_t *count);
