/*
 * The signal: docs/v3.md, The alert, read as a rule for the bus. Ingest has judged the alert by the
 * same page; this stands between a damaged journal or a stray writer and the strategies.
 */
#include "proto/validate.h"
#include "proto/validate/check.h"

#include "libbus/base/e8.h"

#include "signal.pb-c.h"

#include <errno.h>

enum {
        SCORE_MAX = 9,
        TRENDS_SHORT = 5,
        TRENDS_LONG = 6,
        KEY_MAX = 160,      /* the sender's id (64) or a hash in hex, behind a prefix */
        WARNINGS_MAX = 128, /* one a field and a few for unknown ones */
        WARNING_FIELD_MAX = 128,
        RAW_MAX = 16384,         /* docs/v3.md: the largest body taken */
        POSITIONS_MAX = 1000000, /* counts of open positions */
};

#define ALERT_PRICE_MAX_E8 (INT64_C(10000000) * E8_ONE)
#define MULTIPLIER_MIN_E8  (E8_ONE / 10)
#define MULTIPLIER_MAX_E8  (E8_ONE * 2)
#define MULTIPLIER_STEP_E8 (E8_ONE / 1000)

static bool is_price(int64_t price_e8)
{
        return check_range(price_e8, 1, ALERT_PRICE_MAX_E8);
}

/* A value that may be absent is 0 then. */
static bool is_optional_price(bool given, int64_t price_e8)
{
        return given ? is_price(price_e8) : price_e8 == 0;
}

static bool is_entry(const Pb__Signal *signal)
{
        return signal->type == PB__ALERT_TYPE__ALERT_TYPE_ENTRY;
}

/* An exit is let through with faulty decoration: what was faulty is left out. */
static bool is_exit(const Pb__Signal *signal)
{
        return signal->type == PB__ALERT_TYPE__ALERT_TYPE_EXIT;
}

static bool signal_type_holds(const Pb__Signal *signal)
{
        const int kind = signal->signal_type;

        switch (signal->type) {
        case PB__ALERT_TYPE__ALERT_TYPE_ENTRY:
                return check_enum(kind, PB__SIGNAL_TYPE__SIGNAL_TYPE_SIDEWAYS_BREAKOUT);
        case PB__ALERT_TYPE__ALERT_TYPE_EXIT:
                return kind == PB__SIGNAL_TYPE__SIGNAL_TYPE_BULLISH_EXIT ||
                       kind == PB__SIGNAL_TYPE__SIGNAL_TYPE_BEARISH_EXIT;
        case PB__ALERT_TYPE__ALERT_TYPE_SQUEEZE:
                return kind == PB__SIGNAL_TYPE__SIGNAL_TYPE_VOLATILITY_SQUEEZE;
        case PB__ALERT_TYPE__ALERT_TYPE_PULSE:
                return kind == PB__SIGNAL_TYPE__SIGNAL_TYPE_TREND_PULSE;
        default: return false;
        }
}

static bool direction_holds(const Pb__Signal *signal)
{
        if (!is_entry(signal))
                return check_enum_or_none(signal->direction, PB__SIDE__SIDE_SELL);
        switch (signal->signal_type) {
        case PB__SIGNAL_TYPE__SIGNAL_TYPE_SCREENER_FULL_BULLISH:
                return signal->direction == PB__SIDE__SIDE_BUY;
        case PB__SIGNAL_TYPE__SIGNAL_TYPE_SCREENER_FULL_BEARISH:
                return signal->direction == PB__SIDE__SIDE_SELL;
        default: return check_enum(signal->direction, PB__SIDE__SIDE_SELL);
        }
}

/* buy: sl < price < tp1 <= tp2; sell mirrored. Only an entry is held to it. */
static bool stops_hold(const Pb__Signal *signal)
{
        const int64_t way = signal->direction == PB__SIDE__SIDE_BUY ? 1 : -1;
        const int64_t price = signal->price_e8 * way;

        if (!is_entry(signal))
                return true;
        if (signal->has_sl && signal->sl_e8 * way >= price)
                return false;
        if (signal->has_tp1 && signal->tp1_e8 * way <= price)
                return false;
        if (signal->has_tp2 && signal->tp2_e8 * way <= price)
                return false;
        return !signal->has_tp1 || !signal->has_tp2 || signal->tp1_e8 * way <= signal->tp2_e8 * way;
}

