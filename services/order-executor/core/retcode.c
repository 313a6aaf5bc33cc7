/*
 * Keeps: one row for every retcode the executor has an opinion on; nothing else decides on numbers.
 */
#include "services/order-executor/core/retcode.h"

#include "services/broker/retcode.h"

enum applies {
        APPLIES_ALL,
        APPLIES_CLOSE, /* for the other actions the code makes no sense, so it is in doubt */
};

static const struct row {
        uint16_t retcode;
        uint8_t class;
        uint8_t applies;
        bool config_fault;
} rows[] = {
        { RETCODE_REQUOTE, EX_CLASS_PRICE },
        { RETCODE_REJECT, EX_CLASS_NEVER },
        { RETCODE_CANCEL, EX_CLASS_NEVER },
        { RETCODE_PLACED, EX_CLASS_PLACED },
        { RETCODE_DONE, EX_CLASS_DONE },
        { RETCODE_DONE_PARTIAL, EX_CLASS_DONE },
        { RETCODE_ERROR, EX_CLASS_UNKNOWN },
        { RETCODE_TIMEOUT, EX_CLASS_UNKNOWN },
        { RETCODE_INVALID, EX_CLASS_NEVER, .config_fault = true },
        { RETCODE_INVALID_VOLUME, EX_CLASS_NEVER, .config_fault = true },
        { RETCODE_INVALID_PRICE, EX_CLASS_NEVER },
        { RETCODE_INVALID_STOPS, EX_CLASS_NEVER },
        { RETCODE_TRADE_DISABLED, EX_CLASS_CLOSED },
        { RETCODE_MARKET_CLOSED, EX_CLASS_CLOSED },
        { RETCODE_NO_MONEY, EX_CLASS_ACCOUNT },
        { RETCODE_PRICE_CHANGED, EX_CLASS_PRICE },
        { RETCODE_PRICE_OFF, EX_CLASS_PRICE },
        { RETCODE_INVALID_EXPIRATION, EX_CLASS_NEVER, .config_fault = true },
        { RETCODE_ORDER_CHANGED, EX_CLASS_NEVER },
        { RETCODE_TOO_MANY_REQUESTS, EX_CLASS_WAIT },
        { RETCODE_NO_CHANGES, EX_CLASS_DONE },
        { RETCODE_SERVER_DISABLES_AT, EX_CLASS_CLOSED },
        { RETCODE_CLIENT_DISABLES_AT, EX_CLASS_CLOSED },
        { RETCODE_LOCKED, EX_CLASS_WAIT },
        { RETCODE_FROZEN, EX_CLASS_WAIT },
        { RETCODE_INVALID_FILL, EX_CLASS_NEVER, .config_fault = true },
        { RETCODE_CONNECTION, EX_CLASS_UNKNOWN },
        { RETCODE_ONLY_REAL, EX_CLASS_NEVER, .config_fault = true },
        { RETCODE_LIMIT_ORDERS, EX_CLASS_ACCOUNT },
        { RETCODE_LIMIT_VOLUME, EX_CLASS_ACCOUNT },
        { RETCODE_INVALID_ORDER, EX_CLASS_NEVER, .config_fault = true },
        { RETCODE_POSITION_CLOSED, EX_CLASS_DONE, APPLIES_CLOSE },
        { RETCODE_INVALID_CLOSE_VOLUME, EX_CLASS_CHANGED, APPLIES_CLOSE },
        { RETCODE_CLOSE_ORDER_EXIST, EX_CLASS_CHANGED, APPLIES_CLOSE },
        { RETCODE_LIMIT_POSITIONS, EX_CLASS_ACCOUNT },
        { RETCODE_REJECT_CANCEL, EX_CLASS_NEVER },
        { RETCODE_LONG_ONLY, EX_CLASS_NEVER, .config_fault = true },
        { RETCODE_SHORT_ONLY, EX_CLASS_NEVER, .config_fault = true },
        { RETCODE_CLOSE_ONLY, EX_CLASS_NEVER, .config_fault = true },
        { RETCODE_FIFO_CLOSE, EX_CLASS_NEVER, .config_fault = true },
        { RETCODE_HEDGE_PROHIBITED, EX_CLASS_NEVER, .config_fault = true },
};

static const struct row *find_row(uint32_t retcode)
{
        for (size_t i = 0; i < BUS_COUNT(rows); i++)
                if (rows[i].retcode == retcode)
                        return &rows[i];
        return NULL;
}

enum ex_class ex_retcode_class(Pb__Action action, uint32_t retcode)
{
        const struct row *row = find_row(retcode);

        if (!row)
                return EX_CLASS_UNKNOWN;
        if (row->applies == APPLIES_CLOSE && action != PB__ACTION__ACTION_CLOSE)
                return EX_CLASS_UNKNOWN;
        return row->class;
}

bool ex_retcode_is_config_fault(uint32_t retcode)
{
        const struct row *row = find_row(retcode);

        return row && row->config_fault;
}

const char *ex_class_name(enum ex_class class)
{
        static const char *const names[] = {
                [EX_CLASS_UNKNOWN] = "unknown",
                [EX_CLASS_DONE] = "done",
                [EX_CLASS_PLACED] = "placed",
                [EX_CLASS_PRICE] = "price_moved",
                [EX_CLASS_WAIT] = "wait",
                [EX_CLASS_NEVER] = "never",
                [EX_CLASS_CHANGED] = "changed",
                [EX_CLASS_CLOSED] = "closed",
                [EX_CLASS_ACCOUNT] = "account",
        };

        return names[class];
}
