#include "services/common/alert.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"
#include "services/common/alert_fields.h"
#include "services/common/json_text.h"
#include "services/common/plain_json.h"

#include <jansson.h>
#include <stdio.h>

#define PLACEHOLDER_OPENS  "{{"
#define PLACEHOLDER_CLOSES "}}"
/* A longer body is the library's, whatever it is. */
#define PLAIN_BODY_MAX_BYTES 2048

BUS_DEFINE_CLEANUP(json_freep, json_t *, json_decref);

static const uint8_t *find(struct bus_bytes text, const char *what)
{
        return text.size ? memmem(text.data, text.size, what, strlen(what)) : NULL;
}

static void refuse_json(struct alert *alert, const char *message)
{
        alert_faults_add(&alert->errors, ALERT_INVALID_JSON, "", message);
}

/* What the library would accept, or tell in a way that hides the cause. */
static bool refuse_bytes(struct alert *alert, struct bus_bytes body)
{
        const uint8_t *nul;
        char message[64];

        if (!body.size) {
                refuse_json(alert, "the body is empty");
                return true;
        }
        if (body.size >= 3 && !memcmp(body.data, "\xef\xbb\xbf", 3)) {
                refuse_json(alert, "a byte order mark at byte 0");
                return true;
        }
        nul = memchr(body.data, 0, body.size);
        if (nul) {
                snprintf(message, sizeof(message), "a NUL at byte %zu", (size_t)(nul - body.data));
                refuse_json(alert, message);
                return true;
        }
        return false;
}

/* The one object that BODY is, owned by the caller; NULL with the error in ALERT. */
static json_t *parse_object(struct alert *alert, struct bus_bytes body)
{
        BUS_AUTOFREE char *masked = NULL;
        BUS_CLEANUP(json_freep) json_t *root = NULL;
        json_error_t error;
        char message[JSON_ERROR_TEXT_LENGTH + 64];
        unsigned int depth;

        if (refuse_bytes(alert, body))
                return NULL;
        /* Reals are masked: their value is read from the text, and a double that overflows is a
         * number out of range, not bad syntax. */
        masked = json_masked(body, JSON_MASK_REALS);
        root = json_loadb(masked, body.size, JSON_REJECT_DUPLICATES, &error);
        if (!root) {
                snprintf(message, sizeof(message), "byte %d: %s", error.position, error.text);
                refuse_json(alert, message);
                return NULL;
        }
        if (!json_is_object(root)) {
                refuse_json(alert, "byte 0: not an object");
                return NULL;
        }
        depth = json_depth(body);
        if (depth > ALERT_DEPTH_MAX) {
                snprintf(message, sizeof(message), "nested %u deep, more than %d", depth,
                        ALERT_DEPTH_MAX);
                refuse_json(alert, message);
                return NULL;
        }
        return BUS_STEAL(root);
}

/* A body that does not parse because of a placeholder is told by the placeholder. */
static void blame_placeholder(struct alert *alert, struct bus_bytes body)
{
        const uint8_t *start = find(body, PLACEHOLDER_OPENS), *close;
        struct bus_bytes rest;
        char field[ALERT_FIELD_SIZE] = { 0 };
        size_t size;

        if (!start)
                return;
        rest = bus_bytes(start, (size_t)(body.data + body.size - start));
        close = find(rest, PLACEHOLDER_CLOSES);
        size = close ? (size_t)(close - start) + strlen(PLACEHOLDER_CLOSES) : rest.size;
        memcpy(field, start, json_clean_prefix((const char *)start, size, sizeof(field) - 1));

        alert->errors.count = 0;
        alert_faults_add(&alert->errors, ALERT_UNSUBSTITUTED_PLACEHOLDER, field,
                "the sender left a placeholder, so the body is not JSON");
}

static void fault(struct alert_judge *judge, enum alert_field field, enum alert_code code,
        const char *message)
{
        struct alert *alert = judge->alert;
        const char *name = alert_field_name(field);

        judge->sound[field] = false;
        /* An exit is not refused for its decoration. */
        if (alert->v3.type == V3_TYPE_EXIT && field != FIELD_SIGNAL_TYPE && field != FIELD_SYMBOL)
                alert_warn(alert, code, name, message);
        else
                alert_faults_add(&alert->errors, code, name, message);
}

static bool holds_placeholder(const struct alert_value *value)
{
        if (value->kind == JSON_KIND_STRING)
                return strstr(value->text, PLACEHOLDER_OPENS);
        return value->kind == JSON_KIND_NESTED && find(value->literal, PLACEHOLDER_OPENS);
}

