/*
 * Which positions a job closes, what becomes of a close that did not finish the job, and what an
 * exit owes to entries it went past.
 *
 * Keeps: within one alert at most one close of a ticket is alive; the next one exists only when the
 * last one is known to have ended.
 */
#include "services/order-executor/core/book_internal.h"

#include "services/order-executor/core/ids.h"

#include <stdio.h>

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

enum {
        BACKOFF_SHIFT_MAX = 10,
};

static Pb__OrderRole close_role(const struct ex_job *job)
{
        switch (job->kind) {
        case EX_JOB_ENTRY: return PB__ORDER_ROLE__ORDER_ROLE_REVERSAL_CLOSE;
        case EX_JOB_EXIT: return PB__ORDER_ROLE__ORDER_ROLE_EXIT_CLOSE;
        case EX_JOB_MANUAL: break;
        }
        return PB__ORDER_ROLE__ORDER_ROLE_MANUAL_CLOSE;
}

static void close_id(const struct ex_job *job, uint64_t ticket, uint32_t part, char *ret_id)
{
        if (job->kind == EX_JOB_MANUAL)
                ex_id_manual(job->alert_id, ticket, part, ret_id);
        else
                ex_id_close(job->alert_id, job->slot, ticket, part, ret_id);
}

static struct ex_order *add_close(struct ex_book *book, struct ex_job *job, uint64_t ticket,
        Pb__Side side, int64_t volume_e8, uint32_t part)
{
        struct ex_order *order = ex_job_add(job);

        close_id(job, ticket, part, order->id);
        order->role = close_role(job);
        order->side = side;
        order->volume_e8 = volume_e8;
        order->ticket = ticket;
        order->part = part;
        order->received_us = job->received_us;
        if (job->kind == EX_JOB_ENTRY) {
                order->expires_wall_us = job->expires_wall_us;
                order->expires_us = job->expires_us;
        }
        ex_book_add_order(book, order);
        ex_fx_save_order(&book->fx, order);
        ex_fx_save_job(&book->fx, job); /* which names its orders */
        ex_fx_trade(&book->fx, PB__TRADE_EVENT__TRADE_EVENT_RECEIVED, order);
        return order;
}

static bool expand_to(struct ex_book *book, struct ex_job *job, const struct ex_position *position)
{
        const int64_t open = ex_position_open_e8(position);

        if (open)
                add_close(book, job, position->ticket, position->side, open, 1);
        return open != 0;
}

static bool expand_row(struct ex_book *book, struct ex_job *job, const struct ex_row *row)
{
        bool any = false;

        for (const struct ex_position *position = row->first; position; position = position->next)
                if (position->ours || job->whole_account)
                        any |= expand_to(book, job, position);
        return any;
}

bool ex_book_has_to_close(struct ex_book *book, const char *symbol, uint32_t sides)
{
        const struct ex_holding *holding = sides ? ex_book_holding(book, symbol) : NULL;

        for (Pb__Side side = PB__SIDE__SIDE_BUY; holding && side <= PB__SIDE__SIDE_SELL; side++)
                if (sides & ex_side_bit(side) && holding->sides[side].held.count)
                        return true;
        return false;
}

bool ex_job_expand(struct ex_book *book, struct ex_job *job)
{
        const struct ex_position *position;
        const struct ex_holding *holding;
        bool any = false;

        job->expanded = true;
        if (job->only_ticket) {
                position = ex_book_position(book, job->only_ticket);
                return position && expand_to(book, job, position);
        }
        holding = job->close_sides ? ex_book_holding(book, job->symbol) : NULL;
        for (Pb__Side side = PB__SIDE__SIDE_BUY; holding && side <= PB__SIDE__SIDE_SELL; side++)
                if (job->close_sides & ex_side_bit(side))
                        any |= expand_row(book, job, &holding->sides[side]);
        return any;
}

static void pass(struct ex_book *book, const struct ex_job *exit, struct ex_order *leg)
{
        if (!ex_order_is_leg(leg) || *leg->passed_by ||
                !(exit->close_sides & ex_side_bit(leg->side)))
                return;
        snprintf(leg->passed_by, sizeof(leg->passed_by), "%s", exit->key);
        ex_fx_save_order(&book->fx, leg);
}

/* Said to be filled, and its position has not been seen: settled by hand, or told by half. */
static void pass_unplaced(struct ex_book *book, const struct ex_job *exit)
{
        struct ex_table_at at;

        if (!book->tally.unplaced)
                return;
        for (struct ex_job *job = ex_table_first(&book->jobs, &at); job;
                job = ex_table_next(&book->jobs, &at)) {
                if (strcmp(job->symbol, exit->symbol) != 0)
                        continue;
                for (size_t i = 0; i < job->order_count; i++)
                        if (ex_order_filled(job->orders[i]) && !job->orders[i]->ticket)
                                pass(book, exit, job->orders[i]);
        }
}

void ex_job_pass_doubtful(struct ex_book *book, struct ex_job *job)
{
        struct ex_queue *queue = job->queue;

        for (size_t i = 0; i < queue->count && queue->jobs[i] != job; i++)
                for (size_t j = 0; j < queue->jobs[i]->order_count; j++)
                        if (ex_order_in_doubt(queue->jobs[i]->orders[j]))
                                pass(book, job, queue->jobs[i]->orders[j]);
        pass_unplaced(book, job);
}

