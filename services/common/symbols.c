#include "services/common/symbols.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decisions write lots with 2 decimals, so no lot may be finer. */
#define LOT_GRAIN_E8 (E8_ONE / 100)
/* Wide of anything traded, yet no product of the rules can leave 128 bits. */
#define PIP_MAX_E8      (1000 * E8_ONE)
#define USD_PER_PIP_MAX INT64_C(100000000) /* cents: a million dollars a pip */
#define LOT_MAX_E8      (100000 * E8_ONE)
#define PIPS_MAX        1000000
/* A configuration that names more symbols than this is not ours. */
#define SYMBOLS_MAX 1000

enum key {
        KEY_DIGITS,
        KEY_PIP,
        KEY_USD_PER_PIP,
        KEY_MIN_LOT,
        KEY_LOT_STEP,
        KEY_MAX_LOT,
        KEY_MIN_STOP_PIPS,
        KEY_FALLBACK_SL_PIPS,
        KEY_COUNT,
};
#define ALL_KEYS ((1u << KEY_COUNT) - 1)

static const char *const key_names[KEY_COUNT] = {
        [KEY_DIGITS] = "digits",
        [KEY_PIP] = "pip",
        [KEY_USD_PER_PIP] = "usd_per_pip",
        [KEY_MIN_LOT] = "min_lot",
        [KEY_LOT_STEP] = "lot_step",
        [KEY_MAX_LOT] = "max_lot",
        [KEY_MIN_STOP_PIPS] = "min_stop_pips",
        [KEY_FALLBACK_SL_PIPS] = "fallback_sl_pips",
};

/* clang-format off */
#define ROW(symbol, decimals, pip, usd_cents, lots, stop, ...)                                     \
        { .name = (symbol), .digits = (decimals), .pip_e8 = (pip),                                 \
          .usd_per_pip_lot_cents = (usd_cents), .lot_min_e8 = LOT_GRAIN_E8,                        \
          .lot_step_e8 = LOT_GRAIN_E8, .lot_max_e8 = (lots) * E8_ONE, .min_stop_pips = (stop),     \
          .fallback_sl_pips = { __VA_ARGS__ } }

static const struct v3_symbol defaults[] = {
        ROW("EURUSD", 5, E8_ONE / 10000, 1000, 10, 5, 150, 150, 50, 40, 40),
        ROW("GBPUSD", 5, E8_ONE / 10000, 1000, 8, 5, 150, 150, 50, 40, 50),
        ROW("AUDUSD", 5, E8_ONE / 10000, 1000, 8, 5, 150, 150, 50, 40, 50),
        ROW("NZDUSD", 5, E8_ONE / 10000, 1000, 8, 5, 150, 150, 50, 40, 50),
        ROW("USDCAD", 5, E8_ONE / 10000, 800, 10, 5, 150, 150, 50, 40, 50),
        ROW("USDJPY", 3, E8_ONE / 100, 910, 10, 5, 166, 166, 55, 44, 55),
        ROW("EURJPY", 3, E8_ONE / 100, 950, 5, 5, 111, 111, 41, 44, 44),
        ROW("GBPJPY", 3, E8_ONE / 100, 900, 3, 5, 111, 111, 41, 44, 44),
        ROW("AUDJPY", 3, E8_ONE / 100, 920, 5, 5, 111, 111, 41, 44, 44),
        ROW("XAUUSD", 2, E8_ONE / 100, 100, 2, 10, 1000, 1500, 500, 500, 600),
};
/* clang-format on */

static int fault(char *error, int code, const char *format, ...) BUS_PRINTF(3, 4);

static int fault(char *error, int code, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(error, SYMBOLS_ERROR_SIZE, format, args);
        va_end(args);
        return code;
}

