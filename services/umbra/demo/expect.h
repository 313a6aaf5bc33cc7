#pragma once
/*
 * The demo's sums (docs/interfaces.md, demo --json): which orders must have reached the broker, by
 * asking the plugin again about every body that was answered "accepted", held against the broker's
 * own ledger. Lost: expected, and the ledger has no deal of it. Duplicated: executed, and not
 * expected, or executed twice. Nothing of our own books enters but the frozen context, the order of
 * the signals, and why an order was not sent, which the ledger must not contradict.
 */
#include "services/umbra/demo/ledger.h"

#include <jansson.h>

/* What the plugin decides. BODY and CONTEXT ("null" or an object) as `umbra decide` takes them. The
 * caller owns the result; NULL: it cannot be asked. */
typedef json_t *(*expect_decide_fn)(
        void *arg, const char *plugin, const char *body, const json_t *context);

struct expect_alert {
        char alert_id[BUS_ID_SIZE];
        uint64_t seq;
        const char *body; /* borrowed */
        json_t *trail;    /* owned */
};

#define EXPECT_PROBLEMS_MAX 20

struct expect_sums {
        size_t expected, at_broker, lost, duplicated;
        size_t excused;      /* legs that ended REFUSED, EXPIRED or TEST, and the ledger agrees */
        size_t disagreed;    /* the live decision is not what the plugin says now */
        size_t unfinished;   /* trails without an end */
        size_t contradicted; /* orders of which trail and ledger tell different ends */
        size_t problem_count;
        char problems[EXPECT_PROBLEMS_MAX][160];
};

/* Sorts ALERTS by seq. FAULTS: the broker was made to refuse, so REJECTED and NOT_EXECUTED are ends
 * like REFUSED. */
void expect_sum(struct expect_alert *alerts, size_t count, const struct demo_ledger *ledger,
        bool faults, expect_decide_fn decide, void *arg, struct expect_sums *ret_sums);
