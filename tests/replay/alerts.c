#include "tests/replay/alerts.h"

#include "libbus/base/e8.h"

#include <inttypes.h>

static const struct {
        const char *name;
        unsigned int digits;
        int64_t price; /* in its last digit */
} symbols[] = { { "EURUSD", 5, 110000 }, { "GBPUSD", 5, 127000 }, { "USDCAD", 5, 136000 },
        { "USDJPY", 3, 154000 }, { "GBPJPY", 3, 195000 }, { "XAUUSD", 2, 265000 } };

static const char *const entries[] = { "Institutional_Launchpad", "Liquidity_Trap_Reversal",
        "Momentum_Breakout", "Mitigation_Test_Entry", "Golden_Pocket_Flip", "Sideways_Breakout" };
static const char *const tfs[] = { "1", "5", "15", "30", "60", "120", "240", "D" };
static const int64_t balances[] = { 480000, 1000000, 1720000, 2500000, 6000000, 13000000 };

static int64_t any(uint64_t *state, int64_t n)
{
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return (int64_t)((*state * 0x2545f4914f6cdd1d) >> 33) % n;
}

static void add_price(struct bus_buf *body, const char *key, int64_t points, unsigned int digits)
{
        char text[E8_TEXT_SIZE];

        bus_buf_printf(body, ",\"%s\":%s", key,
                e8_format(points * e8_step_of_digits(digits), digits, text));
}

static void add_stops(
        uint64_t *state, struct bus_buf *body, int64_t price, unsigned int digits, bool buys)
{
        int64_t sign = buys ? 1 : -1, target = 50 + any(state, 1000);

        if (any(state, 3))
                add_price(body, "sl_price", price - sign * (50 + any(state, 1000)), digits);
        if (any(state, 3))
                add_price(body, "tp1_price", price + sign * target, digits);
        if (any(state, 3))
                add_price(body, "tp2_price", price + sign * (target + any(state, 500)), digits);
}

static void add_entry(uint64_t *state, struct bus_buf *body, int64_t price, unsigned int digits)
{
        bool buys = any(state, 2), screens = !any(state, 8);

        bus_buf_printf(body, ",\"type\":\"entry_v3\",\"signal_type\":\"%s\",\"direction\":\"%s\"",
                screens ? (buys ? "Screener_Full_Bullish" : "Screener_Full_Bearish")
                        : entries[any(state, BUS_COUNT(entries))],
                buys ? "buy" : "sell");
        bus_buf_printf(body, ",\"consensus_score\":%" PRId64, any(state, 10));
        add_stops(state, body, price, digits, buys);
        if (any(state, 2))
                bus_buf_printf(body, ",\"position_multiplier\":0.%" PRId64, 100 + any(state, 900));
        if (any(state, 2))
                bus_buf_printf(body, ",\"mtf_trends\":\"%d,%d,%d,%d,%d\"", (int)any(state, 3) - 1,
                        (int)any(state, 3) - 1, (int)any(state, 3) - 1, (int)any(state, 3) - 1,
                        (int)any(state, 3) - 1);
}

static void add_kind(uint64_t *state, struct bus_buf *body, int64_t price, unsigned int digits)
{
        switch (any(state, 10)) {
        case 0:
                bus_buf_printf(body, ",\"type\":\"exit_v3\",\"signal_type\":\"%s\"",
                        any(state, 2) ? "Bullish_Exit" : "Bearish_Exit");
                break;
        case 1:
                bus_buf_add_str(
                        body, ",\"type\":\"squeeze_v3\",\"signal_type\":\"Volatility_Squeeze\"");
                break;
        case 2:
        case 3:
                bus_buf_add_str(
                        body, ",\"type\":\"trend_pulse_v3\",\"signal_type\":\"Trend_Pulse\"");
                break;
        default: add_entry(state, body, price, digits);
        }
}

static void make_context(uint64_t *state, struct any_alert *alert)
{
        int64_t balance = balances[any(state, BUS_COUNT(balances))] + any(state, 100000);

        alert->has_context = any(state, 50);
        alert->context = (struct v3_context){ .balance_cents = balance,
                .equity_cents = balance,
                .daily_loss_cents = any(state, 4) ? 0 : any(state, balance / 80),
                .lifetime_loss_cents = any(state, 4) ? 0 : any(state, balance / 9),
                .open_buy = (int32_t)any(state, 3),
                .open_sell = (int32_t)any(state, 3) };
}

void any_alert_next(uint64_t *state, struct any_alert *alert)
{
        size_t i = (size_t)any(state, BUS_COUNT(symbols));
        int64_t price = symbols[i].price + any(state, 2000);

        bus_buf_clear(&alert->body);
        bus_buf_printf(&alert->body, "{\"symbol\":\"%s\",\"tf\":\"%s\"", symbols[i].name,
                tfs[any(state, BUS_COUNT(tfs))]);
        add_price(&alert->body, "price", price, symbols[i].digits);
        add_kind(state, &alert->body, price, symbols[i].digits);
        bus_buf_add_str(&alert->body, "}");
        make_context(state, alert);
}

static void add_amount(struct bus_buf *line, const char *key, int64_t cents)
{
        char text[E8_TEXT_SIZE];

        bus_buf_printf(line, "\"%s\":\"%s\",", key, cents_format(cents, text));
}

void any_alert_line(const struct any_alert *alert, struct bus_buf *line)
{
        bus_buf_add_str(line, "{\"alert\":");
        bus_buf_add(line, alert->body.data, alert->body.size);
        bus_buf_add_str(line, ",\"context\":");
        if (!alert->has_context) {
                bus_buf_add_str(line, "null}");
                return;
        }
        bus_buf_add_str(line, "{");
        add_amount(line, "balance", alert->context.balance_cents);
        add_amount(line, "equity", alert->context.equity_cents);
        add_amount(line, "daily_loss", alert->context.daily_loss_cents);
        add_amount(line, "lifetime_loss", alert->context.lifetime_loss_cents);
        bus_buf_printf(line, "\"open_buy\":%d,\"open_sell\":%d}}", alert->context.open_buy,
                alert->context.open_sell);
}
