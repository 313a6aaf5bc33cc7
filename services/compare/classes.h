#pragma once
/*
 * Two decisions on one alert, and how far they are apart (docs/shadow.md, Classes). Pure.
 *
 * What a measurement says (decide_ns) and who decided is not compared; everything else is.
 */
#include "umbra/v3.h"

/* From the mildest to the worst; the numbers are those of the comparison message. */
enum compare_class {
        COMPARE_EXACT = 1, /* every field is equal */
        COMPARE_LATE,      /* a side is missing, or came, after the deadline */
        COMPARE_REASON,    /* both do the same, or nothing, for different reasons */
        COMPARE_STOPS,     /* a stop or target differs */
        COMPARE_SIZE,      /* a volume differs, or what it was worked out from */
        COMPARE_SIDE,      /* a leg's or a close's side differs */
        COMPARE_ONE_SIDED, /* only one executes, only one opens, only one closes */
        COMPARE_ERROR,     /* a plugin failed */
        COMPARE_CLASSES,
};

const char *compare_class_name(enum compare_class class); /* "one_sided" */
enum compare_class compare_class_of(const char *name);    /* 0: there is none */
bool compare_class_is_critical(enum compare_class class);

/* How much two numbers may differ and still be equal; 0: not at all. */
struct compare_tolerance {
        int64_t lot_steps; /* volumes, in steps of the symbol's lots */
        int64_t points;    /* stops and targets, in the last digit of the symbol's prices */
};

/*
 * The worst class that applies; never COMPARE_LATE. SYMBOL says what a lot step and a point are;
 * NULL, where the table has it no more: numbers are held against each other as they stand.
 * Where volumes may differ, what they were worked out from is not looked at either.
 */
enum compare_class compare_decisions(const struct v3_decision *live,
        const struct v3_decision *shadow, const struct v3_symbol *symbol,
        const struct compare_tolerance *tolerance);
