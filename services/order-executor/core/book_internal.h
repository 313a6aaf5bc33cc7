#pragma once
/*
 * Between the files of the book.
 */
#include "services/order-executor/core/book.h"

static inline struct bus_bytes ex_key_of_number(const uint64_t *number)
{
        return bus_bytes(number, sizeof(*number));
}

/* The queue of SYMBOL, made if there is none. */
struct ex_queue *ex_book_queue(struct ex_book *book, const char *symbol);
/* To the end of its symbol's queue. */
void ex_book_enqueue(struct ex_book *book, struct ex_job *job, struct ex_now now);
void ex_book_add_job(struct ex_book *book, struct ex_job *job);
void ex_book_add_order(struct ex_book *book, struct ex_order *order); /* to the index, id set */
/* Runs every queue that is dirty until nothing more can go on. Ends every call that changed anything. */
void ex_book_advance(struct ex_book *book, struct ex_now now);
void ex_queue_advance(struct ex_book *book, struct ex_queue *queue, struct ex_now now);
void ex_queue_touch(struct ex_job *job);      /* behind any change of its orders or of its phase */
void ex_book_touch_all(struct ex_book *book); /* all queues are dirty */

/* One step of an order, and what the book concludes from it. True if it changed. */
bool ex_book_step(struct ex_book *book, struct ex_order *order, const struct ex_event *event,
        struct ex_now now);
bool ex_book_can_send(const struct ex_book *book);
/* NULL, or why JOB, an entry, may not be sent now. */
const char *ex_book_entry_stop(const struct ex_book *book, const struct ex_job *job);

/* Its end: nothing of it is open any more. BARE is its state where it never had an order. */
void ex_job_finish(struct ex_book *book, struct ex_job *job, Pb__OrderState bare,
        const char *reason, struct ex_now now);
/* An exit was not sent because of kill: somebody must know at once. */
void ex_alarm_killed(struct ex_book *book, const struct ex_job *job);
void ex_job_refuse(struct ex_book *book, struct ex_job *job, const char *reason, struct ex_now now);
/* What has not gone out, or not again, goes no further. */
bool ex_order_refuse(
        struct ex_book *book, struct ex_order *order, const char *reason, struct ex_now now);
/* Sides and tickets to close are fixed now; true if there is anything. */
bool ex_job_expand(struct ex_book *book, struct ex_job *job);
/* Whether positions of ours are open on one of SIDES (bits of ex_side_bit) of SYMBOL. */
bool ex_book_has_to_close(struct ex_book *book, const char *symbol, uint32_t sides);
/* Entries of the sides JOB closes that are ahead of it and in doubt, or filled at a place nobody has
 * seen yet: it is going past them. */
void ex_job_pass_doubtful(struct ex_book *book, struct ex_job *job);
/* A leg that an exit went past has been filled after all: closed at once under the exit's alert. */
void ex_close_if_passed(struct ex_book *book, struct ex_order *leg, struct ex_now now);
/* A close came to its end with its ticket still open: another one, if the job still wants it. */
void ex_close_rest(struct ex_book *book, struct ex_order *close, struct ex_now now);

/* Margin by a good snapshot; what is under way by now is spoken for. */
void ex_book_margin(struct ex_book *book, const Pb__BrokerAccount *account);
void ex_book_reserve(struct ex_book *book); /* what is under way now is spoken for, nothing else */
/* Tells the hook. */
void ex_book_fill_booked(struct ex_book *book, const struct ex_order *leg);
void ex_book_close_booked(
        struct ex_book *book, const Pb__Deal *deal, const struct ex_position *position);

/* The running figures (figures.c): to be called behind any change of what stands in them. */
void ex_book_recount_position(struct ex_book *book, struct ex_position *position);
void ex_book_recount_order(struct ex_book *book, struct ex_order *order);
void ex_book_recount_job(struct ex_book *book, const struct ex_job *job); /* its orders */
void ex_book_recount_all(struct ex_book *book); /* what the broker says of symbols has changed */
/* It is out of the books, or about to be. */
void ex_book_uncount_position(struct ex_book *book, struct ex_position *position);
void ex_book_uncount_order(struct ex_book *book, struct ex_order *order);
/* The position TICKET is there now, or is not any more. */
void ex_book_ticket_changed(struct ex_book *book, uint64_t ticket);
/* NULL: there never was a position on SYMBOL. */
struct ex_holding *ex_book_holding(const struct ex_book *book, const char *symbol);

struct ex_position *ex_book_add_position(struct ex_book *book, uint64_t ticket);
void ex_book_drop_position(struct ex_book *book, struct ex_position *position);
/* Books a filled leg or close into the positions. */
void ex_book_position_of_fill(struct ex_book *book, struct ex_order *order, struct ex_now now);
/* A deal that a good snapshot tells of: its result counts, the positions stand in the snapshot.
 * OURS: another deal of the same position says so. */
void ex_book_past_deal(struct ex_book *book, const Pb__Deal *deal, bool ours, struct ex_now now);
/* A close said its ticket was gone, and a later good snapshot has it: the exit goes on. */
void ex_close_still_open(struct ex_book *book, struct ex_order *close, struct ex_now now);
