#include "services/health/slower.h"

/* One-sided 95 % of the normal distribution: with 500 pairs and more Student's is the same. */
#define Z_95 1.645

void slower_add(struct slower *slower, int64_t new_ns, int64_t old_ns)
{
        double excess = (double)new_ns - SLOWER_RATIO * (double)old_ns;

        slower->pairs++;
        slower->sum_new += (double)new_ns;
        slower->sum_old += (double)old_ns;
        slower->sum_excess += excess;
        slower->sum_excess_squared += excess * excess;
}

double slower_mean_ns(const struct slower *slower)
{
        return slower->pairs ? (slower->sum_new - slower->sum_old) / (double)slower->pairs : 0;
}

bool slower_holds(const struct slower *slower)
{
        double n = (double)slower->pairs, mean, variance;

        if (slower->pairs < SLOWER_PAIRS_MIN || slower_mean_ns(slower) <= SLOWER_NS_MIN)
                return false;
        mean = slower->sum_excess / n;
        variance = (slower->sum_excess_squared - n * mean * mean) / (n - 1);
        /* mean - Z * sqrt(variance / n) > 0, without the root */
        return mean > 0 && mean * mean * n > Z_95 * Z_95 * variance;
}
