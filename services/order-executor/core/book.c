/*
 * The containers of the book, and one order's step with what the book concludes from it.
 *
 * Keeps: every order is in the index and belongs to one job; a job that has not ended stands in its
 * symbol's queue; what an order's end means for positions and switches is concluded exactly once.
 */
#include "services/order-executor/core/book_internal.h"

#include "libbus/base/require.h"
#include "services/order-executor/core/retcode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

/* "No trading now" is news for this long; somebody must have asked since. */
#define MARKET_SHUT_US (60 * BUS_US_PER_SEC)

struct ex_book *ex_book_new(const char *slot, uint64_t magic)
{
        struct ex_book *book = bus_new(struct ex_book);

        book->rules = ex_rules_default();
        book->magic = magic;
        snprintf(book->slot, sizeof(book->slot), "%s", slot);
        return book;
}

static void free_all(struct ex_table *table, void (*free_one)(void *thing))
{
        struct ex_table_at at;

        for (void *thing = ex_table_first(table, &at); thing; thing = ex_table_next(table, &at))
                free_one(thing);
        ex_table_done(table);
}

static void free_job(void *job)
{
        ex_job_free(job);
}

struct ex_book *ex_book_free(struct ex_book *book)
{
        if (!book)
                return NULL;
        ex_table_done(&book->orders);
        free_all(&book->jobs, free_job);
        free_all(&book->positions, free);
        ex_deals_done(&book->deals);
        for (size_t i = 0; i < book->queue_count; i++) {
                free(book->queues[i]->jobs);
                free(book->queues[i]);
        }
        free(book->queues);
        for (size_t i = 0; i < book->holding_count; i++)
                free(book->holdings[i]);
        free(book->holdings);
        ex_symbols_done(&book->symbols);
        ex_fx_done(&book->fx);
        free(book);
        return NULL;
}

static struct ex_queue *find_queue(const struct ex_book *book, const char *symbol)
{
        for (size_t i = 0; i < book->queue_count; i++)
                if (!strcmp(book->queues[i]->symbol, symbol))
                        return book->queues[i];
        return NULL;
}

struct ex_queue *ex_book_queue(struct ex_book *book, const char *symbol)
{
        struct ex_queue *queue = find_queue(book, symbol);

        if (queue)
                return queue;
        queue = bus_new(struct ex_queue);
        snprintf(queue->symbol, sizeof(queue->symbol), "%s", symbol);
        book->queues =
                bus_xrealloc(book->queues, (book->queue_count + 1) * sizeof(struct ex_queue *));
        book->queues[book->queue_count++] = queue;
        return queue;
}

void ex_book_enqueue(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        struct ex_queue *queue = ex_book_queue(book, job->symbol);

        bus_require(!job->queue);
        if (queue->count == queue->capacity) {
                queue->capacity = queue->capacity ? 2 * queue->capacity : 16;
                queue->jobs = bus_xrealloc(queue->jobs, queue->capacity * sizeof(struct ex_job *));
        }
        queue->jobs[queue->count++] = job;
        job->number = ++queue->last_number;
        queue->dirty = true;
        job->queue = queue;
        job->arrived_us = now.mono_us;
        ex_book_recount_job(book, job);
}

void ex_book_add_job(struct ex_book *book, struct ex_job *job)
{
        ex_table_add(&book->jobs, bus_bytes_str(job->key), job);
}

void ex_book_add_order(struct ex_book *book, struct ex_order *order)
{
        ex_table_add(&book->orders, bus_bytes_str(order->id), order);
        ex_book_recount_order(book, order);
        ex_queue_touch(order->job);
}

struct ex_job *ex_book_job(const struct ex_book *book, const char *key)
{
        return ex_table_get(&book->jobs, bus_bytes_str(key));
}

struct ex_order *ex_book_find_order(const struct ex_book *book, const char *id)
{
        return ex_table_get(&book->orders, bus_bytes_str(id));
}

struct ex_position *ex_book_position(const struct ex_book *book, uint64_t ticket)
{
        return ex_table_get(&book->positions, ex_key_of_number(&ticket));
}

bool ex_book_knows_deal(const struct ex_book *book, uint64_t deal)
{
        return ex_deals_has(&book->deals, deal);
}

void ex_book_touch_all(struct ex_book *book)
{
        for (size_t i = 0; i < book->queue_count; i++)
                book->queues[i]->dirty = true;
}

bool ex_book_can_send(const struct ex_book *book)
{
        return book->link_up && book->reconciled && book->server_up && !book->stopping;
}

