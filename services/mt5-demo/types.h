#pragma once
/*
 * The words the demo account's pure core shares: sides, actions, quotes, symbols and requests. The
 * enumerations have the values of proto/broker.proto; translate.c holds them to that.
 */
#include "libbus/base/attr.h"
#include "services/broker/broker_codec.h"
#include "services/broker/retcode.h"

#include <stdbool.h>
#include <stdint.h>

enum side {
        SIDE_NONE = 0, /* a modify has none */
        SIDE_BUY = 1,
        SIDE_SELL = 2,
};

enum action {
        ACTION_OPEN = 1,
        ACTION_CLOSE = 2,
        ACTION_MODIFY = 3,
};

enum deal_entry {
        ENTRY_IN = 1,
        ENTRY_OUT = 2,
};

enum deal_reason {
        REASON_EXPERT = 1,
        REASON_STOP = 2,
        REASON_TARGET = 3,
        REASON_CLIENT = 4,
        REASON_STOP_OUT = 5,
};

enum filling {
        FILLING_FOK = 1,
        FILLING_IOC = 2,
        FILLING_RETURN = 4,
};

enum {
        ORDER_ID_SIZE = BROKER_ID_MAX_BYTES + 1,
        SYMBOL_SIZE = BROKER_SYMBOL_MAX_BYTES + 1,
        TEXT_SIZE = BROKER_TEXT_MAX_BYTES + 1,
};

/* Both clocks at one moment: stamps come from the wall, delays from the monotonic one. */
struct instant {
        int64_t wall_us, mono_us;
};

struct quote {
        int64_t bid_e8, ask_e8;
};

/* What the broker says of a symbol; never changes while the process lives. */
struct symbol_spec {
        char name[SYMBOL_SIZE]; /* the broker's */
        unsigned int digits;
        int64_t tick_size_e8;
        int64_t tick_value_cents; /* of one tick of one lot */
        int64_t lot_min_e8, lot_step_e8, lot_max_e8;
        int64_t stops_level_e8;
        int64_t spread_e8;
        int64_t margin_per_lot_cents;
        int64_t start_bid_e8;
        unsigned int filling_modes; /* bits of enum filling */
};

/* A request as it came, whether sensible or not. */
struct order {
        char cl_ord_id[ORDER_ID_SIZE];
        uint32_t attempt;
        uint64_t token;
        enum action action;
        char symbol[SYMBOL_SIZE];
        enum side side;
        int64_t volume_e8;
        int64_t price_e8, deviation_e8; /* price 0: at whatever the market is */
        int64_t sl_e8, tp_e8;           /* 0: none */
        uint64_t magic;
        uint64_t position;   /* ticket; close and modify */
        int64_t deadline_us; /* wall clock; 0: none */
        unsigned int filling;
        char comment[TEXT_SIZE];
};

/* What the terminal answers to an attempt. */
struct report {
        uint32_t retcode;
        uint64_t order, deal, position;
        int64_t volume_e8, price_e8;
        int64_t at_us;
        char comment[TEXT_SIZE];
};

static inline enum side side_opposite(enum side side)
{
        return side == SIDE_BUY ? SIDE_SELL : SIDE_BUY;
}

/* What a deal of SIDE pays or gets. */
static inline int64_t quote_for(struct quote quote, enum side side)
{
        return side == SIDE_BUY ? quote.ask_e8 : quote.bid_e8;
}
