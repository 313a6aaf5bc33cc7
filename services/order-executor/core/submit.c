#include "services/order-executor/core/submit.h"

#include "libbus/base/e8.h"

#include <errno.h>

Pb__Filling ex_filling_of(uint32_t offered)
{
        if (offered & PB__FILLING__FILLING_FOK)
                return PB__FILLING__FILLING_FOK;
        if (offered & PB__FILLING__FILLING_IOC)
                return PB__FILLING__FILLING_IOC;
        return PB__FILLING__FILLING_RETURN;
}

static int64_t deviation_of(const struct ex_book *book, int64_t price_e8)
{
        int64_t deviation;

        if (e8_muldiv(price_e8, book->rules.max_deviation_e8, 100 * E8_ONE, E8_FLOOR, &deviation) <
                0)
                return 0;
        return deviation;
}

static char *text(const char *borrowed)
{
        return (char *)(uintptr_t)borrowed;
}

int ex_submit_of(const struct ex_book *book, const struct ex_order *order, uint64_t executor_token,
        Pb__Submit *ret_submit)
{
        const struct ex_symbol *symbol = ex_symbols_by_name(&book->symbols, order->job->symbol);
        const bool opens = ex_order_is_leg(order);

        if (!symbol)
                return -ENOENT;
        pb__submit__init(ret_submit);
        ret_submit->cl_ord_id = text(order->id);
        ret_submit->comment = text(order->id);
        ret_submit->attempt = order->attempt;
        ret_submit->executor_token = executor_token;
        ret_submit->action = opens ? PB__ACTION__ACTION_OPEN : PB__ACTION__ACTION_CLOSE;
        ret_submit->symbol = text(symbol->broker);
        ret_submit->side = opens ? order->side : ex_side_opposite(order->side);
        ret_submit->volume_e8 = ex_symbol_floor_lots(symbol, order->volume_e8);
        ret_submit->price_e8 = ex_symbol_quote(symbol, ret_submit->side);
        ret_submit->deviation_e8 = deviation_of(book, ret_submit->price_e8);
        ret_submit->magic = book->magic;
        ret_submit->filling = ex_filling_of(symbol->filling_modes);
        if (opens) {
                ret_submit->sl_e8 = order->sl_e8;
                ret_submit->tp_e8 = order->tp_e8;
                ret_submit->deadline_us = order->expires_wall_us + book->clock_ahead_us;
        } else {
                ret_submit->position = order->ticket;
        }
        return 0;
}