static void judge_field(struct alert_judge *judge, enum alert_field field)
{
        const struct alert_value *value = &judge->values[field];
        bool required = alert_field_required(field, judge->alert->v3.type) || field == FIELD_TYPE;
        enum alert_code code;

        if (value->kind == JSON_KIND_NONE) {
                if (required)
                        fault(judge, field, ALERT_MISSING_FIELD, "is required");
                return;
        }
        if (holds_placeholder(value)) {
                if (required) {
                        fault(judge, field, ALERT_UNSUBSTITUTED_PLACEHOLDER,
                                "the sender left a placeholder");
                        return;
                }
                alert_warn(judge->alert, ALERT_UNSUBSTITUTED_PLACEHOLDER, alert_field_name(field),
                        "the sender left a placeholder");
        }
        judge->sound[field] = true;
        code = alert_field_check(judge, field);
        if (code != ALERT_CODE_NONE)
                fault(judge, field, code, judge->message);
}

/* A screener trades one way only. */
static void judge_screener(struct alert_judge *judge)
{
        const struct v3_alert *v3 = &judge->alert->v3;

        if (!judge->sound[FIELD_SIGNAL_TYPE] || !judge->sound[FIELD_DIRECTION])
                return;
        if (v3->signal_type == V3_SIGNAL_SCREENER_FULL_BULLISH && v3->direction != V3_SIDE_BUY)
                fault(judge, FIELD_DIRECTION, ALERT_DIRECTION_MISMATCH, "this screener only buys");
        if (v3->signal_type == V3_SIGNAL_SCREENER_FULL_BEARISH && v3->direction != V3_SIDE_SELL)
                fault(judge, FIELD_DIRECTION, ALERT_DIRECTION_MISMATCH, "this screener only sells");
}

/* Is LEVEL where a profit would be, seen from price? A level at the price is on neither side. */
static bool in_profit(const struct v3_alert *v3, int64_t level_e8)
{
        return v3->direction == V3_SIDE_BUY ? level_e8 > v3->price_e8 : level_e8 < v3->price_e8;
}

static bool in_loss(const struct v3_alert *v3, int64_t level_e8)
{
        return v3->direction == V3_SIDE_BUY ? level_e8 < v3->price_e8 : level_e8 > v3->price_e8;
}

static bool nearer_than(const struct v3_alert *v3, int64_t level_e8, int64_t other_e8)
{
        return v3->direction == V3_SIDE_BUY ? level_e8 < other_e8 : level_e8 > other_e8;
}

static void judge_stops(struct alert_judge *judge)
{
        const struct v3_alert *v3 = &judge->alert->v3;

        if (!judge->sound[FIELD_SYMBOL] || !judge->sound[FIELD_PRICE] ||
                !judge->sound[FIELD_DIRECTION])
                return;
        if (judge->sound[FIELD_SL_PRICE] && !in_loss(v3, v3->sl_e8))
                fault(judge, FIELD_SL_PRICE, ALERT_STOPS_WRONG_SIDE,
                        "must be on the losing side of price");
        if (judge->sound[FIELD_TP1_PRICE] && !in_profit(v3, v3->tp1_e8))
                fault(judge, FIELD_TP1_PRICE, ALERT_STOPS_WRONG_SIDE,
                        "must be on the winning side of price");
        if (judge->sound[FIELD_TP2_PRICE] && !in_profit(v3, v3->tp2_e8))
                fault(judge, FIELD_TP2_PRICE, ALERT_STOPS_WRONG_SIDE,
                        "must be on the winning side of price");
        if (judge->sound[FIELD_TP1_PRICE] && judge->sound[FIELD_TP2_PRICE] &&
                nearer_than(v3, v3->tp2_e8, v3->tp1_e8))
                fault(judge, FIELD_TP2_PRICE, ALERT_STOPS_WRONG_SIDE,
                        "must not be nearer than tp1_price");
}

static void judge_fields(struct alert_judge *judge)
{
        judge_field(judge, FIELD_TYPE);
        if (!judge->sound[FIELD_TYPE])
                return; /* without it nothing can be said of the rest */
        for (enum alert_field field = FIELD_TYPE + 1; field < FIELD_COUNT; field++)
                judge_field(judge, field);
        if (judge->alert->v3.type != V3_TYPE_ENTRY)
                return;
        judge_screener(judge);
        judge_stops(judge);
}

/* NAME as it stands between its quotes -> the member's name; the caller frees. */
static char *decoded_name(struct bus_bytes name)
{
        char *text;
        json_t *decoded;

        if (!memchr(name.data, '\\', name.size)) {
                text = bus_xcalloc(name.size + 1, 1);
                memcpy(text, name.data, name.size);
                return text;
        }
        decoded = json_loadb((const char *)name.data - 1, name.size + 2, JSON_DECODE_ANY, NULL);
        bus_require(json_is_string(decoded)); /* it parsed as part of the body */
        text = bus_xstrdup(json_string_value(decoded));
        json_decref(decoded);
        return text;
}

