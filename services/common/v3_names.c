#include "services/common/v3_names.h"

#include "libbus/base/attr.h"

#include <string.h>

static const char *const type_names[] = {
        [V3_TYPE_ENTRY] = "entry_v3",
        [V3_TYPE_EXIT] = "exit_v3",
        [V3_TYPE_SQUEEZE] = "squeeze_v3",
        [V3_TYPE_PULSE] = "trend_pulse_v3",
};

static const struct {
        const char *name;
        enum v3_type type;
} signal_types[] = {
        [V3_SIGNAL_INSTITUTIONAL_LAUNCHPAD] = { "Institutional_Launchpad", V3_TYPE_ENTRY },
        [V3_SIGNAL_LIQUIDITY_TRAP_REVERSAL] = { "Liquidity_Trap_Reversal", V3_TYPE_ENTRY },
        [V3_SIGNAL_MOMENTUM_BREAKOUT] = { "Momentum_Breakout", V3_TYPE_ENTRY },
        [V3_SIGNAL_MITIGATION_TEST_ENTRY] = { "Mitigation_Test_Entry", V3_TYPE_ENTRY },
        [V3_SIGNAL_GOLDEN_POCKET_FLIP] = { "Golden_Pocket_Flip", V3_TYPE_ENTRY },
        [V3_SIGNAL_SCREENER_FULL_BULLISH] = { "Screener_Full_Bullish", V3_TYPE_ENTRY },
        [V3_SIGNAL_SCREENER_FULL_BEARISH] = { "Screener_Full_Bearish", V3_TYPE_ENTRY },
        [V3_SIGNAL_SIDEWAYS_BREAKOUT] = { "Sideways_Breakout", V3_TYPE_ENTRY },
        [V3_SIGNAL_BULLISH_EXIT] = { "Bullish_Exit", V3_TYPE_EXIT },
        [V3_SIGNAL_BEARISH_EXIT] = { "Bearish_Exit", V3_TYPE_EXIT },
        [V3_SIGNAL_VOLATILITY_SQUEEZE] = { "Volatility_Squeeze", V3_TYPE_SQUEEZE },
        [V3_SIGNAL_TREND_PULSE] = { "Trend_Pulse", V3_TYPE_PULSE },
};

static const struct {
        const char *name;
        const char *other; /* a second spelling */
        int64_t minutes;
} timeframes[] = {
        [V3_TF_1] = { "1", NULL, 1 },
        [V3_TF_3] = { "3", NULL, 3 },
        [V3_TF_5] = { "5", NULL, 5 },
        [V3_TF_15] = { "15", NULL, 15 },
        [V3_TF_30] = { "30", NULL, 30 },
        [V3_TF_60] = { "60", NULL, 60 },
        [V3_TF_120] = { "120", NULL, 120 },
        [V3_TF_240] = { "240", NULL, 240 },
        [V3_TF_D] = { "D", "1D", 24 * 60 },
        [V3_TF_W] = { "W", "1W", 7 * 24 * 60 },
};

static const char *const side_names[] = {
        [V3_SIDE_BUY] = "buy",
        [V3_SIDE_SELL] = "sell",
};

static const char *const verdict_names[] = {
        [V3_VERDICT_EXECUTE] = "execute",
        [V3_VERDICT_REJECT] = "reject",
        [V3_VERDICT_NOTIFY] = "notify",
        [V3_VERDICT_IGNORE] = "ignore",
        [V3_VERDICT_ERROR] = "error",
};

static const char *const reason_names[] = {
        [V3_REASON_OK] = "ok",
        [V3_REASON_EXIT_SIGNAL] = "exit_signal",
        [V3_REASON_SQUEEZE] = "squeeze",
        [V3_REASON_TREND_PULSE] = "trend_pulse",
        [V3_REASON_NO_CONTEXT] = "no_context",
        [V3_REASON_LOW_STRENGTH] = "low_strength",
        [V3_REASON_MTF_MISALIGNED] = "mtf_misaligned",
        [V3_REASON_LOT_BELOW_MINIMUM] = "lot_below_minimum",
        [V3_REASON_INVALID_STOP] = "invalid_stop",
        [V3_REASON_DAILY_CAP] = "daily_cap",
        [V3_REASON_LIFETIME_CAP] = "lifetime_cap",
        [V3_REASON_PLUGIN_ERROR] = "plugin_error",
        [V3_REASON_NO_ACTIVE_PLUGIN] = "no_active_plugin",
        [V3_REASON_VERDICT_LOST] = "verdict_lost",
};

