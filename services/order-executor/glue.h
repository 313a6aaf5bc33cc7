#pragma once
/*
 * order-executor as a service: the books in the middle (book.h), around them the bus, the store,
 * the broker link and the clock. What the books want done is carried out in one place, ex_carry_out.
 */
#include "libbus/service/service.h"
#include "services/order-executor/core/keep.h"
#include "services/order-executor/link.h"
#include "services/order-executor/settings.h"

/* The figures of an order's end that metrics count. */
enum {
        EX_STATES = PB__ORDER_STATE__ORDER_STATE_PARTLY + 1,
};

struct ex_service {
        struct bus_service *service;
        struct ex_settings settings;
        struct ex_book *book;
        struct ex_store store;
        struct ex_link *link;
        struct bus_source *timer, *care_timer, *look_timer;
        uint64_t token;
        bool token_fixed; /* a terminal has taken it: from now on it is not raised */
        bool was_ready;
        const char *why; /* not ready; NULL: it is. Static text */
        int64_t pruned_day;
        uint64_t dice; /* what jitter is drawn from; seeded once */
        bool draining;
        int64_t drain_until_us;

        /* snapshots */
        uint64_t snapshot_id; /* of the last one that was asked for */
        bool snapshot_awaited, snapshot_was_bad;
        int64_t snapshot_asked_us; /* monotonic */
        bool snapshot_wanted;
        unsigned int history_shift; /* the look back at deals is halved so often */
        int64_t good_us;            /* last good one */

        struct bus_metric *ended[EX_STATES];
        struct bus_metric *roundtrip_seconds, *bad_snapshots, *deals, *promised;
};

/* glue.c */
struct ex_now ex_now(struct ex_service *self);
/* Everything in the books' list, then the list is empty. CAUSE: the message that led to it; its
 * stamps and origin go on with events of the same alert. NULL: none. */
void ex_carry_out(struct ex_service *self, const struct bus_message *cause);
/* Right behind ex_book_order: what is promised goes to the broker ahead of the commit. True if that was all
 * there was to send, so that nobody waits for the commit. */
bool ex_submit_promised(struct ex_service *self);
/* Brings what the store knows of an order into the books before something about it is handed in. */
void ex_need_order(struct ex_service *self, const char *cl_ord_id);

/* glue_bus.c: what comes from the bus */
int ex_on_order(void *self, const struct bus_message *message);
int ex_on_notice(void *self, const struct bus_message *message);
int ex_on_control(void *self, const struct bus_message *message);
BUS_MUST int ex_load_settings(struct ex_service *self); /* limits that were set at run time */

/* glue_link.c: what comes from the terminal */
BUS_MUST int ex_open_link(struct ex_service *self);
void ex_submit(struct ex_service *self, const char *cl_ord_id, uint32_t attempt);
void ex_query(struct ex_service *self, const char *cl_ord_id, uint32_t attempt);
void ex_ask_snapshot_when_due(struct ex_service *self);

/* glue_account.c: what others hear of the account, and of us */
void ex_publish_account(struct ex_service *self);
void ex_update_readiness(struct ex_service *self);
void ex_report(void *self);

/* glue_start.c: starting, caring, stopping */
int ex_start(void *self);
void ex_drain(void *self);
