#pragma once
/*
 * A place in a stream: (incarnation, seq, part), ordered in that order, never reused for something
 * else. A stream's own writer counts seq up by one; a derived stream carries the position of the
 * signal a message came from, and part tells several messages of one signal apart. All zero: before
 * the first message.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct bus_pos {
        uint64_t incarnation; /* wall clock in ms when the incarnation began */
        uint64_t seq;         /* 1 is the first */
        uint32_t part;
};

#define BUS_POS_ZERO      ((struct bus_pos){ 0 })
#define BUS_POS_TEXT_SIZE 56

int bus_pos_compare(struct bus_pos a, struct bus_pos b); /* < 0, 0, > 0 */
bool bus_pos_is_zero(struct bus_pos pos);
static inline bool bus_pos_equal(struct bus_pos a, struct bus_pos b)
{
        return a.incarnation == b.incarnation && a.seq == b.seq && a.part == b.part;
}
/* "INCARNATION.SEQ", or "INCARNATION.SEQ.PART" where part is not 0. Returns TEXT. */
const char *bus_pos_format(struct bus_pos pos, char text[static BUS_POS_TEXT_SIZE]);
BUS_MUST int bus_pos_parse(const char *text, struct bus_pos *ret_pos); /* -EINVAL */
