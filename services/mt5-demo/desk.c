/*
 * Keeps: commit() is the only way state changes, and it writes first.
 */
#include "services/mt5-demo/desk.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "services/mt5-demo/desk_internal.h"
#include "services/mt5-demo/feed.h"

#include <errno.h>
#include <stdio.h>

void desk_init(struct desk *desk, const struct symbol_spec *specs, size_t count,
        const struct quote *quotes, const struct desk_options *options, const struct desk_out *out)
{
        *desk = (struct desk){
                .options = *options,
                .out = *out,
                .quotes = quotes,
                .random = options->seed,
        };
        account_init(&desk->account, specs, count);
        attempts_init(&desk->attempts);
}

void desk_done(struct desk *desk)
{
        account_done(&desk->account);
        attempts_done(&desk->attempts);
        free(desk->jobs);
        desk->jobs = NULL;
}

int desk_replay(struct desk *desk, const struct record *record)
{
        int r;

        r = attempts_apply(&desk->attempts, record);
        return r < 0 ? r : account_apply(&desk->account, record);
}

void desk_commit(struct desk *desk, const struct record *records, size_t count)
{
        desk->out.write(records, count, desk->out.arg);
        for (size_t i = 0; i < count; i++)
                bus_require(desk_replay(desk, &records[i]) == 0);
}

const struct symbol_spec *desk_spec(const struct desk *desk, const char *symbol)
{
        int index = account_symbol(&desk->account, symbol);

        return index < 0 ? NULL : &desk->account.specs[index];
}

static bool is_disconnected(const struct desk *desk, struct instant at)
{
        int64_t value;

        return faults_hold(&desk->faults, FAULT_DISCONNECTED, NULL, at.mono_us, &value);
}

/* Deals happen at the trade server: while the terminal is cut off from it, or frozen, they wait. */
void desk_tell_deals(struct desk *desk, struct instant at)
{
        int64_t value;

        if (is_disconnected(desk, at) ||
                faults_hold(&desk->faults, FAULT_FREEZE, NULL, at.mono_us, &value))
                return;
        for (; desk->told < desk->account.deal_count; desk->told++)
                desk->out.deal(&desk->account.deals[desk->told], desk->out.arg);
}

/* ---- tokens ---- */

static void raise_token(struct desk *desk, uint64_t token, struct instant at)
{
        const struct record record = { .event = EVENT_TOKEN, .at_us = at.wall_us, .token = token };

        if (token > desk->attempts.highest_token)
                desk_commit(desk, &record, 1);
}

bool desk_take_token(struct desk *desk, uint64_t token, struct instant at)
{
        if (token < desk->attempts.highest_token)
                return false;
        raise_token(desk, token, at);
        return true;
}

/* ---- jobs ---- */

struct desk_job {
        int64_t due_mono_us;
        bool placed; /* a working order; else a delayed request */
        uint64_t ticket;
        struct order order;
};

void desk_add_job(
        struct desk *desk, const struct order *order, uint64_t placed_ticket, int64_t due_mono_us)
{
        if (desk->job_count == desk->job_capacity) {
                desk->job_capacity = desk->job_capacity ? desk->job_capacity * 2 : 16;
                desk->jobs = bus_xrealloc(desk->jobs, desk->job_capacity * sizeof(*desk->jobs));
        }
        desk->jobs[desk->job_count++] = (struct desk_job){
                .due_mono_us = due_mono_us,
                .placed = placed_ticket != 0,
                .ticket = placed_ticket,
                .order = *order,
        };
}

static bool has_job(const struct desk *desk, const char *cl_ord_id, uint32_t attempt)
{
        for (size_t i = 0; i < desk->job_count; i++)
                if (desk->jobs[i].order.attempt == attempt &&
                        !strcmp(desk->jobs[i].order.cl_ord_id, cl_ord_id))
                        return true;
        return false;
}

int64_t desk_next_due(const struct desk *desk)
{
        int64_t due = INT64_MAX;

        for (size_t i = 0; i < desk->job_count; i++)
                if (desk->jobs[i].due_mono_us < due)
                        due = desk->jobs[i].due_mono_us;
        return due;
}

/* The first in order of arrival that is due; delays do not let later requests overtake unasked. */
static bool take_due_job(struct desk *desk, int64_t mono_us, struct desk_job *ret_job)
{
        for (size_t i = 0; i < desk->job_count; i++) {
                if (desk->jobs[i].due_mono_us > mono_us)
                        continue;
                *ret_job = desk->jobs[i];
                desk->job_count--;
                memmove(&desk->jobs[i], &desk->jobs[i + 1],
                        (desk->job_count - i) * sizeof(*desk->jobs));
                return true;
        }
        return false;
}

