#pragma once
/*
 * The account at the broker: positions, deals, balance. It changes only by applying DEAL and MODIFY
 * records, the same when they happen and when the ledger is read again, so that what is on disk and
 * what is in memory cannot differ. Pure.
 *
 * Money is the account's currency in cents; a symbol's tick value is already in it. Margin is the
 * sum over positions, hedged or not. Swaps and commissions are off.
 */
#include "services/mt5-demo/record.h"

struct position {
        uint64_t ticket;
        size_t symbol; /* index of the spec */
        enum side side;
        int64_t volume_e8, open_price_e8, sl_e8, tp_e8;
        uint64_t magic;
        char comment[TEXT_SIZE];
        int64_t opened_us;
        uint64_t serial;      /* goes up with every position: their order */
        int64_t margin_cents; /* in the sums of its symbol */
        int64_t profit_cents; /* the same; of use only where the symbol is valued */
};

/* What is held on one symbol, kept up with every change. */
struct holding {
        size_t count;
        int64_t margin_cents;
        bool valued; /* profit_cents is that of all its positions at QUOTE */
        struct quote quote;
        int64_t profit_cents;
};

struct deal {
        uint64_t ticket, order, position;
        size_t symbol;
        enum side side;
        enum deal_entry entry;
        enum deal_reason reason;
        int64_t volume_e8, price_e8, profit_cents;
        uint64_t magic;
        char comment[TEXT_SIZE];
        int64_t at_us;
};

struct account {
        const struct symbol_spec *specs; /* borrowed */
        size_t spec_count;
        struct position **positions; /* owned; in the order they were opened */
        struct position **by_ticket; /* the same ones, by rising tickets */
        size_t position_count, position_capacity, ticket_capacity;
        uint64_t next_serial;
        struct holding *holdings; /* one for each spec; NULL before the first position */
        bool unwatched;           /* something was applied since account_value */
        struct deal *deals;       /* all there were, oldest first */
        size_t deal_count, deal_capacity;
        int64_t balance_cents;
        uint64_t next_ticket; /* orders, deals and positions share one row of numbers */
};

/* What the account is worth at given quotes. */
struct worth {
        int64_t balance_cents, equity_cents, margin_cents, free_cents;
};

void account_init(struct account *account, const struct symbol_spec *specs, size_t count);
void account_done(struct account *account);

/* Index of the broker's symbol NAME, or -1. */
int account_symbol(const struct account *account, const char *name);
/* NULL: no such position. Valid until the next record is applied. */
const struct position *account_position(const struct account *account, uint64_t ticket);
/* The position on a symbol of a netting account; NULL: flat. */
const struct position *account_net_position(const struct account *account, size_t symbol);

/* Takes an ACCOUNT, DEAL or MODIFY record, other events only for their ticket numbers. -EBADMSG if
 * it cannot follow from what is there (a deal out of no position, a balance that does not add up). */
BUS_MUST int account_apply(struct account *account, const struct record *record);

/* Profit of VOLUME bought (SIDE_BUY) or sold at OPEN and closed at CLOSE, to the nearest cent. */
int64_t account_profit(const struct symbol_spec *spec, enum side side, int64_t volume_e8,
        int64_t open_price_e8, int64_t close_price_e8);
int64_t account_position_profit(
        const struct account *account, const struct position *position, struct quote quote);
/* Rounded up to the cent. */
int64_t account_margin(const struct symbol_spec *spec, int64_t volume_e8);
/* QUOTES: one for each spec. Costs as much as there are symbols while the prices are those of the
 * last account_value, however much is held. */
struct worth account_worth(const struct account *account, const struct quote *quotes);

/* Takes QUOTES as the prices that sums are kept at. False: neither a price nor a position has changed
 * since the last time, so that nothing can be triggered that was not. */
bool account_value(struct account *account, const struct quote *quotes);

/* The record of closing VOLUME of POSITION at the price its opposite side gets from QUOTE. */
struct record account_close_record(const struct account *account, const struct position *position,
        int64_t volume_e8, struct quote quote, enum deal_reason reason, int64_t at_us);

/* Whether POSITION's stop or target is reached; *RET_REASON says which. A long one leaves at the
 * bid, a short one at the ask. The stop goes first when a gap reaches both. */
bool account_triggered(
        const struct position *position, struct quote quote, enum deal_reason *ret_reason);
/* The position to close when equity is under PERCENT of the margin: the one that loses most. NULL:
 * all is well. */
const struct position *account_stop_out(
        const struct account *account, const struct quote *quotes, int64_t percent);
