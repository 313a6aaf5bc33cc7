#pragma once
/*
 * Umbra itself as a target, and what can be learned from it besides times: syncs, memory, idle CPU,
 * how fast a reader catches up, where the time of an alert goes.
 */
#include "tests/bench/bench.h"

extern bool umbra_on_redis; /* its stores are kept in a redis-server of its own */

struct umbra_counters {
        double ingest_syncs, executor_syncs, executor_commits;
};

/* Waits for a heartbeat or two: counters come with them. */
BUS_MUST int umbra_counters(const struct target *target, struct umbra_counters *ret_counters);

struct umbra_memory {
        double services_kb, all_kb; /* PSS; ALL: with mt5-demo and the supervisor */
};

BUS_MUST int umbra_memory(const struct target *target, struct umbra_memory *ret_memory);
/* CPU time of all services, in microseconds. */
int64_t umbra_cpu_us(const struct target *target);

/* What the executor's own messages since SINCE_US say of ALERTS alerts. */
#define UMBRA_STEPS 7
extern const char *const umbra_steps[UMBRA_STEPS];

struct umbra_trades {
        size_t intent_turns; /* different times of staging an intent: at least as many as commits */
        size_t count;        /* of alerts whose steps are known */
        int64_t steps_us[UMBRA_STEPS]; /* the median of each */
};

BUS_MUST int umbra_trades(const struct target *target, int64_t since_us, size_t alerts,
        struct umbra_trades *ret_trades);

/* Puts all that is journaled before one plugin and holds it against another (umbra replay): alerts
 * a second, from its start to its end. */
BUS_MUST int umbra_replay(const struct target *target, double *ret_rate);

/* What the executor's service layer costs an order message, CPU in this process. */
BUS_MUST int umbra_layer(double *ret_ns);

/* Stops the shadow, sends COUNT signals from number FIRST on, lets it go on: signals a second. */
BUS_MUST int umbra_catch_up(
        const struct target *target, unsigned int first, size_t count, double *ret_rate);
