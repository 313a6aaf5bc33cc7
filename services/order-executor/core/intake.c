/*
 * An order message becomes a job, once: (alert id, slot) is settled by the first one, whatever
 * comes again under it (docs/order-executor.md, Intake).
 */
#include "services/order-executor/core/book_internal.h"

#include "libbus/base/hash.h"
#include "services/order-executor/core/ids.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* The order follows its notice within milliseconds, or never. */
#define IDLE_US (10 * BUS_US_PER_SEC)

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

/* What two messages must share to be the same order. */
static void content_of(const Pb__Order *order, uint8_t ret_hash[static BUS_SHA256_SIZE])
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        struct bus_bytes part;

        bus_buf_printf(&text, "%d %s %" PRId64 " %" PRId64, order->kind, order->symbol,
                order->price_e8, order->born_us);
        for (size_t i = 0; i < order->n_legs; i++)
                bus_buf_printf(&text, " leg %d %d %" PRId64 " %" PRId64 " %" PRId64,
                        order->legs[i]->leg, order->legs[i]->side, order->legs[i]->volume_e8,
                        order->legs[i]->sl_e8, order->legs[i]->tp_e8);
        for (size_t i = 0; i < order->n_closes; i++)
                bus_buf_printf(&text, " close %d", order->closes[i]->side);
        part = bus_buf_bytes(&text);
        bus_sha256_parts(&part, 1, ret_hash);
}

static void add_leg(struct ex_book *book, struct ex_job *job, const Pb__DecisionLeg *leg)
{
        const bool is_a = leg->leg == PB__LEG__LEG_A;
        struct ex_order *order = ex_job_add(job);

        ex_id_leg(job->alert_id, job->slot, is_a ? "A" : "B", order->id);
        order->role = is_a ? PB__ORDER_ROLE__ORDER_ROLE_LEG_A : PB__ORDER_ROLE__ORDER_ROLE_LEG_B;
        order->side = leg->side;
        order->volume_e8 = leg->volume_e8;
        order->sl_e8 = leg->sl_e8;
        order->tp_e8 = leg->tp_e8;
        order->expires_wall_us = job->expires_wall_us;
        order->expires_us = job->expires_us;
        order->received_us = job->received_us;
        ex_book_add_order(book, order);
        ex_fx_save_order(&book->fx, order);
        ex_fx_trade(&book->fx, PB__TRADE_EVENT__TRADE_EVENT_RECEIVED, order);
}

/* An entry's age counts on from where it is by the wall clock, then by the one nobody can turn back. */
static void set_deadline(
        const struct ex_book *book, struct ex_job *job, int64_t born_us, struct ex_now now)
{
        int64_t age = now.wall_us > born_us ? now.wall_us - born_us : 0;

        if (job->kind != EX_JOB_ENTRY)
                return;
        job->expires_wall_us = born_us + book->rules.max_age_us;
        job->expires_us = now.mono_us + book->rules.max_age_us - age;
}

static uint32_t sides_closed_by(const Pb__Order *order)
{
        uint32_t sides = 0;

        for (size_t i = 0; i < order->n_closes; i++)
                sides |= ex_side_bit(order->closes[i]->side);
        return sides;
}

static struct ex_job *make_job(
        struct ex_book *book, const struct ex_intake *intake, const char *key, struct ex_now now)
{
        const Pb__Order *order = intake->order;
        struct ex_job *job = ex_job_new();

