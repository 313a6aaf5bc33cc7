#include "services/umbra/demo/expect.h"

#include "libbus/base/require.h"
#include "services/order-executor/core/ids.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SLOT      "v3"
#define PARTS_MAX 64 /* closes of one ticket by one alert */

/* An alert as the plugin sees it now. */
struct judged {
        const struct expect_alert *alert;
        char symbol[LEDGER_SYMBOL_SIZE];
        bool executes, is_void; /* void: it ended REFUSED, EXPIRED or TEST */
        bool closes_buys, closes_sells;
        int64_t done_us;
};

/* A leg that the plugin asks for. */
struct leg {
        size_t judged;
        char id[CL_ORD_ID_SIZE];
};

struct sum {
        struct judged *judged;
        size_t count;
        struct leg *legs;
        size_t leg_count;
        char (*expected)[CL_ORD_ID_SIZE];
        size_t expected_count, expected_capacity;
        const struct demo_ledger *ledger;
        bool faults;
        struct expect_sums *sums;
};

static void BUS_PRINTF(2, 3) problem(struct sum *sum, const char *format, ...)
{
        va_list args;

        if (sum->sums->problem_count == EXPECT_PROBLEMS_MAX)
                return;
        va_start(args, format);
        vsnprintf(sum->sums->problems[sum->sums->problem_count++], sizeof(sum->sums->problems[0]),
                format, args);
        va_end(args);
}

static const char *text(const json_t *object, const char *key)
{
        const char *value = json_string_value(json_object_get(object, key));

        return value ? value : "";
}

static bool has_deal(const struct sum *sum, const char *id)
{
        const struct ledger_order *order = demo_ledger_order(sum->ledger, id);

        return order && order->deals;
}

static bool is_excuse(const struct sum *sum, const char *state)
{
        return !strcmp(state, "refused") || !strcmp(state, "expired") || !strcmp(state, "test") ||
               (sum->faults && (!strcmp(state, "rejected") || !strcmp(state, "not_executed")));
}

static void expect(struct sum *sum, const char *id)
{
        if (sum->expected_count == sum->expected_capacity) {
                sum->expected_capacity = sum->expected_capacity ? 2 * sum->expected_capacity : 256;
                sum->expected = bus_xrealloc(
                        sum->expected, sum->expected_capacity * sizeof(*sum->expected));
        }
        strcpy(sum->expected[sum->expected_count++], id);
}

/* ---- judging ---- */

static void judge_closes(struct judged *judged, const json_t *closes)
{
        for (size_t i = 0; i < json_array_size(closes); i++) {
                const char *side = text(json_array_get(closes, i), "side");

                judged->closes_buys |= !strcmp(side, "buy");
                judged->closes_sells |= !strcmp(side, "sell");
        }
}

static void judge_legs(struct sum *sum, size_t index, const json_t *legs)
{
        for (size_t i = 0; i < json_array_size(legs); i++) {
                struct leg *leg = &sum->legs[sum->leg_count++];

                leg->judged = index;
                ex_id_leg(sum->judged[index].alert->alert_id, SLOT,
                        text(json_array_get(legs, i), "leg"), leg->id);
        }
}

static void judge(struct sum *sum, size_t index, const struct expect_alert *alert,
        expect_decide_fn decide, void *arg)
{
        const json_t *live = json_object_get(alert->trail, "decision");
        const json_t *context = json_object_get(json_object_get(alert->trail, "signal"), "context");
        struct judged *judged = &sum->judged[index];
        json_t *decision = decide(arg, text(live, "plugin"), alert->body, context);

        judged->alert = alert;
        judged->is_void = is_excuse(sum, text(alert->trail, "outcome"));
        judged->done_us = json_integer_value(json_object_get(alert->trail, "done_us"));
        snprintf(judged->symbol, sizeof(judged->symbol), "%s", text(decision, "symbol"));
        judged->executes = !strcmp(text(decision, "verdict"), "execute");
        if (strcmp(text(live, "verdict"), text(decision, "verdict"))) {
                sum->sums->disagreed++;
                problem(sum, "%s: was decided '%s', the plugin says '%s'", alert->alert_id,
                        text(live, "verdict"), text(decision, "verdict"));
        }
        if (!json_is_true(json_object_get(alert->trail, "final"))) {
                sum->sums->unfinished++;
                problem(sum, "%s: has not ended: %s", alert->alert_id, text(alert->trail, "state"));
        }
        if (judged->executes) {
                judge_closes(judged, json_object_get(decision, "closes"));
                judge_legs(sum, index, json_object_get(decision, "legs"));
        }
        json_decref(decision);
}

