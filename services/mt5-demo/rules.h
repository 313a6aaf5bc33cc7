#pragma once
/*
 * What the trade server accepts. Each refusal is one retcode and a few words; the order of the
 * checks is the order of the function bodies. Pure.
 */
#include "services/mt5-demo/account.h"
#include "services/mt5-demo/hours.h"

struct rules {
        bool netting;
        struct hours hours;
};

struct verdict {
        uint32_t retcode;  /* 0: accepted */
        const char *words; /* constant */
};

/*
 * Judges ORDER. QUOTES: one for each spec. A rejected order is definitely not executed. What is
 * not judged here: the price, which rules_fill does, and whether the terminal may send at all.
 */
struct verdict rules_check(const struct rules *rules, const struct account *account,
        const struct quote *quotes, const struct order *order, int64_t wall_us);

/*
 * The price ORDER is filled at, SLIP (in price, >= 0) worse than the market: REQUOTE where that is
 * further from the order's price than its deviation, either way; *RET_PRICE is set in both cases.
 */
struct verdict rules_fill(const struct order *order, enum side side, struct quote quote,
        int64_t slip_e8, int64_t *ret_price);

/* Whether an attempt that was answered RETCODE was certainly not executed and never will be. */
bool rules_definite_refusal(uint32_t retcode);
/* Whether RETCODE says that something was executed (or that there was nothing to do). */
bool rules_executed(uint32_t retcode);
