#include "libbus/base/e8.h"

#include <errno.h>
#include <string.h>

/* More digits than this before the scaling are out of range whatever they are. */
#define MAX_SIGNIFICANT 40
#define MAX_EXPONENT    400

static int narrow(__int128 wide, int64_t *ret_value)
{
        if (wide > INT64_MAX || wide < INT64_MIN)
                return -EOVERFLOW;
        *ret_value = (int64_t)wide;
        return 0;
}

static __int128 divide(__int128 n, __int128 d, enum e8_rounding rounding)
{
        __int128 q, r;

        if (d < 0) {
                n = -n;
                d = -d;
        }
        if (n == (int64_t)n && d == (int64_t)d) { /* most are, and it takes a tenth of the time */
                q = (int64_t)n / (int64_t)d;
                r = (int64_t)n % (int64_t)d;
        } else {
                q = n / d;
                r = n % d;
        }
        if (r < 0) { /* C truncates towards zero: make it a floor with 0 <= r < d */
                r += d;
                q--;
        }
        if (rounding == E8_UP && r > 0)
                q++;
        if (rounding == E8_HALF_UP && r >= d - r)
                q++;
        return q;
}

int e8_muldiv(int64_t a, int64_t b, int64_t c, enum e8_rounding rounding, int64_t *ret_value)
{
        return narrow(divide((__int128)a * b, c, rounding), ret_value);
}

int e8_round_to(int64_t value, int64_t step, enum e8_rounding rounding, int64_t *ret_value)
{
        return narrow(divide(value, step, rounding) * step, ret_value);
}

int64_t e8_step_of_digits(unsigned int digits)
{
        int64_t step = E8_ONE;

        for (; digits > 0 && step > 1; digits--)
                step /= 10;
        return step;
}

struct decimal {
        bool negative;
        char digits[MAX_SIGNIFICANT + 1]; /* significant digits, no leading zeros */
        int count;
        int point;    /* value = 0.digits * 10^point */
        bool dropped; /* digits were cut off that are not all zero */
};

static void push_digit(struct decimal *d, char c, bool fraction)
{
        if (d->count == 0 && c == '0') {
                if (fraction)
                        d->point--;
                return;
        }
        if (d->count < MAX_SIGNIFICANT)
                d->digits[d->count++] = c;
        else if (c != '0')
                d->dropped = true;
        if (!fraction)
                d->point++;
}

static int parse_exponent(const char *p, const char *end, int *ret_exponent)
{
        bool negative = false;
        int value = 0;

        if (p < end && (*p == '+' || *p == '-'))
                negative = *p++ == '-';
        if (p == end)
                return -EINVAL;
        for (; p < end; p++) {
                if (*p < '0' || *p > '9')
                        return -EINVAL;
                if (value < MAX_EXPONENT * 10)
                        value = value * 10 + (*p - '0');
        }
        *ret_exponent = negative ? -value : value;
        return 0;
}

static int parse_decimal(const char *text, size_t size, struct decimal *d)
{
        const char *p = text, *end = text + size;
        int r, exponent = 0;
        size_t digits = 0;

        *d = (struct decimal){ 0 };
        if (p < end && *p == '-') {
                d->negative = true;
                p++;
        }
        for (; p < end && *p >= '0' && *p <= '9'; p++, digits++)
                push_digit(d, *p, false);
        if (!digits)
                return -EINVAL;
        if (p < end && *p == '.') {
                for (p++, digits = 0; p < end && *p >= '0' && *p <= '9'; p++, digits++)
                        push_digit(d, *p, true);
                if (!digits)
                        return -EINVAL;
        }
        if (p < end && (*p == 'e' || *p == 'E')) {
                r = parse_exponent(p + 1, end, &exponent);
                if (r < 0)
                        return r;
                p = end;
        }
        if (p != end)
                return -EINVAL;
        d->point += exponent;
        return 0;
}

int e8_parse(const char *text, size_t size, int64_t *ret_value)
{
        return e8_parse_rounded(text, size, E8_DIGITS, ret_value);
}

