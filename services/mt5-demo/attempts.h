#pragma once
/*
 * What the terminal knows of every attempt it was ever given or asked for, by (cl_ord_id, attempt).
 * Like the account it changes only by applying records of the ledger. Pure.
 */
#include "services/mt5-demo/record.h"

enum attempt_state {
        ATTEMPT_SEEN = 1,  /* the request is written down; whether more happened is open */
        ATTEMPT_PLACED,    /* a working order at the broker */
        ATTEMPT_FINAL,     /* executed, or definitely refused: the report says which */
        ATTEMPT_TOMBSTONE, /* not executed, and will not be */
};

struct attempt {
        uint32_t number;
        enum attempt_state state;
        struct report report; /* retcode 0: none yet; may be one of the unknown class while SEEN */
        struct order *order;  /* owned; only while SEEN or PLACED */
};

struct attempts {
        struct attempt_entry *slots; /* open addressing by id */
        size_t capacity, count;
        uint64_t highest_token;
};

void attempts_init(struct attempts *attempts);
void attempts_done(struct attempts *attempts);

/* NULL: never seen, never asked for. Valid until the next record is applied. */
const struct attempt *attempts_find(
        const struct attempts *attempts, const char *cl_ord_id, uint32_t number);
/*
 * Whether attempt NUMBER may run: each one before it is known and was definitely not executed.
 * Otherwise *RET_BLOCKER is the first that stands in the way.
 */
bool attempts_may_run(const struct attempts *attempts, const char *cl_ord_id, uint32_t number,
        uint32_t *ret_blocker);

/* -EBADMSG if RECORD cannot follow: a second execution of an id above all. */
BUS_MUST int attempts_apply(struct attempts *attempts, const struct record *record);

/* FN for every attempt, in no order. */
typedef void (*attempts_fn)(const char *cl_ord_id, const struct attempt *attempt, void *arg);
void attempts_each(const struct attempts *attempts, attempts_fn fn, void *arg);
