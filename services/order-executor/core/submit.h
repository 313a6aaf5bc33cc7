#pragma once
/*
 * An order in the broker's words. Pure.
 */
#include "services/order-executor/core/book.h"

/* Price and filling mode are chosen now, by the last quote and what the terminal offers. Texts of
 * RET_SUBMIT are borrowed from ORDER and from the symbols. -ENOENT if the broker does not offer the
 * symbol. Volumes are floored to the step, never bumped up. */
BUS_MUST int ex_submit_of(const struct ex_book *book, const struct ex_order *order,
        uint64_t executor_token, Pb__Submit *ret_submit);
/* Of those offered: all or nothing, before as much as there is, before a rest that stays. */
Pb__Filling ex_filling_of(uint32_t offered);