static const char *const routing_names[] = {
        [V3_ROUTING_OVERRIDE] = "override",
        [V3_ROUTING_TIMEFRAME] = "timeframe",
        [V3_ROUTING_DEFAULT] = "default",
};

static const char *const leg_names[] = {
        [V3_LEG_A] = "A",
        [V3_LEG_B] = "B",
};

static const char *const leg_type_names[] = {
        [V3_LEG_A] = "tp_trail",
        [V3_LEG_B] = "profit_trail",
};

static const char *const close_reason_names[] = {
        [V3_CLOSE_EXIT] = "exit",
        [V3_CLOSE_REVERSAL] = "reversal",
};

static const char *name_in(const char *const *names, size_t count, size_t value)
{
        return value < count && names[value] ? names[value] : "";
}

/* The index of TEXT in NAMES, 0 (which is NONE in every table read this way) where it is not. */
static size_t index_in(const char *const *names, size_t count, const char *text)
{
        for (size_t i = 0; i < count; i++)
                if (names[i] && !strcmp(names[i], text))
                        return i;
        return 0;
}

const char *v3_type_name(enum v3_type type)
{
        return name_in(type_names, BUS_COUNT(type_names), type);
}

enum v3_type v3_type_of(const char *text)
{
        return (enum v3_type)index_in(type_names, BUS_COUNT(type_names), text);
}

const char *v3_signal_type_name(enum v3_signal_type type)
{
        if ((size_t)type >= BUS_COUNT(signal_types) || !signal_types[type].name)
                return "";
        return signal_types[type].name;
}

enum v3_signal_type v3_signal_type_of(const char *text)
{
        for (size_t i = 0; i < BUS_COUNT(signal_types); i++)
                if (signal_types[i].name && !strcmp(signal_types[i].name, text))
                        return (enum v3_signal_type)i;
        return V3_SIGNAL_NONE;
}

enum v3_type v3_type_of_signal(enum v3_signal_type type)
{
        return (size_t)type < BUS_COUNT(signal_types) ? signal_types[type].type : V3_TYPE_NONE;
}

const char *v3_tf_name(enum v3_tf tf)
{
        if ((size_t)tf >= BUS_COUNT(timeframes) || !timeframes[tf].name)
                return "";
        return timeframes[tf].name;
}

enum v3_tf v3_tf_of(const char *text)
{
        for (size_t i = 0; i < BUS_COUNT(timeframes); i++) {
                if (timeframes[i].name && !strcmp(timeframes[i].name, text))
                        return (enum v3_tf)i;
                if (timeframes[i].other && !strcmp(timeframes[i].other, text))
                        return (enum v3_tf)i;
        }
        return V3_TF_NONE;
}

int64_t v3_tf_minutes(enum v3_tf tf)
{
        return (size_t)tf < BUS_COUNT(timeframes) ? timeframes[tf].minutes : 0;
}

const char *v3_side_name(enum v3_side side)
{
        return name_in(side_names, BUS_COUNT(side_names), side);
}

enum v3_side v3_side_of(const char *text)
{
        return (enum v3_side)index_in(side_names, BUS_COUNT(side_names), text);
}

enum v3_side v3_side_opposite(enum v3_side side)
{
        if (side == V3_SIDE_BUY)
                return V3_SIDE_SELL;
        return side == V3_SIDE_SELL ? V3_SIDE_BUY : V3_SIDE_NONE;
}

const char *v3_verdict_name(enum v3_verdict verdict)
{
        return name_in(verdict_names, BUS_COUNT(verdict_names), verdict);
}

enum v3_verdict v3_verdict_of(const char *text)
{
        return (enum v3_verdict)index_in(verdict_names, BUS_COUNT(verdict_names), text);
}

const char *v3_reason_name(enum v3_reason reason)
{
        return name_in(reason_names, BUS_COUNT(reason_names), reason);
}

enum v3_reason v3_reason_of(const char *text)
{
        return (enum v3_reason)index_in(reason_names, BUS_COUNT(reason_names), text);
}

const char *v3_routing_name(enum v3_routing routing)
{
        return name_in(routing_names, BUS_COUNT(routing_names), routing);
}

const char *v3_leg_name(enum v3_leg_kind leg)
{
        return name_in(leg_names, BUS_COUNT(leg_names), leg);
}

const char *v3_leg_type_name(enum v3_leg_kind leg)
{
        return name_in(leg_type_names, BUS_COUNT(leg_type_names), leg);
}

const char *v3_close_reason_name(enum v3_close_reason reason)
{
        return name_in(close_reason_names, BUS_COUNT(close_reason_names), reason);
}
