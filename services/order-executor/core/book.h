#pragma once
/*
 * The executor's books: every alert that was asked for, every leg and close, the positions, limits,
 * switches and figures; and the calls by which the world reaches them. Pure: each call takes the
 * time, changes the books and appends to book->fx what is to be done. The caller carries that out
 * and clears the list before the next call.
 *
 * What the books hold survives: everything that matters is saved through effects, and
 * ex_book_load_* take it in again. After a load, call ex_book_loaded once.
 */
#include "services/order-executor/core/ahead.h"
#include "services/order-executor/core/deals.h"
#include "services/order-executor/core/effect.h"
#include "services/order-executor/core/entry_limits.h"
#include "services/order-executor/core/job.h"
#include "services/order-executor/core/position.h"
#include "services/order-executor/core/promise.h"
#include "services/order-executor/core/risk.h"
#include "services/order-executor/core/service_layer.h"
#include "services/order-executor/core/switches.h"
#include "services/order-executor/core/symbols.h"
#include "services/order-executor/core/table.h"

#include "broker.pb-c.h"
#include "control.pb-c.h"
#include "order.pb-c.h"

/* The jobs of one symbol that have not ended, in the order they came. */
struct ex_queue {
        char symbol[EX_NAME_SIZE];
        struct ex_job **jobs; /* borrowed */
        size_t count, capacity;
        size_t manual_count; /* of its orders in MANUAL: the symbol is closed to entries */
        bool dirty;          /* something happened that may let one go on */
        uint64_t last_number;

        /* fifo.c: the first jobs, whose legs are out, which only their own events can move */
        size_t opened_count;
        struct ex_ahead_sum opened_sum; /* of their bits */
        struct ex_job *touched;         /* one of them that had an event; NULL: none */
        bool look_at_all;               /* more than one, or one that is not so any more */
};

struct ex_account {
        bool known;       /* there was a good snapshot */
        int64_t as_of_us; /* wall clock, when it came */
        uint64_t login;
        int64_t balance_cents, equity_cents, margin_free_cents;
};

/* Sums over the orders of the book. */
struct ex_tally {
        uint32_t live, unknown, manual;
        uint32_t under_way, placed, unplaced;
        __int128 risk_cents;
};

struct ex_book {
        struct ex_rules rules;
        struct ex_limits limits;
        struct ex_switches switches;
        struct ex_risk risk;
        struct ex_symbols symbols;
        struct ex_account account;
        uint64_t magic;          /* of our slot */
        char slot[EX_NAME_SIZE]; /* the one slot whose orders are taken */
        bool allow_netting;

        struct ex_margin margin; /* of the service layer, as the hook */
        struct ex_hook hook;

        struct ex_table jobs;      /* by key; owned */
        struct ex_table orders;    /* by id; owned by their jobs */
        struct ex_table positions; /* by ticket; owned */
        struct ex_deals deals;
        struct ex_queue **queues; /* owned */
        size_t queue_count;
        struct ex_holding **holdings; /* owned */
        size_t holding_count;
        struct ex_held held;   /* of all holdings */
        struct ex_tally tally; /* of all orders */

        struct ex_promises promises;

        bool link_up;           /* a terminal is there and has proved itself */
        bool reconciled;        /* and a good snapshot of it was taken in */
        bool server_up;         /* and it is connected to its trade server */
        bool in_snapshot;       /* a good one is being taken in: it is the truth about positions */
        int64_t clock_ahead_us; /* the terminal's clock against ours */
        bool stopping;          /* the process ends: nothing new goes out */
        bool plain_passes;      /* each pass looks at every job: the rule a test holds others to */
        int64_t market_shut_us; /* monotonic, when it said so */
        bool market_shut;       /* the last answer to an order was "no trading now" */

        struct ex_fx_list fx;
};

struct ex_book *ex_book_new(const char *slot, uint64_t magic);
struct ex_book *ex_book_free(struct ex_book *book); /* takes NULL, returns NULL */

/* ---- orders and commands (intake.c, control.c) ---- */

struct ex_intake {
        const char *alert_id;
        bool test;
        int64_t staged_us;      /* when the strategy wrote it */
        const Pb__Order *order; /* validated */
};
void ex_book_order(struct ex_book *book, const struct ex_intake *intake, struct ex_now now);

/* Word of an order that may come: promised, where it is an entry with nothing to close. NULL: not promised.
 * The key is the alert's, for ex_book_promised; valid until the next call. */
const char *ex_book_notice(struct ex_book *book, const struct ex_intake *intake, struct ex_now now);
/* The commit that holds the promise has returned. */
void ex_book_promised(struct ex_book *book, const char *key);
/* Before a stop: this run has sent nothing by those it made and has still, and the next shall not think so. */
void ex_book_take_back_promises(struct ex_book *book);
/* Lets go of promises that nothing came of: those of this run after a while, as it knows that it sent
 * nothing, those it found when the order cannot come again: made before FOUND_BEFORE_US. */
