#include "services/order-executor/core/deals.h"

#include <criterion/criterion.h>

#define MANY 5000

static size_t told;

static void tell(void *arg, uint64_t deal)
{
        (void)arg;
        cr_expect_lt(deal, UINT64_C(1) << 40);
        told++;
}

Test(deals, each_is_known_once_it_was_taken_in_and_only_then)
{
        struct ex_deals deals = { 0 };

        cr_expect_not(ex_deals_has(&deals, 0));
        for (uint64_t i = 0; i < MANY; i++) {
                cr_expect_not(ex_deals_has(&deals, i * 4096));
                ex_deals_add(&deals, i * 4096, (int64_t)i);
                ex_deals_add(&deals, i * 4096, (int64_t)i);
        }
        cr_expect_eq(deals.count, MANY);
        for (uint64_t i = 0; i < MANY; i++) {
                cr_expect(ex_deals_has(&deals, i * 4096));
                cr_expect_not(ex_deals_has(&deals, i * 4096 + 1));
        }
        ex_deals_done(&deals);
}

Test(deals, the_old_ones_are_forgotten_and_told_the_others_stay)
{
        struct ex_deals deals = { 0 };

        for (uint64_t i = 0; i < MANY; i++)
                ex_deals_add(&deals, i, (int64_t)i);
        told = 0;
        ex_deals_forget(&deals, MANY - 10, tell, NULL);
        cr_expect_eq(told, MANY - 10);
        cr_expect_eq(deals.count, 10);
        cr_expect_lt(deals.slot_count, 100, "their room goes with them");
        for (uint64_t i = 0; i < MANY; i++)
                cr_expect_eq(ex_deals_has(&deals, i), i >= MANY - 10);
        ex_deals_forget(&deals, INT64_MAX, tell, NULL);
        cr_expect_eq(deals.count, 0);
        ex_deals_add(&deals, 7, INT64_MIN);
        cr_expect(ex_deals_has(&deals, 7), "whatever time it claims");
        ex_deals_done(&deals);
}
