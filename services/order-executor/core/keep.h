#pragma once
/*
 * Where the books are kept: which effect changes which key of the store, and the way back. The store
 * itself is an argument, so that tests can lose power at any instant.
 *
 *   order/CL_ORD_ID  alert/ALERT_ID/SLOT  promise/ALERT_ID/SLOT  position/TICKET  deal/NUMBER
 *   switch/state  risk/ledger
 */
#include "services/order-executor/core/book.h"

#include "libbus/base/bytes.h"

enum {
        EX_STORE_KEY_SIZE = EX_KEY_SIZE + 16,
};

enum ex_change {
        EX_CHANGE_NONE, /* not an effect on the store */
        EX_CHANGE_PUT,
        EX_CHANGE_DELETE,
};

/* What ITEM means for the store. VALUE is cleared first. */
enum ex_change ex_keep_change(struct ex_book *book, const struct ex_fx *item,
        char ret_key[static EX_STORE_KEY_SIZE], struct bus_buf *value);

typedef int (*ex_keep_fn)(struct bus_bytes key, struct bus_bytes value, void *arg);
/* What was committed. get: 0, > 0 absent, -errno; VALUE is appended to. */
struct ex_store {
        void *arg;
        int (*get)(void *arg, const char *key, struct bus_buf *value);
        int (*scan)(void *arg, const char *prefix, ex_keep_fn fn, void *fn_arg);
};

/* Everything that still matters into an empty book; ex_book_loaded is left to the caller. -EBADMSG
 * if a record is damaged: trading on half the books would be worse than not trading. */
BUS_MUST int ex_keep_load(struct ex_book *book, const struct ex_store *store);
/* Makes sure that what the store knows of an alert, or of the alert of an order, is in the book.
 * 0, also where the store knows nothing of it; -EBADMSG or -errno. */
BUS_MUST int ex_keep_need_job(struct ex_book *book, const struct ex_store *store, const char *key);
BUS_MUST int ex_keep_need_order(struct ex_book *book, const struct ex_store *store, const char *id);
/* Hands FN the keys of alerts that ended before BEFORE_US, each followed by those of its orders. */
BUS_MUST int ex_keep_old(const struct ex_store *store, int64_t before_us,
        void (*fn)(void *arg, const char *key), void *arg);
