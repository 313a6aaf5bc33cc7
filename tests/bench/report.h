#pragma once
/*
 * All that was measured, a value a round, and how it is told: as JSON (docs/interfaces.md, bench)
 * and as a table.
 */
#include "tests/bench/figures.h"
#include "tests/bench/umbra.h"

#include <stdio.h>

enum target_id {
        TARGET_FLOOR,
        TARGET_UMBRA,
        TARGET_REDIS,
        TARGET_BOT,
        TARGET_FAST_BOT,
        TARGETS,
};

struct target_results {
        struct series p50_us, p99_us; /* POST sent to order handed over, idle */
        struct series answer_us;      /* POST sent to answer, median */
        struct series throughput;     /* alerts a second, 64 connections */
};

struct results {
        struct target_results targets[TARGETS];
        struct series syncs_idle, syncs_64;         /* an alert, up to the hand-over */
        struct series all_syncs_idle, all_syncs_64; /* with those of reports and accounts */
        struct series pss_mb, pss_all_mb, idle_cpu_pct, catch_up, replay, layer_ns;
        struct series steps_us[UMBRA_STEPS];
        unsigned int rounds;
        const char *folder; /* whose disk it was */
};

extern const char *const target_names[TARGETS];

json_t *report_json(struct results *results); /* the caller owns it */
void report_table(struct results *results, FILE *out);
void results_done(struct results *results);
