#pragma once
/*
 * Ten cutovers and ten rollbacks under load, one after the other, each asked for until it is done; and
 * whether what was decided afterwards was decided by whom the switches named.
 */
#include "services/umbra/demo/report.h"
#include "services/umbra/demo/system.h"

#define SWITCHES 20 /* every second one is a rollback */

struct switch_done {
        double ms; /* as the caller waited */
        uint64_t epoch;
        char active[33];
        char from[56]; /* the signal behind which it holds */
};

struct switches {
        int64_t first_us, period_us; /* from the start of the show */
        struct switch_done done[SWITCHES];
        size_t count;
        int64_t next_us;
        bool has_backup;      /* the gate asks for one */
        unsigned int refused; /* by the gate, which sees what the kills do */
        bool told;            /* that the one in hand was refused */
};

void switches_init(struct switches *switches, int64_t first_us, int64_t period_us);
/* Asks for the next one if it is due at NOW_US of the show. */
void switches_turn(struct switches *switches, const struct demo_system *system,
        struct report *report, int64_t now_us);
bool switches_over(const struct switches *switches);
/* Half of the cutovers (else of the rollbacks) took no longer; *RET_SLOWEST: the longest. -1: none. */
double switches_ms(const struct switches *switches, bool cutovers, double *ret_slowest);
/* Whether the decision in TRAIL is by the plugin that was active in its epoch, and its signal lies
 * behind that switch and not behind the next one. True where the epoch is of no switch of ours. */
bool switches_agree(const struct switches *switches, const json_t *trail);
