#pragma once
/*
 * Between order.c (states, time) and order_report.c (what the terminal says).
 */
#include "services/order-executor/core/order.h"

/* To STATE along an arrow (bus_require), saved and told; REASON may be "" or NULL. */
void ex_order_move(struct ex_order *order, const struct ex_order_env *env, Pb__OrderState state,
        const char *reason);
/* INTENT -> UNKNOWN, to be asked for at once. */
void ex_order_doubt(struct ex_order *order, const struct ex_order_env *env, const char *reason);
/*
 * The attempt is known not to have been executed. The next one waits in PHASE for PAUSE_US, or the
 * order ends: past its deadline, stopped, overtaken by an exit, or in a person's hands.
 */
void ex_order_again(struct ex_order *order, const struct ex_order_env *env, enum ex_phase phase,
        int64_t pause_us);
/* The back-off after so many failures, with jitter. */
int64_t ex_order_pause(const struct ex_order *order, const struct ex_order_env *env);

BUS_MUST enum ex_step ex_order_report(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env);
BUS_MUST enum ex_step ex_order_never_seen(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env);
BUS_MUST enum ex_step ex_order_terminal_in_doubt(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env);
BUS_MUST enum ex_step ex_order_found(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env);
BUS_MUST enum ex_step ex_order_closed(struct ex_order *order, const struct ex_order_env *env);
BUS_MUST enum ex_step ex_order_absent(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env);
BUS_MUST enum ex_step ex_order_left(
        struct ex_order *order, const struct ex_event *event, const struct ex_order_env *env);
