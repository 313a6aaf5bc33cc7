#pragma once
/*
 * legacy_v3's rules, one file each, in the order an entry passes them (docs/v3.md has the words).
 * All pure. Functions that return int give 0, LEGACY_REJECT with *RET_REASON, or -EOVERFLOW where a
 * configuration nobody would write makes the numbers too large.
 */
#include "libbus/base/attr.h"
#include "umbra/plugin.h"

#define LEGACY_REJECT 1

struct legacy {
        const struct v3_symbol *symbols; /* borrowed from the settings */
        size_t symbol_count;
        int tier; /* pinned 0..4, or LEGACY_TIER_BY_BALANCE */
};
#define LEGACY_TIER_BY_BALANCE (-1)

struct legacy_tier {
        int64_t minimum_balance_cents;
        int64_t base_lot_e8;
        int64_t daily_cap_cents, lifetime_cap_cents;
};

/* What one entry is judged with; the legs and the loss grow in the decision. */
struct legacy_entry {
        const struct v3_alert *alert;
        const struct v3_context *context;
        const struct v3_symbol *symbol;
        const struct legacy_tier *tier;
        int tier_index; /* the column of the fallback stops */
};

/* strength.c */
int32_t legacy_strength(const struct v3_alert *alert);
bool legacy_is_aggressive(const struct v3_alert *alert, int32_t strength);

/* route.c */
struct legacy_route {
        int32_t number; /* 1..3 */
        enum v3_routing routing;
        int64_t lot_multiplier_e8;
        int64_t sl_multiplier_halves; /* 1.0, 1.5 and 2.5 as whole halves: 2, 3, 5 */
};
struct legacy_route legacy_route(const struct v3_alert *alert);

/* tier.c */
/* PINNED is 0..4 or LEGACY_TIER_BY_BALANCE. The index of the tier. */
int legacy_tier_index(int pinned, int64_t balance_cents);
const struct legacy_tier *legacy_tier(int index);

/* size.c: total lot and the volumes of the legs. */
BUS_MUST int legacy_size(const struct legacy_entry *entry, const struct legacy_route *route,
        struct v3_decision *decision, enum v3_reason *ret_reason);

/* legs.c: stops and targets of the legs that size.c made. */
BUS_MUST int legacy_legs(const struct legacy_entry *entry, const struct legacy_route *route,
        struct v3_decision *decision, enum v3_reason *ret_reason);

/* risk.c: the caps, and the scaling to what is left under them. */
BUS_MUST int legacy_risk(
        const struct legacy_entry *entry, struct v3_decision *decision, enum v3_reason *ret_reason);
/* What the legs of DECISION lose at their stops, floored to the cent. */
BUS_MUST int legacy_expected_loss(
        const struct legacy_entry *entry, const struct v3_decision *decision, int64_t *ret_cents);
