#pragma once
/*
 * One line of the ledger. The fields a record has follow from its event; the others are zero and
 * are not written. Pure.
 */
#include "libbus/base/bytes.h"
#include "services/mt5-demo/types.h"

enum event {
        EVENT_ACCOUNT = 1, /* the account as opened: first line of every ledger */
        EVENT_START,       /* the process started here */
        EVENT_HELLO,       /* a handshake was completed */
        EVENT_REFUSED,     /* a handshake was not */
        EVENT_TOKEN,       /* the highest executor token rose */
        EVENT_REQUEST,     /* a Submit arrived; repeats are written too */
        EVENT_RESULT,      /* what an attempt was answered */
        EVENT_DEAL,        /* something was bought or sold */
        EVENT_MODIFY,      /* a position's stop and target changed */
        EVENT_TOMBSTONE,   /* an attempt will never be executed */
        EVENT_FAULT,       /* a fault was set, cleared or struck */
};

struct record {
        enum event event;
        int64_t at_us;
        char cl_ord_id[ORDER_ID_SIZE];
        uint32_t attempt;
        uint64_t token;
        enum action action;
        char symbol[SYMBOL_SIZE];
        unsigned int digits; /* of the symbol, for the prices' text; not written */
        enum side side;
        int64_t volume_e8;
        int64_t price_e8, deviation_e8, sl_e8, tp_e8;
        uint64_t ticket; /* of the deal */
        uint64_t order;
        uint64_t position;
        uint32_t retcode;
        enum deal_entry entry;
        enum deal_reason reason;
        int64_t profit_cents;
        int64_t balance_cents; /* of the account, after this */
        uint64_t magic;
        unsigned int filling;
        int64_t deadline_us;
        char comment[TEXT_SIZE];
};

/* Adds RECORD as one line of JSON with its line break. */
void record_write(const struct record *record, struct bus_buf *buf);
/* LINE without its line break. -EBADMSG if it is no such record; *RET_RECORD is then untouched. */
BUS_MUST int record_read(struct bus_bytes line, struct record *ret_record);

/* The fields REQUEST lines take from an order, and back. */
struct record record_of_order(const struct order *order, unsigned int digits, int64_t at_us);
struct order record_order(const struct record *record);

const char *event_name(enum event event);
const char *action_name(enum action action);      /* "open" */
const char *side_name(enum side side);            /* "buy"; "" for none */
const char *reason_name(enum deal_reason reason); /* "expert" */
