#include "services/order-executor/core/job.h"

#include "libbus/base/require.h"

#include <stdio.h>

struct ex_job *ex_job_new(void)
{
        struct ex_job *job = bus_new(struct ex_job);

        job->phase = EX_JOB_WAITING;
        job->expires_us = EX_NEVER;
        return job;
}

struct ex_job *ex_job_free(struct ex_job *job)
{
        if (!job)
                return NULL;
        for (size_t i = 0; i < job->order_count; i++)
                free(job->orders[i]);
        free(job->orders);
        free(job);
        return NULL;
}

struct ex_order *ex_job_add(struct ex_job *job)
{
        struct ex_order *order = bus_new(struct ex_order);

        if (job->order_count == job->order_capacity) {
                job->order_capacity = job->order_capacity ? 2 * job->order_capacity : 4;
                job->orders =
                        bus_xrealloc(job->orders, job->order_capacity * sizeof(struct ex_order *));
        }
        order->job = job;
        order->state = PB__ORDER_STATE__ORDER_STATE_RECEIVED;
        order->expires_us = EX_NEVER;
        job->orders[job->order_count++] = order;
        return order;
}

void ex_job_key(const char *alert_id, const char *part, char ret_key[static EX_KEY_SIZE])
{
        snprintf(ret_key, EX_KEY_SIZE, "%s/%s", alert_id, part);
}

static bool all_final(const struct ex_job *job, bool legs)
{
        for (size_t i = 0; i < job->order_count; i++)
                if (ex_order_is_leg(job->orders[i]) == legs && !ex_order_is_final(job->orders[i]))
                        return false;
        return true;
}

bool ex_job_legs_final(const struct ex_job *job)
{
        return all_final(job, true);
}

bool ex_job_closes_final(const struct ex_job *job)
{
        return all_final(job, false);
}

Pb__Side ex_job_leg_side(const struct ex_job *job)
{
        for (size_t i = 0; i < job->order_count; i++)
                if (ex_order_is_leg(job->orders[i]))
                        return job->orders[i]->side;
        return PB__SIDE__SIDE_UNSPECIFIED;
}

/* An earlier close of a ticket that a later close has taken up again says nothing about the end. */
static bool is_last_word(const struct ex_job *job, const struct ex_order *order)
{
        return ex_order_is_leg(order) || ex_job_close_of(job, order->ticket) == order;
}

Pb__OrderState ex_job_outcome(const struct ex_job *job)
{
        Pb__OrderState outcome = PB__ORDER_STATE__ORDER_STATE_UNSPECIFIED;

        for (size_t i = 0; i < job->order_count; i++) {
                const struct ex_order *order = job->orders[i];

                if (!is_last_word(job, order))
                        continue;
                if (!outcome)
                        outcome = order->state;
                else if (outcome != order->state)
                        return PB__ORDER_STATE__ORDER_STATE_PARTLY;
        }
        return outcome;
}

struct ex_order *ex_job_close_of(const struct ex_job *job, uint64_t ticket)
{
        for (size_t i = job->order_count; i > 0; i--) {
                struct ex_order *order = job->orders[i - 1];

                if (!ex_order_is_leg(order) && order->ticket == ticket)
                        return order;
        }
        return NULL;
}
