#pragma once
/*
 * The show: its parts, and what came of it. The files of this folder share it.
 */
#include "services/umbra/demo/bots.h"
#include "services/umbra/demo/chaos_play.h"
#include "services/umbra/demo/expect.h"
#include "services/umbra/demo/kills.h"
#include "services/umbra/demo/report.h"
#include "services/umbra/demo/sender.h"
#include "services/umbra/demo/shadow.h"
#include "services/umbra/demo/switches.h"
#include "services/umbra/demo/system.h"

/* What a run must reach to prove anything (docs/interfaces.md, demo --json). */
#define DEMO_ALERTS_MIN 500
#define DEMO_TRADES_MIN 200 /* entries and exits sent */
#define DEMO_ORDERS_MIN 100 /* at the broker */
#define DEMO_KILLS_MIN  5

struct demo_results {
        struct sender_counts sent;
        size_t trades_sent; /* entries and exits */
        struct expect_sums sums;
        struct shadow_counts shadow;
        int64_t p50_us, p99_us; /* receipt to broker link; -1: none */
        size_t kills;
        struct bots_counts bots;
        int64_t catch_up_us;            /* of the slowest; -1: not looked at */
        double cutover_ms, rollback_ms; /* half of them took no longer; < 0: none was done */
        double slowest_switch_ms;
        size_t switches;        /* done */
        size_t switches_broken; /* decisions by another plugin than was active at their position */
        size_t ledger_bad_lines;
        size_t broken; /* stops that were none, services that outlived umbra */
        bool settled;  /* all alerts had ended before the sums were made */
};

/* What the sums are made from. */
struct demo_evidence {
        const struct demo_system *system;
        const struct traffic *traffic;
        const struct sender *sender;
        struct demo_ledger *ledger;
        const struct switches *switches;
        bool is_chaos;
};

/* Fills all of RESULTS but the kills and switches. -errno, said on stderr: then nothing is proved. */
BUS_MUST int demo_sums(const struct demo_evidence *evidence, struct demo_results *results);

/* Whether the sums are right and enough was shown; says on stdout what this proved, or what did not hold. */
bool demo_verdict(const struct demo_results *results);
/* The JSON of docs/interfaces.md; the caller owns it. */
json_t *demo_json(const struct demo_results *results);
