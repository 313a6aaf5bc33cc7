#pragma once
/*
 * The terminal and its trade server without sockets, files or clock: takes requests, queries and
 * prices, and says what to write down and what to send through a table of callbacks.
 *
 * Rules (docs/mt5.md, The broker link): a request is written down before it is acted upon; an
 * attempt that is known is answered with its result; attempt n + 1 runs only after each one before
 * it was definitely not executed; an attempt that was asked for and never seen is tombstoned; an
 * executor token lower than the highest seen is refused. Everything that changes state is a record,
 * written before it is applied and before anything is sent.
 */
#include "services/mt5-demo/account.h"
#include "services/mt5-demo/attempts.h"
#include "services/mt5-demo/faults.h"
#include "services/mt5-demo/rules.h"

enum verdict_of_query {
        QUERY_FINAL = 1,
        QUERY_IN_DOUBT = 2,
        QUERY_NEVER_SEEN = 3,
};

/* What the desk wants done, at once and in this order. Sending may come to nothing: the link may be
 * down. Writing may not: it ends the process where it fails. */
struct desk_out {
        void (*write)(const struct record *records, size_t count, void *arg);
        void (*report)(
                const char *cl_ord_id, uint32_t attempt, const struct report *report, void *arg);
        void (*deal)(const struct deal *deal, void *arg);
        void (*answer)(const char *cl_ord_id, uint32_t attempt, enum verdict_of_query verdict,
                const struct report *report, void *arg); /* report only with FINAL */
        void (*token_refused)(uint64_t token, uint64_t highest, void *arg);
        void (*cut)(void *arg); /* drop the link, and dial again after a while */
        void *arg;
};

struct desk_options {
        struct rules rules;
        int64_t slippage_ticks; /* a fill is 0 to this many ticks worse than the market */
        int64_t stop_out_percent;
        int64_t recovery_us; /* how long after a start requests without outcome stay in doubt */
        uint64_t seed;
};

struct desk_job; /* a request that waits: delayed, or a working order */

struct desk {
        struct desk_options options;
        struct desk_out out;
        struct account account;
        struct attempts attempts;
        struct faults faults;
        const struct quote *quotes; /* borrowed; one for each spec */
        struct desk_job *jobs;
        size_t job_count, job_capacity;
        size_t told; /* deals the executor was told of, or shall not be */
        int64_t doubt_until_mono_us;
        uint64_t random;
};

void desk_init(struct desk *desk, const struct symbol_spec *specs, size_t count,
        const struct quote *quotes, const struct desk_options *options, const struct desk_out *out);
void desk_done(struct desk *desk);

/* Takes a record that is in the ledger already. -EBADMSG if it cannot follow from those before. */
BUS_MUST int desk_replay(struct desk *desk, const struct record *record);
/* Behind the last record: working orders go on, requests without outcome are in doubt. */
void desk_resume(struct desk *desk, struct instant at);

void desk_submit(struct desk *desk, const struct order *order, struct instant at);
void desk_query(struct desk *desk, const char *cl_ord_id, uint32_t attempt, uint64_t token,
        struct instant at);
/* An executor shows its token at the handshake: false if it is too low. */
bool desk_take_token(struct desk *desk, uint64_t token, struct instant at);
/* Stops, targets and margin at the new quotes. */
void desk_prices_changed(struct desk *desk, struct instant at);
/* Does what is due. */
void desk_step(struct desk *desk, struct instant at);
/* When desk_step has something to do next, on the monotonic clock; INT64_MAX: nothing waits. */
int64_t desk_next_due(const struct desk *desk);
/* A position closed by a human at the terminal. -ENOENT: no such ticket. */
BUS_MUST int desk_close_by_hand(struct desk *desk, uint64_t ticket, struct instant at);

/* The working orders: FN for each. */
void desk_each_working(const struct desk *desk,
        void (*fn)(const struct order *, uint64_t ticket, void *), void *arg);
