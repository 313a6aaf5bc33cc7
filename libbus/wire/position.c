#include "libbus/wire/position.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int bus_pos_compare(struct bus_pos a, struct bus_pos b)
{
        if (a.incarnation != b.incarnation)
                return a.incarnation < b.incarnation ? -1 : 1;
        if (a.seq != b.seq)
                return a.seq < b.seq ? -1 : 1;
        if (a.part != b.part)
                return a.part < b.part ? -1 : 1;
        return 0;
}

bool bus_pos_is_zero(struct bus_pos pos)
{
        return !pos.incarnation && !pos.seq && !pos.part;
}

const char *bus_pos_format(struct bus_pos pos, char text[static BUS_POS_TEXT_SIZE])
{
        int n = snprintf(text, BUS_POS_TEXT_SIZE, "%" PRIu64 ".%" PRIu64, pos.incarnation, pos.seq);

        if (pos.part)
                snprintf(text + n, BUS_POS_TEXT_SIZE - (size_t)n, ".%" PRIu32, pos.part);
        return text;
}

/* Digits only: strtoull would take signs, spaces and other bases. */
static int parse_number(const char **text, uint64_t max, uint64_t *ret_value)
{
        uint64_t value = 0;
        const char *p = *text;

        if (*p < '0' || *p > '9')
                return -EINVAL;
        for (; *p >= '0' && *p <= '9'; p++) {
                if (__builtin_mul_overflow(value, 10, &value) ||
                        __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value) || value > max)
                        return -EINVAL;
        }
        *text = p;
        *ret_value = value;
        return 0;
}

int bus_pos_parse(const char *text, struct bus_pos *ret_pos)
{
        uint64_t incarnation, seq, part = 0;

        if (parse_number(&text, UINT64_MAX, &incarnation) < 0 || *text++ != '.')
                return -EINVAL;
        if (parse_number(&text, UINT64_MAX, &seq) < 0)
                return -EINVAL;
        if (*text == '.') {
                text++;
                if (parse_number(&text, UINT32_MAX, &part) < 0)
                        return -EINVAL;
        }
        if (*text)
                return -EINVAL;
        *ret_pos = (struct bus_pos){ incarnation, seq, (uint32_t)part };
        return 0;
}
