/*
 * A symbol is a queue of submissions (docs/order-executor.md, Queue). One pass over it, oldest
 * first, carries along what the jobs ahead are doing; by that alone a job's turn is decided. The
 * first jobs of a queue are mostly entries whose legs are out, thousands in a burst: those only
 * wait for their answers, so a pass begins behind them, with the sum of what they are doing.
 *
 * Keeps: entries follow each other without waiting for answers; a close is a barrier for what
 * comes behind; a reversal waits for entries of the other side, not for those of its own; an exit
 * waits for nothing that is in doubt, and for what is not even on the wire only so long. What a pass
 * leaves out it could not have moved: test_property.c holds it against a pass over all.
 */
#include "services/order-executor/core/book_internal.h"

#include "libbus/base/require.h"

#include <stdio.h>

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

/* A reversal closes what entries of the other side will have opened; its own side is not touched. */
static bool entry_turn(const struct ex_job *job, uint32_t ahead)
{
        const uint32_t open = ex_ahead_sides(ahead, EX_AHEAD_WIRE) |
                              ex_ahead_sides(ahead, EX_AHEAD_DOUBT) |
                              ex_ahead_sides(ahead, EX_AHEAD_BACKOFF);

        if (ahead & (EX_AHEAD_UNSTARTED | EX_AHEAD_CLOSES))
                return false;
        return !(open & job->close_sides);
}

static bool exit_turn(
        const struct ex_book *book, const struct ex_job *job, uint32_t ahead, struct ex_now now)
{
        const bool patient = now.mono_us - job->arrived_us < book->rules.exit_patience_us;
        const uint32_t backoff = ex_ahead_sides(ahead, EX_AHEAD_BACKOFF);
        const uint32_t exits = ex_ahead_sides(ahead, EX_AHEAD_CLOSES_MOVING) |
                               ex_ahead_sides(ahead, EX_AHEAD_UNSTARTED_EXITS);

        if (job->only_ticket)
                return true;
        if (ex_ahead_sides(ahead, EX_AHEAD_WIRE))
                return false;
        if (patient && ((ahead & EX_AHEAD_UNSTARTED_ENTRY) || (backoff & job->close_sides)))
                return false;
        if (job->kind == EX_JOB_MANUAL)
                return true;
        return !(exits & job->close_sides);
}

static bool is_turn(
        const struct ex_book *book, const struct ex_job *job, uint32_t ahead, struct ex_now now)
{
        return job->kind == EX_JOB_ENTRY ? entry_turn(job, ahead)
                                         : exit_turn(book, job, ahead, now);
}

/* Where the terminal was asked and has never seen it, a leg waits for its second attempt. */
static void start_legs(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        job->phase = EX_JOB_OPENING;
        for (size_t i = 0; i < job->order_count; i++) {
                struct ex_order *order = job->orders[i];
                const struct ex_event event = {
                        .kind = order->state == STATE(RECEIVED) ? EX_EVENT_START : EX_EVENT_TIME
                };

                if (!ex_order_is_leg(order))
                        continue;
                if (event.kind == EX_EVENT_TIME)
                        ex_book_recount_order(book, order); /* it has begun, sent or not */
                ex_book_step(book, order, &event, now);
        }
}

/* What may have been sent before this run: nothing is, until the terminal has said so. */
static void ask_for_legs(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        const struct ex_event event = { .kind = EX_EVENT_START, .ask_first = true };

        job->ask_first = false;
        for (size_t i = 0; i < job->order_count; i++)
                if (ex_order_is_leg(job->orders[i]))
                        ex_book_step(book, job->orders[i], &event, now);
        ex_fx_save_job(&book->fx, job);
}

static bool awaits_word(const struct ex_job *job)
{
        for (size_t i = 0; i < job->order_count; i++)
                if (ex_order_is_leg(job->orders[i]) && ex_order_in_doubt(job->orders[i]))
                        return true;
        return false;
}

/* The legs as they would be sent, floored to the broker's step: never bumped up. */
static size_t legs_of(
        const struct ex_job *job, const struct ex_symbol *symbol, struct ex_limit_leg *ret_legs)
{
        size_t count = 0;

        for (size_t i = 0; i < job->order_count && count < 2; i++) {
                struct ex_order *order = job->orders[i];

                if (!ex_order_is_leg(order) || ex_order_is_final(order))
                        continue;
                if (symbol)
                        order->volume_e8 = ex_symbol_floor_lots(symbol, order->volume_e8);
                ret_legs[count++] = (struct ex_limit_leg){ order->side, order->volume_e8,
                        order->sl_e8, order->tp_e8 };
        }
        return count;
}

