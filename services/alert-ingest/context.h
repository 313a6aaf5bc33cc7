#pragma once
/*
 * The account as the signals carry it: the last good snapshot, frozen into each signal, so that live
 * and shadow judge the same input (docs/v3.md, The frozen context). Pure.
 */
#include "umbra/v3.h"

#include "account.pb-c.h"

struct context_count {
        char symbol[V3_SYMBOL_SIZE];
        int32_t open_buy, open_sell;
};

struct context {
        bool known; /* false before the first good snapshot */
        struct v3_context account;
        struct context_count *counts; /* owned */
        size_t count;
};

void context_done(struct context *context);

/* Takes ACCOUNT, which has passed its validator. False if it is no news: no snapshot at all, or one
 * from before what is known. */
bool context_take(struct context *context, const Pb__Account *account);

/* Whether an entry would be judged by it: there is one, and it is not so old that no running executor can
 * have said it last. */
bool context_is_current(const struct context *context, int64_t now_us);

/* The context for an alert on SYMBOL. False: none yet, the signal carries null. */
bool context_for(const struct context *context, const char *symbol, struct v3_context *ret_context);
