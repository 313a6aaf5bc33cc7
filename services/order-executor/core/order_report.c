/*
 * What the terminal says about an order, by report, answer, deal or snapshot.
 *
 * Keeps: only a definite "not executed" of the present attempt leads to another one; a fill is
 * believed from wherever it comes.
 */
#include "services/order-executor/core/order_internal.h"

#include "libbus/base/require.h"
#include "services/broker/retcode.h"
#include "services/order-executor/core/job.h"
#include "services/order-executor/core/retcode.h"

#include <inttypes.h>
#include <stdio.h>

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

/* A fill that turns up behind the end: kept, so that the books hold what the account holds. */
static enum ex_step late_fill(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        if (ex_order_filled(order)) {
                if (order->ticket || !event->ticket)
                        return EX_STEP_NOTHING;
                order->ticket = event->ticket;
                ex_fx_save_order(env->fx, order);
                return EX_STEP_CHANGED;
        }
        if (order->filled_e8 || event->volume_e8 <= 0)
                return EX_STEP_NOTHING;
        order->filled_e8 = event->volume_e8;
        order->price_e8 = event->price_e8;
        if (ex_order_is_leg(order))
                order->ticket = event->ticket;
        ex_fx_save_order(env->fx, order);
        return EX_STEP_LATE_FILL;
}

static enum ex_step filled(struct ex_order *order, const struct ex_event *event,
        const struct ex_order_env *env, const char *reason)
{
        order->filled_e8 = event->volume_e8;
        if (event->price_e8)
                order->price_e8 = event->price_e8;
        if (event->deal)
                order->deal = event->deal;
        if (ex_order_is_leg(order) && event->ticket)
                order->ticket = event->ticket;
        ex_order_move(order, env,
                event->volume_e8 >= order->volume_e8 ? STATE(FILLED) : STATE(PARTIAL), reason);
        return EX_STEP_CHANGED;
}

static enum ex_step doubted(struct ex_order *order, const struct ex_order_env *env)
{
        if (order->state == STATE(INTENT)) {
                ex_order_doubt(order, env, "in_doubt");
        } else if (!order->in_doubt) {
                order->in_doubt = true;
                order->in_doubt_us = env->now.mono_us;
                order->absent = 0;
                ex_fx_snapshot(env->fx);
        }
        return EX_STEP_CHANGED;
}

/* Executed, says the terminal. Where it cannot say how much, nobody knows. */
static enum ex_step done(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        if (event->retcode == RETCODE_POSITION_CLOSED) {
                ex_order_move(order, env, STATE(FILLED), "already_closed");
                return EX_STEP_CHANGED;
        }
        if (event->volume_e8 <= 0)
                return doubted(order, env);
        return filled(order, event, env, "");
}

static enum ex_step placed(struct ex_order *order, const struct ex_order_env *env)
{
        if (order->state != STATE(INTENT) || order->phase == EX_PHASE_PLACED)
                return EX_STEP_NOTHING;
        order->phase = EX_PHASE_PLACED;
        order->ask_us = env->now.mono_us + env->rules->ask_every_us;
        ex_fx_save_order(env->fx, order);
        ex_fx_trade(env->fx, PB__TRADE_EVENT__TRADE_EVENT_PLACED, order);
        return EX_STEP_CHANGED;
}

static enum ex_step rejected(
        struct ex_order *order, const struct ex_order_env *env, enum ex_class class)
{
        ex_order_move(order, env, STATE(REJECTED),
                class == EX_CLASS_ACCOUNT ? "account"
                                          : (class == EX_CLASS_PRICE ? "price_moved" : "retcode"));
        ex_fx_alarm(env->fx, "order_rejected", order->job->symbol, PB__SEVERITY__SEVERITY_WARNING,
                "%s of %s %s rejected with %u after %u attempts",
                ex_order_is_leg(order) ? "entry" : "close", order->job->symbol, order->id,
                order->retcode, order->attempt);
        return EX_STEP_CHANGED;
}

static void exit_alarm(struct ex_order *order, const struct ex_order_env *env)
{
        char ticket[24];

        if (!ex_order_is_exit(order) || order->failures != env->rules->exit_alarm_after)
                return;
        snprintf(ticket, sizeof(ticket), "%" PRIu64, order->ticket);
        ex_fx_alarm(env->fx, "exit_failing", ticket, PB__SEVERITY__SEVERITY_CRITICAL,
                "closing %s position %s fails, last with %u: still trying", order->job->symbol,
                ticket, order->retcode);
}

/* Not executed, and there is reason to try again. */
static enum ex_step retry(
        struct ex_order *order, const struct ex_order_env *env, enum ex_class class)
{
        enum ex_phase phase = EX_PHASE_BACKOFF;
        int64_t pause;

