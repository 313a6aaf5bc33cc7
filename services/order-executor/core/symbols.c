#include "services/order-executor/core/symbols.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void ex_symbols_init(struct ex_symbols *symbols, const char *suffix)
{
        *symbols = (struct ex_symbols){ 0 };
        snprintf(symbols->suffix, sizeof(symbols->suffix), "%s", suffix);
}

void ex_symbols_done(struct ex_symbols *symbols)
{
        for (size_t i = 0; i < symbols->count; i++)
                free(symbols->items[i]);
        free(symbols->items);
        free(symbols->aliases);
        *symbols = (struct ex_symbols){ 0 };
}

static bool fits(const char *name)
{
        size_t length = strlen(name);

        return length && length < EX_NAME_SIZE;
}

int ex_symbols_alias(struct ex_symbols *symbols, const char *name, const char *broker)
{
        struct ex_alias *alias;

        if (!fits(name) || !fits(broker))
                return -EINVAL;
        for (size_t i = 0; i < symbols->alias_count; i++)
                if (!strcmp(symbols->aliases[i].name, name) ||
                        !strcmp(symbols->aliases[i].broker, broker))
                        return -EEXIST;
        symbols->aliases = bus_xrealloc(
                symbols->aliases, (symbols->alias_count + 1) * sizeof(struct ex_alias));
        alias = &symbols->aliases[symbols->alias_count++];
        snprintf(alias->name, sizeof(alias->name), "%s", name);
        snprintf(alias->broker, sizeof(alias->broker), "%s", broker);
        return 0;
}

static const char *alias_of_broker(const struct ex_symbols *symbols, const char *broker)
{
        for (size_t i = 0; i < symbols->alias_count; i++)
                if (!strcmp(symbols->aliases[i].broker, broker))
                        return symbols->aliases[i].name;
        return NULL;
}

static bool has_alias(const struct ex_symbols *symbols, const char *name)
{
        for (size_t i = 0; i < symbols->alias_count; i++)
                if (!strcmp(symbols->aliases[i].name, name))
                        return true;
        return false;
}

/*
 * A symbol that would take our name although that name is another one's alias keeps its own
 * spelling with a mark that no symbol of ours has: two of them must never share a name.
 */
void ex_symbols_our_name(
        const struct ex_symbols *symbols, const char *broker, char ret_name[static EX_NAME_SIZE])
{
        const char *alias = alias_of_broker(symbols, broker);
        size_t length = strlen(broker), suffix = strlen(symbols->suffix);
        char name[EX_NAME_SIZE];

        if (alias) {
                snprintf(ret_name, EX_NAME_SIZE, "%s", alias);
                return;
        }
        if (suffix && length > suffix && !strcmp(broker + length - suffix, symbols->suffix))
                length -= suffix;
        snprintf(name, sizeof(name), "%.*s", (int)length, broker);
        snprintf(ret_name, EX_NAME_SIZE, "%s%.31s", has_alias(symbols, name) ? "#" : "", name);
}

struct ex_symbol *ex_symbols_by_name(const struct ex_symbols *symbols, const char *name)
{
        for (size_t i = 0; i < symbols->count; i++)
                if (symbols->items[i]->offered && !strcmp(symbols->items[i]->name, name))
                        return symbols->items[i];
        return NULL;
}

struct ex_symbol *ex_symbols_by_broker(const struct ex_symbols *symbols, const char *broker)
{
        for (size_t i = 0; i < symbols->count; i++)
                if (symbols->items[i]->offered && !strcmp(symbols->items[i]->broker, broker))
                        return symbols->items[i];
        return NULL;
}

/* Kept where it was offered before, so that borrowed pointers hold. */
static struct ex_symbol *make_room(struct ex_symbols *symbols, const char *broker)
{
        struct ex_symbol *symbol;

        for (size_t i = 0; i < symbols->count; i++)
                if (!strcmp(symbols->items[i]->broker, broker))
                        return symbols->items[i];
        if (symbols->count == symbols->capacity) {
                symbols->capacity = symbols->capacity ? 2 * symbols->capacity : 32;
                symbols->items = bus_xrealloc(
                        symbols->items, symbols->capacity * sizeof(struct ex_symbol *));
        }
        symbol = bus_new(struct ex_symbol);
        symbols->items[symbols->count++] = symbol;
        return symbol;
}

static void take(struct ex_symbols *symbols, const Pb__BrokerSymbol *from)
{
        struct ex_symbol *symbol = make_room(symbols, from->name);

        *symbol = (struct ex_symbol){
                .offered = true,
                .digits = from->digits,
                .lot_min_e8 = from->lot_min_e8,
                .lot_step_e8 = from->lot_step_e8,
                .lot_max_e8 = from->lot_max_e8,
                .stops_level_e8 = from->stops_level_e8,
                .filling_modes = from->filling_modes,
                .tick_value_cents = from->tick_value_cents,
                .tick_size_e8 = from->tick_size_e8,
                .margin_per_lot_cents = from->margin_per_lot_cents,
        };
        snprintf(symbol->broker, sizeof(symbol->broker), "%s", from->name);
        ex_symbols_our_name(symbols, from->name, symbol->name);
}

void ex_symbols_hello(struct ex_symbols *symbols, const Pb__Hello *hello)
{
        for (size_t i = 0; i < symbols->count; i++)
                symbols->items[i]->offered = false;
        for (size_t i = 0; i < hello->n_symbols; i++)
                take(symbols, hello->symbols[i]);
}

int64_t ex_symbol_quote(const struct ex_symbol *symbol, Pb__Side deal_side)
{
        return deal_side == PB__SIDE__SIDE_BUY ? symbol->ask_e8 : symbol->bid_e8;
}

int64_t ex_symbol_loss_cents(const struct ex_symbol *symbol, int64_t distance_e8, int64_t volume_e8)
{
        int64_t per_lot, loss;

        if (distance_e8 <= 0 || volume_e8 <= 0 || symbol->tick_size_e8 <= 0)
                return 0;
        if (e8_muldiv(distance_e8, symbol->tick_value_cents, symbol->tick_size_e8, E8_UP,
                    &per_lot) < 0 ||
                e8_muldiv(per_lot, volume_e8, E8_ONE, E8_UP, &loss) < 0)
                return INT64_MAX / 4; /* beyond any cap; sums of a few still fit */
        return loss;
}

int64_t ex_symbol_floor_lots(const struct ex_symbol *symbol, int64_t volume_e8)
{
        int64_t floored;

        if (symbol->lot_step_e8 <= 0)
                return volume_e8;
        return e8_round_to(volume_e8, symbol->lot_step_e8, E8_FLOOR, &floored) < 0 ? volume_e8
                                                                                   : floored;
}
