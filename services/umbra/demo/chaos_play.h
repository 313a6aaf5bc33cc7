#pragma once
/*
 * Does what a chaos plan says to a running system, and in the end lets it come to rest.
 */
#include "services/umbra/demo/chaos.h"
#include "services/umbra/demo/system.h"

struct chaos_play {
        struct chaos_plan plan;
        size_t next;
        int64_t started_us;
        size_t kills;
        /* what lasts */
        struct {
                pid_t frozen; /* 0: is not */
                int64_t thaw_us;
                pid_t seen; /* the hunted, since seen_us */
                int64_t seen_us, hunt_until_us, early_us;
                int64_t kill_us; /* 0: no kill is put off */
                pid_t killed;    /* the last one */
        } services[CHAOS_SERVICES];
        bool restart; /* umbra up has to be started again by the caller, who then sets this false */
        int broken;   /* umbra up did not end with 0 on a SIGTERM, or left services behind */
        int64_t slowest_stop_us;
};

void chaos_play_init(struct chaos_play *play, uint64_t seed, int64_t from_us, int64_t to_us);
/* Does what is due. The event that began just now, or NULL. */
const struct chaos_event *chaos_play_turn(struct chaos_play *play, struct demo_system *system);
/* Nothing more will happen, nothing is frozen or hunted. */
bool chaos_play_over(const struct chaos_play *play);
/* Takes the broker's faults away. */
BUS_MUST int chaos_play_clear(const struct demo_system *system);
