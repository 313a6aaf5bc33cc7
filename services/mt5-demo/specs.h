#pragma once
/*
 * The symbols this broker offers: ten built-in ones, under the names it chooses to give them. Pure.
 */
#include "services/mt5-demo/types.h"

#define SPECS_ERROR_SIZE 160

struct specs_options {
        /* "EURUSD XAUUSD:GOLD": our name, and after a colon the broker's where it differs. */
        const char *symbols;
        const char *suffix; /* behind every name that has no colon: ".a" */
        const char
                *prices; /* "XAUUSD:2650.00 EURUSD:1.08": starting bids other than the built-in */
        int64_t spread_ticks, stops_level_ticks;
        int64_t leverage;
        unsigned int filling_modes; /* bits of enum filling */
};

struct specs {
        struct symbol_spec *items; /* owned */
        size_t count;
};

/* -EINVAL with one line in ERROR. */
BUS_MUST int specs_make(const struct specs_options *options, struct specs *ret_specs,
        char error[static SPECS_ERROR_SIZE]);
void specs_done(struct specs *specs);

/* "fok ioc return" -> bits. -EINVAL for another word or none. */
BUS_MUST int specs_filling(const char *text, unsigned int *ret_modes);