/* ---- legs ---- */

/* The newest thing our own books say of it that has a state; NULL: nothing. */
static const json_t *last_trade(const struct judged *judged, const char *id)
{
        const json_t *trades = json_object_get(judged->alert->trail, "trades"), *last = NULL;

        for (size_t i = 0; i < json_array_size(trades); i++) {
                const json_t *trade = json_array_get(trades, i);

                if (!strcmp(text(trade, "cl_ord_id"), id) && *text(trade, "state"))
                        last = trade;
        }
        return last;
}

/* The broker's newest word on it; 0: it never saw it. */
static unsigned int retcode_of(const struct sum *sum, const char *id)
{
        const struct ledger_order *order = demo_ledger_order(sum->ledger, id);

        return order ? order->retcode : 0;
}

/* How our own books say it ended; "" where they do not. */
static const char *state_of(const struct judged *judged, const char *id)
{
        const json_t *last = last_trade(judged, id);

        if (last)
                return text(last, "state");
        return judged->is_void ? text(judged->alert->trail, "outcome") : "";
}

static void sum_legs(struct sum *sum)
{
        for (size_t i = 0; i < sum->leg_count; i++) {
                const struct leg *leg = &sum->legs[i];
                const struct judged *judged = &sum->judged[leg->judged];
                const char *state = state_of(judged, leg->id);

                if (is_excuse(sum, state) && !has_deal(sum, leg->id)) {
                        sum->sums->excused++;
                        continue;
                }
                expect(sum, leg->id);
                if (!has_deal(sum, leg->id))
                        problem(sum,
                                "lost: leg %s of %s on %s, which ended '%s', the broker said %u",
                                leg->id, judged->alert->alert_id, judged->symbol, state,
                                retcode_of(sum, leg->id));
        }
}

/* ---- closes ---- */

static const struct leg *opener_of(const struct sum *sum, const struct ledger_position *position)
{
        for (size_t i = 0; i < sum->leg_count; i++)
                if (!strcmp(sum->legs[i].id, position->opened_by))
                        return &sum->legs[i];
        return NULL;
}

static bool closes_side(const struct judged *judged, const struct ledger_position *position)
{
        return judged->executes && (position->is_buy ? judged->closes_buys : judged->closes_sells);
}

/* What a position's closes by one alert came to. */
struct closing {
        bool ended;                /* the position, by one of them */
        bool gave_up;              /* the last one came to nothing, and its trail says so */
        char next[CL_ORD_ID_SIZE]; /* the one that was never heard of */
};

/* Expects the closes of POSITION by JUDGED that were executed: a partial one, and where the broker
 * was made to refuse a refused one, is followed by another. */
static struct closing expect_parts(
        struct sum *sum, const struct judged *judged, const struct ledger_position *position)
{
        struct closing closing = { .gave_up = judged->is_void };

        for (unsigned int part = 1; part <= PARTS_MAX; part++) {
                ex_id_close(judged->alert->alert_id, SLOT, position->ticket, part, closing.next);
                if (has_deal(sum, closing.next)) {
                        expect(sum, closing.next);
                        closing.gave_up = judged->is_void;
                        closing.ended |= position->end == LEDGER_CLOSED_BY_ORDER &&
                                         !strcmp(position->closed_by, closing.next);
                } else if (!judged->is_void && is_excuse(sum, state_of(judged, closing.next))) {
                        closing.gave_up = true;
                } else {
                        break;
                }
        }
        return closing;
}

/* Whether the broker itself had closed it before JUDGED was through. */
static bool was_gone(const struct judged *judged, const struct ledger_position *position)
{
        return (position->end == LEDGER_CLOSED_BY_STOP ||
                       position->end == LEDGER_CLOSED_BY_TARGET) &&
               (!judged->done_us || position->closed_us <= judged->done_us);
}

static bool is_closer(const struct judged *judged, const struct ledger_position *position)
{
        char id[CL_ORD_ID_SIZE];

        for (unsigned int part = 1; part <= PARTS_MAX; part++) {
                ex_id_close(judged->alert->alert_id, SLOT, position->ticket, part, id);
                if (!strcmp(id, position->closed_by))
                        return true;
        }
        return false;
}

/* Whether another's order had closed it before JUDGED was through: an exit does not wait behind an
 * entry that waits for the broker. Whose order it was has to be found further on. */
static bool was_overtaken(const struct judged *judged, const struct ledger_position *position)
{
        return position->end == LEDGER_CLOSED_BY_ORDER && judged->done_us &&
               position->closed_us <= judged->done_us && !is_closer(judged, position);
}

