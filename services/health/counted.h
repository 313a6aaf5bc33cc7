#pragma once
/*
 * What counts for the figures of docs/operations.md, Thresholds, and as what. Pure.
 */
#include "services/health/beats.h"
#include "trade.pb-c.h"

/* Of one process, since its start. */
struct counted {
        int64_t started_us; /* of the process; 0: none was heard */
        double cpu_us;
        double handled; /* messages and requests */
        double faults;  /* those of them that ended in a fault of ours */
};

/* Whether this ends an order that was submitted; *RET_FILLED: 1 if as it should, else 0. What the
 * executor itself turned away (REFUSED, EXPIRED, TEST) was not submitted; UNKNOWN and MANUAL count by
 * what they turn out to be. */
bool counted_trade(Pb__TradeEvent event, double *ret_filled);

/* How much *RET_MORE has come since LAST, which it brings up to BEAT: of a new process, all it has.
 * False at the first heartbeat heard, whose counts are of an unknown past. */
bool counted_beat(struct counted *last, const Pb__Heartbeat *beat, struct counted *ret_more);

/* PSS in bytes of all services that are heard at NOW_US. */
double counted_memory(const struct beats *beats, int64_t now_us);
