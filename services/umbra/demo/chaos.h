#pragma once
/*
 * What goes wrong in `umbra demo --chaos`: a plan dealt from a seed, so that a run that failed can
 * be run again. Pure; chaos_play.h does the deeds.
 */
#include "libbus/base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A service of the plan: its bit in chaos_event.services. */
enum {
        CHAOS_MT5,
        CHAOS_HEALTH,
        CHAOS_EXECUTOR,
        CHAOS_STRATEGY,
        CHAOS_SHADOW,
        CHAOS_INGEST,
        CHAOS_SERVICES,
};
extern const char *const chaos_services[CHAOS_SERVICES];

enum chaos_kind {
        CHAOS_KILL, /* SIGKILL to all of SERVICES at the same instant */
        CHAOS_HUNT, /* SIGKILL to SERVICES again and again, EARLY_US after each start, until FOR_US */
        CHAOS_FREEZE, /* SIGSTOP, and SIGCONT after FOR_US */
        CHAOS_KILL_UP, /* SIGKILL to umbra up itself, which is then started again on the same state */
        CHAOS_STOP_UP, /* SIGTERM to umbra up: it must end with 0; then it is started again */
        CHAOS_FAULT,   /* FAULT to the demo account */
        CHAOS_SWITCH,  /* cutover or rollback, as FAULT says; SERVICES are killed EARLY_US later */
        CHAOS_KINDS,
};

struct chaos_event {
        int64_t at_us; /* from the start of the show */
        enum chaos_kind kind;
        unsigned int services; /* bits */
        int64_t for_us, early_us;
        char what[64]; /* FAULT: as `mt5-demo ctl` takes it; SWITCH: the command */
};

#define CHAOS_EVENTS_MAX 64

struct chaos_plan {
        struct chaos_event events[CHAOS_EVENTS_MAX];
        size_t count;
};

/* Events by time, from FROM_US to TO_US; the same SEED makes the same plan. */
void chaos_plan_make(uint64_t seed, int64_t from_us, int64_t to_us, struct chaos_plan *ret_plan);
/* One line for people; returns TEXT. */
const char *chaos_describe(const struct chaos_event *event, char text[static 128]);
