/*
 * Keeps: state changes happen here and nowhere else, each along an arrow of the diagram in order.h
 * (move() holds every step against the table), and none without being saved and told.
 */
#include "services/order-executor/core/order.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "services/order-executor/core/job.h"
#include "services/order-executor/core/order_internal.h"
#include "services/order-executor/core/retcode.h"

#include <stdio.h>
#include <string.h>

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name
#define EVENT(name) PB__TRADE_EVENT__TRADE_EVENT_##name
#define BIT(name)   (1U << STATE(name))

enum {
        MANUAL_ASK_FACTOR = 10, /* a person is at it: asking goes on, but rarely */
        ASK_SHIFT_MAX = 2,      /* questions get rarer up to four times the normal distance */
        BACKOFF_SHIFT_MAX = 10,
        JITTER_SHARE = 4, /* up to a quarter of a pause on top */
};

static const uint32_t arrows[] = {
        [STATE(RECEIVED)] = BIT(REFUSED) | BIT(EXPIRED) | BIT(TEST) | BIT(INTENT),
        [STATE(INTENT)] = BIT(INTENT) | BIT(FILLED) | BIT(PARTIAL) | BIT(REJECTED) | BIT(EXPIRED) |
                          BIT(UNKNOWN),
        [STATE(UNKNOWN)] = BIT(FILLED) | BIT(PARTIAL) | BIT(REJECTED) | BIT(EXPIRED) |
                           BIT(NOT_EXECUTED) | BIT(INTENT) | BIT(MANUAL),
        [STATE(MANUAL)] = BIT(FILLED) | BIT(PARTIAL) | BIT(REJECTED) | BIT(NOT_EXECUTED),
        [STATE(PARTLY)] = 0,
};

static const Pb__TradeEvent event_of_state[] = {
        [STATE(REFUSED)] = EVENT(REFUSED),
        [STATE(EXPIRED)] = EVENT(EXPIRED),
        [STATE(TEST)] = EVENT(TEST),
        [STATE(INTENT)] = EVENT(INTENT),
        [STATE(FILLED)] = EVENT(FILLED),
        [STATE(PARTIAL)] = EVENT(PARTIAL),
        [STATE(REJECTED)] = EVENT(REJECTED),
        [STATE(UNKNOWN)] = EVENT(UNKNOWN),
        [STATE(NOT_EXECUTED)] = EVENT(NOT_EXECUTED),
        [STATE(MANUAL)] = EVENT(MANUAL),
};

bool ex_order_is_leg(const struct ex_order *order)
{
        return order->role == PB__ORDER_ROLE__ORDER_ROLE_LEG_A ||
               order->role == PB__ORDER_ROLE__ORDER_ROLE_LEG_B;
}

bool ex_order_is_exit(const struct ex_order *order)
{
        return order->role == PB__ORDER_ROLE__ORDER_ROLE_EXIT_CLOSE ||
               order->role == PB__ORDER_ROLE__ORDER_ROLE_MANUAL_CLOSE;
}

bool ex_order_is_final(const struct ex_order *order)
{
        return !arrows[order->state];
}

bool ex_order_on_wire(const struct ex_order *order)
{
        return order->state == STATE(INTENT) &&
               (order->phase == EX_PHASE_STAGED || order->phase == EX_PHASE_SENT ||
                       order->phase == EX_PHASE_PLACED);
}

bool ex_order_in_doubt(const struct ex_order *order)
{
        return order->state == STATE(UNKNOWN) || order->state == STATE(MANUAL);
}

bool ex_order_filled(const struct ex_order *order)
{
        return order->state == STATE(FILLED) || order->state == STATE(PARTIAL);
}

const char *ex_state_name(Pb__OrderState state)
{
        const ProtobufCEnumValue *value =
                protobuf_c_enum_descriptor_get_value(&pb__order_state__descriptor, state);

        return value ? value->name + strlen("ORDER_STATE_") : "?";
}

static void end_doubt(struct ex_order *order, const struct ex_order_env *env)
{
        if (order->state == STATE(MANUAL))
                ex_fx_alarm_end(env->fx, "order_manual", order->id);
        order->unknown_wall_us = 0;
        order->in_doubt = false;
        order->absent = 0;
        order->asked = 0;
}

static void set_reason(struct ex_order *order, const char *reason)
{
        snprintf(order->reason, sizeof(order->reason), "%s", reason ? reason : "");
}

void ex_order_move(struct ex_order *order, const struct ex_order_env *env, Pb__OrderState state,
        const char *reason)
{
        bus_require(arrows[order->state] & 1U << state);
        if (ex_order_in_doubt(order) && state != STATE(MANUAL))
                end_doubt(order, env);
        order->state = state;
        order->phase = EX_PHASE_NONE;
        set_reason(order, reason);
        ex_fx_save_order(env->fx, order);
        ex_fx_trade(env->fx, event_of_state[state], order);
}

