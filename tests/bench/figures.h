#pragma once
/*
 * Measured values of one kind, and what is said of them. Growable; nothing here is on a path that
 * is measured.
 */
#include <jansson.h>

struct series {
        double *values;
        size_t count, capacity;
};

void series_add(struct series *series, double value);
void series_done(struct series *series);
/* The value below which PERCENT of all are; sorts. 0 without any. */
double series_percentile(struct series *series, double percent);
double series_median(struct series *series);
/* {"min":X,"median":X,"max":X}, or null without any; the caller owns it. */
json_t *series_json(struct series *series);
/* Of the medians; null where one has no values. */
json_t *series_ratio(struct series *above, struct series *below);