/* D in units of 10^-DECIMALS, rounded half up. *RET_EXACT: nothing was rounded away. */
static int scale(
        const struct decimal *d, unsigned int decimals, __int128 *ret_value, bool *ret_exact)
{
        int keep = d->point + (int)decimals; /* how many digits lie at or above the last place */
        bool half = false, rest = d->dropped;
        __int128 value = 0;

        if (d->count && keep > 19)
                return -ERANGE;
        for (int i = 0; i < keep; i++)
                value = value * 10 + (i < d->count ? d->digits[i] - '0' : 0);
        for (int i = keep > 0 ? keep : 0; i < d->count; i++) {
                if (i == keep)
                        half = d->digits[i] >= '5';
                rest = rest || d->digits[i] > (i == keep && half ? '5' : '0');
        }
        *ret_exact = !half && !rest;
        if (d->negative) /* half up is towards plus infinity: -x.5 to -x, -x.51 to -(x+1) */
                *ret_value = -(value + (half && rest ? 1 : 0));
        else
                *ret_value = value + (half ? 1 : 0);
        return 0;
}

int e8_parse_rounded(const char *text, size_t size, unsigned int decimals, int64_t *ret_value)
{
        struct decimal d;
        __int128 value;
        bool exact;
        int r;

        r = parse_decimal(text, size, &d);
        if (r == 0)
                r = scale(&d, decimals, &value, &exact);
        if (r < 0)
                return r;
        return narrow(value * e8_step_of_digits(decimals), ret_value) < 0 ? -ERANGE : 0;
}

/* Writes VALUE with at least DIGITS digits at AT; returns where it ends. */
static char *put_number(char *at, uint64_t value, unsigned int digits)
{
        char reversed[20];
        unsigned int n = 0;

        do {
                reversed[n++] = (char)('0' + value % 10);
                value /= 10;
        } while (value || n < digits);
        while (n)
                *at++ = reversed[--n];
        return at;
}

/* "-12.50": WHOLE, and FRACTION in DIGITS digits, if any. By hand: prices are written by the million
 * when a journal is judged again. */
static const char *put_decimal(
        char *text, bool negative, uint64_t whole, uint64_t fraction, unsigned int digits)
{
        char *at = text;

        if (negative)
                *at++ = '-';
        at = put_number(at, whole, 1);
        if (digits) {
                *at++ = '.';
                at = put_number(at, fraction, digits);
        }
        *at = 0;
        return text;
}

const char *e8_format(int64_t value, unsigned int digits, char text[static E8_TEXT_SIZE])
{
        uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
        uint64_t whole = magnitude / (uint64_t)E8_ONE, fraction = magnitude % (uint64_t)E8_ONE;

        if (digits > E8_DIGITS)
                digits = E8_DIGITS;
        return put_decimal(
                text, value < 0, whole, fraction / (uint64_t)e8_step_of_digits(digits), digits);
}

const char *e8_format_short(int64_t value, char text[static E8_TEXT_SIZE])
{
        size_t n;

        e8_format(value, E8_DIGITS, text);
        n = strlen(text);
        while (text[n - 1] == '0')
                n--;
        if (text[n - 1] == '.')
                n--;
        text[n] = 0;
        return text;
}

int cents_parse(const char *text, size_t size, int64_t *ret_cents)
{
        struct decimal d;
        __int128 value;
        bool exact;
        int r;

        r = parse_decimal(text, size, &d);
        if (r == 0)
                r = scale(&d, 2, &value, &exact);
        if (r < 0)
                return r;
        if (!exact)
                return -EINVAL;
        return narrow(value, ret_cents) < 0 ? -ERANGE : 0;
}

const char *cents_format(int64_t cents, char text[static E8_TEXT_SIZE])
{
        uint64_t magnitude = cents < 0 ? -(uint64_t)cents : (uint64_t)cents;

        return put_decimal(text, cents < 0, magnitude / 100, magnitude % 100, 2);
}
