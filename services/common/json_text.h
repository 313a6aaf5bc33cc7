#pragma once
/*
 * What a JSON library does not give: the exact text of a value inside a document (so that no price
 * ever passes through a double), and strings written back. The scanners expect a document that a
 * strict parser has accepted; on anything else they stay inside its bytes. Pure.
 */
#include "libbus/base/bytes.h"

enum json_kind {
        JSON_KIND_NONE, /* no value */
        JSON_KIND_STRING,
        JSON_KIND_INTEGER, /* written without '.', 'e' and 'E' */
        JSON_KIND_REAL,
        JSON_KIND_BOOLEAN,
        JSON_KIND_NULL,
        JSON_KIND_NESTED, /* an object or an array */
};

enum json_mask {
        JSON_MASK_REALS, /* numbers with '.', 'e' or 'E' */
        JSON_MASK_ALL,   /* all numbers, and \uXXXX in strings: some of them stand for no text */
};

/*
 * A copy of TEXT, of the same size, in which every well-formed number of the kind MASK outside of
 * strings is replaced by a zero and blanks, and every \uXXXX that MASK covers by a blank's. A parser
 * that converts numbers and escapes then judges their grammar but not what they stand for, and
 * offsets in its errors stay true. NUL-terminated; the caller frees.
 */
char *json_masked(struct bus_bytes text, enum json_mask mask);

/* How deep objects and arrays nest: 1 for {}. */
unsigned int json_depth(struct bus_bytes text);

/* Goes through the members of one object in the order of the text. */
struct json_scan {
        const uint8_t *next, *end;
};

/* OBJECT may have blanks around it. */
void json_scan_init(struct json_scan *scan, struct bus_bytes object);
/* The next member's name (raw, between its quotes) and its value's exact text. False: no more. */
bool json_scan_next(
        struct json_scan *scan, struct bus_bytes *ret_name, struct bus_bytes *ret_value);

/* TEXT in quotes, escaped; a byte that is not valid UTF-8 becomes '?'. */
void json_add_string(struct bus_buf *buf, const char *text);

/* How many bytes from the start of TEXT[0..size) are valid UTF-8 without control characters: at most
 * MAX, and no character cut. */
size_t json_clean_prefix(const char *text, size_t size, size_t max);
