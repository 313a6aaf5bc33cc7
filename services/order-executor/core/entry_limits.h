#pragma once
/*
 * Hard limits for entries, whatever a strategy says (docs/order-executor.md, Limits). Exits meet
 * none of them. Pure: a verdict on figures.
 */
#include "services/order-executor/core/symbols.h"

enum {
        EX_LIMIT_SYMBOLS_SIZE = 1024, /* a list of symbols as it stands in the file */
};

struct ex_limits {
        int64_t max_lot_e8;         /* of one leg; 0: off */
        int64_t max_open_positions; /* of this strategy; 0: off */
        int64_t context_max_age_us; /* at the alert's receipt; 0: off */
        int64_t max_price_gap_e8;   /* percent between the alert's price and the quote; 0: off */
        int64_t daily_cap_cents;    /* 0: off */
        int64_t lifetime_cap_cents; /* 0: off */
        bool count_open_risk;
        char symbols[EX_LIMIT_SYMBOLS_SIZE]; /* "EURUSD,XAUUSD"; "": all the broker offers */
};

struct ex_limit_leg {
        Pb__Side side;
        int64_t volume_e8, sl_e8, tp_e8;
};

/* What an entry is measured by at the moment it would be sent. */
struct ex_limit_view {
        const struct ex_symbol *symbol; /* NULL: the broker does not offer it */
        int64_t price_e8;               /* the alert's */
        const struct ex_limit_leg *legs;
        size_t leg_count;
        int64_t open_positions;  /* held and under way, less what the entry itself closes first */
        int64_t held_risk_cents; /* of the same */
        int64_t day_loss_cents, lifetime_loss_cents; /* realised */
};

/* NULL, or the one word that says why not. */
const char *ex_limits_check(const struct ex_limits *limits, const struct ex_limit_view *view);
/* What the legs lose at their stops, counted from the alert's price as the strategy does. */
int64_t ex_limits_legs_risk(const struct ex_limit_view *view);
/* At intake: NULL, "no_context" or "context_stale". */
const char *ex_limits_context(
        const struct ex_limits *limits, int64_t received_us, int64_t context_as_of_us);
/* Whether a check needs to know what is held: adding that up takes a look at every position. */
bool ex_limits_need_held(const struct ex_limits *limits);
bool ex_limits_symbol_allowed(const struct ex_limits *limits, const char *symbol);

/* Changes one limit by its option's name, the value as it would stand in the file. -ENOENT: no such
 * limit; -EINVAL: the value will not do, with nothing changed. */
BUS_MUST int ex_limits_set(struct ex_limits *limits, const char *key, const char *value);