/* The attempt as it stands becomes durable, and goes out behind that. */
static void stage(struct ex_order *order, const struct ex_order_env *env)
{
        order->intent_us = env->now.wall_us;
        order->submitted_us = 0;
        order->reported_us = 0;
        if (!order->quote_e8)
                order->quote_e8 = env->quote_e8;
        ex_order_move(order, env, STATE(INTENT), "");
        order->phase = EX_PHASE_STAGED;
        order->wire_us = env->now.mono_us;
}

static enum ex_step start(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        if (order->state != STATE(RECEIVED))
                return EX_STEP_NOTHING;
        order->attempt = 1;
        stage(order, env);
        if (event->ask_first)
                ex_order_doubt(order, env, "ask_first");
        else
                ex_fx_submit(env->fx, order);
        return EX_STEP_CHANGED;
}

void ex_order_doubt(struct ex_order *order, const struct ex_order_env *env, const char *reason)
{
        order->unknown_us = env->now.mono_us;
        order->unknown_wall_us = env->now.wall_us;
        order->ask_us = env->now.mono_us;
        ex_order_move(order, env, STATE(UNKNOWN), reason);
        ex_fx_snapshot(env->fx);
}

int64_t ex_order_pause(const struct ex_order *order, const struct ex_order_env *env)
{
        uint32_t shift = order->failures > BACKOFF_SHIFT_MAX ? BACKOFF_SHIFT_MAX : order->failures;
        int64_t pause = env->rules->retry_base_us << (shift ? shift - 1 : 0);

        if (pause > env->rules->retry_max_us)
                pause = env->rules->retry_max_us;
        return pause + (int64_t)(env->now.random % (uint64_t)(pause / JITTER_SHARE + 1));
}

static bool is_late(const struct ex_order *order, const struct ex_order_env *env)
{
        return env->now.mono_us >= order->expires_us;
}

/* Why an order that is not on the wire may go no further; NULL: it may. */
static const char *end_reason(const struct ex_order *order, const struct ex_order_env *env)
{
        if (*order->passed_by)
                return "overtaken_by_exit";
        if (env->stop)
                return env->stop;
        return is_late(order, env) ? "max_age" : NULL;
}

void ex_order_again(struct ex_order *order, const struct ex_order_env *env, enum ex_phase phase,
        int64_t pause_us)
{
        const char *end = end_reason(order, env);

        if (order->state == STATE(MANUAL)) {
                ex_order_move(order, env, STATE(NOT_EXECUTED), order->reason);
                return;
        }
        if (end) {
                ex_order_move(order, env, STATE(EXPIRED), end);
                return;
        }
        if (ex_order_in_doubt(order))
                end_doubt(order, env);
        order->state = STATE(INTENT);
        order->attempt++;
        order->phase = phase;
        order->retry_us = env->now.mono_us + pause_us;
        order->snapshot_after_us = env->now.mono_us;
        ex_fx_save_order(env->fx, order);
        if (phase == EX_PHASE_SNAPSHOT)
                ex_fx_snapshot(env->fx);
}

/* How far the price may be from the first quote before an entry is not what was decided any more. */
static bool price_ran_away(const struct ex_order *order, const struct ex_order_env *env)
{
        int64_t allowed, gap = env->quote_e8 - order->quote_e8;
        int r;

        if (ex_order_is_exit(order) || !order->price_failures || !order->quote_e8)
                return false;
        r = e8_muldiv(
                order->quote_e8, env->rules->max_deviation_e8, 100 * E8_ONE, E8_FLOOR, &allowed);
        return r < 0 || (gap < 0 ? -gap : gap) > allowed;
}

static enum ex_step retry_when_due(struct ex_order *order, const struct ex_order_env *env)
{
        const char *end = end_reason(order, env);

        if (end) {
                ex_order_move(order, env, STATE(EXPIRED), end);
                return EX_STEP_CHANGED;
        }
        if ((ex_order_is_leg(order) && ex_leg_waits(order)) || order->phase != EX_PHASE_BACKOFF ||
                env->now.mono_us < order->retry_us || !env->can_send ||
                (!env->quote_e8 && !ex_order_is_exit(order)))
                return EX_STEP_NOTHING;
        if (price_ran_away(order, env)) {
                ex_order_move(order, env, STATE(REJECTED), "price_moved");
                return EX_STEP_CHANGED;
        }
        stage(order, env);
        ex_fx_submit(env->fx, order);
        return EX_STEP_CHANGED;
}

static void ask_when_due(struct ex_order *order, const struct ex_order_env *env)
{
        uint32_t shift = order->asked > ASK_SHIFT_MAX ? ASK_SHIFT_MAX : order->asked;
        int64_t pause = env->rules->ask_every_us << shift;

        if (!env->can_ask || env->now.mono_us < order->ask_us)
                return;
        if (order->state == STATE(MANUAL))
                pause = env->rules->ask_every_us * MANUAL_ASK_FACTOR;
        order->asked++;
        order->ask_us = env->now.mono_us + pause;
        ex_fx_query(env->fx, order);
}

static enum ex_step give_up_asking(struct ex_order *order, const struct ex_order_env *env)
{
        char why[EX_WORD_SIZE];

