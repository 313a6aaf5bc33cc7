#include "services/order-executor/core/ahead.h"

#include "libbus/base/require.h"
#include "services/order-executor/core/job.h"

#define STATE(name) PB__ORDER_STATE__ORDER_STATE_##name

static uint32_t sides(enum ex_ahead first, uint32_t bits)
{
        return (uint32_t)first * bits;
}

static uint32_t of_leg(const struct ex_order *leg)
{
        if (leg->state == STATE(RECEIVED) || ex_leg_waits(leg))
                return EX_AHEAD_UNSTARTED | EX_AHEAD_UNSTARTED_ENTRY;
        if (ex_order_on_wire(leg))
                return sides(EX_AHEAD_WIRE, ex_side_bit(leg->side));
        if (leg->state == STATE(INTENT))
                return sides(EX_AHEAD_BACKOFF, ex_side_bit(leg->side));
        return ex_order_in_doubt(leg) ? sides(EX_AHEAD_DOUBT, ex_side_bit(leg->side)) : 0;
}

static uint32_t of_close(const struct ex_order *close)
{
        if (close->state == STATE(MANUAL))
                return EX_AHEAD_CLOSES;
        return EX_AHEAD_CLOSES | sides(EX_AHEAD_CLOSES_MOVING, ex_side_bit(close->side));
}

uint32_t ex_ahead_of_job(const struct ex_job *job)
{
        uint32_t ahead = 0;

        if (job->phase == EX_JOB_WAITING && job->kind != EX_JOB_ENTRY)
                ahead = EX_AHEAD_UNSTARTED | sides(EX_AHEAD_UNSTARTED_EXITS, job->close_sides);
        for (size_t i = 0; i < job->order_count; i++) {
                const struct ex_order *order = job->orders[i];

                if (!ex_order_is_final(order))
                        ahead |= ex_order_is_leg(order) ? of_leg(order) : of_close(order);
        }
        return ahead;
}

void ex_ahead_change(struct ex_ahead_sum *sum, uint32_t was, uint32_t is)
{
        for (uint32_t left = was ^ is; left; left &= left - 1) {
                const int bit = __builtin_ctz(left);

                if (is >> bit & 1U) {
                        sum->counts[bit]++;
                } else {
                        bus_require(sum->counts[bit]);
                        sum->counts[bit]--;
                }
        }
}

uint32_t ex_ahead_of_sum(const struct ex_ahead_sum *sum)
{
        uint32_t ahead = 0;

        for (int bit = 0; bit < EX_AHEAD_BITS; bit++)
                ahead |= sum->counts[bit] ? 1U << bit : 0;
        return ahead;
}
