#include "services/alert-ingest/context.h"

#include <criterion/criterion.h>

struct book {
        Pb__Account account;
        Pb__AccountPosition positions[8], *pointers[8];
};

static void book_init(struct book *book, int64_t as_of_us, int64_t balance_cents)
{
        pb__account__init(&book->account);
        book->account.as_of_us = as_of_us;
        book->account.balance_cents = balance_cents;
        book->account.equity_cents = balance_cents + 1;
        book->account.daily_loss_cents = 2;
        book->account.lifetime_loss_cents = 3;
        book->account.positions = book->pointers;
}

static void book_add(struct book *book, const char *symbol, Pb__Side side, bool ours)
{
        size_t i = book->account.n_positions++;
        Pb__AccountPosition *position = &book->positions[i];

        pb__account_position__init(position);
        position->symbol = (char *)symbol;
        position->side = side;
        position->ours = ours;
        book->pointers[i] = position;
}

Test(context, there_is_none_before_the_first_good_snapshot)
{
        struct context context = { 0 };
        struct v3_context v3;
        struct book book;

        cr_expect(!context_for(&context, "XAUUSD", &v3));
        book_init(&book, 0, 100);
        cr_expect(!context_take(&context, &book.account));
        cr_expect(!context_for(&context, "XAUUSD", &v3));
        context_done(&context);
}

Test(context, amounts_come_over_and_only_our_positions_of_the_symbol_count)
{
        struct context context = { 0 };
        struct v3_context v3;
        struct book book;

        book_init(&book, 1000, 100);
        book_add(&book, "XAUUSD", PB__SIDE__SIDE_BUY, true);
        book_add(&book, "EURUSD", PB__SIDE__SIDE_SELL, true);
        book_add(&book, "XAUUSD", PB__SIDE__SIDE_BUY, true);
        book_add(&book, "XAUUSD", PB__SIDE__SIDE_SELL, true);
        book_add(&book, "XAUUSD", PB__SIDE__SIDE_SELL, false);
        cr_expect(context_take(&context, &book.account));

        cr_assert(context_for(&context, "XAUUSD", &v3));
        cr_expect_eq(v3.balance_cents, 100);
        cr_expect_eq(v3.equity_cents, 101);
        cr_expect_eq(v3.daily_loss_cents, 2);
        cr_expect_eq(v3.lifetime_loss_cents, 3);
        cr_expect_eq(v3.as_of_us, 1000);
        cr_expect_eq(v3.open_buy, 2);
        cr_expect_eq(v3.open_sell, 1);
        cr_assert(context_for(&context, "GBPUSD", &v3));
        cr_expect_eq(v3.open_buy + v3.open_sell, 0);
        context_done(&context);
}

Test(context, a_newer_snapshot_replaces_all_and_an_older_one_nothing)
{
        struct context context = { 0 };
        struct v3_context v3;
        struct book book;

        book_init(&book, 1000, 100);
        book_add(&book, "XAUUSD", PB__SIDE__SIDE_BUY, true);
        cr_expect(context_take(&context, &book.account));
        book_init(&book, 2000, 200);
        cr_expect(context_take(&context, &book.account));
        cr_assert(context_for(&context, "XAUUSD", &v3));
        cr_expect_eq(v3.balance_cents, 200);
        cr_expect_eq(v3.open_buy, 0);

        book_init(&book, 1500, 300);
        cr_expect(!context_take(&context, &book.account));
        cr_assert(context_for(&context, "XAUUSD", &v3));
        cr_expect_eq(v3.balance_cents, 200);
        context_done(&context);
}

Test(context, what_was_kept_over_a_long_stop_is_not_current)
{
        struct context context = { 0 };
        struct book book;

        cr_expect(!context_is_current(&context, 1000));
        book_init(&book, 1000, 100);
        cr_expect(context_take(&context, &book.account));
        cr_expect(context_is_current(&context, 1000));
        cr_expect(context_is_current(&context, 1000 + 30 * INT64_C(1000000)));
        cr_expect(!context_is_current(&context, 1001 + 30 * INT64_C(1000000)));
        /* the broker's clock, ahead of ours */
        cr_expect(context_is_current(&context, 1));
        book_init(&book, 60 * INT64_C(1000000), 100);
        cr_expect(context_take(&context, &book.account));
        cr_expect(context_is_current(&context, 61 * INT64_C(1000000)));
        context_done(&context);
}
