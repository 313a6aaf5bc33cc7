#pragma once
/*
 * The words of a bot, from a language file. Pure.
 *
 *      [entry]
 *      line = {side} {volume} {symbol} at {price}
 *      text = <b>{side} {volume} {symbol}</b> at {price}
 *              stop {stop}, target {target}[, risk {risk}]
 *
 * A line that begins with a blank goes on with the value above, as a line of its own. {name} stands
 * for a value, which is escaped; what is in [brackets] is left out where a value in it is empty, and
 * so is a line all of whose values are empty. "[[", "]]" and "{{" are a bracket, its end, a brace. The tags are
 * Telegram's b, i, u, s and code, each closed in its line.
 *
 * The first file read says which keys there are; later ones give some of them other words. So a file
 * that leaves a key out speaks English there, and one with a key or a value that nobody fills in is
 * refused with the line that has it.
 */
#include "libbus/base/bytes.h"

#define TEXTS_ERROR_SIZE 256
/* A language file is a page or two; more is something else. */
#define TEXTS_FILE_MAX_BYTES ((size_t)64 << 10)

/* Which values the texts of a section may use. */
struct texts_rule {
        const char *section;
        const char *names; /* with blanks in between */
};

struct text {
        char *key; /* "entry.line" */
        char *value;
};

struct texts {
        const struct texts_rule
                *rules; /* ends with .section == NULL; borrowed. No rule: no values */
        struct text *items;
        size_t count, capacity;
        bool complete; /* the first file has been read */
};

void texts_init(struct texts *texts, const struct texts_rule *rules);
void texts_done(struct texts *texts);
/* 0, or -EINVAL with one line in ERROR: "FILE:LINE: why". Then TEXTS is as it was but for the keys
 * in front of the fault. */
BUS_MUST int texts_read(struct texts *texts, const char *file, struct bus_bytes content,
        char error[static TEXTS_ERROR_SIZE]);

/* NULL if there is none; borrowed. */
const char *texts_find(const struct texts *texts, const char *section, const char *key);
/* A word of SECTION; where it has none, KEY itself with blanks for underscores, in BUFFER. */
const char *texts_word(const struct texts *texts, const char *section, const char *key,
        char *buffer, size_t buffer_size);

/* Values by name; they are copied. Zero-initialised, done by texts_values_done. */
#define TEXTS_VALUES_MAX 32
struct texts_values {
        struct {
                const char *name; /* borrowed */
                char *value;
        } items[TEXTS_VALUES_MAX];
        size_t count;
};
void texts_set(struct texts_values *values, const char *name, const char *format, ...)
        BUS_PRINTF(3, 4);
void texts_values_done(struct texts_values *values);
#define TEXTS_AUTOVALUES BUS_CLEANUP(texts_values_done)

/* Appends the text SECTION.KEY with VALUES filled in. bus_require: there is such a text. */
void texts_fill(const struct texts *texts, const char *section, const char *key,
        const struct texts_values *values, struct bus_buf *buf);