void desk_step(struct desk *desk, struct instant at)
{
        struct desk_job job;

        while (take_due_job(desk, at.mono_us, &job)) {
                if (job.placed)
                        desk_fill_placed(desk, &job.order, job.ticket, at);
                else
                        desk_execute(desk, &job.order, at);
        }
        desk_tell_deals(desk, at);
}

void desk_each_working(const struct desk *desk,
        void (*fn)(const struct order *, uint64_t ticket, void *), void *arg)
{
        for (size_t i = 0; i < desk->job_count; i++)
                if (desk->jobs[i].placed)
                        fn(&desk->jobs[i].order, desk->jobs[i].ticket, arg);
}

struct resume {
        struct desk *desk;
        int64_t due_mono_us;
};

static void resume_attempt(const char *cl_ord_id, const struct attempt *attempt, void *arg)
{
        struct resume *resume = arg;

        (void)cl_ord_id;
        if (attempt->state == ATTEMPT_PLACED)
                desk_add_job(
                        resume->desk, attempt->order, attempt->report.order, resume->due_mono_us);
}

void desk_resume(struct desk *desk, struct instant at)
{
        struct resume resume = {
                .desk = desk,
                .due_mono_us = at.mono_us + desk->options.recovery_us,
        };

        desk->doubt_until_mono_us = at.mono_us + desk->options.recovery_us;
        attempts_each(&desk->attempts, resume_attempt, &resume);
        desk->told = desk->account.deal_count; /* who missed some asks for a snapshot */
}

/* ---- submits and queries ---- */

static bool in_doubt(const struct desk *desk, struct instant at)
{
        int64_t value;

        return at.mono_us < desk->doubt_until_mono_us || is_disconnected(desk, at) ||
               faults_hold(&desk->faults, FAULT_IN_DOUBT, NULL, at.mono_us, &value);
}

static void tombstone(struct desk *desk, const char *cl_ord_id, uint32_t number, struct instant at)
{
        struct record record = {
                .event = EVENT_TOMBSTONE,
                .at_us = at.wall_us,
                .attempt = number,
        };

        memcpy(record.cl_ord_id, cl_ord_id, strlen(cl_ord_id) + 1);
        desk_commit(desk, &record, 1);
}

/* A request that was written down and came to nothing: once the terminal can be sure of that. */
static bool can_settle(const struct desk *desk, const char *cl_ord_id,
        const struct attempt *attempt, struct instant at)
{
        return attempt->state == ATTEMPT_SEEN && !has_job(desk, cl_ord_id, attempt->number) &&
               !in_doubt(desk, at);
}

void desk_send_report(struct desk *desk, const char *cl_ord_id, uint32_t number)
{
        const struct attempt *attempt = attempts_find(&desk->attempts, cl_ord_id, number);

        desk->out.report(cl_ord_id, number, &attempt->report, desk->out.arg);
}

/* Turns ORDER away without recording it as this attempt's result. */
static void turn_away(
        struct desk *desk, const struct order *order, const char *why, struct instant at)
{
        struct report report = { .retcode = RETCODE_REJECT, .at_us = at.wall_us };

        snprintf(report.comment, sizeof(report.comment), "%s", why);
        desk->out.report(order->cl_ord_id, order->attempt, &report, desk->out.arg);
}

/* An attempt that was there before this request. */
static void answer_known(struct desk *desk, const struct order *order, struct instant at)
{
        const struct attempt *attempt =
                attempts_find(&desk->attempts, order->cl_ord_id, order->attempt);
        struct report doubt = { .retcode = RETCODE_TIMEOUT, .at_us = at.wall_us };

        if (attempt->state == ATTEMPT_TOMBSTONE)
                turn_away(desk, order, "attempt is tombstoned", at);
        else if (attempt->report.retcode)
                desk_send_report(desk, order->cl_ord_id, order->attempt);
        else if (!has_job(desk, order->cl_ord_id, order->attempt))
                desk->out.report(order->cl_ord_id, order->attempt, &doubt, desk->out.arg);
}

/* Settles attempts before ORDER's where that is all that keeps it from running. */
static bool make_way(struct desk *desk, const struct order *order, struct instant at)
{
        uint32_t blocker;

        while (!attempts_may_run(&desk->attempts, order->cl_ord_id, order->attempt, &blocker)) {
                const struct attempt *attempt =
                        attempts_find(&desk->attempts, order->cl_ord_id, blocker);

                if (!attempt || !can_settle(desk, order->cl_ord_id, attempt, at))
                        return false;
                tombstone(desk, order->cl_ord_id, blocker, at);
        }
        return true;
}

static void take_new(struct desk *desk, const struct order *order, struct instant at)
{
        int64_t delay_us;

        if (!make_way(desk, order, at))
                desk_refuse(desk, order,
                        (struct verdict){ RETCODE_REJECT, "an earlier attempt is open" }, at);
        else if (faults_strike(&desk->faults, FAULT_DELAY, order, at.mono_us, &delay_us))
                desk_add_job(desk, order, 0, at.mono_us + delay_us);
        else
                desk_execute(desk, order, at);
}

