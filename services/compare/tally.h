#pragma once
/*
 * What the comparisons add up to: counts by class, latencies of both sides, and how much may be
 * concluded from them. A fold over comparison messages and nothing else, so that the comparator,
 * a restart of it, and a replay come to the same figures. Pure.
 */
#include "libbus/base/bytes.h"
#include "services/compare/classes.h"

#include "comparison.pb-c.h"

/* Times of decide(), by powers of two in eighths: a quantile is right to within a sixteenth. */
enum { COMPARE_TIMES = 8 * 40 };
struct compare_times {
        uint64_t count;
        uint64_t bucket[COMPARE_TIMES];
};
void compare_times_add(struct compare_times *times, int64_t ns);
/* The time that PERCENT of them are not above; 0 of none. */
int64_t compare_times_quantile(const struct compare_times *times, unsigned int percent);

/* Who is held against whom: evidence is for these, and another build or config begins anew. */
struct compare_parties {
        char plugin[33], build[65], config_hash[65];             /* of the shadow */
        char against[33], against_build[65], against_config[65]; /* live */
        Pb__ComparisonSource source;
};

struct compare_tally {
        struct compare_parties parties;
        uint64_t pairs;                    /* whole ones */
        uint64_t classes[COMPARE_CLASSES]; /* of them */
        uint64_t trades;                   /* of them: entries and exits */
        uint64_t critical;                 /* of them: critical, and covered by no rule */
        uint64_t ignored;                  /* of them: covered by a rule */
        struct compare_times live, shadow;
        int64_t first_us, last_us; /* receipt of the first and the last alert */
};

/* Pairs of which a side is missing belong to no build: they are counted by plugin. */
struct compare_missing {
        char plugin[33];
        uint64_t pairs;
};

struct compare_ignored {
        char rule[33];
        uint64_t pairs;
};

enum {
        COMPARE_TALLIES_MAX = 32, /* the ones longest not added to are forgotten first */
        COMPARE_MISSING_MAX = 8,
        COMPARE_IGNORED_MAX = 64,
};

struct compare_sums {
        struct compare_tally *tallies[COMPARE_TALLIES_MAX]; /* owned; the latest added to last */
        size_t tally_count;
        struct compare_missing missing[COMPARE_MISSING_MAX];
        size_t missing_count;
        struct compare_ignored ignored[COMPARE_IGNORED_MAX];
        size_t ignored_count;
};

void compare_sums_done(struct compare_sums *sums);
/* MESSAGE has passed its validator. */
void compare_sums_add(struct compare_sums *sums, const Pb__Comparison *message);

/* The one plugin in live and in shadow: what differs there is noise of ours. */
bool compare_tally_is_aa(const struct compare_tally *tally);
/* The A/A tally of the live side of TALLY; NULL if there is none. */
const struct compare_tally *compare_sums_noise(
        const struct compare_sums *sums, const struct compare_tally *tally);
/* Differences that are neither exact nor only late. */
uint64_t compare_tally_different(const struct compare_tally *tally);

/*
 * Appends TALLY as one JSON object without a line break: parties, pairs, classes, critical, ignored,
 * latencies of both sides (p50, p99 in ns), "bound": with no critical pair in n, the 95 % upper
 * bound on their rate, 3/n, else null.
 */
void compare_tally_json(struct bus_buf *buf, const struct compare_tally *tally);

/* The sums as bytes and back, for the store. -EBADMSG; then SUMS is empty. */
void compare_sums_pack(const struct compare_sums *sums, struct bus_buf *buf);
BUS_MUST int compare_sums_unpack(struct compare_sums *sums, struct bus_bytes bytes);
