/* What became of orders. */
#include "libbus/base/e8.h"
#include "libbus/base/ids.h"
#include "services/telegram-notify/tell.h"

#include <inttypes.h>

#define EVENT(name) PB__TRADE_EVENT__TRADE_EVENT_##name

/* How an event is told. */
struct manner {
        const char *section;
        enum tell_kind kind;
        enum tg_priority priority;
};

static bool is_leg(const Pb__Trade *trade)
{
        return trade->role == PB__ORDER_ROLE__ORDER_ROLE_LEG_A ||
               trade->role == PB__ORDER_ROLE__ORDER_ROLE_LEG_B;
}

/*
 * A position was closed, or somebody else traded. What we asked for comes with its result here and
 * nowhere else; that a leg was filled is told by its own event.
 */
static bool manner_of_deal(const Pb__Trade *trade, struct manner *manner)
{
        switch (trade->deal_reason) {
        case PB__DEAL_REASON__DEAL_REASON_STOP:
                *manner = (struct manner){ "stop", TELL_STOP, TG_PRIORITY_FILL };
                return true;
        case PB__DEAL_REASON__DEAL_REASON_TARGET:
                *manner = (struct manner){ "target", TELL_TARGET, TG_PRIORITY_FILL };
                return true;
        case PB__DEAL_REASON__DEAL_REASON_STOP_OUT:
                *manner = (struct manner){ "stop_out", TELL_STOP, TG_PRIORITY_FILL };
                return true;
        case PB__DEAL_REASON__DEAL_REASON_CLIENT:
                *manner = (struct manner){ "hand", TELL_HAND, TG_PRIORITY_FILL };
                return true;
        default:
                if (is_leg(trade))
                        return false;
                *manner = trade->role == PB__ORDER_ROLE__ORDER_ROLE_REVERSAL_CLOSE
                                  ? (struct manner){ "reversal", TELL_REVERSAL, TG_PRIORITY_FILL }
                                  : (struct manner){ "exit", TELL_EXIT, TG_PRIORITY_FILL };
                return true;
        }
}

static bool manner_of_fill(const Pb__Trade *trade, struct manner *manner)
{
        if (is_leg(trade))
                *manner = (struct manner){ "entry", TELL_ENTRY, TG_PRIORITY_FILL };
        else if (trade->event == EVENT(PARTIAL))
                *manner = (struct manner){ "close_partial", TELL_EXIT, TG_PRIORITY_FILL };
        else if (!strcmp(trade->reason, "already_closed"))
                *manner = (struct manner){ "already_closed", TELL_EXIT, TG_PRIORITY_REST };
        else
                return false; /* its deal tells it */
        return true;
}

static bool manner_of(const Pb__Trade *trade, struct manner *manner)
{
        static const struct manner manners[] = {
                [EVENT(REFUSED)] = { "refused", TELL_REJECTION, TG_PRIORITY_REST },
                [EVENT(EXPIRED)] = { "expired", TELL_EXPIRY, TG_PRIORITY_REST },
                [EVENT(REJECTED)] = { "broker_rejected", TELL_REJECTION, TG_PRIORITY_REST },
                [EVENT(UNKNOWN)] = { "unknown", TELL_UNKNOWN, TG_PRIORITY_FILL },
                [EVENT(NOT_EXECUTED)] = { "not_executed", TELL_UNKNOWN, TG_PRIORITY_FILL },
                [EVENT(MANUAL)] = { "settlement", TELL_SETTLEMENT, TG_PRIORITY_FILL },
                [EVENT(NOTHING_TO_CLOSE)] = { "nothing_to_close", TELL_EXIT, TG_PRIORITY_REST },
                [EVENT(ADOPTED)] = { "adopted", TELL_POSITION, TG_PRIORITY_FILL },
                [EVENT(MODIFIED)] = { "modified", TELL_POSITION, TG_PRIORITY_REST },
        };

        switch (trade->event) {
        case EVENT(FILLED):
        case EVENT(PARTIAL): return manner_of_fill(trade, manner);
        case EVENT(DEAL): return manner_of_deal(trade, manner);
        default:
                if (trade->event >= BUS_COUNT(manners) || !manners[trade->event].section)
                        return false; /* on its way, or the sum of what was told */
                *manner = manners[trade->event];
                return true;
        }
}

/* ---- values ---- */

/* What the fill loses at its stop: pips times money a pip, down to the cent. 0: unknown. */
static int64_t risk_cents(const struct teller *teller, const Pb__Trade *trade)
{
        const struct v3_symbol *symbol = symbols_find(teller->symbols, trade->symbol);
        int64_t distance_e8 = trade->price_e8 - trade->sl_e8, lots_cents, cents;

        if (!symbol || !symbol->pip_e8 || !trade->sl_e8 || !trade->price_e8)
                return 0;
        if (trade->side == PB__SIDE__SIDE_SELL)
                distance_e8 = -distance_e8;
        if (distance_e8 <= 0 ||
                e8_muldiv(trade->filled_e8, symbol->usd_per_pip_lot_cents, 1, E8_FLOOR,
                        &lots_cents) < 0 ||
                e8_muldiv(distance_e8, lots_cents, symbol->pip_e8, E8_FLOOR, &cents) < 0)
                return 0;
        return cents / E8_ONE; /* down, as it is positive */
}