/* What an entry is measured by; LEGS has room for two. */
static struct ex_limit_view view_of(
        struct ex_book *book, const struct ex_job *job, struct ex_limit_leg *legs)
{
        struct ex_limit_view view = {
                .symbol = ex_symbols_by_name(&book->symbols, job->symbol),
                .price_e8 = job->price_e8,
                .legs = legs,
                .day_loss_cents = ex_risk_day_loss_cents(&book->risk),
                .lifetime_loss_cents = ex_risk_lifetime_loss_cents(&book->risk),
        };

        view.leg_count = legs_of(job, view.symbol, legs);
        return view;
}

/* The last check before money moves: NULL, or why not. */
static const char *entry_limits(struct ex_book *book, const struct ex_job *job)
{
        struct ex_limit_leg legs[2];
        struct ex_limit_view view = view_of(book, job, legs);
        struct ex_figures held = { 0 };

        if (!view.leg_count)
                return NULL;
        if (ex_limits_need_held(&book->limits))
                held = ex_book_figures(book, job->symbol, job->close_sides);
        view.open_positions = held.open_positions;
        view.held_risk_cents = held.open_risk_cents;
        return ex_limits_check(&book->limits, &view);
}

static bool was_asked_for(const struct ex_job *job)
{
        for (size_t i = 0; i < job->order_count; i++)
                if (ex_order_is_leg(job->orders[i]) && ex_leg_waits(job->orders[i]))
                        return true;
        return false;
}

/* Asked behind the closes of a reversal, which free margin; what passes is spoken for. */
static const char *service_check(struct ex_book *book, const struct ex_job *job)
{
        struct ex_limit_leg legs[2];
        struct ex_limit_view view;
        const char *reason;

        if (book->switches.service_api_off)
                return NULL;
        if (was_asked_for(job))
                ex_book_reserve(book); /* for it, too, while it was in doubt */
        view = view_of(book, job, legs);
        reason = ex_service_check(&book->margin, &view);
        if (!reason && view.symbol)
                book->margin.reserved_cents += ex_margin_of(view.symbol, legs, view.leg_count);
        return reason;
}

static bool has_quote(const struct ex_book *book, const char *name)
{
        const struct ex_symbol *symbol = ex_symbols_by_name(&book->symbols, name);

        return !symbol || (symbol->bid_e8 && symbol->ask_e8);
}

static bool start_entry(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        const char *reason;

        if (!has_quote(book, job->symbol))
                return false;
        reason = entry_limits(book, job);
        if (reason) {
                ex_job_refuse(book, job, reason, now);
                return true;
        }
        if (ex_job_expand(book, job)) {
                job->phase = EX_JOB_CLOSING;
                ex_fx_save_job(&book->fx, job);
                return true;
        }
        reason = service_check(book, job);
        if (reason) {
                ex_job_refuse(book, job, reason, now);
                return true;
        }
        start_legs(book, job, now);
        ex_fx_save_job(&book->fx, job);
        return true;
}

/* Entries of its sides that an exit has lost patience with: they would only open what it closes. */
static void overtake(struct ex_book *book, struct ex_job *exit, struct ex_now now)
{
        const struct ex_event event = { .kind = EX_EVENT_STOP, .reason = "overtaken_by_exit" };
        struct ex_queue *queue = exit->queue;

        for (size_t i = 0; i < queue->count && queue->jobs[i] != exit; i++) {
                struct ex_job *job = queue->jobs[i];

                for (size_t j = 0; j < job->order_count; j++) {
                        struct ex_order *order = job->orders[j];

                        if (ex_order_is_leg(order) && !ex_order_is_final(order) &&
                                (exit->close_sides & ex_side_bit(order->side)))
                                ex_book_step(book, order, &event, now);
                }
        }
}

static bool start_exit(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        if (!job->only_ticket) {
                overtake(book, job, now);
                ex_job_pass_doubtful(book, job);
        }
        if (!ex_job_expand(book, job)) {
                ex_fx_trade_job(&book->fx, PB__TRADE_EVENT__TRADE_EVENT_NOTHING_TO_CLOSE, job,
                        STATE(UNSPECIFIED), "nothing_to_close");
                ex_job_finish(book, job, STATE(UNSPECIFIED), "nothing_to_close", now);
                return true;
        }
        job->phase = EX_JOB_CLOSING;
        ex_fx_save_job(&book->fx, job);
        return true;
}

static const char *job_stop(const struct ex_book *book, const struct ex_job *job)
{
        if (job->kind == EX_JOB_MANUAL)
                return NULL;
        if (job->kind == EX_JOB_EXIT)
                return book->switches.killed ? "killed" : NULL;
        return ex_book_entry_stop(book, job);
}

