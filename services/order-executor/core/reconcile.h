#pragma once
/*
 * What a snapshot means for the books: (books, snapshot) -> (findings, verdict). Nothing is changed
 * here; ex_book_snapshot carries the findings out.
 *
 * Only a good snapshot means anything: from a partial or a failed one nothing follows, not even for
 * what it shows, so that an outage is never read as a flat account.
 */
#include "services/order-executor/core/book.h"

enum ex_verdict {
        EX_VERDICT_GOOD,
        EX_VERDICT_PARTIAL,
        EX_VERDICT_FAILED,
};

enum ex_finding_kind {
        EX_FINDING_DEAL,     /* item: a deal not seen before; ours: its position was opened by us */
        EX_FINDING_POSITION, /* item: a position as it is now, new or known */
        EX_FINDING_ADOPTED,  /* item: that position is ours, and no order in the books made it */
        EX_FINDING_MISSING,  /* ticket: a known position is not there, and nothing says why */
        EX_FINDING_GONE,     /* ticket: it is not there, and that is no surprise (any more) */
        EX_FINDING_STILL_OPEN, /* order: its close said the ticket was gone */
        EX_FINDING_FILLED,     /* order: so much of it was done, and no more is under way */
        EX_FINDING_CLOSED,     /* order: a close whose position another had closed */
        EX_FINDING_ABSENT,     /* order: no trace of it */
        EX_FINDING_LEFT,       /* order: so much of its position is left */
};

struct ex_finding {
        enum ex_finding_kind kind;
        size_t item; /* index into the snapshot's deals or positions */
        bool ours;
        uint64_t ticket;
        struct ex_order *order; /* borrowed */
        int64_t volume_e8, price_e8;
};

struct ex_findings {
        struct ex_finding *items;
        size_t count, capacity;
};

/* Adds to FINDINGS, in the order in which they are to be carried out. ASKED_US: monotonic. */
enum ex_verdict ex_reconcile(const struct ex_book *book, const Pb__Snapshot *snapshot,
        int64_t asked_us, struct ex_findings *findings);
void ex_findings_done(struct ex_findings *findings);
