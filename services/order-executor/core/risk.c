#include "services/order-executor/core/risk.h"

#define DAY_US (24 * 3600 * BUS_US_PER_SEC)
/* A day that begins later than so was never begun: the clock was wrong, and is put right. What was lost since
 * still counts; one set back by less begins no day again. */
#define AHEAD_US (3600 * BUS_US_PER_SEC)

static int64_t day_of(const struct ex_risk *risk, int64_t wall_us)
{
        int64_t since = wall_us - risk->day_start_us;

        return since - since % DAY_US + risk->day_start_us;
}

bool ex_risk_roll(struct ex_risk *risk, int64_t wall_us)
{
        int64_t day = day_of(risk, wall_us);

        if (risk->today_us - wall_us > AHEAD_US)
                risk->today_us = day;
        if (day <= risk->today_us)
                return false;
        risk->today_us = day;
        risk->day_net_cents = 0;
        return true;
}

void ex_risk_add(struct ex_risk *risk, int64_t at_us, int64_t net_cents)
{
        if (at_us >= risk->since_us)
                risk->lifetime_net_cents += net_cents;
        if (at_us >= risk->today_us)
                risk->day_net_cents += net_cents;
}

int64_t ex_risk_day_loss_cents(const struct ex_risk *risk)
{
        return risk->day_net_cents < 0 ? -risk->day_net_cents : 0;
}

int64_t ex_risk_lifetime_loss_cents(const struct ex_risk *risk)
{
        return risk->lifetime_net_cents < 0 ? -risk->lifetime_net_cents : 0;
}

int64_t ex_risk_deals_since_us(const struct ex_risk *risk, int64_t overlap_us)
{
        int64_t since = risk->last_deal_us;

        if (!since)
                since = risk->since_us < risk->today_us ? risk->since_us : risk->today_us;
        return since > overlap_us ? since - overlap_us : 0;
}
