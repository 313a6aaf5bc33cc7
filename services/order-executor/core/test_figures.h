#pragma once
/*
 * The figures counted from scratch, as anybody would who does not keep sums.
 */
#include "services/order-executor/core/book.h"

struct ex_figures test_figures_of(
        const struct ex_book *book, const char *skip_symbol, uint32_t skip_sides);
/* Whether the kept sums are those. */
bool test_figures_hold(const struct ex_book *book, const char *skip_symbol, uint32_t skip_sides);
