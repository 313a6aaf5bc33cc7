#pragma once
/*
 * Whether one plugin takes longer than another to decide on the same signals: by pairs, so that what
 * makes a signal dear to judge counts for both. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#define SLOWER_PAIRS_MIN 500
#define SLOWER_RATIO     1.05     /* over 5 %, at the lower bound of 95 % confidence */
#define SLOWER_NS_MIN    100000.0 /* and over 100 us: less is nobody's loss */

struct slower {
        uint64_t pairs;
        double sum_new, sum_old;               /* ns */
        double sum_excess, sum_excess_squared; /* of new - SLOWER_RATIO * old */
};

void slower_add(struct slower *slower, int64_t new_ns, int64_t old_ns);
bool slower_holds(const struct slower *slower);
double slower_mean_ns(
        const struct slower *slower); /* by which the new one is slower; 0 of no pairs */
