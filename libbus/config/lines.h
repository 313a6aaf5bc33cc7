#pragma once
/*
 * The file's form: lines to (section, key, value) by inih, with the traps of its defaults closed:
 * over-long lines are refused rather than cut, no line continues another, section headers are seen
 * even when nothing follows, and every fault has its line.
 */
#include "libbus/base/bytes.h"

struct line_visitor {
        void *context;
        /* Each header, and each key in it. VALUE is borrowed during the call. 0, or < 0 with WHY
         * set to what is wrong: the walk ends. */
        int (*section)(
                void *context, const char *section, unsigned int line, char *why, size_t size);
        int (*entry)(void *context, const char *section, const char *key, const char *value,
                unsigned int line, char *why, size_t size);
};

/* 0, or -EINVAL: *RET_LINE and WHY are the first fault's. */
BUS_MUST int lines_walk(struct bus_bytes text, const struct line_visitor *visitor,
        unsigned int *ret_line, char *why, size_t size);