/* An exit that had ended takes up its work again. */
static void reopen(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        job->phase = EX_JOB_CLOSING;
        ex_fx_save_job(&book->fx, job);
        if (!job->queue)
                ex_book_enqueue(book, job, now);
        job->queue->dirty = true;
        ex_queue_touch(job);
}

void ex_close_if_passed(struct ex_book *book, struct ex_order *leg, struct ex_now now)
{
        struct ex_job *exit = *leg->passed_by ? ex_book_job(book, leg->passed_by) : NULL;
        struct ex_position *position = leg->ticket ? ex_book_position(book, leg->ticket) : NULL;

        if (!exit || !position || !ex_position_open_e8(position) ||
                ex_job_close_of(exit, leg->ticket))
                return;
        add_close(book, exit, leg->ticket, leg->side, ex_position_open_e8(position), 1);
        reopen(book, exit, now);
}

/* Whether JOB goes on with a ticket of which CLOSE has ended so. */
static bool wants_more(const struct ex_job *job, const struct ex_order *close, struct ex_now now)
{
        switch (close->state) {
        case STATE(PARTIAL): return job->kind != EX_JOB_ENTRY || now.mono_us < close->expires_us;
        case STATE(REJECTED):
        case STATE(NOT_EXECUTED): return job->kind != EX_JOB_ENTRY;
        default: return false; /* filled; or stopped by kill or the entry's deadline */
        }
}

static void next_close(struct ex_book *book, struct ex_order *close, int64_t left, int64_t pause_us,
        struct ex_now now)
{
        struct ex_order *next =
                add_close(book, close->job, close->ticket, close->side, left, close->part + 1);

        next->failures = close->failures;
        next->retry_us = now.mono_us + pause_us;
        if (!close->job->queue || close->job->phase == EX_JOB_DONE)
                reopen(book, close->job, now);
}

/* What of its ticket CLOSE has left open. A partial one knows itself, whatever else is under way. */
static int64_t left_by(const struct ex_book *book, const struct ex_order *close)
{
        const struct ex_position *position = ex_book_position(book, close->ticket);
        int64_t rest = close->volume_e8 - close->filled_e8;
        int64_t open = position ? ex_position_open_e8(position) : 0;

        if (!position)
                return 0;
        return close->state == STATE(PARTIAL) && rest > open ? rest : open;
}

void ex_close_rest(struct ex_book *book, struct ex_order *close, struct ex_now now)
{
        uint32_t shift = close->failures > BACKOFF_SHIFT_MAX ? BACKOFF_SHIFT_MAX : close->failures;
        int64_t pause = book->rules.retry_base_us << shift;
        int64_t left = left_by(book, close);

        if (!left || !wants_more(close->job, close, now))
                return;
        if (close->state == STATE(PARTIAL))
                pause = 0;
        else if (pause > book->rules.retry_max_us)
                pause = book->rules.retry_max_us;
        next_close(book, close, left, pause, now);
}

void ex_close_still_open(struct ex_book *book, struct ex_order *close, struct ex_now now)
{
        const struct ex_position *position = ex_book_position(book, close->ticket);

        if (!position || ex_job_close_of(close->job, close->ticket) != close)
                return;
        next_close(book, close, ex_position_open_e8(position), 0, now);
}

/* ---- a job's end ---- */

void ex_job_finish(struct ex_book *book, struct ex_job *job, Pb__OrderState bare,
        const char *reason, struct ex_now now)
{
        job->phase = EX_JOB_DONE;
        job->state = job->order_count ? ex_job_outcome(job) : bare;
        job->done_wall_us = now.wall_us;
        snprintf(job->reason, sizeof(job->reason), "%s", reason);
        ex_fx_save_job(&book->fx, job);
        ex_fx_trade_job(&book->fx, PB__TRADE_EVENT__TRADE_EVENT_DONE, job, job->state, reason);
}

void ex_alarm_killed(struct ex_book *book, const struct ex_job *job)
{
        ex_fx_alarm(&book->fx, "exit_killed", job->symbol, PB__SEVERITY__SEVERITY_CRITICAL,
                "exit of alert %s not sent: kill is on; close by hand or resume and exit again",
                job->alert_id);
}

bool ex_order_refuse(
        struct ex_book *book, struct ex_order *order, const char *reason, struct ex_now now)
{
        const struct ex_event event = {
                .kind = order->state == STATE(RECEIVED) ? EX_EVENT_REFUSE : EX_EVENT_STOP,
                .reason = reason,
        };

        return ex_book_step(book, order, &event, now);
}

void ex_job_refuse(struct ex_book *book, struct ex_job *job, const char *reason, struct ex_now now)
{
        if (job->kind == EX_JOB_EXIT && !strcmp(reason, "killed"))
                ex_alarm_killed(book, job);
        if (!job->order_count)
                ex_fx_trade_job(&book->fx, PB__TRADE_EVENT__TRADE_EVENT_REFUSED, job,
                        STATE(REFUSED), reason);
        for (size_t i = 0; i < job->order_count; i++)
                ex_order_refuse(book, job->orders[i], reason, now);
        ex_job_finish(book, job, STATE(REFUSED), reason, now);
}