void symbols_init(struct symbols *symbols)
{
        *symbols = (struct symbols){ .count = BUS_COUNT(defaults) };
        symbols->items = bus_xmemdup(defaults, sizeof(defaults));
        symbols->given = bus_new_n(uint32_t, symbols->count);
        for (size_t i = 0; i < symbols->count; i++)
                symbols->given[i] = ALL_KEYS;
}

void symbols_done(struct symbols *symbols)
{
        free(symbols->items);
        free(symbols->given);
        free(symbols->aliases);
        *symbols = (struct symbols){ 0 };
}

bool symbols_name_valid(const char *text, size_t size)
{
        if (!size || size >= V3_SYMBOL_SIZE)
                return false;
        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char)text[i];

                if (c >= 0x80 || !c || (!isalnum(c) && !strchr("._#-", c)))
                        return false;
        }
        return true;
}

static struct v3_symbol *find_exact(const struct symbols *symbols, const char *name)
{
        for (size_t i = 0; i < symbols->count; i++)
                if (!strcmp(symbols->items[i].name, name))
                        return &symbols->items[i];
        return NULL;
}

const struct v3_symbol *symbols_find(const struct symbols *symbols, const char *name)
{
        const struct v3_symbol *symbol = find_exact(symbols, name);

        for (size_t i = 0; !symbol && i < symbols->alias_count; i++)
                if (!strcmp(symbols->aliases[i].alias, name))
                        symbol = find_exact(symbols, symbols->aliases[i].name);
        return symbol;
}

static int parse_int(const char *text, int64_t minimum, int64_t maximum, int64_t *ret_value)
{
        char *end;
        long long value;

        if (!isdigit((unsigned char)text[0]))
                return -EINVAL;
        errno = 0;
        value = strtoll(text, &end, 10);
        if (errno || *end || value < minimum || value > maximum)
                return -EINVAL;
        *ret_value = value;
        return 0;
}

static int parse_decimal(const char *text, int64_t maximum_e8, int64_t *ret_e8)
{
        int64_t value;

        if (e8_parse(text, strlen(text), &value) < 0 || value <= 0 || value > maximum_e8)
                return -EINVAL;
        *ret_e8 = value;
        return 0;
}

static int parse_lot(const char *text, int64_t *ret_e8)
{
        int64_t value;

        if (parse_decimal(text, LOT_MAX_E8, &value) < 0 || value % LOT_GRAIN_E8)
                return -EINVAL;
        *ret_e8 = value;
        return 0;
}

static int parse_pips_by_tier(const char *text, int32_t ret_pips[static V3_TIER_COUNT])
{
        char part[16];
        int32_t pips[V3_TIER_COUNT];

        for (int i = 0; i < V3_TIER_COUNT; i++) {
                size_t size = strcspn(text, "/");
                bool last = i == V3_TIER_COUNT - 1;
                int64_t value;

                if (size >= sizeof(part) || (text[size] == '/') == last)
                        return -EINVAL;
                memcpy(part, text, size);
                part[size] = 0;
                if (parse_int(part, 1, PIPS_MAX, &value) < 0)
                        return -EINVAL;
                pips[i] = (int32_t)value;
                text += size + !last;
        }
        memcpy(ret_pips, pips, sizeof(pips));
        return 0;
}

static int set_value(struct v3_symbol *symbol, enum key key, const char *value)
{
        int64_t number;
        int r;

        switch (key) {
        case KEY_DIGITS:
                r = parse_int(value, 0, E8_DIGITS, &number);
                if (r == 0)
                        symbol->digits = (uint32_t)number;
                return r;
        case KEY_PIP: return parse_decimal(value, PIP_MAX_E8, &symbol->pip_e8);
        case KEY_USD_PER_PIP:
                r = cents_parse(value, strlen(value), &number);
                if (r < 0 || number <= 0 || number > USD_PER_PIP_MAX)
                        return -EINVAL;
                symbol->usd_per_pip_lot_cents = number;
                return 0;
        case KEY_MIN_LOT: return parse_lot(value, &symbol->lot_min_e8);
        case KEY_LOT_STEP: return parse_lot(value, &symbol->lot_step_e8);
        case KEY_MAX_LOT: return parse_lot(value, &symbol->lot_max_e8);
        case KEY_MIN_STOP_PIPS:
                r = parse_int(value, 0, PIPS_MAX, &number);
                if (r == 0)
                        symbol->min_stop_pips = (int32_t)number;
                return r;
        case KEY_FALLBACK_SL_PIPS: return parse_pips_by_tier(value, symbol->fallback_sl_pips);
        case KEY_COUNT: break;
        }
        return -EINVAL;
}