const char *ex_book_entry_stop(const struct ex_book *book, const struct ex_job *job)
{
        const struct ex_queue *queue;

        if (book->switches.killed)
                return "killed";
        if (book->switches.paused)
                return "paused";
        if (book->switches.halted)
                return "halted";
        if (ex_switches_closed(&book->switches, job->symbol))
                return "symbol_closed";
        queue = job->queue ? job->queue : find_queue(book, job->symbol);
        return queue && queue->manual_count ? "symbol_closed" : NULL;
}

/* Why ORDER may not be sent now. Exits meet nothing but kill, closes by hand not even that. */
static const char *order_stop(const struct ex_book *book, const struct ex_order *order)
{
        if (order->role == PB__ORDER_ROLE__ORDER_ROLE_MANUAL_CLOSE)
                return NULL;
        if (ex_order_is_exit(order))
                return book->switches.killed ? "killed" : NULL;
        return *order->job->fault ? order->job->fault : ex_book_entry_stop(book, order->job);
}

static int64_t order_quote(const struct ex_book *book, const struct ex_order *order)
{
        const struct ex_symbol *symbol = ex_symbols_by_name(&book->symbols, order->job->symbol);

        if (!symbol)
                return 0;
        return ex_symbol_quote(
                symbol, ex_order_is_leg(order) ? order->side : ex_side_opposite(order->side));
}

static void close_symbol(struct ex_book *book, const struct ex_order *order)
{
        if (!ex_switches_close(&book->switches, order->job->symbol, "config_fault"))
                return;
        ex_fx_save_switches(&book->fx);
        ex_fx_alarm(&book->fx, "symbol_closed", order->job->symbol, PB__SEVERITY__SEVERITY_CRITICAL,
                "closed to entries: the broker refuses our requests with %u; open_symbol lifts it",
                order->retcode);
}

static void halt(struct ex_book *book, const struct ex_order *order)
{
        if (book->switches.halted)
                return;
        book->switches.halted = true;
        ex_fx_save_switches(&book->fx);
        ex_fx_alarm(&book->fx, "entries_halted", "account", PB__SEVERITY__SEVERITY_CRITICAL,
                "no entries: the account refuses with %u; resume lifts it", order->retcode);
        ex_book_touch_all(book);
}

static void conclude_rejection(struct ex_book *book, const struct ex_order *order)
{
        const Pb__Action action =
                ex_order_is_leg(order) ? PB__ACTION__ACTION_OPEN : PB__ACTION__ACTION_CLOSE;

        if (ex_retcode_is_config_fault(order->retcode))
                close_symbol(book, order);
        if (ex_retcode_class(action, order->retcode) == EX_CLASS_ACCOUNT)
                halt(book, order);
}

static void conclude_fill(struct ex_book *book, struct ex_order *order, struct ex_now now)
{
        char ticket[24];

        ex_book_position_of_fill(book, order, now);
        if (ex_order_is_leg(order)) {
                ex_fx_alarm_end(&book->fx, "order_rejected", order->job->symbol);
                ex_book_fill_booked(book, order);
                ex_close_if_passed(book, order, now);
                return;
        }
        if (order->failures >= book->rules.exit_alarm_after) {
                snprintf(ticket, sizeof(ticket), "%" PRIu64, order->ticket);
                ex_fx_alarm_end(&book->fx, "exit_failing", ticket);
        }
        if (ex_order_is_exit(order))
                ex_fx_alarm_end(&book->fx, "exit_killed", order->job->symbol);
}

static bool was_killed(const struct ex_order *order)
{
        return order->role == PB__ORDER_ROLE__ORDER_ROLE_EXIT_CLOSE &&
               (order->state == STATE(REFUSED) || order->state == STATE(EXPIRED));
}

static void conclude(struct ex_book *book, struct ex_order *order, struct ex_now now)
{
        order->settled = true;
        if (was_killed(order))
                ex_alarm_killed(book, order->job);
        if (ex_order_filled(order))
                conclude_fill(book, order, now);
        if (order->state == STATE(REJECTED))
                conclude_rejection(book, order);
        if (!ex_order_is_leg(order))
                ex_close_rest(book, order, now);
}

/* The broker did what had been written off. The books follow the account, and a person hears of it. */
static void conclude_late_fill(struct ex_book *book, struct ex_order *order, struct ex_now now)
{
        ex_fx_trade(&book->fx, PB__TRADE_EVENT__TRADE_EVENT_ADOPTED, order);
        ex_fx_alarm(&book->fx, "late_fill", order->id, PB__SEVERITY__SEVERITY_CRITICAL,
                "%s %s had ended as %s and turns out filled, ticket %llu", order->job->symbol,
                order->id, ex_state_name(order->state), (unsigned long long)order->ticket);
        ex_book_position_of_fill(book, order, now);
        if (ex_order_is_leg(order))
                ex_close_if_passed(book, order, now);
}

