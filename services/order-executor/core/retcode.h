#pragma once
/*
 * What the executor makes of a broker's answer: (action, retcode) -> class, as one table
 * (docs/order-executor.md, Return codes). Every retcode that is not in the table is in doubt, never a
 * rejection: an order that may live at the broker must not be sent again as a new one. Pure.
 */
#include "libbus/base/attr.h"

#include "broker.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

enum ex_class {
        EX_CLASS_UNKNOWN, /* nobody knows: ask by id */
        EX_CLASS_DONE,    /* record it */
        EX_CLASS_PLACED,  /* taken, not filled: wait for the deal, ask */
        EX_CLASS_PRICE,   /* not executed, the price moved: again at a new price */
        EX_CLASS_WAIT,    /* not executed: back off and try again */
        EX_CLASS_NEVER,   /* not executed and will not be: REJECTED */
        EX_CLASS_CHANGED, /* not executed, the position is not what we thought: look, then close the rest */
        EX_CLASS_CLOSED, /* not executed, no trading now: entries until their deadline, exits on and on */
        EX_CLASS_ACCOUNT, /* not executed, the account cannot: REJECTED, entries are halted */
};

enum ex_class ex_retcode_class(Pb__Action action, uint32_t retcode);
/* The request itself will not do on this symbol, so the next one will not either. */
bool ex_retcode_is_config_fault(uint32_t retcode);
const char *ex_class_name(enum ex_class class); /* "price" */