static const char *const value_forms[KEY_COUNT] = {
        [KEY_DIGITS] = "0 to 8",
        [KEY_PIP] = "a decimal over 0, at most 1000",
        [KEY_USD_PER_PIP] = "dollars over 0 with at most 2 decimals",
        [KEY_MIN_LOT] = "lots over 0, a multiple of 0.01",
        [KEY_LOT_STEP] = "lots over 0, a multiple of 0.01",
        [KEY_MAX_LOT] = "lots over 0, a multiple of 0.01",
        [KEY_MIN_STOP_PIPS] = "0 to 1000000",
        [KEY_FALLBACK_SL_PIPS] = "five numbers of pips, such as 150/150/50/40/40",
};

static enum key key_of(const char *text)
{
        enum key key = 0;

        while (key < KEY_COUNT && strcmp(key_names[key], text) != 0)
                key++;
        return key;
}

static size_t add_row(struct symbols *symbols, const char *name)
{
        size_t i = symbols->count++;

        symbols->items = bus_xrealloc(symbols->items, symbols->count * sizeof(*symbols->items));
        symbols->given = bus_xrealloc(symbols->given, symbols->count * sizeof(*symbols->given));
        symbols->items[i] = (struct v3_symbol){ 0 };
        symbols->given[i] = 0;
        strcpy(symbols->items[i].name, name);
        return i;
}

int symbols_set(struct symbols *symbols, const char *name, const char *key_text, const char *value,
        char error[static SYMBOLS_ERROR_SIZE])
{
        enum key key = key_of(key_text);
        const struct v3_symbol *row = find_exact(symbols, name);
        struct v3_symbol changed = row ? *row : (struct v3_symbol){ 0 };
        size_t i;

        if (!symbols_name_valid(name, strlen(name)))
                return fault(error, -EINVAL, "symbol.%.40s: not a symbol's name", name);
        if (key == KEY_COUNT)
                return fault(error, -ENOENT, "symbol.%s.%.40s: no such key", name, key_text);
        if (set_value(&changed, key, value) < 0)
                return fault(error, -EINVAL, "symbol.%s.%s: must be %s, not \"%.40s\"", name,
                        key_text, value_forms[key], value);
        if (!row && symbols->count >= SYMBOLS_MAX)
                return fault(error, -EINVAL, "symbol.%s: more than %d symbols", name, SYMBOLS_MAX);

        i = row ? (size_t)(row - symbols->items) : add_row(symbols, name);
        memcpy(changed.name, symbols->items[i].name, sizeof(changed.name));
        symbols->items[i] = changed;
        symbols->given[i] |= 1u << key;
        return 0;
}

int symbols_alias(struct symbols *symbols, const char *alias, const char *name,
        char error[static SYMBOLS_ERROR_SIZE])
{
        struct symbols_alias *row;

        if (!symbols_name_valid(alias, strlen(alias)))
                return fault(error, -EINVAL, "alias %.40s: not a symbol's name", alias);
        if (!symbols_name_valid(name, strlen(name)))
                return fault(
                        error, -EINVAL, "alias %s: \"%.40s\" is not a symbol's name", alias, name);
        for (size_t i = 0; i < symbols->alias_count; i++)
                if (!strcmp(symbols->aliases[i].alias, alias))
                        return fault(error, -EINVAL, "alias %s: given twice", alias);
        if (symbols->alias_count >= SYMBOLS_MAX)
                return fault(error, -EINVAL, "alias %s: more than %d aliases", alias, SYMBOLS_MAX);

        symbols->aliases = bus_xrealloc(
                symbols->aliases, (symbols->alias_count + 1) * sizeof(*symbols->aliases));
        row = &symbols->aliases[symbols->alias_count++];
        strcpy(row->alias, alias);
        strcpy(row->name, name);
        return 0;
}

