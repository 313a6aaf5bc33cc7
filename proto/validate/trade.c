/*
 * The trade: what became of an order.
 */
#include "proto/validate.h"
#include "proto/validate/check.h"

#include "trade.pb-c.h"

enum {
        ATTEMPT_MAX =
                1000000,     /* an exit is tried for as long as its ticket is open, with back-off */
        RETCODE_MAX = 65535, /* TRADE_RETCODE_* of MQL5 are 10004 to 10046 */
};

/* What happens to one leg or close names it; what happens to the alert as a whole does not. */
static bool names_one_order(int event)
{
        switch (event) {
        case PB__TRADE_EVENT__TRADE_EVENT_INTENT:
        case PB__TRADE_EVENT__TRADE_EVENT_PLACED:
        case PB__TRADE_EVENT__TRADE_EVENT_FILLED:
        case PB__TRADE_EVENT__TRADE_EVENT_PARTIAL:
        case PB__TRADE_EVENT__TRADE_EVENT_REJECTED:
        case PB__TRADE_EVENT__TRADE_EVENT_UNKNOWN:
        case PB__TRADE_EVENT__TRADE_EVENT_NOT_EXECUTED:
        case PB__TRADE_EVENT__TRADE_EVENT_MANUAL: return true;
        default: return false;
        }
}

static int validate_what(const Pb__Trade *trade, const char **ret_why)
{
        const bool one = names_one_order(trade->event);
        const bool refused = trade->event == PB__TRADE_EVENT__TRADE_EVENT_REFUSED;
        const struct check checks[] = {
                { check_enum(trade->event, PB__TRADE_EVENT__TRADE_EVENT_MODIFIED), "event" },
                { check_name_or_empty(trade->slot), "slot" }, /* a deal nobody of us asked for */
                { check_counter(trade->epoch), "epoch" },
                { check_name_or_empty(trade->plugin), "plugin" },
                { check_any_symbol(trade->symbol), "symbol" },
                { check_enum_or_none(trade->role, PB__ORDER_ROLE__ORDER_ROLE_MANUAL_CLOSE),
                        "role" },
                { !one || trade->role, "role" },
                { check_enum_or_none(trade->state, PB__ORDER_STATE__ORDER_STATE_PARTLY), "state" },
                { !one || trade->state, "state" },
                { check_cl_ord_id_or_empty(trade->cl_ord_id), "cl_ord_id" },
                { !one || check_cl_ord_id(trade->cl_ord_id), "cl_ord_id" },
                { check_range(trade->attempt, 0, ATTEMPT_MAX), "attempt" },
                { check_enum_or_none(trade->side, PB__SIDE__SIDE_SELL), "side" },
                { check_word(trade->reason, refused, CHECK_WORD_MAX), "reason" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}

static int validate_figures(const Pb__Trade *trade, const char **ret_why)
{
        const struct check checks[] = {
                { check_volume_or_none(trade->volume_e8), "volume_e8" },
                { check_volume_or_none(trade->filled_e8), "filled_e8" },
                { check_price_or_none(trade->price_e8), "price_e8" },
                { check_price_or_none(trade->sl_e8), "sl_e8" },
                { check_price_or_none(trade->tp_e8), "tp_e8" },
                { check_counter(trade->ticket), "ticket" },
                { check_counter(trade->deal), "deal" },
                { check_range(trade->retcode, 0, RETCODE_MAX), "retcode" },
                { check_money(trade->profit_cents), "profit_cents" },
                { check_money(trade->commission_cents), "commission_cents" },
                { check_money(trade->swap_cents), "swap_cents" },
                { check_enum_or_none(trade->deal_reason, PB__DEAL_REASON__DEAL_REASON_STOP_OUT),
                        "deal_reason" },
                { check_price_or_none(trade->alert_price_e8), "alert_price_e8" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}

int validate_trade(const Pb__Trade *trade, const char **ret_why)
{
        int r;

        r = validate_what(trade, ret_why);
        return r < 0 ? r : validate_figures(trade, ret_why);
}