static void count_manual(struct ex_order *order, bool was_manual)
{
        struct ex_queue *queue = order->job->queue;
        const bool is_manual = order->state == STATE(MANUAL);

        if (!queue || was_manual == is_manual)
                return;
        if (is_manual)
                queue->manual_count++;
        else
                queue->manual_count--;
}

bool ex_book_step(struct ex_book *book, struct ex_order *order, const struct ex_event *event,
        struct ex_now now)
{
        const struct ex_order_env env = {
                .now = now,
                .rules = &book->rules,
                .stop = order_stop(book, order),
                .can_ask = book->link_up,
                .can_send = ex_book_can_send(book),
                .quote_e8 = ex_order_on_wire(order) ? 0 : order_quote(book, order),
                .fx = &book->fx,
        };
        const bool was_manual = order->state == STATE(MANUAL);
        const bool had_ticket = order->ticket != 0;
        enum ex_step step = ex_order_step(order, event, &env);

        if (step == EX_STEP_NOTHING)
                return false;
        count_manual(order, was_manual);
        ex_book_recount_order(book, order);
        if (order->job->queue)
                order->job->queue->dirty = true;
        ex_queue_touch(order->job);
        if (step == EX_STEP_LATE_FILL)
                conclude_late_fill(book, order, now);
        else if (ex_order_is_final(order) && !order->settled)
                conclude(book, order, now);
        else if (ex_order_filled(order) && ex_order_is_leg(order) && !had_ticket && order->ticket)
                conclude_fill(book, order, now);
        return true;
}

void ex_book_advance(struct ex_book *book, struct ex_now now)
{
        bool again = true;

        while (again) {
                again = false;
                for (size_t i = 0; i < book->queue_count; i++) {
                        if (!book->queues[i]->dirty)
                                continue;
                        book->queues[i]->dirty = false;
                        ex_queue_advance(book, book->queues[i], now);
                        again = true;
                }
        }
}

/* Orders may be added behind while this runs; those are new and need no time yet. */
static void step_job(
        struct ex_book *book, struct ex_job *job, const struct ex_event *event, struct ex_now now)
{
        const size_t count = job->order_count;

        for (size_t i = 0; i < count; i++)
                if (!ex_order_is_final(job->orders[i]))
                        ex_book_step(book, job->orders[i], event, now);
}

static void step_all(struct ex_book *book, const struct ex_event *event, struct ex_now now)
{
        for (size_t i = 0; i < book->queue_count; i++)
                for (size_t j = 0; j < book->queues[i]->count; j++)
                        step_job(book, book->queues[i]->jobs[j], event, now);
}

void ex_book_time(struct ex_book *book, struct ex_now now)
{
        if (now.mono_us - book->market_shut_us > MARKET_SHUT_US)
                book->market_shut = false;
        if (ex_risk_roll(&book->risk, now.wall_us))
                ex_fx_save_risk(&book->fx);
        step_all(book, &(struct ex_event){ .kind = EX_EVENT_TIME }, now);
        for (size_t i = 0; i < book->queue_count; i++)
                book->queues[i]->dirty |= book->queues[i]->count > 0;
        ex_book_advance(book, now);
}

bool ex_book_is_idle(const struct ex_book *book)
{
        for (size_t i = 0; i < book->queue_count; i++)
                if (book->queues[i]->count)
                        return false;
        return true;
}

bool ex_book_on_wire(const struct ex_book *book)
{
        for (size_t i = 0; i < book->queue_count; i++)
                for (size_t j = 0; j < book->queues[i]->count; j++) {
                        const struct ex_job *job = book->queues[i]->jobs[j];

                        for (size_t k = 0; k < job->order_count; k++)
                                if (ex_order_on_wire(job->orders[k]))
                                        return true;
                }
        return false;
}

void ex_book_link_lost(struct ex_book *book, struct ex_now now)
{
        const struct ex_event event = { .kind = EX_EVENT_LOST, .reason = "link_lost" };

        book->link_up = false;
        book->reconciled = false;
        book->server_up = false;
        step_all(book, &event, now);
        ex_book_advance(book, now);
}

/* ---- keeping ---- */

int ex_book_load_job(struct ex_book *book, struct ex_job *job)
{
        if (ex_book_job(book, job->key)) {
                ex_job_free(job);
                return -EEXIST;
        }
        ex_book_add_job(book, job);
        for (size_t i = 0; i < job->order_count; i++) {
                job->orders[i]->settled = ex_order_is_final(job->orders[i]);
                ex_book_add_order(book, job->orders[i]);
        }
        return 0;
}

int ex_book_load_position(struct ex_book *book, struct ex_position *position)
{
        if (ex_book_position(book, position->ticket)) {
                free(position);
                return -EEXIST;
        }
        ex_table_add(&book->positions, ex_key_of_number(&position->ticket), position);
        ex_book_ticket_changed(book, position->ticket);
        ex_book_recount_position(book, position);
        return 0;
}