/* No request line: it never got here. That a fault ate it is still part of the truth. */
static void note_lost(struct desk *desk, const struct order *order, struct instant at)
{
        struct record record = { .event = EVENT_FAULT, .at_us = at.wall_us };

        memcpy(record.cl_ord_id, order->cl_ord_id, sizeof(record.cl_ord_id));
        snprintf(record.comment, sizeof(record.comment), "%s", fault_name(FAULT_LOSE_REQUEST));
        desk_commit(desk, &record, 1);
}

void desk_submit(struct desk *desk, const struct order *order, struct instant at)
{
        const struct symbol_spec *spec = desk_spec(desk, order->symbol);
        const struct record request = record_of_order(order, spec ? spec->digits : 0, at.wall_us);
        bool known;
        int64_t value;

        if (faults_strike(&desk->faults, FAULT_LOSE_REQUEST, order, at.mono_us, &value)) {
                note_lost(desk, order, at);
                return;
        }
        known = attempts_find(&desk->attempts, order->cl_ord_id, order->attempt);
        raise_token(desk, order->token, at);
        desk_commit(desk, &request, 1);
        if (order->token < desk->attempts.highest_token)
                desk->out.token_refused(order->token, desk->attempts.highest_token, desk->out.arg);
        else if (known)
                answer_known(desk, order, at);
        else
                take_new(desk, order, at);
}

static enum verdict_of_query judge_query(
        struct desk *desk, const char *cl_ord_id, uint32_t number, struct instant at)
{
        const struct attempt *attempt = attempts_find(&desk->attempts, cl_ord_id, number);
        int64_t value;

        if (faults_hold(&desk->faults, FAULT_IN_DOUBT, NULL, at.mono_us, &value))
                return QUERY_IN_DOUBT;
        if (attempt && (attempt->state == ATTEMPT_FINAL || attempt->state == ATTEMPT_PLACED))
                return QUERY_FINAL;
        if (attempt && attempt->state == ATTEMPT_TOMBSTONE)
                return QUERY_NEVER_SEEN;
        if (attempt && !can_settle(desk, cl_ord_id, attempt, at))
                return QUERY_IN_DOUBT;
        tombstone(desk, cl_ord_id, number, at);
        return QUERY_NEVER_SEEN;
}

void desk_query(struct desk *desk, const char *cl_ord_id, uint32_t number, uint64_t token,
        struct instant at)
{
        const struct attempt *attempt;
        enum verdict_of_query verdict;
        int64_t value;

        if (token < desk->attempts.highest_token) {
                desk->out.token_refused(token, desk->attempts.highest_token, desk->out.arg);
                return;
        }
        raise_token(desk, token, at);
        if (faults_strike(&desk->faults, FAULT_LOSE_ANSWER, NULL, at.mono_us, &value))
                return;
        verdict = judge_query(desk, cl_ord_id, number, at);
        attempt = attempts_find(&desk->attempts, cl_ord_id, number);
        desk->out.answer(cl_ord_id, number, verdict,
                verdict == QUERY_FINAL ? &attempt->report : NULL, desk->out.arg);
}

/* ---- what happens by itself ---- */

static void close_position(struct desk *desk, const struct position *position,
        enum deal_reason reason, struct instant at)
{
        const struct record record = account_close_record(&desk->account, position,
                position->volume_e8, desk->quotes[position->symbol], reason, at.wall_us);

        desk_commit(desk, &record, 1);
        desk_tell_deals(desk, at);
}

/* A close takes the position out of the row, and the next one moves up; prices stay as they are. */
static void close_triggered(struct desk *desk, struct instant at)
{
        const struct account *account = &desk->account;
        enum deal_reason reason;

        for (size_t i = 0; i < account->position_count;) {
                const struct position *position = account->positions[i];

                if (account_triggered(position, desk->quotes[position->symbol], &reason))
                        close_position(desk, position, reason, at);
                else
                        i++;
        }
}

void desk_prices_changed(struct desk *desk, struct instant at)
{
        const struct position *position;

        if (!account_value(&desk->account, desk->quotes))
                return;
        close_triggered(desk, at);
        while ((position = account_stop_out(
                        &desk->account, desk->quotes, desk->options.stop_out_percent)))
                close_position(desk, position, REASON_STOP_OUT, at);
}

int desk_close_by_hand(struct desk *desk, uint64_t ticket, struct instant at)
{
        const struct position *position = account_position(&desk->account, ticket);

        if (!position)
                return -ENOENT;
        close_position(desk, position, REASON_CLIENT, at);
        return 0;
}
