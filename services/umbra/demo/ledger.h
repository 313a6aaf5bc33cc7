#pragma once
/*
 * What the broker saw: mt5-demo's ledger, read line by line as it grows. The one independent witness
 * of the demo's sums. Knows nothing of our own books.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/ids.h"

#define LEDGER_SYMBOL_SIZE 33

/* One ClOrdID as the broker knows it. */
struct ledger_order {
        char cl_ord_id[CL_ORD_ID_SIZE];
        unsigned int requests; /* repeats included: they cost nothing */
        int64_t asked_e8;      /* volume of the newest request */
        int64_t done_e8;       /* volume of its deals */
        unsigned int deals;
        unsigned int positions; /* that its deals opened: more than one is one too many */
        uint32_t retcode;       /* of its newest result */
        bool closes;
};

enum ledger_end {
        LEDGER_OPEN,
        LEDGER_CLOSED_BY_ORDER,
        LEDGER_CLOSED_BY_STOP,
        LEDGER_CLOSED_BY_TARGET,
        LEDGER_CLOSED_OTHERWISE,
};

struct ledger_position {
        uint64_t ticket;
        char symbol[LEDGER_SYMBOL_SIZE]; /* the broker's */
        bool is_buy;
        char opened_by[CL_ORD_ID_SIZE];
        int64_t opened_us, closed_us;
        int64_t left_e8;
        enum ledger_end end;
        char closed_by[CL_ORD_ID_SIZE]; /* CLOSED_BY_ORDER: by the last of them */
};

struct demo_ledger {
        char *path;
        int64_t offset;      /* read so far */
        struct bus_buf rest; /* a line that is not whole yet */
        struct ledger_order *orders;
        size_t order_count, order_capacity;
        struct ledger_position *positions;
        size_t position_count, position_capacity;
        int64_t balance_cents;
        int64_t hello_us; /* of the newest handshake */
        size_t bad_lines; /* that could not be read: then nothing is proved */
};

void demo_ledger_init(struct demo_ledger *ledger, const char *path);
void demo_ledger_done(struct demo_ledger *ledger);
/* Forgets what it has read of orders and positions: what counts is what comes from now on. */
void demo_ledger_forget(struct demo_ledger *ledger);
/* Reads what was added since the last call. 1: something was; 0: nothing; -errno. */
BUS_MUST int demo_ledger_read(struct demo_ledger *ledger);
/* NULL: the broker never saw it. */
const struct ledger_order *demo_ledger_order(
        const struct demo_ledger *ledger, const char *cl_ord_id);
/* Orders with at least one deal. */
size_t demo_ledger_executed(const struct demo_ledger *ledger);
size_t demo_ledger_open(const struct demo_ledger *ledger);
