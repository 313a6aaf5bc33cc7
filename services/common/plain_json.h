#pragma once
/*
 * The JSON that nearly every alert is made of, read in one pass and without an allocation: a strict
 * subset of RFC 8259. Plain is one object
 *
 * - whose names and strings are printable ASCII (0x20..0x7e) without a backslash,
 * - whose values are such strings, numbers, true, false and null: nothing nested,
 * - whose integers have at most PLAIN_DIGITS_MAX digits and are not "-0"; reals may have any length,
 * - which has at most PLAIN_MEMBERS_MAX members, no two of one name.
 *
 * Jansson, which is given reals masked, takes all that is plain, and for the same. "Not plain" does
 * not say "not JSON": that, and what is wrong with it, is the library's to tell. Pure.
 */
#include "services/common/json_text.h"

/* Twice the fields of an alert, and some; they lie on the stack. */
#define PLAIN_MEMBERS_MAX 64
/* As many as fit into 64 bits whatever they are. */
#define PLAIN_DIGITS_MAX 18

struct plain_member {
        struct bus_bytes name;    /* between its quotes */
        struct bus_bytes literal; /* the value's exact text; a string's with its quotes */
        enum json_kind kind;      /* neither NONE nor NESTED */
        int64_t integer;          /* JSON_KIND_INTEGER: its value */
};

struct plain_object {
        size_t count;
        struct plain_member members[PLAIN_MEMBERS_MAX]; /* in the order of the text */
        uint64_t seen;                                  /* a bit for each name, see is_new() */
};

/* Is TEXT plain? If so, RET_OBJECT's members point into it; if not, nothing of them may be used. */
BUS_MUST bool plain_json_read(struct bus_bytes text, struct plain_object *ret_object);