void ex_book_forget_promises(struct ex_book *book, int64_t found_before_us, struct ex_now now);

/* What came of a command: facts are added by the glue from the books as they then stand. */
struct ex_answer {
        Pb__ResultStatus status;
        const char *code; /* one static word where refused; "" else */
        char text[256];
        bool risk_changed; /* set_risk: keep the settings */
};
/* MESSAGE_ID is the command's. RET_ANSWER is always filled in. A command that is not the executor's
 * is UNSPECIFIED: say nothing. */
void ex_book_control(struct ex_book *book, const char *message_id, const Pb__Control *control,
        struct ex_now now, struct ex_answer *ret_answer);

/* ---- the terminal (terminal.c, reconcile.h) ---- */

/* NULL, or why this terminal will not do; then nothing has changed. */
const char *ex_book_hello_refusal(const struct ex_book *book, const Pb__Hello *hello);
void ex_book_hello(struct ex_book *book, const Pb__Hello *hello, struct ex_now now);
void ex_book_link_lost(struct ex_book *book, struct ex_now now);
void ex_book_server(struct ex_book *book, bool connected, struct ex_now now);
void ex_book_tick(struct ex_book *book, const Pb__BrokerTick *tick, struct ex_now now);
/* The attempt went out on the wire. */
void ex_book_sent(struct ex_book *book, const char *id, uint32_t attempt, struct ex_now now);
void ex_book_report(struct ex_book *book, const Pb__Report *report, struct ex_now now);
void ex_book_answer(struct ex_book *book, const Pb__QueryAnswer *answer, struct ex_now now);
/* True if it was news. */
bool ex_book_deal(struct ex_book *book, const Pb__Deal *deal, struct ex_now now);
/* ASKED_US: when it was asked for, monotonic. True if it was good and was taken in. */
bool ex_book_snapshot(
        struct ex_book *book, const Pb__Snapshot *snapshot, int64_t asked_us, struct ex_now now);

/* ---- time ---- */
void ex_book_time(struct ex_book *book, struct ex_now now);
/* Whether anything waits for time to pass: else nobody need call ex_book_time often. */
bool ex_book_is_idle(const struct ex_book *book);
/* Whether an answer of the broker is awaited: what a stop waits for. */
bool ex_book_on_wire(const struct ex_book *book);

/* ---- keeping (record.h packs) ---- */

/* All take over what they are given, jobs with their orders. -EEXIST: it is there already, freed. */
int ex_book_load_job(struct ex_book *book, struct ex_job *job);
int ex_book_load_position(struct ex_book *book, struct ex_position *position);
/* 0, or -ENOSPC: more than one run can have made. */
BUS_MUST int ex_book_load_promise(struct ex_book *book, const struct ex_promise *promise);
void ex_book_load_deal(struct ex_book *book, uint64_t deal, int64_t at_us);
/* They were put back from a backup: paused, until a person says resume. */
void ex_book_restored(struct ex_book *book, struct ex_now now);
/* After the last of them: what was under way is in doubt, what was waiting waits again. */
void ex_book_loaded(struct ex_book *book, struct ex_now now);
/* Lets go of jobs that ended before BEFORE_US (wall clock) and that nothing refers to; those with a
 * filled leg whose position nobody has seen stay in the figures until they ended before
 * UNPLACED_BEFORE_US. They must be loaded again before something about them is handed in. */
void ex_book_forget(struct ex_book *book, int64_t before_us, int64_t unplaced_before_us);
/* Forgets deals before BEFORE_US (the terminal's clock); FN is told each. */
void ex_book_forget_deals(
        struct ex_book *book, int64_t before_us, void (*fn)(void *arg, uint64_t deal), void *arg);

/* ---- looking ---- */
/* When the oldest order in doubt was first meant to be sent, wall clock; 0: none is in doubt. */
int64_t ex_book_doubt_since_us(const struct ex_book *book);
struct ex_job *ex_book_job(const struct ex_book *book, const char *key);
struct ex_order *ex_book_find_order(const struct ex_book *book, const char *id);
bool ex_book_knows_deal(const struct ex_book *book, uint64_t deal);
struct ex_position *ex_book_position(const struct ex_book *book, uint64_t ticket);

struct ex_figures {
        int64_t open_risk_cents;                       /* of positions and of legs under way */
        int64_t daily_loss_cents, lifetime_loss_cents; /* with the open risk, where counted */
        int64_t open_positions; /* of this strategy, legs under way counted */
        uint32_t unknown_orders, manual_orders, live_orders;
};
/* SKIP_SYMBOL, SKIP_SIDES: leaves out positions that are about to be closed; NULL, 0: none. Kept up
 * with every change: asking costs the same however much is held. */
struct ex_figures ex_book_figures(
        const struct ex_book *book, const char *skip_symbol, uint32_t skip_sides);
