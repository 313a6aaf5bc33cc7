/*
 * Keeps: one rule a function, each naming its own reason, asked in the order of the table at the end.
 */
#include "services/order-executor/core/entry_limits.h"

#include "libbus/base/e8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool ex_limits_symbol_allowed(const struct ex_limits *limits, const char *symbol)
{
        size_t length = strlen(symbol);
        const char *at = limits->symbols;

        if (!*at)
                return true;
        while (*at) {
                size_t item = strcspn(at, ", ");

                if (item == length && !strncmp(at, symbol, length))
                        return true;
                at += item;
                at += strspn(at, ", ");
        }
        return false;
}

const char *ex_limits_context(
        const struct ex_limits *limits, int64_t received_us, int64_t context_as_of_us)
{
        if (!limits->context_max_age_us)
                return NULL;
        if (!context_as_of_us)
                return "no_context";
        return received_us - context_as_of_us > limits->context_max_age_us ? "context_stale" : NULL;
}

static const char *check_symbol(const struct ex_limits *limits, const struct ex_limit_view *view)
{
        if (!view->symbol)
                return "unknown_symbol";
        return ex_limits_symbol_allowed(limits, view->symbol->name) ? NULL : "symbol_not_allowed";
}

static const char *check_lots(const struct ex_limits *limits, const struct ex_limit_view *view)
{
        for (size_t i = 0; i < view->leg_count; i++) {
                int64_t volume = view->legs[i].volume_e8;

                if (limits->max_lot_e8 && volume > limits->max_lot_e8)
                        return "max_lot";
                if (view->symbol->lot_max_e8 && volume > view->symbol->lot_max_e8)
                        return "max_lot";
                if (volume <= 0 || volume < view->symbol->lot_min_e8)
                        return "lot_below_minimum";
        }
        return NULL;
}

static const char *check_positions(const struct ex_limits *limits, const struct ex_limit_view *view)
{
        if (!limits->max_open_positions)
                return NULL;
        return view->open_positions + (int64_t)view->leg_count > limits->max_open_positions
                       ? "max_open_positions"
                       : NULL;
}

static int64_t distance(int64_t a, int64_t b)
{
        return a > b ? a - b : b - a;
}

static const char *check_price(const struct ex_limits *limits, const struct ex_limit_view *view)
{
        int64_t quote = ex_symbol_quote(view->symbol, view->legs[0].side);
        int64_t allowed;

        if (!limits->max_price_gap_e8)
                return NULL;
        if (e8_muldiv(quote, limits->max_price_gap_e8, 100 * E8_ONE, E8_FLOOR, &allowed) < 0)
                return "price_gap";
        return distance(view->price_e8, quote) > allowed ? "price_gap" : NULL;
}

/* Whether a stop and a target lie on their side of the price a position would be closed at. */
static bool stops_fit(const struct ex_symbol *symbol, const struct ex_limit_leg *leg)
{
        const bool buy = leg->side == PB__SIDE__SIDE_BUY;
        int64_t market = buy ? symbol->bid_e8 : symbol->ask_e8;
        int64_t level = symbol->stops_level_e8 > 0 ? symbol->stops_level_e8 : 1;
        int64_t to_stop = buy ? market - leg->sl_e8 : leg->sl_e8 - market;
        int64_t to_target = buy ? leg->tp_e8 - market : market - leg->tp_e8;

        return (!leg->sl_e8 || to_stop >= level) && (!leg->tp_e8 || to_target >= level);
}

static const char *check_stops(
        const struct ex_limits *limits BUS_UNUSED, const struct ex_limit_view *view)
{
        for (size_t i = 0; i < view->leg_count; i++)
                if (!stops_fit(view->symbol, &view->legs[i]))
                        return "stop_level";
        return NULL;
}

int64_t ex_limits_legs_risk(const struct ex_limit_view *view)
{
        int64_t risk = 0;

        for (size_t i = 0; i < view->leg_count; i++)
                if (view->legs[i].sl_e8)
                        risk += ex_symbol_loss_cents(view->symbol,
                                distance(view->price_e8, view->legs[i].sl_e8),
                                view->legs[i].volume_e8);
        return risk;
}

