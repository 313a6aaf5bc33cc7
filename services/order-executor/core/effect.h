#pragma once
/*
 * What the core wants done, as data. A call of the core appends to a list; the glue carries it out
 * in order: saves and trade events are staged for the turn's commit, and only when that is synced
 * go submits to the broker link. Nothing else leaves the core.
 */
#include "services/order-executor/core/types.h"

#include "alarm.pb-c.h"
#include "trade.pb-c.h"

struct ex_order;
struct ex_job;

enum ex_fx_kind {
        EX_FX_SAVE_ORDER,
        EX_FX_SAVE_JOB,
        EX_FX_SAVE_POSITION, /* number: ticket; it may be gone again by the end of the list */
        EX_FX_DROP_POSITION, /* number: ticket */
        EX_FX_SAVE_RISK,
        EX_FX_SAVE_SWITCHES,
        EX_FX_SAVE_DEAL,    /* number: the deal, remembered, so that it counts once */
        EX_FX_SAVE_PROMISE, /* subject: its key; it may be gone again by the end of the list */
        EX_FX_DROP_PROMISE, /* subject: its key */
        EX_FX_SUBMIT,       /* order, attempt: after the commit */
        EX_FX_QUERY,        /* order, attempt: at once; asking changes nothing of ours */
        EX_FX_SNAPSHOT,     /* one is wanted soon */
        EX_FX_TRADE,
        EX_FX_ALARM,
        EX_FX_ALARM_END,
};

enum {
        EX_FX_TEXT_SIZE = 192,
        EX_FX_SUBJECT_SIZE = 64,
};

/*
 * Orders and jobs are borrowed from the book: the list must be carried out before the book is
 * called again. TRADE has its texts only after ex_fx_trade_message.
 */
struct ex_fx {
        enum ex_fx_kind kind;
        uint32_t attempt;
        struct ex_order *order;
        struct ex_job *job; /* of a trade event too, where it belongs to one */
        uint64_t number;    /* ticket or deal */
        int64_t at_us;
        Pb__Trade trade;
        char symbol[EX_NAME_SIZE];
        char cl_ord_id[CL_ORD_ID_SIZE];
        char alert_id[BUS_ID_SIZE]; /* "" where no alert is behind it */
        char reason[EX_WORD_SIZE];
        Pb__Severity severity;
        const char *code; /* static */
        char subject[EX_FX_SUBJECT_SIZE];
        char text[EX_FX_TEXT_SIZE];
};

struct ex_fx_list {
        struct ex_fx *items;
        size_t count, capacity;
};

void ex_fx_done(struct ex_fx_list *fx);  /* frees what it owns */
void ex_fx_clear(struct ex_fx_list *fx); /* forgets the effects, keeps the room */
void ex_fx_trim(struct ex_fx_list *fx);  /* gives back the room that an unusual call took */

/* Records are packed when the list is carried out, as things then stand: one save of an order or a
 * job is enough for a call, however often it changes in it. */
void ex_fx_save_order(struct ex_fx_list *fx, struct ex_order *order);
void ex_fx_save_job(struct ex_fx_list *fx, struct ex_job *job);
void ex_fx_save_position(struct ex_fx_list *fx, uint64_t ticket);
void ex_fx_drop_position(struct ex_fx_list *fx, uint64_t ticket);
void ex_fx_save_deal(struct ex_fx_list *fx, uint64_t deal, int64_t at_us);
void ex_fx_save_risk(struct ex_fx_list *fx);
void ex_fx_save_switches(struct ex_fx_list *fx);
void ex_fx_save_promise(struct ex_fx_list *fx, const char *key);
void ex_fx_drop_promise(struct ex_fx_list *fx, const char *key);
void ex_fx_submit(struct ex_fx_list *fx, struct ex_order *order);
void ex_fx_query(struct ex_fx_list *fx, struct ex_order *order);
void ex_fx_snapshot(struct ex_fx_list *fx);

/* An event of one leg or close, filled from the order and its job as they stand. */
void ex_fx_trade(struct ex_fx_list *fx, Pb__TradeEvent event, const struct ex_order *order);
/* An event of an alert as a whole; REASON may be "". */
void ex_fx_trade_job(struct ex_fx_list *fx, Pb__TradeEvent event, const struct ex_job *job,
        Pb__OrderState state, const char *reason);
/* An event of neither; the caller fills in the rest of what is returned (texts beside the message,
 * not in it). Valid until the next effect is added. */
struct ex_fx *ex_fx_trade_bare(struct ex_fx_list *fx, Pb__TradeEvent event);
/* The message of a trade event with its texts in place, borrowed from ITEM. */
const Pb__Trade *ex_fx_trade_message(struct ex_fx *item);

void ex_fx_alarm(struct ex_fx_list *fx, const char *code, const char *subject,
        Pb__Severity severity, const char *format, ...) BUS_PRINTF(5, 6);
void ex_fx_alarm_end(struct ex_fx_list *fx, const char *code, const char *subject);
