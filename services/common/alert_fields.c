#include "services/common/alert_fields.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "services/common/v3_names.h"

#include <stdio.h>

#define PRICE_MAX_E8        (10000000 * E8_ONE)
#define MULTIPLIER_MIN_E8   (E8_ONE / 10)
#define MULTIPLIER_MAX_E8   (2 * E8_ONE)
#define MULTIPLIER_DECIMALS 3
#define SCORE_MAX           9
/* Epoch milliseconds in this range cannot be seconds or microseconds. */
#define TIME_MS_MIN    INT64_C(1000000000000)
#define TIME_MS_MAX    INT64_C(4000000000000)
#define TIME_MS_DIGITS 13

#define BIT(type) (1u << (type))
#define EVERY_TYPE \
        (BIT(V3_TYPE_ENTRY) | BIT(V3_TYPE_EXIT) | BIT(V3_TYPE_SQUEEZE) | BIT(V3_TYPE_PULSE))
#define ONLY_ENTRY    BIT(V3_TYPE_ENTRY)
#define HAS_DIRECTION (BIT(V3_TYPE_ENTRY) | BIT(V3_TYPE_EXIT))

static enum alert_code wrong_type(struct alert_judge *judge, const char *message)
{
        judge->message = message;
        return ALERT_WRONG_TYPE;
}

static enum alert_code out_of_range(struct alert_judge *judge, const char *message)
{
        judge->message = message;
        return ALERT_OUT_OF_RANGE;
}

static bool is_number(const struct alert_value *value)
{
        return value->kind == JSON_KIND_INTEGER || value->kind == JSON_KIND_REAL;
}

static enum alert_code check_type(struct alert_judge *judge, const struct alert_value *value)
{
        if (value->kind != JSON_KIND_STRING)
                return wrong_type(judge, "must be a string");
        judge->alert->v3.type = v3_type_of(value->text);
        if (judge->alert->v3.type != V3_TYPE_NONE)
                return ALERT_CODE_NONE;
        judge->message = "must be entry_v3, exit_v3, squeeze_v3 or trend_pulse_v3";
        return ALERT_UNKNOWN_TYPE;
}

static enum alert_code check_signal_type(struct alert_judge *judge, const struct alert_value *value)
{
        enum v3_signal_type type;

        if (value->kind != JSON_KIND_STRING)
                return wrong_type(judge, "must be a string");
        type = v3_signal_type_of(value->text);
        if (type == V3_SIGNAL_NONE || v3_type_of_signal(type) != judge->alert->v3.type) {
                judge->message = "is not a signal_type of this type";
                return ALERT_SIGNAL_TYPE_MISMATCH;
        }
        judge->alert->v3.signal_type = type;
        return ALERT_CODE_NONE;
}

static enum alert_code check_symbol(struct alert_judge *judge, const struct alert_value *value)
{
        const char *name;

        if (value->kind != JSON_KIND_STRING)
                return wrong_type(judge, "must be a string");
        name = value->text;
        if (!symbols_name_valid(name, strlen(name)))
                return out_of_range(judge, "must be 1 to 32 of A-Z a-z 0-9 . _ # -");
        judge->symbol = symbols_find(judge->symbols, name);
        if (!judge->symbol) {
                judge->message = "is not in the symbol table";
                return ALERT_UNKNOWN_SYMBOL;
        }
        strcpy(judge->alert->v3.symbol, judge->symbol->name);
        return ALERT_CODE_NONE;
}

static enum alert_code check_direction(struct alert_judge *judge, const struct alert_value *value)
{
        enum v3_side side;

        if (!(BIT(judge->alert->v3.type) & HAS_DIRECTION))
                return ALERT_CODE_NONE; /* the type has none: whatever stands here is ignored */
        if (value->kind != JSON_KIND_STRING)
                return wrong_type(judge, "must be a string");
        side = v3_side_of(value->text);
        if (side == V3_SIDE_NONE)
                return out_of_range(judge, "must be buy or sell");
        judge->alert->v3.direction = side;
        return ALERT_CODE_NONE;
}

static enum alert_code check_tf(struct alert_judge *judge, const struct alert_value *value)
{
        char text[24];
        enum v3_tf tf;

