#include "services/mt5-demo/specs.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOT_MIN_E8 (E8_ONE / 100)
#define LOT_MAX_E8 (E8_ONE * 100)

enum {
        WORD_SIZE = 80, /* two names and a colon */
};

struct built_in {
        const char *name;
        unsigned int digits;
        int64_t tick_value_cents; /* a tick is the last digit: a tenth of a pip, for gold a pip */
        const char *price;
};

static const struct built_in built_ins[] = {
        { "EURUSD", 5, 100, "1.08500" },
        { "GBPUSD", 5, 100, "1.27000" },
        { "AUDUSD", 5, 100, "0.66000" },
        { "NZDUSD", 5, 100, "0.60500" },
        { "USDCAD", 5, 80, "1.36000" },
        { "USDJPY", 3, 91, "150.000" },
        { "EURJPY", 3, 95, "162.000" },
        { "GBPJPY", 3, 90, "190.000" },
        { "AUDJPY", 3, 92, "98.000" },
        { "XAUUSD", 2, 100, "2650.00" },
};

/* The next blank-separated word of *TEXT. False at its end, or with *WORD empty where it is too long. */
static bool next_word(const char **text, char word[static WORD_SIZE])
{
        size_t size;

        *text += strspn(*text, " ,");
        size = strcspn(*text, " ,");
        if (!size)
                return false;
        snprintf(word, WORD_SIZE, "%.*s", size < WORD_SIZE ? (int)size : 0, *text);
        *text += size;
        return true;
}

/* Cuts WORD at its colon; "" where there is none. */
static const char *behind_colon(char *word)
{
        char *colon = strchr(word, ':');

        if (!colon)
                return "";
        *colon = 0;
        return colon + 1;
}

static const struct built_in *find_built_in(const char *name)
{
        for (size_t i = 0; i < BUS_COUNT(built_ins); i++)
                if (!strcmp(built_ins[i].name, name))
                        return &built_ins[i];
        return NULL;
}

/* The starting bid of a symbol: the one of the options' list, or the built-in one. */
static int start_bid(const struct built_in *base, const char *prices, int64_t *ret_bid)
{
        char word[WORD_SIZE];
        const char *price, *text = base->price;
        char chosen[WORD_SIZE];

        while (next_word(&prices, word)) {
                price = behind_colon(word);
                if (strcmp(word, base->name))
                        continue;
                snprintf(chosen, sizeof(chosen), "%s", price);
                text = chosen;
        }
        return e8_parse(text, strlen(text), ret_bid);
}

/* What one lot is worth, over the leverage: price / tick size x tick value is its whole value. */
static int margin_per_lot(const struct symbol_spec *spec, int64_t leverage, int64_t *ret_cents)
{
        int64_t worth;
        int r;

        r = e8_muldiv(
                spec->start_bid_e8, spec->tick_value_cents, spec->tick_size_e8, E8_UP, &worth);
        if (r < 0)
                return r;
        return e8_muldiv(worth, 1, leverage, E8_UP, ret_cents);
}

static int make_one(const struct built_in *base, const char *broker_name,
        const struct specs_options *options, struct symbol_spec *ret_spec)
{
        int64_t tick = e8_step_of_digits(base->digits);
        struct symbol_spec spec = {
                .digits = base->digits,
                .tick_size_e8 = tick,
                .tick_value_cents = base->tick_value_cents,
                .lot_min_e8 = LOT_MIN_E8,
                .lot_step_e8 = LOT_MIN_E8,
                .lot_max_e8 = LOT_MAX_E8,
                .stops_level_e8 = options->stops_level_ticks * tick,
                .spread_e8 = options->spread_ticks * tick,
                .filling_modes = options->filling_modes,
        };
        int n, r;

        n = *broker_name
                    ? snprintf(spec.name, sizeof(spec.name), "%s", broker_name)
                    : snprintf(spec.name, sizeof(spec.name), "%s%s", base->name, options->suffix);
        if (n <= 0 || (size_t)n >= sizeof(spec.name))
                return -EINVAL;
        r = start_bid(base, options->prices, &spec.start_bid_e8);
        if (r < 0 || spec.start_bid_e8 <= 0 || spec.start_bid_e8 > BROKER_PRICE_MAX_E8 ||
                spec.start_bid_e8 % tick)
                return -EINVAL;
        r = margin_per_lot(&spec, options->leverage, &spec.margin_per_lot_cents);
        if (r < 0)
                return r;
        *ret_spec = spec;
        return 0;
}

static int add(struct specs *specs, const struct symbol_spec *spec)
{
        if (specs->count >= BROKER_SYMBOLS_MAX)
                return -EINVAL;
        for (size_t i = 0; i < specs->count; i++)
                if (!strcmp(specs->items[i].name, spec->name))
                        return -EINVAL;
        specs->items = bus_xrealloc(specs->items, (specs->count + 1) * sizeof(*specs->items));
        specs->items[specs->count++] = *spec;
        return 0;
}

/* Every price must belong to a symbol there is, or a misspelt one would go unnoticed. */
static int check_prices(const char *prices, char error[static SPECS_ERROR_SIZE])
{
        char word[WORD_SIZE];

        while (next_word(&prices, word)) {
                behind_colon(word);
                if (find_built_in(word))
                        continue;
                snprintf(error, SPECS_ERROR_SIZE, "prices: no built-in symbol \"%s\"", word);
                return -EINVAL;
        }
        return 0;
}

int specs_make(const struct specs_options *options, struct specs *ret_specs,
        char error[static SPECS_ERROR_SIZE])
{
        const char *text = options->symbols, *broker_name;
        struct specs specs = { 0 };
        struct symbol_spec spec;
        char word[WORD_SIZE];

        if (check_prices(options->prices, error) < 0)
                return -EINVAL;
        while (next_word(&text, word)) {
                const struct built_in *base;

                broker_name = behind_colon(word);
                base = find_built_in(word);
                if (!base || make_one(base, broker_name, options, &spec) < 0 ||
                        add(&specs, &spec) < 0) {
                        snprintf(error, SPECS_ERROR_SIZE,
                                base ? "symbols: name or price of \"%s\" will not do, or it is twice there"
                                     : "symbols: no built-in symbol \"%s\"",
                                word);
                        specs_done(&specs);
                        return -EINVAL;
                }
        }
        if (!specs.count) {
                snprintf(error, SPECS_ERROR_SIZE, "symbols: there must be one");
                return -EINVAL;
        }
        *ret_specs = specs;
        return 0;
}

void specs_done(struct specs *specs)
{
        free(specs->items);
        *specs = (struct specs){ 0 };
}

int specs_filling(const char *text, unsigned int *ret_modes)
{
        unsigned int modes = 0;
        char word[WORD_SIZE];

        while (next_word(&text, word)) {
                if (!strcmp(word, "fok"))
                        modes |= FILLING_FOK;
                else if (!strcmp(word, "ioc"))
                        modes |= FILLING_IOC;
                else if (!strcmp(word, "return"))
                        modes |= FILLING_RETURN;
                else
                        return -EINVAL;
        }
        if (!modes)
                return -EINVAL;
        *ret_modes = modes;
        return 0;
}