        snprintf(job->key, sizeof(job->key), "%s", key);
        snprintf(job->alert_id, sizeof(job->alert_id), "%s", intake->alert_id);
        snprintf(job->slot, sizeof(job->slot), "%s", order->slot);
        snprintf(job->plugin, sizeof(job->plugin), "%s", order->plugin);
        snprintf(job->symbol, sizeof(job->symbol), "%s", order->symbol);
        job->epoch = order->epoch;
        job->kind = order->n_legs || order->kind == PB__ORDER_KIND__ORDER_KIND_ENTRY ? EX_JOB_ENTRY
                                                                                     : EX_JOB_EXIT;
        job->price_e8 = order->price_e8;
        job->received_us = now.wall_us;
        job->test = intake->test;
        content_of(order, job->content);
        job->close_sides = sides_closed_by(order);
        set_deadline(book, job, order->born_us, now);
        ex_book_add_job(book, job);
        if (!order->n_legs)
                ex_fx_trade_job(
                        &book->fx, PB__TRADE_EVENT__TRADE_EVENT_RECEIVED, job, STATE(RECEIVED), "");
        for (size_t i = 0; i < order->n_legs; i++)
                add_leg(book, job, order->legs[i]);
        return job;
}

static void end_test(struct ex_book *book, struct ex_job *job, struct ex_now now)
{
        const struct ex_event event = { .kind = EX_EVENT_TEST };

        if (!job->order_count)
                ex_fx_trade_job(
                        &book->fx, PB__TRADE_EVENT__TRADE_EVENT_TEST, job, STATE(TEST), "test");
        for (size_t i = 0; i < job->order_count; i++)
                ex_book_step(book, job->orders[i], &event, now);
        ex_job_finish(book, job, STATE(TEST), "test", now);
}

/* Once, here, in stream order: what was taken in under an epoch completes under it. */
static bool is_old_epoch(struct ex_book *book, uint64_t epoch)
{
        if (epoch < book->switches.epoch)
                return true;
        if (epoch > book->switches.epoch) {
                book->switches.epoch = epoch;
                ex_fx_save_switches(&book->fx);
        }
        return false;
}

/* Why an entry is refused for what it says about itself. */
static const char *entry_fault(struct ex_book *book, const Pb__Order *order, bool old_epoch)
{
        if (old_epoch)
                return "stale_epoch";
        if (!ex_limits_symbol_allowed(&book->limits, order->symbol))
                return "symbol_not_allowed";
        return ex_limits_context(&book->limits, order->received_us, order->context_as_of_us);
}