/* Nobody needs to wait for the next tick of time to see that an entry is too old to be sent. */
static bool expire(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        const struct ex_event event = { .kind = EX_EVENT_TIME };
        bool any = false;

        if (job->ask_first || now.mono_us < job->expires_us)
                return false;
        for (size_t i = 0; i < job->order_count; i++)
                if (job->orders[i]->state == STATE(RECEIVED))
                        any |= ex_book_step(book, job->orders[i], &event, now);
        return any;
}

static bool advance_waiting(
        struct ex_book *book, struct ex_job *job, uint32_t ahead, struct ex_now now)
{
        const char *stop = job_stop(book, job);

        if (expire(book, job, now) || (job->kind == EX_JOB_ENTRY && ex_job_legs_final(job))) {
                ex_job_finish(book, job, STATE(UNSPECIFIED), "", now);
                return true;
        }
        if (job->ask_first) {
                if (!book->link_up)
                        return false;
                ask_for_legs(book, job, now);
                return true;
        }
        if (awaits_word(job))
                return false;
        if (stop) {
                ex_job_refuse(book, job, stop, now);
                return true;
        }
        if (!ex_book_can_send(book) || !is_turn(book, job, ahead, now))
                return false;
        return job->kind == EX_JOB_ENTRY ? start_entry(book, job, now) : start_exit(book, job, now);
}

/* Sends closes that are due: the first ones, and those that take up a rest. */
static bool send_closes(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        const char *stop = job_stop(book, job);
        bool changed = false;

        for (size_t i = 0; i < job->order_count; i++) {
                struct ex_order *order = job->orders[i];
                struct ex_event event = { .kind = EX_EVENT_START };

                if (ex_order_is_leg(order) || order->state != STATE(RECEIVED))
                        continue;
                if (stop)
                        event = (struct ex_event){ .kind = EX_EVENT_REFUSE, .reason = stop };
                else if (!ex_book_can_send(book) || now.mono_us < order->retry_us)
                        continue;
                changed |= ex_book_step(book, order, &event, now);
        }
        return changed;
}

/* How far the closes of a reversal have come. */
enum closes {
        CLOSES_MOVING,
        CLOSES_DONE,
        CLOSES_FAILED,
};

static enum closes closes_of(const struct ex_job *job)
{
        enum closes result = CLOSES_DONE;

        for (size_t i = 0; i < job->order_count; i++) {
                const struct ex_order *order = job->orders[i];

                if (ex_order_is_leg(order) || ex_job_close_of(job, order->ticket) != order)
                        continue;
                if (!ex_order_is_final(order))
                        result = CLOSES_MOVING;
                else if (order->state != STATE(FILLED))
                        return CLOSES_FAILED;
        }
        return result;
}

static bool refuse_legs(
        struct ex_book *book, struct ex_job *job, const char *reason, struct ex_now now)
{
        bool changed = false;

        for (size_t i = 0; i < job->order_count; i++)
                if (ex_order_is_leg(job->orders[i]))
                        changed |= ex_order_refuse(book, job->orders[i], reason, now);
        return changed;
}

/* Its closes are settled: the world has moved on meanwhile, so everything is checked once more. */
static bool open_reversal(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        const char *reason;

        if (!ex_book_can_send(book) || !has_quote(book, job->symbol))
                return false;
        reason = entry_limits(book, job);
        if (!reason)
                reason = service_check(book, job);
        if (reason)
                return refuse_legs(book, job, reason, now);
        start_legs(book, job, now);
        ex_fx_save_job(&book->fx, job);
        return true;
}

static bool advance_reversal(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        const char *stop = job_stop(book, job);
        bool expired = expire(book, job, now);
        bool changed = send_closes(book, job, now) || expired;

        if (ex_job_legs_final(job)) {
                if (!ex_job_closes_final(job))
                        return changed;
                ex_job_finish(book, job, STATE(UNSPECIFIED), "", now);
                return true;
        }
        if (stop)
                return refuse_legs(book, job, stop, now) || changed;
        switch (closes_of(job)) {
        case CLOSES_MOVING: return changed;
        case CLOSES_FAILED: return refuse_legs(book, job, "reversal_incomplete", now) || changed;
        case CLOSES_DONE: return open_reversal(book, job, now) || changed;
        }
        return changed;
}

static bool advance_exit(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        bool changed = send_closes(book, job, now);

        if (!ex_job_closes_final(job))
                return changed;
        ex_job_finish(book, job, STATE(UNSPECIFIED), "", now);
        return true;
}

static bool advance_opening(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        if (!ex_job_legs_final(job))
                return false;
        ex_job_finish(book, job, STATE(UNSPECIFIED), "", now);
        return true;
}

