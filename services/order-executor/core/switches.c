#include "services/order-executor/core/switches.h"

#include <stdio.h>
#include <string.h>

const char *ex_switches_closed(const struct ex_switches *switches, const char *symbol)
{
        for (size_t i = 0; i < switches->closed_count; i++)
                if (!strcmp(switches->closed[i].symbol, symbol))
                        return switches->closed[i].reason;
        return NULL;
}

bool ex_switches_close(struct ex_switches *switches, const char *symbol, const char *reason)
{
        struct ex_closed_symbol *closed;

        if (ex_switches_closed(switches, symbol))
                return false;
        if (switches->closed_count == EX_CLOSED_SYMBOLS_MAX) {
                switches->halted = true;
                return true;
        }
        closed = &switches->closed[switches->closed_count++];
        snprintf(closed->symbol, sizeof(closed->symbol), "%s", symbol);
        snprintf(closed->reason, sizeof(closed->reason), "%s", reason);
        return true;
}

bool ex_switches_open(struct ex_switches *switches, const char *symbol)
{
        for (size_t i = 0; i < switches->closed_count; i++) {
                if (strcmp(switches->closed[i].symbol, symbol) != 0)
                        continue;
                switches->closed[i] = switches->closed[--switches->closed_count];
                return true;
        }
        return false;
}
