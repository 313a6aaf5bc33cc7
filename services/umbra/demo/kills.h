#pragma once
/*
 * SIGKILLs at chosen moments, and how long it takes until the killed service does all its work
 * again. One after the other: the next waits until the last is back.
 */
#include "services/umbra/demo/ledger.h"
#include "services/umbra/demo/system.h"

#define KILLS_MAX 16

struct kill_plan {
        int64_t at_us; /* from the start of the show */
        const char *service;
};

struct kill_done {
        const char *service;
        pid_t pid;
        int64_t at_us, back_us; /* monotonic; back_us 0: not yet */
        int64_t at_wall_us;
};

struct kills {
        const struct kill_plan *plan; /* by time, ends with .service == NULL */
        struct kill_done done[KILLS_MAX];
        size_t count;
        int64_t started_us, asked_us;
};

void kills_init(struct kills *kills, const struct kill_plan *plan);
/* Kills what is due, and looks whether the last one is back. The newest kill when there was one or
 * it came back just now, else NULL. */
const struct kill_done *kills_turn(
        struct kills *kills, const struct demo_system *system, const struct demo_ledger *ledger);
/* Nothing more to kill, and all are back. */
bool kills_over(const struct kills *kills);
int64_t kills_longest_us(const struct kills *kills);