        if (value->kind == JSON_KIND_INTEGER) {
                snprintf(text, sizeof(text), "%lld", (long long)value->integer);
                tf = v3_tf_of(text);
        } else if (value->kind == JSON_KIND_STRING) {
                tf = v3_tf_of(value->text);
        } else {
                return wrong_type(judge, "must be a string or an integer");
        }
        if (tf == V3_TF_NONE)
                return out_of_range(judge, "must be 1 3 5 15 30 60 120 240 D 1D W or 1W");
        judge->alert->v3.tf = tf;
        return ALERT_CODE_NONE;
}

/* A price to the nearest 1e-8, judged there; then rounded to the digits of a known symbol. */
static enum alert_code check_price_into(
        struct alert_judge *judge, const struct alert_value *value, int64_t *ret_e8)
{
        int64_t price, rounded;

        if (!is_number(value))
                return wrong_type(judge, "must be a number");
        if (e8_parse((const char *)value->literal.data, value->literal.size, &price) < 0 ||
                price <= 0 || price > PRICE_MAX_E8)
                return out_of_range(judge, "must be over 0 and at most 10000000");
        rounded = price;
        if (judge->symbol && (e8_round_to(price, e8_step_of_digits(judge->symbol->digits),
                                      E8_HALF_UP, &rounded) < 0 ||
                                     rounded <= 0))
                return out_of_range(judge, "is 0 in the symbol's digits");
        *ret_e8 = rounded;
        return ALERT_CODE_NONE;
}

static enum alert_code check_price(struct alert_judge *judge, const struct alert_value *value)
{
        return check_price_into(judge, value, &judge->alert->v3.price_e8);
}

static enum alert_code check_sl(struct alert_judge *judge, const struct alert_value *value)
{
        enum alert_code code = check_price_into(judge, value, &judge->alert->v3.sl_e8);

        judge->alert->v3.has_sl = code == ALERT_CODE_NONE;
        return code;
}

static enum alert_code check_tp1(struct alert_judge *judge, const struct alert_value *value)
{
        enum alert_code code = check_price_into(judge, value, &judge->alert->v3.tp1_e8);

        judge->alert->v3.has_tp1 = code == ALERT_CODE_NONE;
        return code;
}

static enum alert_code check_tp2(struct alert_judge *judge, const struct alert_value *value)
{
        enum alert_code code = check_price_into(judge, value, &judge->alert->v3.tp2_e8);

        judge->alert->v3.has_tp2 = code == ALERT_CODE_NONE;
        return code;
}

static enum alert_code check_integer(struct alert_judge *judge, const struct alert_value *value,
        int64_t minimum, int64_t maximum, const char *range, int32_t *ret_value)
{
        int64_t number;

        if (value->kind != JSON_KIND_INTEGER)
                return wrong_type(judge, "must be an integer, written without . or e");
        number = value->integer;
        if (number < minimum || number > maximum)
                return out_of_range(judge, range);
        *ret_value = (int32_t)number;
        return ALERT_CODE_NONE;
}

static enum alert_code check_score(struct alert_judge *judge, const struct alert_value *value)
{
        struct v3_alert *v3 = &judge->alert->v3;
        enum alert_code code =
                check_integer(judge, value, 0, SCORE_MAX, "must be 0 to 9", &v3->consensus_score);

        v3->has_score = code == ALERT_CODE_NONE;
        return code;
}

static enum alert_code check_market_trend(
        struct alert_judge *judge, const struct alert_value *value)
{
        struct v3_alert *v3 = &judge->alert->v3;
        enum alert_code code =
                check_integer(judge, value, -1, 1, "must be -1, 0 or 1", &v3->market_trend);

        v3->has_market_trend = code == ALERT_CODE_NONE;
        return code;
}

/* The value of one item "-1", "0" or "1" at *TEXT, which moves behind it. False: it is none. */
static bool take_trend(const char **text, int8_t *ret_value)
{
        bool negative = **text == '-';

        *text += negative;
        if (**text != '1' && (**text != '0' || negative))
                return false;
        *ret_value = (int8_t)(negative ? -1 : **text - '0');
        (*text)++;
        return true;
}

