#pragma once
/*
 * One leg or one close on its way to the broker: its states, and the one function that moves it
 * from one to the next (docs/order-executor.md, States).
 *
 *   RECEIVED -> REFUSED | EXPIRED | TEST | INTENT
 *   INTENT   -> FILLED | PARTIAL | REJECTED | EXPIRED | UNKNOWN
 *   UNKNOWN  -> FILLED | PARTIAL | REJECTED | EXPIRED | NOT_EXECUTED | INTENT (attempt n+1) | MANUAL
 *   MANUAL   -> FILLED | PARTIAL | REJECTED | NOT_EXECUTED
 *
 * An attempt is sent only after it was saved; attempt n+1 only after attempt n is known not to have
 * been executed. What an order has once been filled with is never taken back. Pure.
 */
#include "services/order-executor/core/effect.h"
#include "services/order-executor/core/types.h"

#include "side.pb-c.h"
#include "trade.pb-c.h"

struct ex_job;

/* Where within INTENT. Not durable: after a restart every INTENT is in doubt. */
enum ex_phase {
        EX_PHASE_NONE,
        EX_PHASE_STAGED,   /* saved, to be sent when that is synced */
        EX_PHASE_SENT,     /* on the wire */
        EX_PHASE_PLACED,   /* the broker took it, no fill yet */
        EX_PHASE_BACKOFF,  /* not executed so far; the next attempt is due at retry_us */
        EX_PHASE_SNAPSHOT, /* a close that must see what is left of its position first */
};

/* What of an order stands in the book's figures. */
struct ex_counted {
        uint32_t live, unknown, manual; /* 0 or 1 each, as all here but the risk */
        uint32_t under_way;             /* a leg that may be a position the books do not have */
        uint32_t placed;                /* in INTENT or doubt, with a ticket */
        uint32_t unplaced;              /* a filled leg whose position nobody has seen */
        int64_t risk_cents;
};

struct ex_order {
        /* what it is; never changes, but for the volume of a close whose position has shrunk */
        char id[CL_ORD_ID_SIZE];
        struct ex_job *job; /* the alert it belongs to; borrowed */
        Pb__OrderRole role;
        Pb__Side side; /* of the position: a close of a BUY has BUY */
        int64_t volume_e8;
        int64_t sl_e8, tp_e8;
        uint32_t part;           /* closes: which close of this ticket by this alert, from 1 */
        int64_t expires_wall_us; /* 0: knows no deadline */

        /* durable */
        uint64_t ticket; /* closes: the position; legs: the position they made, 0 until known */
        Pb__OrderState state;
        uint32_t attempt;
        int64_t filled_e8, price_e8;
        uint64_t deal;
        uint32_t retcode;
        char reason[EX_WORD_SIZE];
        uint32_t failures; /* attempts that were not executed, over all closes of the ticket */
        uint32_t price_failures; /* those for the price */
        int64_t quote_e8;        /* of the first attempt: what a new price is measured by */
        int64_t unknown_wall_us; /* since when it is in doubt; 0: it is not */
        char passed_by
                [EX_KEY_SIZE]; /* the job of the exit that went past it while it was in doubt */
        int64_t received_us, intent_us, submitted_us,
                reported_us; /* stamps, wall clock; 0: not yet */

        /* of this run */
        enum ex_phase phase;
        int64_t expires_us; /* monotonic; EX_NEVER without a deadline */
        int64_t wire_us;    /* when this attempt was staged */
        int64_t retry_us;
        int64_t unknown_us;
        int64_t ask_us;
        uint32_t asked; /* how often in this doubt: questions get rarer */
        bool in_doubt;  /* the terminal itself does not know */
        int64_t in_doubt_us;
        uint32_t absent; /* good snapshots in a row without a trace of it */
        int64_t absent_since_us;
        int64_t deals_e8;          /* volume of the deals seen that name it */
        int64_t snapshot_after_us; /* SNAPSHOT: only one asked for later counts */
        bool settled;              /* the book has drawn its conclusions from the final state */
        bool unsaved;              /* a save of it is in the list of effects */
        struct ex_counted counted; /* figures.c alone writes it */
};

enum ex_event_kind {
        EX_EVENT_START,  /* its turn has come and no limit forbids it */
        EX_EVENT_REFUSE, /* reason */
        EX_EVENT_TEST,
        EX_EVENT_SENT,       /* the attempt is on the wire */
        EX_EVENT_LOST,       /* link reset or restart: whoever was under way is in doubt */
        EX_EVENT_REPORT,     /* attempt, retcode, volume, price, ticket, deal */
        EX_EVENT_NEVER_SEEN, /* attempt: the terminal tombstoned it */
        EX_EVENT_IN_DOUBT,   /* attempt: the terminal does not know either */
        EX_EVENT_FOUND,      /* volume, price, ticket: a good snapshot or deals show its fill */
        EX_EVENT_CLOSED,     /* a good snapshot shows that another has closed its position */
        EX_EVENT_ABSENT,     /* a good snapshot asked for at asked_us shows no trace of it */
        EX_EVENT_LEFT,       /* volume: what a good snapshot says is left of a close's position */
        EX_EVENT_TIME,       /* time has passed */
        EX_EVENT_STOP,       /* reason: as soon as it is not on the wire it goes no further */
        EX_EVENT_SETTLE,     /* filled: a person has looked */
};

struct ex_event {
        enum ex_event_kind kind;
        const char *reason;
        uint32_t attempt;
        uint32_t retcode;
        int64_t volume_e8, price_e8;
        uint64_t ticket, deal;
        int64_t asked_us;
        bool filled;
        bool ask_first;
};

/* What an order must know of the world around it. */
struct ex_order_env {
        struct ex_now now;
        const struct ex_rules *rules;
        const char *stop; /* NULL, or why this order may not be sent now (killed, paused, ...) */
        bool can_ask;     /* the terminal is there */
        bool can_send;    /* and reconciled, and connected to its trade server */
        int64_t quote_e8; /* what it would be dealt at; 0: no quote, or it is on the wire */
        struct ex_fx_list *fx;
};

/* What the step came to, beyond the effects, for the book to act on. */
enum ex_step {
        EX_STEP_NOTHING,
        EX_STEP_CHANGED,
        EX_STEP_LATE_FILL, /* it was final without a fill, and now a fill has turned up */
};

BUS_MUST enum ex_step ex_order_step(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env);

bool ex_order_is_final(const struct ex_order *order);
bool ex_order_is_leg(const struct ex_order *order);
/* A close that goes on until its ticket is gone: by an exit or by hand, not by a reversal. */
bool ex_order_is_exit(const struct ex_order *order);
bool ex_order_on_wire(const struct ex_order *order);
/* Where nobody knows: UNKNOWN or MANUAL. */
bool ex_order_in_doubt(const struct ex_order *order);
bool ex_order_filled(const struct ex_order *order); /* FILLED, or PARTIAL */
const char *ex_state_name(Pb__OrderState state);    /* "FILLED" */