/* The first alert behind the one that opened it which closes its side has to close it, unless it
 * came to nothing and says so: then the next. */
static void sum_position(struct sum *sum, const struct ledger_position *position)
{
        const struct leg *opener = opener_of(sum, position);

        if (!opener)
                return; /* its order is unexpected, and counted as such */
        for (size_t i = opener->judged + 1; i < sum->count; i++) {
                const struct judged *judged = &sum->judged[i];
                struct closing closing;

                if (strcmp(judged->symbol, sum->judged[opener->judged].symbol) ||
                        !closes_side(judged, position))
                        continue;
                closing = expect_parts(sum, judged, position);
                if (closing.ended || was_gone(judged, position))
                        return;
                if (closing.gave_up || was_overtaken(judged, position))
                        continue;
                expect(sum, closing.next);
                problem(sum, "lost: close of ticket %llu on %s by %s, which ended '%s'",
                        (unsigned long long)position->ticket, judged->symbol,
                        judged->alert->alert_id, text(judged->alert->trail, "state"));
                return;
        }
}

/* ---- what the trails say ---- */

static bool agrees(const struct ledger_order *order, const json_t *last)
{
        const char *state = text(last, "state");

        /* what came too late to close anything, and is done all the same */
        if (!strcmp(text(last, "reason"), "already_closed"))
                return order && order->closes && order->done_e8 < order->asked_e8;
        if (!strcmp(state, "filled"))
                return order && order->deals && order->done_e8 == order->asked_e8;
        if (!strcmp(state, "partial"))
                return order && order->deals && order->done_e8 < order->asked_e8;
        return !order || !order->deals;
}

static void compare_states(struct sum *sum, const struct judged *judged)
{
        const json_t *trades = json_object_get(judged->alert->trail, "trades"), *last;

        for (size_t i = 0; i < json_array_size(trades); i++) {
                const json_t *trade = json_array_get(trades, i);
                const char *id = text(trade, "cl_ord_id");

                if (!*id || strcmp(text(trade, "event"), "received"))
                        continue; /* each order is received once */
                last = last_trade(judged, id);
                if (agrees(demo_ledger_order(sum->ledger, id), last))
                        continue;
                sum->sums->contradicted++;
                problem(sum, "%s of %s: '%s' says the trail, the ledger does not", id,
                        judged->alert->alert_id, text(last, "state"));
        }
}

/* ---- the sums ---- */

static bool is_expected(const struct sum *sum, const char *id)
{
        for (size_t i = 0; i < sum->expected_count; i++)
                if (!strcmp(sum->expected[i], id))
                        return true;
        return false;
}

static void sum_executed(struct sum *sum)
{
        for (size_t i = 0; i < sum->ledger->order_count; i++) {
                const struct ledger_order *order = &sum->ledger->orders[i];

                if (!order->deals)
                        continue;
                sum->sums->at_broker++;
                if (!is_expected(sum, order->cl_ord_id)) {
                        sum->sums->duplicated++;
                        problem(sum, "executed, not expected: %s", order->cl_ord_id);
                } else if (order->positions > 1 || order->done_e8 > order->asked_e8) {
                        sum->sums->duplicated++;
                        problem(sum, "executed twice: %s", order->cl_ord_id);
                }
        }
}

static int compare_alerts(const void *left, const void *right)
{
        const struct expect_alert *a = left, *b = right;

        return a->seq < b->seq ? -1 : a->seq > b->seq;
}

void expect_sum(struct expect_alert *alerts, size_t count, const struct demo_ledger *ledger,
        bool faults, expect_decide_fn decide, void *arg, struct expect_sums *ret_sums)
{
        struct sum sum = {
                .judged = bus_new_n(struct judged, count + 1),
                .count = count,
                .legs = bus_new_n(struct leg, 2 * count + 1),
                .ledger = ledger,
                .faults = faults,
                .sums = ret_sums,
        };

        *ret_sums = (struct expect_sums){ 0 };
        qsort(alerts, count, sizeof(*alerts), compare_alerts);
        for (size_t i = 0; i < count; i++)
                judge(&sum, i, &alerts[i], decide, arg);
        sum_legs(&sum);
        for (size_t i = 0; i < ledger->position_count; i++)
                sum_position(&sum, &ledger->positions[i]);
        sum_executed(&sum);
        for (size_t i = 0; i < count; i++)
                compare_states(&sum, &sum.judged[i]);
        ret_sums->expected = sum.expected_count;
        for (size_t i = 0; i < sum.expected_count; i++)
                ret_sums->lost += !has_deal(&sum, sum.expected[i]);
        free(sum.judged);
        free(sum.legs);
        free(sum.expected);
}
