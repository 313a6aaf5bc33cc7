/* Open addressing: a number stands in the first free slot from where its hash says. At most three
 * of four slots are taken. */
#include "services/order-executor/core/deals.h"

#include "libbus/base/require.h"

enum {
        FIRST_SLOTS = 64,
};

#define FREE_US INT64_MIN

void ex_deals_done(struct ex_deals *deals)
{
        free(deals->slots);
        *deals = (struct ex_deals){ 0 };
}

/* Where DEAL stands, or would. */
static struct ex_deal_seen *slot_of(const struct ex_deals *deals, uint64_t deal)
{
        size_t at = (size_t)((deal * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

        for (;; at++) {
                struct ex_deal_seen *slot = &deals->slots[at & (deals->slot_count - 1)];

                if (slot->at_us == FREE_US || slot->deal == deal)
                        return slot;
        }
}

bool ex_deals_has(const struct ex_deals *deals, uint64_t deal)
{
        return deals->slot_count && slot_of(deals, deal)->at_us != FREE_US;
}

static void make_slots(struct ex_deals *deals, size_t slot_count)
{
        deals->slots = bus_new_n(struct ex_deal_seen, slot_count);
        deals->slot_count = slot_count;
        for (size_t i = 0; i < slot_count; i++)
                deals->slots[i].at_us = FREE_US;
}

/* All that are not before BEFORE_US, into as many slots as they need and one more has room in. */
static void rebuild(struct ex_deals *deals, size_t needed, int64_t before_us)
{
        struct ex_deals old = *deals;
        size_t slot_count = FIRST_SLOTS;

        while (needed * 4 > slot_count * 3)
                slot_count *= 2;
        make_slots(deals, slot_count);
        deals->count = 0;
        for (size_t i = 0; i < old.slot_count; i++)
                if (old.slots[i].at_us != FREE_US && old.slots[i].at_us >= before_us) {
                        *slot_of(deals, old.slots[i].deal) = old.slots[i];
                        deals->count++;
                }
        free(old.slots);
}

void ex_deals_add(struct ex_deals *deals, uint64_t deal, int64_t at_us)
{
        if (ex_deals_has(deals, deal))
                return;
        if ((deals->count + 1) * 4 > deals->slot_count * 3)
                rebuild(deals, deals->count + 1, FREE_US);
        *slot_of(deals, deal) =
                (struct ex_deal_seen){ deal, at_us == FREE_US ? FREE_US + 1 : at_us };
        deals->count++;
}

void ex_deals_forget(
        struct ex_deals *deals, int64_t before_us, void (*fn)(void *arg, uint64_t deal), void *arg)
{
        size_t old = 0;

        for (size_t i = 0; i < deals->slot_count; i++)
                if (deals->slots[i].at_us != FREE_US && deals->slots[i].at_us < before_us) {
                        fn(arg, deals->slots[i].deal);
                        old++;
                }
        if (old)
                rebuild(deals, deals->count - old, before_us);
}
