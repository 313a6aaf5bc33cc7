#pragma once
/*
 * One pair: what live decided on an alert, and what one plugin of the shadow did. Here it gets its
 * class, its rule and its message. Pure; the same for the comparator and for `umbra replay`.
 *
 * Whether a pair is late is read off the decisions' own stamps, not off a clock: a comparator that
 * falls behind or starts again says the same.
 */
#include "comparison.pb-c.h"
#include "decision.pb-c.h"
#include "libbus/base/ids.h"
#include "libbus/wire/position.h"
#include "services/common/symbols.h"
#include "services/compare/classes.h"

enum {
        COMPARE_NAME_SIZE = 33, /* plugins and rules: names of config sections */
        COMPARE_HASH_SIZE = 65, /* builds and config hashes */
        COMPARE_WORD_SIZE = 33, /* owners */
        COMPARE_WHY_SIZE = 161, /* why a rule is there: a line */
};

/* A difference that somebody has looked at and answers for, for a while. What is not set ("", NONE)
 * applies to all. */
struct compare_rule {
        char name[COMPARE_NAME_SIZE];
        enum compare_class class;
        char plugin[COMPARE_NAME_SIZE];  /* the shadow's */
        char against[COMPARE_NAME_SIZE]; /* the live one */
        char symbol[V3_SYMBOL_SIZE];
        enum v3_type kind;
        char owner[COMPARE_WORD_SIZE];
        char why[COMPARE_WHY_SIZE];
        int64_t expires_us; /* alerts received from then on are not covered */
};

#define COMPARE_RULES_MAX 64 /* more exceptions than that is no comparison any more */

struct compare_settings {
        struct compare_tolerance tolerance;
        int64_t deadline_us; /* how long one side may come behind the other */
        const struct symbols *symbols;
        struct compare_rule rules[COMPARE_RULES_MAX];
        size_t rule_count;
};

/* What is known of the alert itself. */
struct compare_alert {
        char id[BUS_ID_SIZE];
        struct bus_pos position; /* of its signal */
        enum v3_type kind;
        char symbol[V3_SYMBOL_SIZE];
        int64_t received_us;
};

/* What one side decided. */
struct compare_side {
        char plugin[COMPARE_NAME_SIZE]; /* "": nobody was active */
        char build[COMPARE_HASH_SIZE];
        char config_hash[COMPARE_HASH_SIZE];
        uint64_t epoch;
        int64_t decide_ns;
        int64_t decided_us; /* when decide() had returned */
        struct v3_decision decision;
};

/* From a validated message. -EBADMSG where it is not what a plugin could have decided. */
BUS_MUST int compare_side_read(
        const Pb__Decision *message, int64_t decided_us, struct compare_side *ret_side);

struct compare_pair {
        const struct compare_alert *alert;
        const char *plugin; /* of the shadow, also where its decision is missing */
        const struct compare_side *live, *shadow; /* one of them may be NULL: missing */
        bool revises;                             /* it was told as late before */
        Pb__ComparisonSource source;
};

/* A message with all that it points to. */
struct compare_message {
        Pb__Comparison pb;
        Pb__Position signal;
};

/* MESSAGE borrows from PAIR and SETTINGS and points into itself: do not copy it. */
void compare_pair_fill(struct compare_message *message, const struct compare_settings *settings,
        const struct compare_pair *pair);

/* The message's id: whoever tells the same pair again tells it under the same one. */
void compare_pair_id(const struct compare_pair *pair, char ret_id[static BUS_ID_SIZE]);

/* "comparison.CLASS.PLUGIN". Returns TOPIC. */
#define COMPARE_TOPIC_SIZE (sizeof("comparison.one_sided.") + COMPARE_NAME_SIZE)
const char *compare_topic(const Pb__Comparison *message, char topic[static COMPARE_TOPIC_SIZE]);