static void warn_unknown(struct alert *alert, const char *name, const struct alert_value *value)
{
        if (alert->warnings.count >= ALERT_UNKNOWN_MAX)
                return;
        alert_warn(alert, ALERT_UNKNOWN_FIELD, name, "is not a field of an alert; carried along");
        if (holds_placeholder(value) || strstr(name, PLACEHOLDER_OPENS))
                alert_warn(alert, ALERT_UNSUBSTITUTED_PLACEHOLDER, name,
                        "the sender left a placeholder");
}

static enum json_kind kind_of(const json_t *json)
{
        if (json_is_string(json))
                return JSON_KIND_STRING;
        if (json_is_integer(json))
                return JSON_KIND_INTEGER;
        if (json_is_real(json))
                return JSON_KIND_REAL;
        if (json_is_boolean(json))
                return JSON_KIND_BOOLEAN;
        if (json_is_null(json))
                return JSON_KIND_NULL;
        return json ? JSON_KIND_NESTED : JSON_KIND_NONE;
}

/* Sorts the body's members into the fields; unknown ones become warnings. */
static void take_members(struct alert_judge *judge, const json_t *object, struct bus_bytes body)
{
        struct json_scan scan;
        struct bus_bytes raw_name, literal;

        json_scan_init(&scan, body);
        while (json_scan_next(&scan, &raw_name, &literal)) {
                BUS_AUTOFREE char *name = decoded_name(raw_name);
                enum alert_field field = alert_field_of(bus_bytes_str(name));
                const json_t *json = json_object_get(object, name);
                struct alert_value value = { kind_of(json), json_string_value(json),
                        json_integer_value(json), literal };

                if (field < FIELD_COUNT)
                        judge->values[field] = value;
                else
                        warn_unknown(judge->alert, name, &value);
        }
}

static void judge_by_library(struct alert_judge *judge, struct bus_bytes body)
{
        BUS_CLEANUP(json_freep) json_t *object = parse_object(judge->alert, body);

        if (!object) {
                blame_placeholder(judge->alert, body);
                return;
        }
        take_members(judge, object, body);
        judge_fields(judge);
}

/* TEXT as a C string in *ROOM, which moves behind it. */
static const char *put_string(char **room, struct bus_bytes text)
{
        char *string = *room;

        memcpy(string, text.data, text.size);
        string[text.size] = 0;
        *room += text.size + 1;
        return string;
}

static void take_plain_member(
        struct alert_judge *judge, const struct plain_member *member, char **room)
{
        struct alert_value value = { member->kind, NULL, member->integer, member->literal };
        enum alert_field field = alert_field_of(member->name);

        if (value.kind == JSON_KIND_STRING)
                value.text = put_string(
                        room, bus_bytes(member->literal.data + 1, member->literal.size - 2));
        if (field < FIELD_COUNT)
                judge->values[field] = value;
        else
                warn_unknown(judge->alert, put_string(room, member->name), &value);
}

/* What the library would make of BODY too, for a fraction of the time. False: it is not plain, and
 * nothing was done. */
static bool judge_plain(struct alert_judge *judge, struct bus_bytes body)
{
        /* Each string has a NUL here in the place of its two quotes. */
        char strings[PLAIN_BODY_MAX_BYTES], *room = strings;
        struct plain_object object;

        if (body.size > sizeof(strings) || !plain_json_read(body, &object))
                return false;
        for (size_t i = 0; i < object.count; i++)
                take_plain_member(judge, &object.members[i], &room);
        judge_fields(judge);
        return true;
}

static int parse(struct bus_bytes body, const struct symbols *symbols, bool by_library,
        struct alert **ret_alert)
{
        struct alert *alert = bus_new(struct alert);
        struct alert_judge judge = { .symbols = symbols, .alert = alert };

        if (body.size)
                alert->raw = bus_bytes(bus_xmemdup(body.data, body.size), body.size);
        alert->v3.multiplier_e8 = E8_ONE;
        if (body.size > ALERT_BODY_MAX_BYTES)
                alert_faults_add(&alert->errors, ALERT_BODY_TOO_LARGE, "", "more than 16384 bytes");
        else if (by_library || !judge_plain(&judge, body))
                judge_by_library(&judge, body);
        *ret_alert = alert;
        return alert->errors.count ? ALERT_REFUSED : 0;
}

int alert_parse(struct bus_bytes body, const struct symbols *symbols, struct alert **ret_alert)
{
        return parse(body, symbols, false, ret_alert);
}

int alert_parse_by_library(
        struct bus_bytes body, const struct symbols *symbols, struct alert **ret_alert)
{
        return parse(body, symbols, true, ret_alert);
}

struct alert *alert_free(struct alert *alert)
{
        if (!alert)
                return NULL;
        free(alert->errors.items);
        free(alert->warnings.items);
        free((void *)alert->raw.data);
        free(alert);
        return NULL;
}
