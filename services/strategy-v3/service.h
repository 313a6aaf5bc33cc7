#pragma once
/*
 * strategy-v3: the active plugin's decisions become orders.
 *
 * Invariants: a slot record is durable before a signal is judged under it, and switches wait at the
 * start until every signal that may have been judged before is judged again. So a message derived
 * again is the message that was published.
 */
#include "libbus/service/service.h"
#include "services/strategy-v3/derive.h"
#include "services/strategy/host.h"

struct sv3 {
        struct bus_service *service;
        struct strategy_host host;
        struct slot slot;
        int64_t hold_us;
        bool auto_rollback;
        struct bus_source *hold_timer;
        bool settling;           /* switches wait for the signals of before the start */
        bool adapt_when_settled; /* other plugins than the newest record knows were loaded */
        bool clean;              /* the last run ended by itself: nothing is derived again */
        int64_t settle_until_us; /* monotonic */
        struct bus_source *settle_timer;
        struct bus_metric *decisions[V3_VERDICT_ERROR + 1];
        struct bus_metric *orders, *decide_seconds;
};

extern const struct bus_service_class sv3_class;

/* ---- service.c ---- */
/* A signal as the seats of RECORD judge it. Borrows from its arguments, and points into itself: do not
 * copy it. */
struct sv3_judged {
        struct slot_edition edition;
        struct plugin_verdict verdict;
        struct derived derived;
};
void sv3_judge(struct sv3 *self, const struct strategy_signal *signal,
        const struct slot_record *record, bool test, struct sv3_judged *ret_judged);

/* ---- notice.c ---- */
/* Word of a signal that is about to be written: gives word of the order it would lead to. */
int sv3_on_notice(void *self, const struct bus_message *message);

/* ---- slot_store.c: the slot in the store ---- */
BUS_MUST int sv3_slot_load(struct sv3 *self);
/* Adds RECORD, stages it as durable, and does what follows from it: alarms, the handover's wait. */
void sv3_slot_adopt(struct sv3 *self, const struct slot_record *record);
/* Makes the signals wait while a handover lasts, and no longer. */
void sv3_slot_hold(struct sv3 *self);
/* The record that the start makes necessary, if any, from the signals handled so far. */
void sv3_slot_adapt(struct sv3 *self);
struct slot_edition sv3_edition(const struct sv3 *self, enum slot_seat seat);
struct bus_pos sv3_position(const struct sv3 *self);

/* ---- control.c ---- */
/* At the start: if the active plugin made the process crash on a signal, that is told and, where so
 * configured, rolled back from this very signal. */
void sv3_look_for_crash(struct sv3 *self);
int sv3_on_control(void *self, const struct bus_message *message);
