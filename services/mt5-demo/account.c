/*
 * Keeps: balance is what it was at the start plus the profit of every deal; no position has no
 * volume; next_ticket is above every ticket a record named; each position is in its symbol's sums
 * with exactly what it says.
 */
#include "services/mt5-demo/account.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <errno.h>

enum {
        FIRST_TICKET = 1000001,
};

void account_init(struct account *account, const struct symbol_spec *specs, size_t count)
{
        *account = (struct account){
                .specs = specs,
                .spec_count = count,
                .next_ticket = FIRST_TICKET,
        };
}

void account_done(struct account *account)
{
        for (size_t i = 0; i < account->position_count; i++)
                free(account->positions[i]);
        free(account->positions);
        free(account->by_ticket);
        free(account->holdings);
        free(account->deals);
        account_init(account, account->specs, account->spec_count);
}

int account_symbol(const struct account *account, const char *name)
{
        for (size_t i = 0; i < account->spec_count; i++)
                if (!strcmp(account->specs[i].name, name))
                        return (int)i;
        return -1;
}

/* Where TICKET is among the rising ones, or would be. */
static size_t ticket_place(const struct account *account, uint64_t ticket)
{
        size_t low = 0, high = account->position_count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (account->by_ticket[middle]->ticket < ticket)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static struct position *find(const struct account *account, uint64_t ticket)
{
        size_t place = ticket_place(account, ticket);

        if (place == account->position_count || account->by_ticket[place]->ticket != ticket)
                return NULL;
        return account->by_ticket[place];
}

const struct position *account_position(const struct account *account, uint64_t ticket)
{
        return find(account, ticket);
}

const struct position *account_net_position(const struct account *account, size_t symbol)
{
        for (size_t i = 0; i < account->position_count; i++)
                if (account->positions[i]->symbol == symbol)
                        return account->positions[i];
        return NULL;
}

/* ---- money ---- */

int64_t account_profit(const struct symbol_spec *spec, enum side side, int64_t volume_e8,
        int64_t open_price_e8, int64_t close_price_e8)
{
        int64_t move_e8 =
                side == SIDE_BUY ? close_price_e8 - open_price_e8 : open_price_e8 - close_price_e8;
        int64_t per_lot, cents = 0;

        /* prices are whole ticks, averages of a netting account apart */
        bus_require(e8_muldiv(move_e8, spec->tick_value_cents, spec->tick_size_e8, E8_HALF_UP,
                            &per_lot) == 0);
        bus_require(e8_muldiv(per_lot, volume_e8, E8_ONE, E8_HALF_UP, &cents) == 0);
        return cents;
}

int64_t account_position_profit(
        const struct account *account, const struct position *position, struct quote quote)
{
        return account_profit(&account->specs[position->symbol], position->side,
                position->volume_e8, position->open_price_e8,
                quote_for(quote, side_opposite(position->side)));
}

int64_t account_margin(const struct symbol_spec *spec, int64_t volume_e8)
{
        int64_t cents = 0;

        bus_require(e8_muldiv(spec->margin_per_lot_cents, volume_e8, E8_ONE, E8_UP, &cents) == 0);
        return cents;
}

static bool is_at(const struct holding *holding, struct quote quote)
{
        return holding->valued && holding->quote.bid_e8 == quote.bid_e8 &&
               holding->quote.ask_e8 == quote.ask_e8;
}

/* Profit of all positions on SYMBOL at QUOTE, from scratch. */
static int64_t profit_of_symbol(const struct account *account, size_t symbol, struct quote quote)
{
        int64_t sum = 0;

        for (size_t i = 0; i < account->position_count; i++)
                if (account->positions[i]->symbol == symbol)
                        sum += account_position_profit(account, account->positions[i], quote);
        return sum;
}

struct worth account_worth(const struct account *account, const struct quote *quotes)
{
        struct worth worth = {
                .balance_cents = account->balance_cents,
                .equity_cents = account->balance_cents,
        };

        for (size_t i = 0; account->holdings && i < account->spec_count; i++) {
                const struct holding *holding = &account->holdings[i];

                if (!holding->count)
                        continue;
                worth.equity_cents += is_at(holding, quotes[i])
                                              ? holding->profit_cents
                                              : profit_of_symbol(account, i, quotes[i]);
                worth.margin_cents += holding->margin_cents;
        }
        worth.free_cents = worth.equity_cents - worth.margin_cents;
        return worth;
}

/* ---- the sums of a symbol ---- */

static void take_out(struct account *account, const struct position *position)
{
        struct holding *holding = &account->holdings[position->symbol];

        holding->count--;
        holding->margin_cents -= position->margin_cents;
        holding->profit_cents -= position->profit_cents;
}

static void put_in(struct account *account, struct position *position)
{
        struct holding *holding = &account->holdings[position->symbol];

        position->margin_cents =
                account_margin(&account->specs[position->symbol], position->volume_e8);
        position->profit_cents =
                holding->valued ? account_position_profit(account, position, holding->quote) : 0;
        holding->count++;
        holding->margin_cents += position->margin_cents;
        holding->profit_cents += position->profit_cents;
}

static void value_position(struct account *account, struct position *position)
{
        struct holding *holding = &account->holdings[position->symbol];

        position->profit_cents = account_position_profit(account, position, holding->quote);
        holding->profit_cents += position->profit_cents;
}

/* Marks the symbols whose price is another now; true if there are any. */
static bool take_quotes(struct account *account, const struct quote *quotes)
{
        bool any = false;

        for (size_t i = 0; i < account->spec_count; i++) {
                struct holding *holding = &account->holdings[i];

                if (is_at(holding, quotes[i]))
                        continue;
                holding->valued = false;
                holding->quote = quotes[i];
                holding->profit_cents = 0;
                any = true;
        }
        return any;
}

bool account_value(struct account *account, const struct quote *quotes)
{
        bool changed = account->unwatched;

        account->unwatched = false;
        if (!account->holdings)
                return false;
        if (!take_quotes(account, quotes))
                return changed;
        for (size_t i = 0; i < account->position_count; i++)
                if (!account->holdings[account->positions[i]->symbol].valued)
                        value_position(account, account->positions[i]);
        for (size_t i = 0; i < account->spec_count; i++)
                account->holdings[i].valued = true;
        return true;
}

/* ---- triggers ---- */

bool account_triggered(
        const struct position *position, struct quote quote, enum deal_reason *ret_reason)
{
        bool buy = position->side == SIDE_BUY;
        int64_t price = quote_for(quote, side_opposite(position->side));
        int64_t sl = position->sl_e8, tp = position->tp_e8;

        if (sl && (buy ? price <= sl : price >= sl)) {
                *ret_reason = REASON_STOP;
                return true;
        }
        if (tp && (buy ? price >= tp : price <= tp)) {
                *ret_reason = REASON_TARGET;
                return true;
        }
        return false;
}

const struct position *account_stop_out(
        const struct account *account, const struct quote *quotes, int64_t percent)
{
        struct worth worth = account_worth(account, quotes);
        const struct position *worst = NULL;
        int64_t worst_cents = 0, least = 0;

        if (e8_muldiv(worth.margin_cents, percent, 100, E8_UP, &least) < 0)
                return NULL;
        if (!worth.margin_cents || worth.equity_cents >= least)
                return NULL;
        for (size_t i = 0; i < account->position_count; i++) {
                const struct position *p = account->positions[i];
                int64_t cents = account_position_profit(account, p, quotes[p->symbol]);

                if (!worst || cents < worst_cents) {
                        worst = p;
                        worst_cents = cents;
                }
        }
        return worst;
}

struct record account_close_record(const struct account *account, const struct position *position,
        int64_t volume_e8, struct quote quote, enum deal_reason reason, int64_t at_us)
{
        const struct symbol_spec *spec = &account->specs[position->symbol];
        enum side side = side_opposite(position->side);
        struct record record = {
                .event = EVENT_DEAL,
                .at_us = at_us,
                .digits = spec->digits,
                .side = side,
                .entry = ENTRY_OUT,
                .volume_e8 = volume_e8,
                .price_e8 = quote_for(quote, side),
                .order = account->next_ticket,
                .ticket = account->next_ticket + 1,
                .position = position->ticket,
                .reason = reason,
                .magic = position->magic,
        };

        memcpy(record.symbol, spec->name, sizeof(record.symbol));
        record.profit_cents = account_profit(
                spec, position->side, volume_e8, position->open_price_e8, record.price_e8);
        record.balance_cents = account->balance_cents + record.profit_cents;
        return record;
}

/* ---- applying records ---- */

static void *room(void *items, size_t count, size_t *capacity, size_t size)
{
        if (count < *capacity)
                return items;
        *capacity = *capacity ? *capacity * 2 : 16;
        return bus_xrealloc(items, *capacity * size);
}

static void remember_deal(struct account *account, const struct record *record, size_t symbol)
{
        struct deal deal = {
                .ticket = record->ticket,
                .order = record->order,
                .position = record->position,
                .symbol = symbol,
                .side = record->side,
                .entry = record->entry,
                .reason = record->reason,
                .volume_e8 = record->volume_e8,
                .price_e8 = record->price_e8,
                .profit_cents = record->profit_cents,
                .magic = record->magic,
                .at_us = record->at_us,
        };

        memcpy(deal.comment, record->comment, sizeof(deal.comment));
        account->deals = room(account->deals, account->deal_count, &account->deal_capacity,
                sizeof(*account->deals));
        account->deals[account->deal_count++] = deal;
}

static void open_position(struct account *account, const struct record *record, size_t symbol)
{
        struct position *position = bus_new(struct position);
        size_t place = ticket_place(account, record->position);

        *position = (struct position){
                .ticket = record->position,
                .symbol = symbol,
                .side = record->side,
                .volume_e8 = record->volume_e8,
                .open_price_e8 = record->price_e8,
                .sl_e8 = record->sl_e8,
                .tp_e8 = record->tp_e8,
                .magic = record->magic,
                .opened_us = record->at_us,
                .serial = account->next_serial++,
        };
        memcpy(position->comment, record->comment, sizeof(position->comment));
        if (!account->holdings)
                account->holdings = bus_new_n(struct holding, account->spec_count);
        account->positions = room(account->positions, account->position_count,
                &account->position_capacity, sizeof(struct position *));
        account->by_ticket = room(account->by_ticket, account->position_count,
                &account->ticket_capacity, sizeof(struct position *));
        memmove(&account->by_ticket[place + 1], &account->by_ticket[place],
                (account->position_count - place) * sizeof(struct position *));
        account->by_ticket[place] = position;
        account->positions[account->position_count++] = position;
        put_in(account, position);
}

/* Where POSITION is in the order they were opened. */
static size_t place_of(const struct account *account, const struct position *position)
{
        size_t low = 0, high = account->position_count - 1;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (account->positions[middle]->serial < position->serial)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void remove_at(struct position **list, size_t count, size_t place)
{
        memmove(&list[place], &list[place + 1], (count - place - 1) * sizeof(struct position *));
}

static void drop_position(struct account *account, struct position *position)
{
        remove_at(account->positions, account->position_count, place_of(account, position));
        remove_at(account->by_ticket, account->position_count,
                ticket_place(account, position->ticket));
        account->position_count--;
        free(position);
}

/* A netting account buys on top of what it holds: one position at the average price. */
static int add_to_position(struct position *position, const struct record *record)
{
        __int128 paid = (__int128)position->open_price_e8 * position->volume_e8 +
                        (__int128)record->price_e8 * record->volume_e8;
        int64_t volume;

        if (position->side != record->side ||
                __builtin_add_overflow(position->volume_e8, record->volume_e8, &volume))
                return -EBADMSG;
        position->open_price_e8 = (int64_t)((paid + volume / 2) / volume); /* half up; all > 0 */
        position->volume_e8 = volume;
        position->sl_e8 = record->sl_e8;
        position->tp_e8 = record->tp_e8;
        return 0;
}

static int reduce_position(struct account *account, struct position *position, int64_t volume_e8)
{
        if (volume_e8 > position->volume_e8)
                return -EBADMSG;
        take_out(account, position);
        position->volume_e8 -= volume_e8;
        if (position->volume_e8)
                put_in(account, position);
        else
                drop_position(account, position);
        return 0;
}

static int enlarge_position(
        struct account *account, struct position *position, const struct record *record)
{
        int r;

        take_out(account, position);
        r = add_to_position(position, record);
        put_in(account, position);
        return r;
}

static int apply_deal(struct account *account, const struct record *record)
{
        struct position *position = find(account, record->position);
        int symbol = account_symbol(account, record->symbol);
        int r = 0;

        if (symbol < 0 || record->volume_e8 <= 0 || !record->ticket || !record->position)
                return -EBADMSG;
        if (record->balance_cents != account->balance_cents + record->profit_cents)
                return -EBADMSG;
        if (position && position->symbol != (size_t)symbol)
                return -EBADMSG;
        if (record->entry == ENTRY_OUT)
                r = position && position->side != record->side
                            ? reduce_position(account, position, record->volume_e8)
                            : -EBADMSG;
        else if (position)
                r = enlarge_position(account, position, record);
        else
                open_position(account, record, (size_t)symbol);
        if (r < 0)
                return r;
        account->balance_cents = record->balance_cents;
        remember_deal(account, record, (size_t)symbol);
        return 0;
}

static int apply_modify(struct account *account, const struct record *record)
{
        struct position *position = find(account, record->position);

        if (!position)
                return -EBADMSG;
        position->sl_e8 = record->sl_e8;
        position->tp_e8 = record->tp_e8;
        return 0;
}

int account_apply(struct account *account, const struct record *record)
{
        int r = 0;

        if (record->event == EVENT_ACCOUNT)
                account->balance_cents = record->balance_cents;
        else if (record->event == EVENT_DEAL)
                r = apply_deal(account, record);
        else if (record->event == EVENT_MODIFY)
                r = apply_modify(account, record);
        if (r < 0 || record->event == EVENT_REQUEST) /* a request names any position it likes */
                return r;
        account->unwatched = true;
        if (record->ticket >= account->next_ticket)
                account->next_ticket = record->ticket + 1;
        if (record->order >= account->next_ticket)
                account->next_ticket = record->order + 1;
        return 0;
}
