#pragma once
/*
 * The vocabulary of V3: alerts, context, symbols and decisions as plain C values. Types only; the
 * rules are each plugin's own (docs/v3.md). Prices, lots and factors are fixed-point integers
 * scaled by 10^8 (_e8), money is whole cents, times are microseconds since the epoch, UTC.
 *
 * These structs are part of the plugin ABI: a change of any of them raises UMBRA_PLUGIN_ABI.
 */
#include <stdbool.h>
#include <stdint.h>

enum v3_type {
        V3_TYPE_NONE,
        V3_TYPE_ENTRY,   /* entry_v3: opens */
        V3_TYPE_EXIT,    /* exit_v3: closes */
        V3_TYPE_SQUEEZE, /* squeeze_v3: notification only */
        V3_TYPE_PULSE,   /* trend_pulse_v3: recorded, no order */
        V3_TYPE_COUNT,
};

enum v3_signal_type {
        V3_SIGNAL_NONE,
        V3_SIGNAL_INSTITUTIONAL_LAUNCHPAD,
        V3_SIGNAL_LIQUIDITY_TRAP_REVERSAL,
        V3_SIGNAL_MOMENTUM_BREAKOUT,
        V3_SIGNAL_MITIGATION_TEST_ENTRY,
        V3_SIGNAL_GOLDEN_POCKET_FLIP,
        V3_SIGNAL_SCREENER_FULL_BULLISH,
        V3_SIGNAL_SCREENER_FULL_BEARISH,
        V3_SIGNAL_SIDEWAYS_BREAKOUT,
        V3_SIGNAL_BULLISH_EXIT,
        V3_SIGNAL_BEARISH_EXIT,
        V3_SIGNAL_VOLATILITY_SQUEEZE,
        V3_SIGNAL_TREND_PULSE,
        V3_SIGNAL_COUNT,
};

enum v3_side {
        V3_SIDE_NONE,
        V3_SIDE_BUY,
        V3_SIDE_SELL,
};

enum v3_tf {
        V3_TF_NONE,
        V3_TF_1,
        V3_TF_3,
        V3_TF_5,
        V3_TF_15,
        V3_TF_30,
        V3_TF_60,
        V3_TF_120,
        V3_TF_240,
        V3_TF_D, /* "D" and "1D" */
        V3_TF_W, /* "W" and "1W" */
        V3_TF_COUNT,
};

enum { V3_SYMBOL_SIZE = 33 }; /* 32 characters and NUL */
enum { V3_TRENDS_MAX = 6 };
enum { V3_TIER_COUNT = 5 };

/* mtf_trends, current_trends, previous_trends: 5 values (1D,4H,1H,15m,5m) or 6 (1m,5m,15m,1H,4H,1D). */
struct v3_trends {
        uint8_t count; /* 0 (absent), 5 or 6 */
        int8_t value[V3_TRENDS_MAX];
};

/* A validated alert: every field present is in its range, prices are rounded to the symbol's digits. */
struct v3_alert {
        enum v3_type type;
        enum v3_signal_type signal_type;
        enum v3_side direction;      /* NONE where the type has none */
        enum v3_tf tf;               /* NONE only on an exit whose tf was faulty */
        char symbol[V3_SYMBOL_SIZE]; /* our name for it */
        int64_t price_e8;            /* 0 only on an exit whose price was faulty */

        bool has_score, has_sl, has_tp1, has_tp2, has_multiplier, has_market_trend;
        int32_t consensus_score; /* 0..9 */
        int64_t sl_e8, tp1_e8, tp2_e8;
        int64_t multiplier_e8; /* 0.1..2.0 in thousandths; 1.0 where absent */
        int32_t market_trend;  /* -1, 0, 1 */
        struct v3_trends mtf_trends;
};

/* The account as it was when the alert came in; see docs/v3.md. Absent (NULL) before the first snapshot. */
struct v3_context {
        int64_t balance_cents, equity_cents;
        int64_t daily_loss_cents, lifetime_loss_cents;
        int32_t open_buy, open_sell; /* positions on this symbol, of this strategy */
        int64_t as_of_us;            /* 0 where not told */
};

/* What one symbol is: configuration, the same for every plugin and for ingest. */
struct v3_symbol {
        char name[V3_SYMBOL_SIZE];
        uint32_t digits;               /* 0..8 decimals of a price */
        int64_t pip_e8;                /* size of a pip in price */
        int64_t usd_per_pip_lot_cents; /* value of one pip of one lot, in cents */
        int64_t lot_min_e8, lot_step_e8, lot_max_e8;
        int32_t min_stop_pips;
        int32_t fallback_sl_pips[V3_TIER_COUNT]; /* by tier 5k, 10k, 25k, 50k, 100k */
};

enum v3_verdict {
        V3_VERDICT_NONE,
        V3_VERDICT_EXECUTE,
        V3_VERDICT_REJECT,
        V3_VERDICT_NOTIFY,
        V3_VERDICT_IGNORE,
        V3_VERDICT_ERROR, /* the plugin itself failed */
};

enum v3_reason {
        V3_REASON_NONE,
        V3_REASON_OK,
        V3_REASON_EXIT_SIGNAL,
        V3_REASON_SQUEEZE,
        V3_REASON_TREND_PULSE,
        V3_REASON_NO_CONTEXT,
        V3_REASON_LOW_STRENGTH,
        V3_REASON_MTF_MISALIGNED,
        V3_REASON_LOT_BELOW_MINIMUM,
        V3_REASON_INVALID_STOP,
        V3_REASON_DAILY_CAP,
        V3_REASON_LIFETIME_CAP,
        V3_REASON_PLUGIN_ERROR,     /* with V3_VERDICT_ERROR */
        V3_REASON_NO_ACTIVE_PLUGIN, /* this and the next are made by the host, not by a plugin */
        V3_REASON_VERDICT_LOST,     /* to be derived again, but that build or config is gone */
};

enum v3_routing {
        V3_ROUTING_NONE,
        V3_ROUTING_OVERRIDE,
        V3_ROUTING_TIMEFRAME,
        V3_ROUTING_DEFAULT,
};

enum v3_leg_kind {
        V3_LEG_A, /* tp_trail */
        V3_LEG_B, /* profit_trail */
        V3_LEG_COUNT,
};

struct v3_leg {
        enum v3_leg_kind leg;
        enum v3_side side;
        int64_t volume_e8; /* lots */
        int64_t sl_e8, tp_e8;
};

enum v3_close_reason {
        V3_CLOSE_EXIT,
        V3_CLOSE_REVERSAL,
};

/* Close every open position of SIDE on the symbol that belongs to this strategy. */
struct v3_close {
        enum v3_side side;
        enum v3_close_reason reason;
};

struct v3_decision {
        enum v3_verdict verdict;
        enum v3_reason reason;

        /* entries only */
        enum v3_side direction;
        int32_t strength; /* 0..9 */
        int32_t route;    /* 1..3 */
        enum v3_routing routing;
        bool aggressive;

        /* executed entries only */
        int64_t base_lot_e8, signal_factor_e8, route_multiplier_e8;
        int64_t total_lot_e8; /* clamped and floored to the step, before the risk gate */
        bool scaled;
        int64_t expected_loss_cents; /* of the final legs */

        uint32_t leg_count;
        struct v3_leg legs[V3_LEG_COUNT];
        uint32_t close_count;
        struct v3_close closes[1];
};