        order->failures++;
        if (class == EX_CLASS_PRICE)
                order->price_failures++;
        exit_alarm(order, env);
        if (class == EX_CLASS_PRICE && !ex_order_is_exit(order) &&
                order->price_failures >= env->rules->price_attempts)
                return rejected(order, env, class);
        pause = ex_order_pause(order, env);
        if (class == EX_CLASS_CHANGED)
                phase = EX_PHASE_SNAPSHOT;
        ex_order_again(order, env, phase, pause);
        return EX_STEP_CHANGED;
}

static enum ex_step by_class(struct ex_order *order, const struct ex_event *event,
        const struct ex_order_env *env, enum ex_class class)
{
        switch (class) {
        case EX_CLASS_DONE: return done(order, event, env);
        case EX_CLASS_PLACED: return placed(order, env);
        case EX_CLASS_UNKNOWN: return doubted(order, env);
        case EX_CLASS_NEVER:
        case EX_CLASS_ACCOUNT:
                order->failures++;
                exit_alarm(order, env);
                return rejected(order, env, class);
        case EX_CLASS_PRICE:
        case EX_CLASS_WAIT:
        case EX_CLASS_CHANGED:
        case EX_CLASS_CLOSED: return retry(order, env, class);
        }
        return EX_STEP_NOTHING;
}

/* About an attempt that is not, or no longer, the one at hand; a fill is never too late. */
static bool is_stale(
        const struct ex_order *order, const struct ex_event *event, enum ex_class class)
{
        if (class == EX_CLASS_DONE && event->attempt <= order->attempt)
                return false;
        if (event->attempt != order->attempt)
                return true;
        return !ex_order_on_wire(order) && !ex_order_in_doubt(order);
}

enum ex_step ex_order_report(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        const Pb__Action action =
                ex_order_is_leg(order) ? PB__ACTION__ACTION_OPEN : PB__ACTION__ACTION_CLOSE;
        const enum ex_class class = ex_retcode_class(action, event->retcode);

        if (order->state == STATE(RECEIVED))
                return EX_STEP_NOTHING;
        if (ex_order_is_final(order))
                return class == EX_CLASS_DONE ? late_fill(order, event, env) : EX_STEP_NOTHING;
        if (is_stale(order, event, class))
                return EX_STEP_NOTHING;
        order->retcode = event->retcode;
        order->reported_us = env->now.wall_us;
        return by_class(order, event, env, class);
}

enum ex_step ex_order_never_seen(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        if (event->attempt != order->attempt || !ex_order_in_doubt(order))
                return EX_STEP_NOTHING;
        ex_order_again(order, env, EX_PHASE_BACKOFF, 0);
        return EX_STEP_CHANGED;
}

enum ex_step ex_order_terminal_in_doubt(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        if (event->attempt != order->attempt || !ex_order_in_doubt(order))
                return EX_STEP_NOTHING;
        return doubted(order, env);
}

enum ex_step ex_order_found(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        if (order->state == STATE(RECEIVED))
                return EX_STEP_NOTHING;
        if (ex_order_is_final(order))
                return late_fill(order, event, env);
        return filled(order, event, env, "found");
}

/* There is nothing left to close, and it was not this order that did it. */
enum ex_step ex_order_closed(struct ex_order *order, const struct ex_order_env *env)
{
        if (!ex_order_in_doubt(order))
                return EX_STEP_NOTHING;
        ex_order_move(order, env, STATE(FILLED), "already_closed");
        return EX_STEP_CHANGED;
}

/*
 * One good snapshot proves little: it may have been taken before the broker was done. So it takes
 * several, over some time, all asked for after the terminal said it does not know.
 */
enum ex_step ex_order_absent(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        if (!ex_order_in_doubt(order) || !order->in_doubt || event->asked_us < order->in_doubt_us)
                return EX_STEP_NOTHING;
        if (!order->absent++)
                order->absent_since_us = env->now.mono_us;
        if (order->absent < env->rules->absent_count ||
                env->now.mono_us - order->absent_since_us < env->rules->absent_span_us) {
                ex_fx_snapshot(env->fx);
                return EX_STEP_NOTHING;
        }
        order->failures++;
        exit_alarm(order, env);
        ex_order_move(order, env, STATE(NOT_EXECUTED), "absent");
        return EX_STEP_CHANGED;
}

enum ex_step ex_order_left(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        if (order->state != STATE(INTENT) || order->phase != EX_PHASE_SNAPSHOT ||
                event->asked_us < order->snapshot_after_us)
                return EX_STEP_NOTHING;
        if (!event->volume_e8) {
                ex_order_move(order, env, STATE(FILLED), "already_closed");
                return EX_STEP_CHANGED;
        }
        if (event->volume_e8 < order->volume_e8)
                order->volume_e8 = event->volume_e8;
        order->phase = EX_PHASE_BACKOFF;
        ex_fx_save_order(env->fx, order);
        return EX_STEP_CHANGED;
}
