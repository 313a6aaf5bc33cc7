#include "services/telegram-notify/mutes.h"
#include "services/telegram-notify/tally.h"

#include <criterion/criterion.h>

#define NOW INT64_C(1763000000000000)

Test(mutes, critical_is_always_told)
{
        struct mutes mutes = { .quiet_kinds = UINT32_MAX, .quiet_to_min = MUTES_DAY_MIN };
        struct told told = { .kind = TELL_ALARM, .critical = true };

        mutes_set(&mutes, UINT32_MAX, MUTES_FOR_GOOD);
        cr_expect_eq(mutes_judge(&mutes, &told, NOW, 3), MUTES_TELL);
        told.critical = false;
        cr_expect_eq(mutes_judge(&mutes, &told, NOW, 3), MUTES_DROP);
        mutes_set(&mutes, UINT32_MAX, 0);
        cr_expect_eq(mutes_judge(&mutes, &told, NOW, 3), MUTES_QUIET);
}

Test(mutes, a_kind_is_muted_until_its_time_is_over)
{
        struct mutes mutes = { 0 };
        struct told squeeze = { .kind = TELL_SQUEEZE }, entry = { .kind = TELL_ENTRY };
        const char *bad;
        size_t length;
        uint32_t kinds;

        cr_assert_eq(mutes_kinds(" squeeze  shadow", &kinds, &bad, &length), 0);
        mutes_set(&mutes, kinds, NOW + 5);
        cr_expect_eq(mutes_judge(&mutes, &squeeze, NOW, 0), MUTES_DROP);
        cr_expect_eq(mutes_judge(&mutes, &entry, NOW, 0), MUTES_TELL);
        cr_expect_eq(mutes_judge(&mutes, &squeeze, NOW + 5, 0), MUTES_TELL);
        cr_expect_lt(mutes_kinds("squeeze nonsense", &kinds, &bad, &length), 0);
        cr_expect(!strncmp(bad, "nonsense", length) && length == 8);
}

Test(mutes, quiet_hours_go_over_midnight)
{
        struct mutes mutes = { 0 };

        cr_expect_not(mutes_quiet(&mutes, 0));
        cr_assert_eq(mutes_hours("22:00-07:30", &mutes.quiet_from_min, &mutes.quiet_to_min), 0);
        cr_expect(mutes_quiet(&mutes, 22 * 60));
        cr_expect(mutes_quiet(&mutes, 0));
        cr_expect(mutes_quiet(&mutes, 7 * 60 + 29));
        cr_expect_not(mutes_quiet(&mutes, 7 * 60 + 30));
        cr_assert_eq(mutes_hours("09:00-10:00", &mutes.quiet_from_min, &mutes.quiet_to_min), 0);
        cr_expect(mutes_quiet(&mutes, 9 * 60));
        cr_expect_not(mutes_quiet(&mutes, 10 * 60));
        for (const char *const *bad = (const char *const[]){ "", "22", "24:00-07:00", "22:60-07:00",
                     "22:00-", "9:00-10:00", NULL };
                *bad; bad++)
                cr_expect_lt(mutes_hours(*bad, &mutes.quiet_from_min, &mutes.quiet_to_min), 0);
}

Test(mutes, survive_as_text)
{
        struct mutes mutes = { .quiet_from_min = 60, .quiet_to_min = 120 }, again = { 0 };
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        mutes.until_us[TELL_SHADOW] = MUTES_FOR_GOOD;
        mutes.until_us[TELL_ENTRY] = NOW;
        mutes_write(&mutes, &text);
        cr_assert_eq(mutes_read(&again, bus_buf_str(&text)), 0);
        cr_expect_arr_eq(&mutes, &again, sizeof(mutes));
        cr_expect_lt(mutes_read(&again, "what"), 0);
}

Test(tally, a_summary_is_due_once_a_day)
{
        int64_t before = tally_period(100, 21 * 60, 22 * 60);

        cr_expect_eq(tally_period(100, 22 * 60, 22 * 60), before + 1);
        cr_expect_eq(tally_period(101, 3, 22 * 60), before + 1);
        cr_expect_eq(tally_period(101, 22 * 60, 22 * 60), before + 2);
}

Test(tally, a_loss_that_hovers_at_its_cap_is_told_once)
{
        cr_expect_eq(tally_level(TALLY_FAR, 7999, 10000, 80), TALLY_FAR);
        cr_expect_eq(tally_level(TALLY_FAR, 8000, 10000, 80), TALLY_NEAR);
        cr_expect_eq(tally_level(TALLY_NEAR, 7500, 10000, 80), TALLY_NEAR);
        cr_expect_eq(tally_level(TALLY_NEAR, 10000, 10000, 80), TALLY_HIT);
        cr_expect_eq(tally_level(TALLY_HIT, 9000, 10000, 80), TALLY_HIT);
        cr_expect_eq(tally_level(TALLY_HIT, 6999, 10000, 80), TALLY_FAR);
        cr_expect_eq(tally_level(TALLY_HIT, 6999, 0, 80), TALLY_FAR);
}

Test(tally, counts_and_survives_as_text)
{
        struct tally tally = { .since_us = NOW, .levels = { 1, 2 }, .quiet = { [TELL_STOP] = 3 } };
        struct tally again = { 0 };
        Pb__Trade trade = PB__TRADE__INIT;
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        trade.event = PB__TRADE_EVENT__TRADE_EVENT_FILLED;
        trade.role = PB__ORDER_ROLE__ORDER_ROLE_LEG_A;
        tally_trade(&tally, &trade);
        trade.role = PB__ORDER_ROLE__ORDER_ROLE_EXIT_CLOSE;
        tally_trade(&tally, &trade);
        trade.event = PB__TRADE_EVENT__TRADE_EVENT_DEAL;
        trade.profit_cents = -300;
        trade.commission_cents = -14;
        tally_trade(&tally, &trade);
        cr_expect_eq(tally.entries, 1);
        cr_expect_eq(tally.losses, 1);
        cr_expect_eq(tally.result_cents, -314);
        tally_write(&tally, &text);
        cr_assert_eq(tally_read(&again, bus_buf_str(&text)), 0);
        cr_expect_arr_eq(&tally, &again, sizeof(tally));
        cr_expect_lt(tally_read(&again, "1 2 x"), 0);
}
