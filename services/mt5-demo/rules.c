#include "services/mt5-demo/rules.h"

#include <string.h>

#define ACCEPTED              ((struct verdict){ 0 })
#define REFUSED(code, reason) ((struct verdict){ RETCODE_##code, reason })

static struct verdict check_volume(const struct symbol_spec *spec, int64_t volume_e8)
{
        if (volume_e8 < spec->lot_min_e8 || volume_e8 > spec->lot_max_e8)
                return REFUSED(INVALID_VOLUME, "volume outside the limits");
        if (volume_e8 % spec->lot_step_e8)
                return REFUSED(INVALID_VOLUME, "volume off the step");
        return ACCEPTED;
}

/* SIDE: of the position that is to be protected. */
static struct verdict check_stops(const struct symbol_spec *spec, enum side side,
        struct quote quote, int64_t sl_e8, int64_t tp_e8)
{
        /* It would be left at the other side of the spread, so that is where distance counts from. */
        int64_t price = quote_for(quote, side_opposite(side));
        int64_t sign = side == SIDE_BUY ? 1 : -1;

        if (sl_e8 % spec->tick_size_e8 || tp_e8 % spec->tick_size_e8)
                return REFUSED(INVALID_STOPS, "stop or target off the tick");
        if (sl_e8 && sign * (price - sl_e8) < spec->stops_level_e8)
                return REFUSED(INVALID_STOPS, "stop too close or on the wrong side");
        if (tp_e8 && sign * (tp_e8 - price) < spec->stops_level_e8)
                return REFUSED(INVALID_STOPS, "target too close or on the wrong side");
        return ACCEPTED;
}

static bool is_one_bit(unsigned int bits)
{
        return bits && !(bits & (bits - 1));
}

static struct verdict check_filling(const struct symbol_spec *spec, unsigned int filling)
{
        if (!is_one_bit(filling) || !(spec->filling_modes & filling))
                return REFUSED(INVALID_FILL, "filling mode not offered");
        return ACCEPTED;
}

static struct verdict check_money(const struct account *account, const struct symbol_spec *spec,
        const struct quote *quotes, int64_t volume_e8)
{
        if (account_margin(spec, volume_e8) > account_worth(account, quotes).free_cents)
                return REFUSED(NO_MONEY, "not enough money");
        return ACCEPTED;
}

/* On a netting account the other side reduces what is there, and may not turn it around. */
static struct verdict check_netting(
        const struct account *account, size_t symbol, const struct order *order)
{
        const struct position *held = account_net_position(account, symbol);

        if (held && held->side != order->side && order->volume_e8 > held->volume_e8)
                return REFUSED(INVALID_VOLUME, "a position is not turned around here");
        return ACCEPTED;
}

static struct verdict check_open(const struct rules *rules, const struct account *account,
        size_t symbol, const struct quote *quotes, const struct order *order)
{
        const struct symbol_spec *spec = &account->specs[symbol];
        struct verdict verdict;

        if (order->position)
                return REFUSED(INVALID, "an opening order names no position");
        verdict = check_volume(spec, order->volume_e8);
        if (!verdict.retcode)
                verdict = check_filling(spec, order->filling);
        if (!verdict.retcode)
                verdict =
                        check_stops(spec, order->side, quotes[symbol], order->sl_e8, order->tp_e8);
        if (!verdict.retcode && rules->netting)
                verdict = check_netting(account, symbol, order);
        if (!verdict.retcode)
                verdict = check_money(account, spec, quotes, order->volume_e8);
        return verdict;
}

static struct verdict check_close(
        const struct account *account, size_t symbol, const struct order *order)
{
        const struct symbol_spec *spec = &account->specs[symbol];
        const struct position *position = account_position(account, order->position);

        if (!order->position)
                return REFUSED(INVALID, "a close names its position");
        if (!position)
                return REFUSED(POSITION_CLOSED, "position is closed");
        if (position->symbol != symbol || position->side == order->side)
                return REFUSED(INVALID, "symbol or side is not the position's");
        if (order->volume_e8 > position->volume_e8)
                return REFUSED(INVALID_CLOSE_VOLUME, "volume over the position's");
        if (order->volume_e8 <= 0 || order->volume_e8 % spec->lot_step_e8)
                return REFUSED(INVALID_VOLUME, "volume off the step");
        return check_filling(spec, order->filling);
}

static struct verdict check_modify(const struct account *account, size_t symbol,
        const struct quote *quotes, const struct order *order)
{
        const struct position *position = account_position(account, order->position);

        if (!order->position)
                return REFUSED(INVALID, "a modify names its position");
        if (!position)
                return REFUSED(POSITION_CLOSED, "position is closed");
        if (position->symbol != symbol)
                return REFUSED(INVALID, "symbol is not the position's");
        if (position->sl_e8 == order->sl_e8 && position->tp_e8 == order->tp_e8)
                return REFUSED(NO_CHANGES, "no changes");
        return check_stops(&account->specs[symbol], position->side, quotes[symbol], order->sl_e8,
                order->tp_e8);
}

struct verdict rules_check(const struct rules *rules, const struct account *account,
        const struct quote *quotes, const struct order *order, int64_t wall_us)
{
        int symbol = account_symbol(account, order->symbol);

        if (symbol < 0)
                return REFUSED(INVALID, "unknown symbol");
        if (strlen(order->comment) > BROKER_COMMENT_MAX_BYTES)
                return REFUSED(INVALID, "comment is over 31 characters");
        if (!hours_open(&rules->hours, wall_us))
                return REFUSED(MARKET_CLOSED, "market is closed");
        switch (order->action) {
        case ACTION_OPEN: return check_open(rules, account, (size_t)symbol, quotes, order);
        case ACTION_CLOSE: return check_close(account, (size_t)symbol, order);
        case ACTION_MODIFY: return check_modify(account, (size_t)symbol, quotes, order);
        }
        return REFUSED(INVALID, "unknown action");
}

struct verdict rules_fill(const struct order *order, enum side side, struct quote quote,
        int64_t slip_e8, int64_t *ret_price)
{
        int64_t price = quote_for(quote, side) + (side == SIDE_BUY ? slip_e8 : -slip_e8);
        int64_t away;

        if (price <= 0)
                price = quote_for(quote, side);
        *ret_price = price;
        away = price > order->price_e8 ? price - order->price_e8 : order->price_e8 - price;
        if (order->price_e8 && away > order->deviation_e8)
                return REFUSED(REQUOTE, "price moved beyond the deviation");
        return ACCEPTED;
}

bool rules_executed(uint32_t retcode)
{
        return retcode == RETCODE_DONE || retcode == RETCODE_DONE_PARTIAL ||
               retcode == RETCODE_NO_CHANGES;
}

bool rules_definite_refusal(uint32_t retcode)
{
        switch (retcode) {
        case 0:
        case RETCODE_PLACED:
        case RETCODE_ERROR:
        case RETCODE_TIMEOUT:
        case RETCODE_CONNECTION: return false;
        default: return !rules_executed(retcode);
        }
}
