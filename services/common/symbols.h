#pragma once
/*
 * The symbol table: what every symbol we trade is (digits, pip, lots, stop distances), and ingest's
 * map from other spellings to our names. Starts with the defaults of docs/v3.md, Symbols; sections
 * [symbol.NAME] of a configuration and `--set symbol.NAME.key=value` change or add rows through
 * symbols_set(). A table that passed symbols_check() is complete and each value is in its range.
 */
#include "libbus/base/bytes.h"
#include "umbra/v3.h"

#define SYMBOLS_ERROR_SIZE 192

struct symbols {
        struct v3_symbol *items; /* owned; in the order of the defaults, then as added */
        uint32_t *given; /* per item, which keys were told (SYMBOLS_ALL_KEYS when complete) */
        size_t count;
        struct symbols_alias *aliases; /* owned; empty by default */
        size_t alias_count;
};

struct symbols_alias {
        char alias[V3_SYMBOL_SIZE];
        char name[V3_SYMBOL_SIZE];
};

void symbols_init(struct symbols *symbols); /* the defaults */
void symbols_done(struct symbols *symbols);

/* [A-Za-z0-9._#-]{1,32} */
bool symbols_name_valid(const char *text, size_t size);

/* Our symbol of that name: an exact match first, then the alias map. NULL if there is none. */
const struct v3_symbol *symbols_find(const struct symbols *symbols, const char *name);

/*
 * Applies one override, e.g. ("XAUUSD", "max_lot", "3"). A NAME that is not in the table adds a
 * row, which needs every key (symbols_check tells which are missing). Keys: digits pip usd_per_pip
 * min_lot lot_step max_lot min_stop_pips fallback_sl_pips (five, as 150/150/50/40/40).
 * -ENOENT: no such key; -EINVAL: the name or the value will not do. Either way one line in ERROR
 * that names the culprit, and the table is unchanged.
 */
BUS_MUST int symbols_set(struct symbols *symbols, const char *name, const char *key,
        const char *value, char error[static SYMBOLS_ERROR_SIZE]);

/* ALIAS is what alerts may say for our NAME. -EINVAL with a line in ERROR. */
BUS_MUST int symbols_alias(struct symbols *symbols, const char *alias, const char *name,
        char error[static SYMBOLS_ERROR_SIZE]);

/* After the last change. -EINVAL with a line in ERROR: a row that lacks a key, values that
 * contradict each other (minimum lot over maximum, lots off the step), an alias to nowhere. */
BUS_MUST int symbols_check(const struct symbols *symbols, char error[static SYMBOLS_ERROR_SIZE]);

/* Adds the table (without aliases) as canonical text, sorted by name, for configuration hashes. */
void symbols_canonical(const struct symbols *symbols, struct bus_buf *buf);