static int64_t later(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

/*
 * An order from before this store began, or was put back: somebody may have carried it out. An
 * exit of that time is not sent; an entry is asked for at the terminal. And where an older system
 * was running, people say when trading goes on.
 */
static bool is_older_than_us(struct ex_book *book, int64_t staged_us)
{
        int64_t begin = later(book->switches.first_start_us, book->switches.restored_us);

        if (staged_us >= begin)
                return false;
        if (begin - staged_us > book->rules.max_age_us && !book->switches.paused &&
                book->switches.first_start_us == begin) {
                book->switches.paused = true;
                ex_fx_save_switches(&book->fx);
                ex_fx_alarm(&book->fx, "joined_older_system", "order-executor",
                        PB__SEVERITY__SEVERITY_WARNING,
                        "orders older than this executor exist: entries are paused, resume lifts it");
        }
        return true;
}

static void drop_promise(struct ex_book *book, struct ex_promise *promise)
{
        ex_fx_drop_promise(&book->fx, promise->key);
        ex_promises_drop(&book->promises, promise);
}

/*
 * The promise JOB was made ready by, if any, is over: JOB's own record stands for it from the same commit
 * on. True if an earlier run made it, and may have sent the order.
 */
static bool keep_promise(struct ex_book *book, struct ex_job *job)
{
        struct ex_promise *promise = ex_promises_find(&book->promises, job->key);
        bool found;

        if (!promise)
                return false;
        found = promise->found;
        job->promised = !found && promise->durable && job->kind == EX_JOB_ENTRY &&
                        !memcmp(promise->content, job->content, sizeof(job->content));
        drop_promise(book, promise);
        return found;
}

static const char *fault(struct ex_book *book, const struct ex_intake *intake, struct ex_job *job)
{
        const bool old_epoch = is_old_epoch(book, intake->order->epoch);
        const bool older = is_older_than_us(book, intake->staged_us);
        const bool found = keep_promise(book, job);
        const char *reason;

        if (strcmp(intake->order->slot, book->slot) != 0)
                return "unknown_slot";
        if (job->kind == EX_JOB_EXIT)
                return older ? "before_start" : NULL;
        job->ask_first = older || found;
        reason = older ? NULL : entry_fault(book, intake->order, old_epoch);
        if (!found || !reason)
                return reason;
        snprintf(job->fault, sizeof(job->fault), "%s", reason);
        return NULL; /* it may be at the broker all the same */
}

/* The first one settled it: a repeat is answered with what came of that. */
static void repeat(struct ex_book *book, const struct ex_intake *intake, const struct ex_job *job)
{
        uint8_t content[BUS_SHA256_SIZE];

        content_of(intake->order, content);
        if (memcmp(content, job->content, sizeof(content)) != 0)
                ex_fx_alarm(&book->fx, "order_differs", job->alert_id,
                        PB__SEVERITY__SEVERITY_CRITICAL,
                        "alert %s came again with other legs or closes: not sent", job->alert_id);
        if (job->phase == EX_JOB_DONE)
                ex_fx_trade_job(
                        &book->fx, PB__TRADE_EVENT__TRADE_EVENT_DONE, job, job->state, "repeat");
}

void ex_book_order(struct ex_book *book, const struct ex_intake *intake, struct ex_now now)
{
        char key[EX_KEY_SIZE];
        struct ex_job *job;
        const char *reason;

        ex_job_key(intake->alert_id, intake->order->slot, key);
        job = ex_book_job(book, key);
        if (job) {
                repeat(book, intake, job);
                return;
        }
        job = make_job(book, intake, key, now);
        if (intake->test) {
                end_test(book, job, now);
                return;
        }
        reason = fault(book, intake, job);
        if (reason) {
                ex_job_refuse(book, job, reason, now);
                return;
        }
        ex_fx_save_job(&book->fx, job);
        ex_book_enqueue(book, job, now);
        ex_book_advance(book, now);
}

/* ---- word ahead ---- */

const char *ex_book_notice(struct ex_book *book, const struct ex_intake *intake, struct ex_now now)
{
        const Pb__Order *order = intake->order;
        struct ex_promise *promise;
        char key[EX_KEY_SIZE];

        if (book->stopping || order->kind != PB__ORDER_KIND__ORDER_KIND_ENTRY || !order->n_legs ||
                intake->test || ex_book_has_to_close(book, order->symbol, sides_closed_by(order)))
                return NULL;
        ex_job_key(intake->alert_id, order->slot, key);
        if (ex_book_job(book, key) || ex_promises_find(&book->promises, key))
                return NULL;
        promise = ex_promises_add(&book->promises, key);
        if (!promise)
                return NULL;
        content_of(order, promise->content);
        promise->made_us = now.wall_us;
        ex_fx_save_promise(&book->fx, promise->key);
        return promise->key;
}

void ex_book_promised(struct ex_book *book, const char *key)
{
        struct ex_promise *promise = ex_promises_find(&book->promises, key);

        if (promise)
                promise->durable = true;
}

void ex_book_take_back_promises(struct ex_book *book)
{
        for (size_t i = book->promises.count; i-- > 0;)
                if (!book->promises.items[i].found)
                        drop_promise(book, &book->promises.items[i]);
}

int ex_book_load_promise(struct ex_book *book, const struct ex_promise *promise)
{
        struct ex_promise *added = ex_promises_add(&book->promises, promise->key);

        if (!added)
                return -ENOSPC;
        *added = *promise;
        return 0;
}

void ex_book_forget_promises(struct ex_book *book, int64_t found_before_us, struct ex_now now)
{
        for (size_t i = book->promises.count; i-- > 0;) {
                struct ex_promise *promise = &book->promises.items[i];
                int64_t before_us = promise->found ? found_before_us : now.wall_us - IDLE_US;

                if (promise->made_us >= before_us)
                        continue;
                drop_promise(book, promise);
        }
}
