#pragma once
/*
 * What speaks for a plugin that is to take over: its comparisons with what was decided live, by the
 * minute of the alert, and the live decisions that have no comparison yet. All of it is of one build
 * and one configuration; another one begins anew. Pure: what must be kept goes to a sink, and comes
 * back through evidence_load.
 *
 * Keys: ev/edition    ev/m/MINUTE -> counts    ev/o/ALERT -> a live decision waits, or a comparison
 */
#include "comparison.pb-c.h"

#include <jansson.h>

#define EVIDENCE_PREFIX  "ev/"
#define EVIDENCE_CLASSES (PB__COMPARISON_CLASS__COMPARISON_CLASS_ERROR + 1)
/* The comparator calls a pair late after 5 s by default, and is heard a moment later. */
#define EVIDENCE_PATIENCE_US (10 * INT64_C(1000000))

struct evidence_sink {
        void (*put)(void *arg, const char *key, const char *value);
        void (*drop)(void *arg, const char *key);
        void *arg;
};

struct evidence_options {
        const char *plugin;    /* which is to take over; static, as the next */
        const char *incumbent; /* with whom it is compared while it decides itself */
        int64_t keep_us;       /* what is older is of no interest */
        struct evidence_sink sink;
};

struct evidence;

struct evidence *evidence_new(const struct evidence_options *options);
struct evidence *evidence_free(struct evidence *evidence); /* takes NULL, returns NULL */
/* One of the sink's keys and values, at the start. -EBADMSG: not one of ours. */
int evidence_load(struct evidence *evidence, const char *key, const char *value);

/* A live decision on an entry or an exit, received AT_US. */
void evidence_decision(
        struct evidence *evidence, const char *alert_id, int64_t at_us, int64_t now_us);
/* A comparison; others than the plugin's own are left out. */
void evidence_comparison(struct evidence *evidence, const char *alert_id,
        const Pb__Comparison *comparison, int64_t now_us);
/* Hands the sink what has changed since the last call: right before a commit. */
void evidence_write(struct evidence *evidence);
/* Forgets what is too old. */
void evidence_prune(struct evidence *evidence, int64_t now_us);

struct evidence_sum {
        const char *build, *config_hash; /* "" before the first pair; borrowed */
        int64_t since_us;                /* the oldest alert compared; 0: none */
        uint64_t pairs;                  /* of all kinds of alerts */
        uint64_t trades;                 /* of them entries and exits */
        uint64_t critical;               /* outside the ignore rules */
        uint64_t ignored;                /* critical, but for a rule */
        uint64_t replayed;               /* made by umbra replay */
        uint64_t unpaired;               /* live decisions that wait for longer than they should */
        uint64_t classes[EVIDENCE_CLASSES];
};
void evidence_sum(const struct evidence *evidence, int64_t now_us, struct evidence_sum *ret_sum);
/* {"plugin","plugin_build","config_hash","since",counts,"classes":{},"minutes":[...]}, the newest
 * MINUTES of those that have pairs; the caller owns it. */
json_t *evidence_json(const struct evidence *evidence, int64_t now_us, size_t minutes);
