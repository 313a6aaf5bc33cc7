#pragma once
/*
 * What people, or the broker's refusals, have switched off. All of it is durable: a restart lifts
 * nothing.
 */
#include "services/order-executor/core/types.h"

#include <stddef.h>

enum {
        EX_CLOSED_SYMBOLS_MAX = 64, /* symbols closed at one time; more than any account trades */
};

struct ex_closed_symbol {
        char symbol[EX_NAME_SIZE];
        char reason[EX_WORD_SIZE];
};

struct ex_switches {
        bool paused;          /* no entries */
        bool killed;          /* nothing but closes by hand */
        bool halted;          /* no entries: the account cannot (no money, too many orders) */
        bool service_api_off; /* entries go to the link under the hard limits alone */
        struct ex_closed_symbol closed[EX_CLOSED_SYMBOLS_MAX]; /* to entries, until open_symbol */
        size_t closed_count;
        uint64_t epoch;         /* highest of the slot seen */
        int64_t first_start_us; /* of this store, wall clock */
        int64_t restored_us;    /* last restore from a backup; 0: never */
};

/* NULL, or the reason SYMBOL is closed for. */
const char *ex_switches_closed(const struct ex_switches *switches, const char *symbol);
/* True if that is new. Where there is no room left, entries are halted altogether. */
bool ex_switches_close(struct ex_switches *switches, const char *symbol, const char *reason);
bool ex_switches_open(struct ex_switches *switches, const char *symbol); /* true if it was closed */
