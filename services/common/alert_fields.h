#pragma once
/*
 * Inside of the alert parser: the table of an alert's fields and the check of each on its own.
 * Checks that need several fields, and what becomes an error or a warning, are alert.c's.
 */
#include "services/common/alert.h"
#include "services/common/json_text.h"

enum alert_field {
        /* Judged in this order: prices need the symbol's digits. */
        FIELD_TYPE,
        FIELD_SIGNAL_TYPE,
        FIELD_SYMBOL,
        FIELD_DIRECTION,
        FIELD_TF,
        FIELD_PRICE,
        FIELD_CONSENSUS_SCORE,
        FIELD_SL_PRICE,
        FIELD_TP1_PRICE,
        FIELD_TP2_PRICE,
        FIELD_MTF_TRENDS,
        FIELD_CURRENT_TRENDS,
        FIELD_PREVIOUS_TRENDS,
        FIELD_MARKET_TREND,
        FIELD_POSITION_MULTIPLIER,
        FIELD_VOLUME_DELTA_RATIO,
        FIELD_FIB_LEVEL,
        FIELD_ADX_VALUE,
        FIELD_PRICE_IN_OB,
        FIELD_FULL_ALIGNMENT,
        FIELD_CONFIDENCE,
        FIELD_REASON,
        FIELD_MESSAGE,
        FIELD_CHANGED_TIMEFRAMES,
        FIELD_CHANGE_DETAILS,
        FIELD_TREND_LABELS,
        FIELD_ID,
        FIELD_TIME,
        FIELD_COUNT,
};

/* A field's value as it stands in the body. */
struct alert_value {
        enum json_kind kind;      /* NONE: the field is absent */
        const char *text;         /* JSON_KIND_STRING: decoded; there is no NUL within */
        int64_t integer;          /* JSON_KIND_INTEGER */
        struct bus_bytes literal; /* its exact text */
};

/* What the checks work on and fill in. */
struct alert_judge {
        const struct symbols *symbols;
        struct alert *alert;
        const struct v3_symbol *symbol; /* NULL until the alert's symbol is known */
        struct alert_value values[FIELD_COUNT];
        bool sound[FIELD_COUNT]; /* present and without fault */
        const char *message;     /* of the last fault: what would have been right; static */
};

/* FIELD_COUNT where NAME is none. */
enum alert_field alert_field_of(struct bus_bytes name);
const char *alert_field_name(enum alert_field field);
bool alert_field_required(enum alert_field field, enum v3_type type);

/* Judges the value of FIELD, which is present, and stores it in JUDGE->alert if it is sound.
 * ALERT_CODE_NONE, or the fault with JUDGE->message. */
enum alert_code alert_field_check(struct alert_judge *judge, enum alert_field field);

/* For tests: alert_parse as it is for a body that is not plain, whatever BODY is. */
BUS_MUST int alert_parse_by_library(
        struct bus_bytes body, const struct symbols *symbols, struct alert **ret_alert);