        memcpy(why, order->reason, sizeof(why));
        ex_order_move(order, env, STATE(MANUAL), why);
        ex_fx_alarm(env->fx, "order_manual", order->id, PB__SEVERITY__SEVERITY_CRITICAL,
                "nobody knows what became of %s %s %s (attempt %u): look at the broker and settle",
                order->job->symbol, ex_order_is_leg(order) ? "entry" : "close", order->id,
                order->attempt);
        return EX_STEP_CHANGED;
}

static enum ex_step time_on_the_wire(struct ex_order *order, const struct ex_order_env *env)
{
        if (env->now.mono_us - order->wire_us >= env->rules->report_timeout_us) {
                ex_order_doubt(order, env, "no_reply");
                return EX_STEP_CHANGED;
        }
        if (order->phase == EX_PHASE_PLACED)
                ask_when_due(order, env);
        return EX_STEP_NOTHING;
}

static enum ex_step time_passed(struct ex_order *order, const struct ex_order_env *env)
{
        switch (order->state) {
        case STATE(RECEIVED):
                /* what the terminal may know already is asked for before it may expire */
                if (!is_late(order, env) || order->job->ask_first)
                        return EX_STEP_NOTHING;
                ex_order_move(order, env, STATE(EXPIRED), "max_age");
                return EX_STEP_CHANGED;
        case STATE(INTENT):
                return ex_order_on_wire(order) ? time_on_the_wire(order, env)
                                               : retry_when_due(order, env);
        case STATE(UNKNOWN):
                ask_when_due(order, env);
                if (env->now.mono_us - order->unknown_us >= env->rules->unknown_manual_us)
                        return give_up_asking(order, env);
                return EX_STEP_NOTHING;
        case STATE(MANUAL): ask_when_due(order, env); return EX_STEP_NOTHING;
        default: return EX_STEP_NOTHING;
        }
}

/* Whoever waits for its next attempt is not in doubt: the last one is known not to have happened. */
static enum ex_step lost(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        if (order->state != STATE(INTENT) || order->phase == EX_PHASE_BACKOFF ||
                order->phase == EX_PHASE_SNAPSHOT)
                return EX_STEP_NOTHING;
        ex_order_doubt(order, env, event->reason);
        return EX_STEP_CHANGED;
}

static enum ex_step stop(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        const bool waits = order->state == STATE(INTENT) && !ex_order_on_wire(order);

        if (order->state != STATE(RECEIVED) && !waits)
                return EX_STEP_NOTHING;
        ex_order_move(order, env, STATE(EXPIRED), event->reason);
        return EX_STEP_CHANGED;
}

static enum ex_step sent(struct ex_order *order, const struct ex_order_env *env)
{
        if (order->state != STATE(INTENT) || order->phase != EX_PHASE_STAGED)
                return EX_STEP_NOTHING;
        order->phase = EX_PHASE_SENT;
        order->wire_us = env->now.mono_us;
        order->submitted_us = env->now.wall_us;
        return EX_STEP_NOTHING;
}

static enum ex_step settle(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        if (order->state != STATE(MANUAL))
                return EX_STEP_NOTHING;
        if (!event->filled) {
                ex_order_move(order, env, STATE(NOT_EXECUTED), "settled");
                return EX_STEP_CHANGED;
        }
        order->filled_e8 = order->volume_e8;
        if (!order->ticket)
                order->ticket = event->ticket;
        ex_order_move(order, env, STATE(FILLED), "settled");
        return EX_STEP_CHANGED;
}

static enum ex_step before_intent(struct ex_order *order, const struct ex_order_env *env,
        Pb__OrderState state, const char *reason)
{
        if (order->state != STATE(RECEIVED))
                return EX_STEP_NOTHING;
        ex_order_move(order, env, state, reason);
        return EX_STEP_CHANGED;
}

enum ex_step ex_order_step(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env)
{
        switch (event->kind) {
        case EX_EVENT_START: return start(order, event, env);
        case EX_EVENT_REFUSE: return before_intent(order, env, STATE(REFUSED), event->reason);
        case EX_EVENT_TEST: return before_intent(order, env, STATE(TEST), "test");
        case EX_EVENT_SENT: return sent(order, env);
        case EX_EVENT_LOST: return lost(order, event, env);
        case EX_EVENT_REPORT: return ex_order_report(order, event, env);
        case EX_EVENT_NEVER_SEEN: return ex_order_never_seen(order, event, env);
        case EX_EVENT_IN_DOUBT: return ex_order_terminal_in_doubt(order, event, env);
        case EX_EVENT_FOUND: return ex_order_found(order, event, env);
        case EX_EVENT_CLOSED: return ex_order_closed(order, env);
        case EX_EVENT_ABSENT: return ex_order_absent(order, event, env);
        case EX_EVENT_LEFT: return ex_order_left(order, event, env);
        case EX_EVENT_TIME: return time_passed(order, env);
        case EX_EVENT_STOP: return stop(order, event, env);
        case EX_EVENT_SETTLE: return settle(order, event, env);
        }
        return EX_STEP_NOTHING;
}
