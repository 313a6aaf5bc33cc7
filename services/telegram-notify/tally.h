#pragma once
/*
 * What is summed up: since the last summary, and while it was quiet; and how near the loss is to its
 * caps. Pure; as text in the store.
 */
#include "services/telegram-notify/tell.h"

enum tally_cap {
        TALLY_DAILY,
        TALLY_LIFETIME,
        TALLY_CAPS,
};

enum tally_level {
        TALLY_FAR,
        TALLY_NEAR,
        TALLY_HIT,
};

struct tally {
        int64_t since_us;
        int64_t period; /* of the last summary: see tally_period */
        int64_t result_cents, balance_cents, equity_cents;
        int64_t entries, wins, losses, rejections, alarms;
        int64_t levels[TALLY_CAPS];
        int64_t quiet[TELL_KINDS]; /* events kept back */
};

void tally_trade(struct tally *tally, const Pb__Trade *trade);
/* Which stretch from one summary to the next a moment is in: DAYS since some day, and the minute of
 * the day, where the trader is. */
int64_t tally_period(int64_t days, int minute, int summary_minute);
/* How near LOSS is to CAP, after LEVEL; it goes down again well below the cap only, so that a loss
 * that hovers is told once. CAP 0: there is none. */
enum tally_level tally_level(
        enum tally_level level, int64_t loss_cents, int64_t cap_cents, int64_t near_percent);

/* The sums begin anew. */
void tally_restart(struct tally *tally, int64_t now_us, int64_t period);
void tally_write(const struct tally *tally, struct bus_buf *buf);
BUS_MUST int tally_read(struct tally *tally, const char *text);
