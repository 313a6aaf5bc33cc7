#pragma once
/*
 * Fixed-point numbers: an int64_t scaled by 10^8 ("e8"). Prices, lots and factors are e8; money is
 * whole cents. No floating point is used between the alert's text and the broker adapter.
 *
 * Every division names its rounding. Every function that could overflow says so with -EOVERFLOW and
 * leaves its output alone. All of it is pure.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

#define E8_ONE    INT64_C(100000000)
#define E8_DIGITS 8
/* Longest text e8_format writes, with its NUL: sign, 11 digits, point, 8 digits. */
#define E8_TEXT_SIZE 24

enum e8_rounding {
        E8_FLOOR,   /* towards minus infinity */
        E8_UP,      /* towards plus infinity */
        E8_HALF_UP, /* to the nearest, a tie towards plus infinity */
};

/* a * b / c with the product in 128 bits. c != 0. -EOVERFLOW if the result leaves int64_t. */
BUS_MUST int e8_muldiv(
        int64_t a, int64_t b, int64_t c, enum e8_rounding rounding, int64_t *ret_value);

/* The multiple of STEP (> 0) that ROUNDING chooses for VALUE. -EOVERFLOW at the very edge. */
BUS_MUST int e8_round_to(
        int64_t value, int64_t step, enum e8_rounding rounding, int64_t *ret_value);

/* 10^-digits as e8, digits 0..8: the smallest step of a price with that many decimals. */
int64_t e8_step_of_digits(unsigned int digits);

/*
 * Decimal text -> e8: optional minus, digits, optional fraction, optional exponent (JSON's number
 * syntax, any number of decimals; the part beyond 1e-8 is rounded half up, exactly).
 * -EINVAL if TEXT[0..size) is not wholly such a number, -ERANGE if the value does not fit.
 */
BUS_MUST int e8_parse(const char *text, size_t size, int64_t *ret_value);
/* The same, rounded half up to DECIMALS (0..8) in one exact step; the value is still e8. */
BUS_MUST int e8_parse_rounded(
        const char *text, size_t size, unsigned int decimals, int64_t *ret_value);

/* Writes VALUE with exactly DIGITS (0..8) decimals, cutting what is behind (values in this tree are
 * already rounded to their digits). Returns TEXT. */
const char *e8_format(int64_t value, unsigned int digits, char text[static E8_TEXT_SIZE]);
/* Writes VALUE with as many decimals as it needs, at least one digit before the point. */
const char *e8_format_short(int64_t value, char text[static E8_TEXT_SIZE]);

/* Cents <-> text with 2 decimals ("1000.00"). Parsing takes all that int64_t holds (-ERANGE beyond)
 * and refuses parts of a cent, however small: -EINVAL. */
BUS_MUST int cents_parse(const char *text, size_t size, int64_t *ret_cents);
const char *cents_format(int64_t cents, char text[static E8_TEXT_SIZE]);
