/*
 * The account: what ingest freezes into the context of every alert.
 */
#include "proto/validate.h"
#include "proto/validate/check.h"

#include "account.pb-c.h"

enum {
        POSITIONS_MAX = 4096, /* brokers cap open positions far lower */
        ORDERS_MAX = 1000000, /* counts of orders in doubt */
};

static int validate_position(const Pb__AccountPosition *position, const char **ret_why)
{
        const struct check checks[] = {
                { position->ticket && check_counter(position->ticket), "positions.ticket" },
                { check_any_symbol(position->symbol), "positions.symbol" },
                { check_enum(position->side, PB__SIDE__SIDE_SELL), "positions.side" },
                { check_volume(position->volume_e8), "positions.volume_e8" },
                { check_price(position->open_price_e8), "positions.open_price_e8" },
                { check_price_or_none(position->sl_e8), "positions.sl_e8" },
                { check_price_or_none(position->tp_e8), "positions.tp_e8" },
                { check_money(position->profit_cents), "positions.profit_cents" },
                { check_cl_ord_id_or_empty(position->cl_ord_id), "positions.cl_ord_id" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}

static int validate_positions(const Pb__Account *account, const char **ret_why)
{
        for (size_t i = 0; i < account->n_positions; i++) {
                int r;

                r = validate_position(account->positions[i], ret_why);
                if (r < 0)
                        return r;
        }
        return 0;
}

int validate_account(const Pb__Account *account, const char **ret_why)
{
        const struct check checks[] = {
                { check_time_or_none(account->as_of_us),
                        "as_of_us" }, /* none: no good snapshot yet */
                { check_money(account->balance_cents), "balance_cents" },
                { check_money(account->equity_cents), "equity_cents" },
                { check_money(account->margin_free_cents), "margin_free_cents" },
                { check_loss(account->daily_loss_cents), "daily_loss_cents" },
                { check_loss(account->lifetime_loss_cents), "lifetime_loss_cents" },
                { check_loss(account->open_risk_cents), "open_risk_cents" },
                { check_loss(account->daily_cap_cents), "daily_cap_cents" },
                { check_loss(account->lifetime_cap_cents), "lifetime_cap_cents" },
                { account->n_positions <= POSITIONS_MAX, "positions" },
                { account->unknown_orders <= ORDERS_MAX, "unknown_orders" },
                { account->manual_orders <= ORDERS_MAX, "manual_orders" },
        };
        int r;

        r = check_all(checks, BUS_COUNT(checks), ret_why);
        return r < 0 ? r : validate_positions(account, ret_why);
}
