#pragma once
/*
 * Promises: an order that word came of ahead is put on the disk as one that may be sent, under the key
 * of its alert. When the order itself comes its legs go out before its own commit, because the promise
 * is there already. A run that finds a promise of an earlier one asks the terminal before it sends
 * (docs/adr/0065-an-order-is-promised-ahead.md). Pure.
 */
#include "services/order-executor/core/types.h"

#include "libbus/base/hash.h"

struct ex_promise {
        char key[EX_KEY_SIZE];            /* of the alert to be */
        uint8_t content[BUS_SHA256_SIZE]; /* of the order, as ex_job.content */
        int64_t made_us;                  /* wall clock */
        bool durable;                     /* the commit it is in has returned */
        bool found;                       /* made by an earlier run: the order may have been sent */
};

enum {
        /* One at a time is the rule, as notices are given where alerts come alone: room for a burst of
         * them, and for what deaths in a row leave. */
        EX_PROMISES_MAX = 64,
};

struct ex_promises {
        struct ex_promise items[EX_PROMISES_MAX];
        size_t count;
};

/* NULL where there is none. */
struct ex_promise *ex_promises_find(struct ex_promises *promises, const char *key);
/* A zeroed one with KEY set; NULL where there is no room. KEY has none yet. */
struct ex_promise *ex_promises_add(struct ex_promises *promises, const char *key);
void ex_promises_drop(struct ex_promises *promises, struct ex_promise *promise);