static bool advance_job(struct ex_book *book, struct ex_job *job, uint32_t ahead, struct ex_now now)
{
        switch (job->phase) {
        case EX_JOB_WAITING: return advance_waiting(book, job, ahead, now);
        case EX_JOB_CLOSING:
                return job->kind == EX_JOB_ENTRY ? advance_reversal(book, job, now)
                                                 : advance_exit(book, job, now);
        case EX_JOB_OPENING: return advance_opening(book, job, now);
        case EX_JOB_DONE: return false;
        }
        return false;
}

/* ---- one pass ---- */

static void join_opened(struct ex_queue *queue, struct ex_job *job)
{
        job->opened = true;
        job->ahead = ex_ahead_of_job(job);
        ex_ahead_change(&queue->opened_sum, 0, job->ahead);
}

static void leave_opened(struct ex_queue *queue, struct ex_job *job)
{
        ex_ahead_change(&queue->opened_sum, job->ahead, 0);
        job->opened = false;
}

void ex_queue_touch(struct ex_job *job)
{
        struct ex_queue *queue = job->queue;
        uint32_t ahead;

        if (!job->opened)
                return;
        ahead = ex_ahead_of_job(job);
        ex_ahead_change(&queue->opened_sum, job->ahead, ahead);
        job->ahead = ahead;
        if (job->phase != EX_JOB_OPENING || (queue->touched && queue->touched != job))
                queue->look_at_all = true;
        queue->touched = job;
}

/* All are looked at in this pass, whatever has happened to each. */
static void forget_opened(struct ex_queue *queue)
{
        for (size_t i = 0; i < queue->opened_count; i++)
                leave_opened(queue, queue->jobs[i]);
        queue->opened_count = 0;
        queue->look_at_all = false;
}

/* Where JOB, which stands among the opened, stands: jobs are numbered as they join. */
static size_t place_of(const struct ex_queue *queue, const struct ex_job *job)
{
        size_t low = 0, high = queue->opened_count;

        while (high - low > 1) {
                const size_t middle = low + (high - low) / 2;

                if (queue->jobs[middle]->number <= job->number)
                        low = middle;
                else
                        high = middle;
        }
        bus_require(queue->jobs[low] == job);
        return low;
}

static void drop(struct ex_book *book, struct ex_job *job)
{
        job->queue = NULL;
        ex_book_recount_job(book, job);
}

static void drop_opened(struct ex_book *book, struct ex_queue *queue, struct ex_job *job)
{
        const size_t place = place_of(queue, job);

        leave_opened(queue, job);
        queue->opened_count--;
        queue->count--;
        memmove(&queue->jobs[place], &queue->jobs[place + 1],
                (queue->count - place) * sizeof(struct ex_job *));
        drop(book, job);
}

/* Those behind the opened. */
static void drop_done(struct ex_book *book, struct ex_queue *queue)
{
        size_t kept = queue->opened_count;

        for (size_t i = kept; i < queue->count; i++) {
                struct ex_job *job = queue->jobs[i];

                if (job->phase != EX_JOB_DONE)
                        queue->jobs[kept++] = job;
                else
                        drop(book, job);
        }
        queue->count = kept;
}

/*
 * The opened that had an event, and all behind the opened. For the others of the opened nothing can
 * be new: their legs are out, and they end when these do. True if anything has changed.
 */
static bool pass(struct ex_book *book, struct ex_queue *queue, struct ex_now now)
{
        struct ex_job *touched = queue->touched;
        bool changed = false;
        uint32_t ahead;

        queue->touched = NULL;
        if (queue->look_at_all)
                forget_opened(queue);
        else if (touched)
                changed = advance_job(book, touched, 0, now);
        if (touched && touched->opened && touched->phase == EX_JOB_DONE)
                drop_opened(book, queue, touched);
        ahead = ex_ahead_of_sum(&queue->opened_sum);
        for (size_t i = queue->opened_count; i < queue->count; i++) {
                changed |= advance_job(book, queue->jobs[i], ahead, now);
                if (queue->jobs[i]->phase != EX_JOB_DONE)
                        ahead |= ex_ahead_of_job(queue->jobs[i]);
        }
        drop_done(book, queue);
        return changed;
}

/* Only what was looked at since anything happened in the queue may be left out from now on. */
static void add_opened(const struct ex_book *book, struct ex_queue *queue)
{
        if (queue->dirty || queue->look_at_all || book->plain_passes)
                return;
        for (; queue->opened_count < queue->count; queue->opened_count++) {
                struct ex_job *job = queue->jobs[queue->opened_count];

                if (job->phase != EX_JOB_OPENING)
                        return;
                join_opened(queue, job);
        }
}

/* Jobs may join the queue during a pass (an exit that must close what it went past). */
void ex_queue_advance(struct ex_book *book, struct ex_queue *queue, struct ex_now now)
{
        while (pass(book, queue, now))
                ;
        add_opened(book, queue);
}