/* The fill against the alert's price, in the smallest steps of the price; against us is positive. */
static void set_slippage(
        const struct teller *teller, struct texts_values *values, const Pb__Trade *trade)
{
        const struct v3_symbol *symbol = symbols_find(teller->symbols, trade->symbol);
        int64_t steps;
        char buffer[32];

        if (!symbol || !trade->alert_price_e8 || !trade->price_e8 || !is_leg(trade))
                return;
        steps = (trade->price_e8 - trade->alert_price_e8) / e8_step_of_digits(symbol->digits);
        if (trade->side == PB__SIDE__SIDE_SELL)
                steps = -steps;
        texts_set(values, "slippage", "%+" PRId64 " %s", steps,
                texts_word(teller->texts, "word", "points", buffer, sizeof(buffer)));
}

static void set_number(struct texts_values *values, const char *name, uint64_t number)
{
        if (number)
                texts_set(values, name, "%" PRIu64, number);
}

static void set_money(struct texts_values *values, const Pb__Trade *trade, int64_t risk)
{
        if (risk)
                tell_set_cents(values, "risk", risk);
        if (trade->event != EVENT(DEAL))
                return;
        tell_set_cents(values, "result",
                trade->profit_cents + trade->commission_cents + trade->swap_cents);
        if (trade->commission_cents)
                tell_set_cents(values, "commission", trade->commission_cents);
        if (trade->swap_cents)
                tell_set_cents(values, "swap", trade->swap_cents);
}

static void set_times(const struct teller *teller, struct texts_values *values,
        const struct tell_frame *frame, const Pb__Trade *trade, const struct tell_past *past)
{
        int64_t end_us = frame->reported_us ? frame->reported_us : frame->at_us;

        /* of a stop or target the alert is the one that opened the position */
        if (bus_id_valid(frame->alert_id) && trade->role)
                tell_set_span(teller, values, "took", end_us - bus_id_us(frame->alert_id));
        if (past->opened_us)
                tell_set_span(teller, values, "held", frame->at_us - past->opened_us);
        tell_set_price(teller, values, "open_price", trade->symbol, past->open_price_e8);
}

static void set_values(const struct teller *teller, struct texts_values *values,
        const struct tell_frame *frame, const Pb__Trade *trade, const struct tell_past *past)
{
        bool is_filled = trade->filled_e8 && trade->event != EVENT(UNKNOWN);
        const char *symbol = trade->symbol;

        texts_set(values, "id", "%s", frame->id);
        texts_set(values, "symbol", "%s", symbol);
        tell_set_enum(teller, values, "side", "side", &pb__side__descriptor, (int)trade->side);
        tell_set_lots(values, "volume", is_filled ? trade->filled_e8 : trade->volume_e8);
        tell_set_lots(values, "asked", trade->event == EVENT(PARTIAL) ? trade->volume_e8 : 0);
        tell_set_price(teller, values, "price", symbol, trade->price_e8);
        tell_set_price(teller, values, "alert_price", symbol, trade->alert_price_e8);
        tell_set_price(teller, values, "stop", symbol, trade->sl_e8);
        tell_set_price(teller, values, "target", symbol, trade->tp_e8);
        set_money(values, trade, is_leg(trade) ? risk_cents(teller, trade) : 0);
        set_times(teller, values, frame, trade, past);
        set_slippage(teller, values, trade);
        texts_set(values, "plugin", "%s", trade->plugin);
        tell_set_why(teller, values, past->decision);
        tell_set_enum(
                teller, values, "role", "role", &pb__order_role__descriptor, (int)trade->role);
        tell_set_word(teller, values, "reason", "reason", trade->reason);
        texts_set(values, "order", "%s", trade->cl_ord_id);
        set_number(values, "ticket", trade->ticket);
        set_number(values, "retcode", trade->retcode);
}

bool tell_trade(const struct teller *teller, const struct tell_frame *frame, const Pb__Trade *trade,
        const struct tell_past *past, struct told *ret_told)
{
        TEXTS_AUTOVALUES struct texts_values values = { .count = 0 };
        struct manner manner;

        if (!manner_of(trade, &manner))
                return false;
        ret_told->kind = manner.kind;
        ret_told->priority = manner.priority;
        set_values(teller, &values, frame, trade, past);
        tell_fill(teller, manner.section, &values, ret_told);
        return true;
}
