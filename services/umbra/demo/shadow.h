#pragma once
/*
 * What the comparator said of an alert's pairs, summed: of another plugin in the shadow beside the
 * live one. The comparisons themselves are telegram-analytics's (docs/shadow.md). Pure.
 */
#include <jansson.h>
#include <stddef.h>

struct shadow_counts {
        size_t pairs, different, critical;
};

/* TRAIL: of one alert, as health tells it. Adds to COUNTS. */
void shadow_count(const json_t *trail, struct shadow_counts *counts);
