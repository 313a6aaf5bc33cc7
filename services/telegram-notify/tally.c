#include "services/telegram-notify/tally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* So far below the bound the loss must fall before it can be near again. */
#define CALM_PERCENT 10

void tally_trade(struct tally *tally, const Pb__Trade *trade)
{
        bool is_leg = trade->role == PB__ORDER_ROLE__ORDER_ROLE_LEG_A ||
                      trade->role == PB__ORDER_ROLE__ORDER_ROLE_LEG_B;
        int64_t result_cents = trade->profit_cents + trade->commission_cents + trade->swap_cents;

        switch (trade->event) {
        case PB__TRADE_EVENT__TRADE_EVENT_FILLED:
        case PB__TRADE_EVENT__TRADE_EVENT_PARTIAL: tally->entries += is_leg; break;
        case PB__TRADE_EVENT__TRADE_EVENT_REFUSED:
        case PB__TRADE_EVENT__TRADE_EVENT_EXPIRED:
        case PB__TRADE_EVENT__TRADE_EVENT_REJECTED: tally->rejections++; break;
        case PB__TRADE_EVENT__TRADE_EVENT_DEAL:
                tally->result_cents += result_cents;
                tally->wins += !is_leg && result_cents > 0;
                tally->losses += !is_leg && result_cents <= 0;
                break;
        default: break;
        }
}

int64_t tally_period(int64_t days, int minute, int summary_minute)
{
        return minute >= summary_minute ? days : days - 1;
}

enum tally_level tally_level(
        enum tally_level level, int64_t loss_cents, int64_t cap_cents, int64_t near_percent)
{
        if (cap_cents <= 0)
                return TALLY_FAR;
        if (loss_cents >= cap_cents)
                return TALLY_HIT;
        if (loss_cents * 100 >= cap_cents * near_percent)
                return level == TALLY_HIT ? TALLY_HIT : TALLY_NEAR;
        if (loss_cents * 100 < cap_cents * (near_percent - CALM_PERCENT))
                return TALLY_FAR;
        return level;
}

void tally_restart(struct tally *tally, int64_t now_us, int64_t period)
{
        tally->since_us = now_us;
        tally->period = period;
        tally->result_cents = 0;
        tally->entries = tally->wins = tally->losses = tally->rejections = tally->alarms = 0;
}

/* ---- kept ---- */

/* Every number of it, in the order in which they are written. */
static size_t numbers(struct tally *tally, int64_t **ret_numbers)
{
        size_t count = 0;

#define NUMBER(field) ret_numbers[count++] = &tally->field
        NUMBER(since_us);
        NUMBER(period);
        NUMBER(result_cents);
        NUMBER(balance_cents);
        NUMBER(equity_cents);
        NUMBER(entries);
        NUMBER(wins);
        NUMBER(losses);
        NUMBER(rejections);
        NUMBER(alarms);
        for (int i = 0; i < TALLY_CAPS; i++)
                NUMBER(levels[i]);
        for (int i = 0; i < TELL_KINDS; i++)
                NUMBER(quiet[i]);
#undef NUMBER
        return count;
}

#define NUMBERS_MAX (10 + TALLY_CAPS + TELL_KINDS)

void tally_write(const struct tally *tally, struct bus_buf *buf)
{
        struct tally copy = *tally;
        int64_t *all[NUMBERS_MAX];
        size_t count = numbers(&copy, all);

        for (size_t i = 0; i < count; i++)
                bus_buf_printf(buf, "%s%" PRId64, i ? " " : "", *all[i]);
}

int tally_read(struct tally *tally, const char *text)
{
        struct tally read = { .since_us = 0 };
        int64_t *all[NUMBERS_MAX];
        size_t count = numbers(&read, all);

        for (size_t i = 0; i < count; i++) {
                char *end;

                *all[i] = strtoll(text, &end, 10);
                if (end == text)
                        return -EINVAL;
                text = end;
        }
        *tally = read;
        return 0;
}
