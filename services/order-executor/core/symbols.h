#pragma once
/*
 * Our names of symbols and the broker's, what the broker says of each, and its last quote. Inside
 * the bus only our names exist; the translation happens here, both ways. Pure.
 *
 * A broker's name is: the alias where there is one, else our name with the suffix. A broker's symbol
 * that is nobody's alias and lacks the suffix keeps its name: positions on it are shown, not traded.
 */
#include "services/order-executor/core/types.h"

#include "broker.pb-c.h"

#include <stddef.h>

struct ex_symbol {
        char name[EX_NAME_SIZE];   /* ours */
        char broker[EX_NAME_SIZE]; /* the broker's */
        bool offered;              /* in the terminal's last Hello */
        uint32_t digits;
        int64_t lot_min_e8, lot_step_e8, lot_max_e8;
        int64_t stops_level_e8;
        uint32_t filling_modes;
        int64_t tick_value_cents, tick_size_e8;
        int64_t margin_per_lot_cents;
        int64_t bid_e8, ask_e8; /* 0: no quote since the terminal came */
        int64_t quoted_us;      /* monotonic, when it came */
};

struct ex_symbols {
        struct ex_symbol **items; /* owned; pointers stay valid */
        size_t count, capacity;
        struct ex_alias *aliases; /* owned */
        size_t alias_count;
        char suffix[EX_NAME_SIZE];
};

struct ex_alias {
        char name[EX_NAME_SIZE], broker[EX_NAME_SIZE];
};

void ex_symbols_init(struct ex_symbols *symbols, const char *suffix); /* suffix may be "" */
void ex_symbols_done(struct ex_symbols *symbols);
/* -EEXIST if either name is already in a pair, -EINVAL if one is too long or empty. */
BUS_MUST int ex_symbols_alias(struct ex_symbols *symbols, const char *name, const char *broker);

/* Takes over what a terminal offers; quotes of an earlier one are forgotten. */
void ex_symbols_hello(struct ex_symbols *symbols, const Pb__Hello *hello);
/* NULL if the broker does not offer it. */
struct ex_symbol *ex_symbols_by_name(const struct ex_symbols *symbols, const char *name);
struct ex_symbol *ex_symbols_by_broker(const struct ex_symbols *symbols, const char *broker);
/* Our name of the broker's, whether it is offered or not. */
void ex_symbols_our_name(
        const struct ex_symbols *symbols, const char *broker, char ret_name[static EX_NAME_SIZE]);

/* The price at which a deal of SIDE is done now; 0 without a quote. */
int64_t ex_symbol_quote(const struct ex_symbol *symbol, Pb__Side deal_side);
/* The loss of VOLUME when the price goes DISTANCE the wrong way, rounded up to the cent. */
int64_t ex_symbol_loss_cents(
        const struct ex_symbol *symbol, int64_t distance_e8, int64_t volume_e8);
/* VOLUME floored to the lot step. */
int64_t ex_symbol_floor_lots(const struct ex_symbol *symbol, int64_t volume_e8);