static int check_row(const struct v3_symbol *symbol, uint32_t given, char *error)
{
        for (enum key key = 0; key < KEY_COUNT; key++)
                if (!(given & 1u << key))
                        return fault(error, -EINVAL, "symbol.%s: %s is missing", symbol->name,
                                key_names[key]);
        if (symbol->lot_min_e8 % symbol->lot_step_e8)
                return fault(error, -EINVAL, "symbol.%s: min_lot is no multiple of lot_step",
                        symbol->name);
        if (symbol->lot_min_e8 > symbol->lot_max_e8)
                return fault(error, -EINVAL, "symbol.%s: min_lot is over max_lot", symbol->name);
        return 0;
}

int symbols_check(const struct symbols *symbols, char error[static SYMBOLS_ERROR_SIZE])
{
        int r;

        for (size_t i = 0; i < symbols->count; i++) {
                r = check_row(&symbols->items[i], symbols->given[i], error);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < symbols->alias_count; i++) {
                const struct symbols_alias *row = &symbols->aliases[i];

                if (!find_exact(symbols, row->name))
                        return fault(error, -EINVAL, "alias %s: there is no symbol %s", row->alias,
                                row->name);
        }
        return 0;
}

static int by_name(const void *a, const void *b)
{
        const struct v3_symbol *const *left = a, *const *right = b;

        return strcmp((*left)->name, (*right)->name);
}

static void add_e8(struct bus_buf *buf, enum key key, int64_t value)
{
        char text[E8_TEXT_SIZE];

        bus_buf_printf(buf, " %s=%s", key_names[key], e8_format_short(value, text));
}

static void add_row_text(struct bus_buf *buf, const struct v3_symbol *symbol)
{
        char text[E8_TEXT_SIZE];

        bus_buf_printf(buf, "symbol %s %s=%u", symbol->name, key_names[KEY_DIGITS], symbol->digits);
        add_e8(buf, KEY_PIP, symbol->pip_e8);
        bus_buf_printf(buf, " %s=%s", key_names[KEY_USD_PER_PIP],
                cents_format(symbol->usd_per_pip_lot_cents, text));
        add_e8(buf, KEY_MIN_LOT, symbol->lot_min_e8);
        add_e8(buf, KEY_LOT_STEP, symbol->lot_step_e8);
        add_e8(buf, KEY_MAX_LOT, symbol->lot_max_e8);
        bus_buf_printf(buf, " %s=%d %s=", key_names[KEY_MIN_STOP_PIPS], symbol->min_stop_pips,
                key_names[KEY_FALLBACK_SL_PIPS]);
        for (int i = 0; i < V3_TIER_COUNT; i++)
                bus_buf_printf(buf, "%s%d", i ? "/" : "", symbol->fallback_sl_pips[i]);
        bus_buf_add_str(buf, "\n");
}

void symbols_canonical(const struct symbols *symbols, struct bus_buf *buf)
{
        const struct v3_symbol **rows = bus_new_n(const struct v3_symbol *, symbols->count + 1);

        for (size_t i = 0; i < symbols->count; i++)
                rows[i] = &symbols->items[i];
        qsort(rows, symbols->count, sizeof(*rows), by_name);
        for (size_t i = 0; i < symbols->count; i++)
                add_row_text(buf, rows[i]);
        free(rows);
}
