#pragma once
/*
 * The realised net result of this strategy, of the day and since the beginning: what the caps and
 * the context of every alert are measured by. Each deal counts once. Pure.
 */
#include "services/order-executor/core/types.h"

struct ex_risk {
        int64_t day_start_us;  /* configured: microseconds after 00:00 UTC, 0..24 h */
        int64_t since_us;      /* lifetime counts from here */
        int64_t today_us;      /* wall clock: when the day that day_net counts began */
        int64_t day_net_cents; /* profit, commission and swap; negative is a loss */
        int64_t lifetime_net_cents;
        int64_t last_deal_us; /* newest deal, by the terminal's clock: history is asked for from there */
};

/* Begins a new day if one has come; true if so. A wall clock that goes back changes nothing. */
bool ex_risk_roll(struct ex_risk *risk, int64_t wall_us);
/* A deal of AT_US. One of an earlier day counts for the lifetime only, one before since_us not at all. */
void ex_risk_add(struct ex_risk *risk, int64_t at_us, int64_t net_cents);
/* max(0, minus the net result). */
int64_t ex_risk_day_loss_cents(const struct ex_risk *risk);
int64_t ex_risk_lifetime_loss_cents(const struct ex_risk *risk);
/* From when deals must be asked for, so that none is missed: OVERLAP_US before the last one known. */
int64_t ex_risk_deals_since_us(const struct ex_risk *risk, int64_t overlap_us);