void ex_book_load_deal(struct ex_book *book, uint64_t deal, int64_t at_us)
{
        ex_deals_add(&book->deals, deal, at_us);
}

/* The monotonic moment of a wall time, for whoever starts waiting now. */
static int64_t monotonic_of(int64_t wall_us, struct ex_now now)
{
        return now.mono_us + (wall_us - now.wall_us);
}

static void wake_order(struct ex_order *order, struct ex_now now)
{
        if (order->expires_wall_us)
                order->expires_us = monotonic_of(order->expires_wall_us, now);
        order->ask_us = now.mono_us;
        order->retry_us = now.mono_us;
        if (order->unknown_wall_us && order->unknown_wall_us < now.wall_us)
                order->unknown_us = monotonic_of(order->unknown_wall_us, now);
        else
                order->unknown_us = now.mono_us;
        if (order->state == STATE(MANUAL))
                order->job->queue->manual_count++;
}

static int by_arrival(const void *a, const void *b)
{
        const struct ex_job *first = *(struct ex_job *const *)a;
        const struct ex_job *second = *(struct ex_job *const *)b;

        if (first->received_us != second->received_us)
                return first->received_us < second->received_us ? -1 : 1;
        return strcmp(first->key, second->key);
}

static size_t live_jobs(const struct ex_book *book, struct ex_job **jobs)
{
        struct ex_table_at at;
        size_t count = 0;

        for (struct ex_job *job = ex_table_first(&book->jobs, &at); job;
                job = ex_table_next(&book->jobs, &at))
                if (job->phase != EX_JOB_DONE && !job->queue)
                        jobs[count++] = job;
        qsort(jobs, count, sizeof(*jobs), by_arrival);
        return count;
}

void ex_book_loaded(struct ex_book *book, struct ex_now now)
{
        const struct ex_event event = { .kind = EX_EVENT_LOST, .reason = "restart" };
        BUS_AUTOFREE struct ex_job **jobs = bus_new_n(struct ex_job *, book->jobs.count + 1);
        size_t count = live_jobs(book, jobs);

        for (size_t i = 0; i < count; i++) {
                ex_book_enqueue(book, jobs[i], now);
                if (jobs[i]->expires_wall_us)
                        jobs[i]->expires_us = monotonic_of(jobs[i]->expires_wall_us, now);
                for (size_t j = 0; j < jobs[i]->order_count; j++)
                        wake_order(jobs[i]->orders[j], now);
        }
        if (ex_risk_roll(&book->risk, now.wall_us))
                ex_fx_save_risk(&book->fx);
        step_all(book, &event, now);
        ex_book_advance(book, now);
}

/* Exits that a live order was passed by are still needed. JOB NULL: whether there is any such. */
static bool is_referred_to(const struct ex_book *book, const struct ex_job *job)
{
        for (size_t i = 0; i < book->queue_count; i++)
                for (size_t j = 0; j < book->queues[i]->count; j++) {
                        const struct ex_job *live = book->queues[i]->jobs[j];

                        for (size_t k = 0; k < live->order_count; k++) {
                                const char *passer = live->orders[k]->passed_by;

                                if (job ? !strcmp(passer, job->key) : *passer)
                                        return true;
                        }
                }
        return false;
}

static void forget_job(struct ex_book *book, struct ex_job *job)
{
        for (size_t i = 0; i < job->order_count; i++) {
                ex_book_uncount_order(book, job->orders[i]);
                ex_table_take(&book->orders, bus_bytes_str(job->orders[i]->id));
        }
        ex_table_take(&book->jobs, bus_bytes_str(job->key));
        ex_job_free(job);
}

static bool is_unplaced(const struct ex_job *job)
{
        for (size_t i = 0; i < job->order_count; i++)
                if (job->orders[i]->counted.unplaced)
                        return true;
        return false;
}

void ex_book_forget(struct ex_book *book, int64_t before_us, int64_t unplaced_before_us)
{
        /* seldom: else thousands that have ended would be held against thousands that are live */
        const bool any_passed = is_referred_to(book, NULL);
        struct ex_table_at at;

        for (struct ex_job *job = ex_table_first(&book->jobs, &at); job;
                job = ex_table_next(&book->jobs, &at))
                if (job->phase == EX_JOB_DONE && job->done_wall_us < before_us &&
                        (job->done_wall_us < unplaced_before_us || !is_unplaced(job)) &&
                        (!any_passed || !is_referred_to(book, job)))
                        forget_job(book, job);
}

void ex_book_forget_deals(
        struct ex_book *book, int64_t before_us, void (*fn)(void *arg, uint64_t deal), void *arg)
{
        ex_deals_forget(&book->deals, before_us, fn, arg);
}
