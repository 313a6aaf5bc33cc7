#include "services/telegram-analytics/balance.h"

#include <criterion/criterion.h>

#define NOW_US INT64_C(1000000000)

static struct bus_pos at(uint64_t seq)
{
        return (struct bus_pos){ 9, seq, 0 };
}

/* Signals and live decisions are far ahead of the shadow's, which is being read. */
static struct balance behind(void)
{
        struct balance balance = { 0 };

        balance_at(&balance, 0, at(30000), NOW_US);
        balance_at(&balance, 1, at(20000), NOW_US);
        balance_at(&balance, 2, at(100), NOW_US);
        return balance;
}

static void expect_held(const struct balance *balance, bool first, bool second, bool third)
{
        cr_expect_eq(balance->held[0], first);
        cr_expect_eq(balance->held[1], second);
        cr_expect_eq(balance->held[2], third);
}

Test(balance, holds_nobody_while_little_is_open)
{
        struct balance balance = behind();

        cr_expect_not(balance_judge(&balance, BALANCE_HIGH, NOW_US));
        expect_held(&balance, false, false, false);
}

Test(balance, holds_those_ahead_until_little_is_open_again)
{
        struct balance balance = behind();

        cr_expect(balance_judge(&balance, BALANCE_HIGH + 1, NOW_US));
        expect_held(&balance, true, true, false);
        cr_expect_not(balance_judge(&balance, BALANCE_LOW + 1, NOW_US));
        expect_held(&balance, true, true, false);
        cr_expect(balance_judge(&balance, BALANCE_LOW, NOW_US));
        expect_held(&balance, false, false, false);
}

Test(balance, does_not_wait_for_a_stream_that_stands_still)
{
        struct balance balance = behind();
        int64_t later_us = NOW_US + BALANCE_PATIENCE_US + 1;

        balance_at(&balance, 0, at(30001), later_us);
        balance_at(&balance, 1, at(20001), later_us);
        balance_judge(&balance, BALANCE_HIGH + 1, later_us);
        expect_held(&balance, true, false, false);
        balance_at(&balance, 2, at(101), later_us);
        balance_judge(&balance, BALANCE_HIGH + 1, later_us);
        expect_held(&balance, true, true, false);
}

/* The parts of one signal in the shadow's stream are one place. */
Test(balance, lets_a_part_of_a_signal_pass_for_the_signal)
{
        struct balance balance = { 0 };

        balance_at(&balance, 0, at(7), NOW_US);
        balance_at(&balance, 2, (struct bus_pos){ 9, 7, 1 }, NOW_US);
        balance_at(&balance, 1, at(7), NOW_US);
        cr_expect_not(balance_judge(&balance, BALANCE_HIGH + 1, NOW_US));
}