static bool multiplier_holds(const Pb__Signal *signal)
{
        if (!signal->has_multiplier)
                return signal->multiplier_e8 == E8_ONE;
        return check_range(signal->multiplier_e8, MULTIPLIER_MIN_E8, MULTIPLIER_MAX_E8) &&
               signal->multiplier_e8 % MULTIPLIER_STEP_E8 == 0;
}

static bool trends_hold(const Pb__Signal *signal)
{
        if (signal->n_mtf_trends && signal->n_mtf_trends != TRENDS_SHORT &&
                signal->n_mtf_trends != TRENDS_LONG)
                return false;
        for (size_t i = 0; i < signal->n_mtf_trends; i++)
                if (!check_range(signal->mtf_trends[i], -1, 1))
                        return false;
        return true;
}

static bool warnings_hold(const Pb__Signal *signal)
{
        if (signal->n_warnings > WARNINGS_MAX)
                return false;
        for (size_t i = 0; i < signal->n_warnings; i++) {
                const Pb__Warning *warning = signal->warnings[i];

                if (!check_word(warning->code, 1, CHECK_WORD_MAX) ||
                        !check_prose(warning->field, 0, WARNING_FIELD_MAX) ||
                        !check_prose(warning->message, 0, CHECK_TEXT_MAX))
                        return false;
        }
        return true;
}

static bool context_holds(const Pb__Context *context)
{
        return !context ||
               (check_money(context->balance_cents) && check_money(context->equity_cents) &&
                       check_loss(context->daily_loss_cents) &&
                       check_loss(context->lifetime_loss_cents) &&
                       check_range(context->open_buy, 0, POSITIONS_MAX) &&
                       check_range(context->open_sell, 0, POSITIONS_MAX) &&
                       check_time_or_none(context->as_of_us));
}

/* Whom it came from, when, and what it was made of. */
static int validate_origin(const Pb__Signal *signal, const char **ret_why)
{
        const struct check checks[] = {
                { check_text(signal->source, 1, CHECK_NAME_MAX), "source" },
                { check_time(signal->received_us), "received_us" },
                { check_range(signal->born_us, 1, signal->received_us), "born_us" },
                { context_holds(signal->context), "context" },
                { check_text(signal->idempotency_key, 1, KEY_MAX), "idempotency_key" },
                { warnings_hold(signal), "warnings" },
                { check_range((int64_t)signal->raw.len, 1, RAW_MAX), "raw" },
        };

        return check_all(checks, BUS_COUNT(checks), ret_why);
}

static int validate_alert(const Pb__Signal *signal, const char **ret_why)
{
        const bool has_score = signal->has_score;
        const bool has_trend = signal->has_market_trend;
        const bool no_tf = is_exit(signal) && !signal->tf;
        const bool no_price = is_exit(signal) && !signal->price_e8;
        const struct check checks[] = {
                { check_enum(signal->type, PB__ALERT_TYPE__ALERT_TYPE_PULSE), "type" },
                { signal_type_holds(signal), "signal_type" },
                { check_symbol(signal->symbol), "symbol" },
                { direction_holds(signal), "direction" },
                { no_tf || check_enum(signal->tf, PB__TIMEFRAME__TIMEFRAME_W), "tf" },
                { no_price || is_price(signal->price_e8), "price_e8" },
                { has_score || !is_entry(signal), "consensus_score" },
                { check_range(signal->consensus_score, 0, has_score ? SCORE_MAX : 0),
                        "consensus_score" },
                { is_optional_price(signal->has_sl, signal->sl_e8), "sl_e8" },
                { is_optional_price(signal->has_tp1, signal->tp1_e8), "tp1_e8" },
                { is_optional_price(signal->has_tp2, signal->tp2_e8), "tp2_e8" },
                { multiplier_holds(signal), "multiplier_e8" },
                { check_range(signal->market_trend, has_trend ? -1 : 0, has_trend),
                        "market_trend" },
                { trends_hold(signal), "mtf_trends" },
        };
        int r;

        r = check_all(checks, BUS_COUNT(checks), ret_why);
        if (r < 0)
                return r;
        if (!stops_hold(signal)) { /* only prices that are in range can be compared */
                *ret_why = "stops";
                return -EBADMSG;
        }
        return 0;
}

int validate_signal(const Pb__Signal *signal, const char **ret_why)
{
        int r;

        r = validate_alert(signal, ret_why);
        return r < 0 ? r : validate_origin(signal, ret_why);
}
