#pragma once
/*
 * Legs and closes, which decisions and orders have in common.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>

typedef struct Pb__DecisionLeg Pb__DecisionLeg;
typedef struct Pb__DecisionClose Pb__DecisionClose;

enum {
        LEGS_MAX = 2,   /* A and B */
        CLOSES_MAX = 1, /* of the opposite side, or of the one an exit names */
};

struct legs {
        Pb__DecisionLeg *const *legs;
        size_t leg_count;
        Pb__DecisionClose *const *closes;
        size_t close_count;
};

/* Each at most once, all of one side, volumes and prices in range, stop and target on their sides. */
bool legs_hold(const struct legs *legs);
/* At most one; a reversal goes with legs of the other side, an exit stands alone. */
bool closes_hold(const struct legs *legs);
/* The one close is that of an exit. */
bool legs_are_exit(const struct legs *legs);
