#pragma once
/*
 * The live decision and the shadow's on the same alert, compared as docs/v3.md, Comparing two
 * decisions, classes them: here only whether the difference is a critical one. Pure.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct shadow_counts {
        size_t pairs, different, critical;
};

/* TRAIL: of one alert, as health tells it. Adds to COUNTS. */
void shadow_count(const json_t *trail, struct shadow_counts *counts);
