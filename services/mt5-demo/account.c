/*
 * Keeps: balance is what it was at the start plus the profit of every deal; no position has no
 * volume; next_ticket is above every ticket a record named.
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
        free(account->positions);
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

static struct position *find(const struct account *account, uint64_t ticket)
{
        for (size_t i = 0; i < account->position_count; i++)
                if (account->positions[i].ticket == ticket)
                        return &account->positions[i];
        return NULL;
}

const struct position *account_position(const struct account *account, uint64_t ticket)
{
        return find(account, ticket);
}

const struct position *account_net_position(const struct account *account, size_t symbol)
{
        for (size_t i = 0; i < account->position_count; i++)
                if (account->positions[i].symbol == symbol)
                        return &account->positions[i];
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

struct worth account_worth(const struct account *account, const struct quote *quotes)
{
        struct worth worth = {
                .balance_cents = account->balance_cents,
                .equity_cents = account->balance_cents,
        };

        for (size_t i = 0; i < account->position_count; i++) {
                const struct position *p = &account->positions[i];

                worth.equity_cents += account_position_profit(account, p, quotes[p->symbol]);
                worth.margin_cents += account_margin(&account->specs[p->symbol], p->volume_e8);
        }
        worth.free_cents = worth.equity_cents - worth.margin_cents;
        return worth;
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
                const struct position *p = &account->positions[i];
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
        struct position position = {
                .ticket = record->position,
                .symbol = symbol,
                .side = record->side,
                .volume_e8 = record->volume_e8,
                .open_price_e8 = record->price_e8,
                .sl_e8 = record->sl_e8,
                .tp_e8 = record->tp_e8,
                .magic = record->magic,
                .opened_us = record->at_us,
        };

        memcpy(position.comment, record->comment, sizeof(position.comment));
        account->positions = room(account->positions, account->position_count,
                &account->position_capacity, sizeof(*account->positions));
        account->positions[account->position_count++] = position;
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
        size_t index = (size_t)(position - account->positions);

        if (volume_e8 > position->volume_e8)
                return -EBADMSG;
        position->volume_e8 -= volume_e8;
        if (position->volume_e8)
                return 0;
        account->position_count--;
        memmove(position, position + 1, (account->position_count - index) * sizeof(*position));
        return 0;
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
                r = add_to_position(position, record);
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
        if (record->ticket >= account->next_ticket)
                account->next_ticket = record->ticket + 1;
        if (record->order >= account->next_ticket)
                account->next_ticket = record->order + 1;
        return 0;
}