static bool parse_trends(const char *text, struct v3_trends *ret_trends)
{
        struct v3_trends trends = { 0 };

        do {
                if (trends.count == V3_TRENDS_MAX)
                        return false;
                if (!take_trend(&text, &trends.value[trends.count++]))
                        return false;
        } while (*text == ',' && text++);
        if (*text)
                return false;
        *ret_trends = trends;
        return true;
}

static enum alert_code check_trends(struct alert_judge *judge, const struct alert_value *value,
        unsigned int minimum, const char *form, struct v3_trends *ret_trends)
{
        struct v3_trends trends;

        if (value->kind != JSON_KIND_STRING)
                return wrong_type(judge, "must be a string");
        if (!parse_trends(value->text, &trends) || trends.count < minimum)
                return out_of_range(judge, form);
        *ret_trends = trends;
        return ALERT_CODE_NONE;
}

static enum alert_code check_mtf_trends(struct alert_judge *judge, const struct alert_value *value)
{
        return check_trends(judge, value, 5, "must be 5 or 6 of -1, 0, 1 between commas",
                &judge->alert->v3.mtf_trends);
}

static enum alert_code check_six_trends(struct alert_judge *judge, const struct alert_value *value)
{
        struct v3_trends carried_in_the_raw_body;

        return check_trends(
                judge, value, 6, "must be 6 of -1, 0, 1 between commas", &carried_in_the_raw_body);
}

static enum alert_code check_multiplier(struct alert_judge *judge, const struct alert_value *value)
{
        struct v3_alert *v3 = &judge->alert->v3;
        int64_t multiplier;

        if (!is_number(value))
                return wrong_type(judge, "must be a number");
        if (e8_parse_rounded((const char *)value->literal.data, value->literal.size,
                    MULTIPLIER_DECIMALS, &multiplier) < 0 ||
                multiplier < MULTIPLIER_MIN_E8 || multiplier > MULTIPLIER_MAX_E8)
                return out_of_range(judge, "must be 0.1 to 2.0");
        v3->multiplier_e8 = multiplier;
        v3->has_multiplier = true;
        return ALERT_CODE_NONE;
}

static enum alert_code check_number(struct alert_judge *judge, const struct alert_value *value)
{
        return is_number(value) ? ALERT_CODE_NONE : wrong_type(judge, "must be a number");
}

static enum alert_code check_boolean(struct alert_judge *judge, const struct alert_value *value)
{
        return value->kind == JSON_KIND_BOOLEAN ? ALERT_CODE_NONE
                                                : wrong_type(judge, "must be true or false");
}

static enum alert_code check_string(struct alert_judge *judge, const struct alert_value *value)
{
        return value->kind == JSON_KIND_STRING ? ALERT_CODE_NONE
                                               : wrong_type(judge, "must be a string");
}

static enum alert_code check_id(struct alert_judge *judge, const struct alert_value *value)
{
        const char *text;
        size_t size;

        if (value->kind != JSON_KIND_STRING)
                return wrong_type(judge, "must be a string");
        text = value->text;
        size = strlen(text);
        if (!size || size > ALERT_ID_MAX_BYTES)
                return out_of_range(judge, "must have 1 to 64 bytes");
        for (size_t i = 0; i < size; i++)
                if (text[i] < 0x20 || text[i] > 0x7e)
                        return out_of_range(judge, "must be printable ASCII");
        memcpy(judge->alert->id, text, size + 1);
        judge->alert->has_id = true;
        return ALERT_CODE_NONE;
}

static bool time_of_ms(int64_t ms, int64_t *ret_us)
{
        if (ms < TIME_MS_MIN || ms > TIME_MS_MAX)
                return false;
        *ret_us = ms * BUS_US_PER_MS;
        return true;
}

/* RFC 3339, or milliseconds that the alert's template put between quotes. */
static bool time_of_text(const char *text, int64_t *ret_us)
{
        int64_t ms = 0;
        size_t digits = strspn(text, "0123456789");

        if (digits != TIME_MS_DIGITS || text[digits])
                return bus_time_parse(text, ret_us) == 0;
        for (; *text; text++)
                ms = ms * 10 + (*text - '0');
        return time_of_ms(ms, ret_us);
}

static enum alert_code check_time(struct alert_judge *judge, const struct alert_value *value)
{
        struct alert *alert = judge->alert;

