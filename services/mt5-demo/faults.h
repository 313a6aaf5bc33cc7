#pragma once
/*
 * What is made to go wrong, by configuration or by command. Pure.
 *
 *      KIND [VALUE] [n=COUNT|all] [symbol=NAME] [action=open|close|modify] [for=MS]
 *
 *      delay 500 n=3 symbol=GOLD       the next three requests for GOLD wait half a second
 *      reject 10019 action=open        the next opening order is refused so
 *      market-closed for=2000          for two seconds; without for= until cleared
 *
 * Faults that strike requests are used up after COUNT (default 1) of them; those that describe a
 * state last until cleared, or for MS. Several of a kind may be set; the oldest that matches counts.
 * None of them makes the terminal execute an attempt twice.
 */
#include "services/mt5-demo/types.h"

enum fault_kind {
        /* Strike requests, in this order. */
        FAULT_LOSE_REQUEST, /* lost on the way: never seen, no request line */
        FAULT_DELAY,        /* MS before it is acted upon */
        FAULT_CUT_BEFORE,   /* written down, then the link drops; not executed */
        FAULT_REQUOTE,      /* 10004 */
        FAULT_REJECT,       /* RETCODE; one of the unknown class leaves it in doubt, not executed */
        FAULT_PLACE,        /* 10008, and filled MS later */
        FAULT_PARTIAL,      /* FRACTION of the volume (0.5), 10010, whatever the filling mode */
        FAULT_LOSE_REPLY,   /* executed; neither report nor deal is sent */
        FAULT_TIMEOUT,      /* executed, but answered 10012 */
        FAULT_CUT_AFTER,    /* executed, then the link drops instead of an answer */
        FAULT_DUPLICATE_REPORT, /* deal and report are sent twice */
        /* Strike queries and snapshots. */
        FAULT_LOSE_ANSWER, /* a query is not answered */
        FAULT_SNAPSHOT,    /* partial, failed, or wrong-missing-position */
        /* States. */
        FAULT_IN_DOUBT, /* queries are answered "in doubt"; VALUE as for= */
        FAULT_FREEZE,   /* nothing is read or sent; VALUE as for= */
        FAULT_MARKET_CLOSED,
        FAULT_AUTOTRADING_OFF,
        FAULT_DISCONNECTED, /* terminal from trade server */
        FAULT_CLOCK_SKEW,   /* MS its clock is ahead (or, negative, behind) */
        FAULT_KINDS,
};

enum fault_snapshot {
        FAULT_SNAPSHOT_PARTIAL = 1,
        FAULT_SNAPSHOT_FAILED,
        FAULT_SNAPSHOT_MISSING_POSITION,
};

enum {
        FAULTS_MAX = 64, /* set at once; more is a test that forgot to clear */
        FAULT_TEXT_SIZE = 160,
};

struct fault {
        enum fault_kind kind;
        int64_t value;            /* us, retcode, e8 fraction, or enum fault_snapshot */
        int64_t left;             /* times it will strike; -1: until cleared */
        int64_t until_mono_us;    /* 0: not limited */
        char symbol[SYMBOL_SIZE]; /* empty: any */
        enum action action;       /* 0: any */
};

struct faults {
        struct fault items[FAULTS_MAX];
        size_t count;
};

/* Adds what TEXT says. -EINVAL with one line in ERROR; -ENOSPC likewise. */
BUS_MUST int faults_add(struct faults *faults, const char *text, int64_t mono_us,
        char error[static FAULT_TEXT_SIZE]);
/* Removes all of the KIND so named, or all; -EINVAL for another word. */
BUS_MUST int faults_clear(struct faults *faults, const char *kind);

/* Whether a fault of KIND matches ORDER (NULL: any of them); uses it up by one. */
bool faults_strike(struct faults *faults, enum fault_kind kind, const struct order *order,
        int64_t mono_us, int64_t *ret_value);
/* Whether a state holds, for SYMBOL where given. */
bool faults_hold(const struct faults *faults, enum fault_kind kind, const char *symbol,
        int64_t mono_us, int64_t *ret_value);
/* When the next time-limited fault ends; 0: none is. Ended ones are dropped. */
int64_t faults_next_end(struct faults *faults, int64_t mono_us);

const char *fault_name(enum fault_kind kind);
/* As faults_add would take it. Returns TEXT. */
const char *fault_format(
        const struct fault *fault, int64_t mono_us, char text[static FAULT_TEXT_SIZE]);