static const char *check_caps(const struct ex_limits *limits, const struct ex_limit_view *view)
{
        int64_t at_stake = 0;

        if (limits->count_open_risk)
                at_stake = view->held_risk_cents + ex_limits_legs_risk(view);
        if (limits->lifetime_cap_cents &&
                (view->lifetime_loss_cents >= limits->lifetime_cap_cents ||
                        view->lifetime_loss_cents + at_stake > limits->lifetime_cap_cents))
                return "lifetime_cap";
        if (limits->daily_cap_cents &&
                (view->day_loss_cents >= limits->daily_cap_cents ||
                        view->day_loss_cents + at_stake > limits->daily_cap_cents))
                return "daily_cap";
        return NULL;
}

const char *ex_limits_check(const struct ex_limits *limits, const struct ex_limit_view *view)
{
        static const char *(*const checks[])(
                const struct ex_limits *, const struct ex_limit_view *) = {
                check_symbol,
                check_lots,
                check_positions,
                check_price,
                check_stops,
                check_caps,
        };

        for (size_t i = 0; i < BUS_COUNT(checks); i++) {
                const char *reason = checks[i](limits, view);

                if (reason)
                        return reason;
        }
        return NULL;
}

bool ex_limits_need_held(const struct ex_limits *limits)
{
        return limits->max_open_positions ||
               (limits->count_open_risk && (limits->daily_cap_cents || limits->lifetime_cap_cents));
}

static int set_number(int64_t *ret_field, const char *value, int64_t unit)
{
        int64_t number, scaled;

        if (e8_parse(value, strlen(value), &number) < 0 || number < 0)
                return -EINVAL;
        if (e8_muldiv(number, unit, E8_ONE, E8_FLOOR, &scaled) < 0)
                return -EINVAL;
        *ret_field = scaled;
        return 0;
}

static int set_count(int64_t *ret_field, const char *value)
{
        return value[strspn(value, "0123456789")] ? -EINVAL : set_number(ret_field, value, 1);
}

static int set_cents(int64_t *ret_field, const char *value)
{
        int64_t cents;

        if (cents_parse(value, strlen(value), &cents) < 0 || cents < 0)
                return -EINVAL;
        *ret_field = cents;
        return 0;
}

static int set_bool(bool *ret_field, const char *value)
{
        if (!strcmp(value, "yes") || !strcmp(value, "true") || !strcmp(value, "on"))
                *ret_field = true;
        else if (!strcmp(value, "no") || !strcmp(value, "false") || !strcmp(value, "off"))
                *ret_field = false;
        else
                return -EINVAL;
        return 0;
}

static int set_symbols(struct ex_limits *limits, const char *value)
{
        if (strlen(value) >= sizeof(limits->symbols))
                return -EINVAL;
        snprintf(limits->symbols, sizeof(limits->symbols), "%s", value);
        return 0;
}

int ex_limits_set(struct ex_limits *limits, const char *key, const char *value)
{
        if (!*value && strcmp(key, "symbols"))
                return -EINVAL;
        if (!strcmp(key, "max_lot"))
                return set_number(&limits->max_lot_e8, value, E8_ONE);
        if (!strcmp(key, "max_open_positions"))
                return set_count(&limits->max_open_positions, value);
        if (!strcmp(key, "max_price_gap"))
                return set_number(&limits->max_price_gap_e8, value, E8_ONE);
        if (!strcmp(key, "daily_cap"))
                return set_cents(&limits->daily_cap_cents, value);
        if (!strcmp(key, "lifetime_cap"))
                return set_cents(&limits->lifetime_cap_cents, value);
        if (!strcmp(key, "count_open_risk"))
                return set_bool(&limits->count_open_risk, value);
        if (!strcmp(key, "symbols"))
                return set_symbols(limits, value);
        return -ENOENT;
}