        if (value->kind == JSON_KIND_INTEGER)
                alert->has_time = time_of_ms(value->integer, &alert->time_us);
        else if (value->kind == JSON_KIND_STRING)
                alert->has_time = time_of_text(value->text, &alert->time_us);
        else
                return wrong_type(judge, "must be a string or an integer");
        if (alert->has_time)
                return ALERT_CODE_NONE;
        return out_of_range(judge, "must be RFC 3339 with a zone, or epoch milliseconds");
}

#define NAME(text) text, sizeof(text) - 1

static const struct {
        const char *name;
        size_t size;           /* of the name */
        unsigned int required; /* BIT of each type that must have it */
        enum alert_code (*check)(struct alert_judge *judge, const struct alert_value *value);
} fields[FIELD_COUNT] = {
        [FIELD_TYPE] = { NAME("type"), EVERY_TYPE, check_type },
        [FIELD_SIGNAL_TYPE] = { NAME("signal_type"), EVERY_TYPE, check_signal_type },
        [FIELD_SYMBOL] = { NAME("symbol"), EVERY_TYPE, check_symbol },
        [FIELD_DIRECTION] = { NAME("direction"), ONLY_ENTRY, check_direction },
        [FIELD_TF] = { NAME("tf"), EVERY_TYPE, check_tf },
        [FIELD_PRICE] = { NAME("price"), EVERY_TYPE, check_price },
        [FIELD_CONSENSUS_SCORE] = { NAME("consensus_score"), ONLY_ENTRY, check_score },
        [FIELD_SL_PRICE] = { NAME("sl_price"), 0, check_sl },
        [FIELD_TP1_PRICE] = { NAME("tp1_price"), 0, check_tp1 },
        [FIELD_TP2_PRICE] = { NAME("tp2_price"), 0, check_tp2 },
        [FIELD_MTF_TRENDS] = { NAME("mtf_trends"), 0, check_mtf_trends },
        [FIELD_CURRENT_TRENDS] = { NAME("current_trends"), 0, check_six_trends },
        [FIELD_PREVIOUS_TRENDS] = { NAME("previous_trends"), 0, check_six_trends },
        [FIELD_MARKET_TREND] = { NAME("market_trend"), 0, check_market_trend },
        [FIELD_POSITION_MULTIPLIER] = { NAME("position_multiplier"), 0, check_multiplier },
        [FIELD_VOLUME_DELTA_RATIO] = { NAME("volume_delta_ratio"), 0, check_number },
        [FIELD_FIB_LEVEL] = { NAME("fib_level"), 0, check_number },
        [FIELD_ADX_VALUE] = { NAME("adx_value"), 0, check_number },
        [FIELD_PRICE_IN_OB] = { NAME("price_in_ob"), 0, check_boolean },
        [FIELD_FULL_ALIGNMENT] = { NAME("full_alignment"), 0, check_boolean },
        [FIELD_CONFIDENCE] = { NAME("confidence"), 0, check_string },
        [FIELD_REASON] = { NAME("reason"), 0, check_string },
        [FIELD_MESSAGE] = { NAME("message"), 0, check_string },
        [FIELD_CHANGED_TIMEFRAMES] = { NAME("changed_timeframes"), 0, check_string },
        [FIELD_CHANGE_DETAILS] = { NAME("change_details"), 0, check_string },
        [FIELD_TREND_LABELS] = { NAME("trend_labels"), 0, check_string },
        [FIELD_ID] = { NAME("id"), 0, check_id },
        [FIELD_TIME] = { NAME("time"), 0, check_time },
};

enum alert_field alert_field_of(struct bus_bytes name)
{
        enum alert_field field = 0;

        for (; field < FIELD_COUNT; field++) /* asked for each member of each alert */
                if (fields[field].size == name.size &&
                        !memcmp(fields[field].name, name.data, name.size))
                        break;
        return field;
}

const char *alert_field_name(enum alert_field field)
{
        return fields[field].name;
}

bool alert_field_required(enum alert_field field, enum v3_type type)
{
        return fields[field].required & BIT(type);
}

enum alert_code alert_field_check(struct alert_judge *judge, enum alert_field field)
{
        return fields[field].check(judge, &judge->values[field]);
}
