/*
 * Keeps: events[] alone decides which fields a line has, so that writing and reading agree.
 */
#include "services/mt5-demo/record.h"

#include "libbus/base/clock.h"
#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

enum field_type {
        FIELD_TEXT,
        FIELD_U64,
        FIELD_U32,
        FIELD_CENTS, /* "12.50" */
        FIELD_PRICE, /* with the symbol's digits */
        FIELD_LOTS,  /* 2 decimals */
        FIELD_TIME,  /* RFC 3339 */
        FIELD_NAME,  /* of an enumeration */
};

struct field {
        const char *name;
        enum field_type type;
        size_t offset, size;
        const char *const *names; /* FIELD_NAME: by value; NULL where a value has no name */
        size_t name_count;
};

static const char *const event_names[] = {
        [EVENT_ACCOUNT] = "account",
        [EVENT_START] = "start",
        [EVENT_HELLO] = "hello",
        [EVENT_REFUSED] = "refused",
        [EVENT_TOKEN] = "token",
        [EVENT_REQUEST] = "request",
        [EVENT_RESULT] = "result",
        [EVENT_DEAL] = "deal",
        [EVENT_MODIFY] = "modify",
        [EVENT_TOMBSTONE] = "tombstone",
        [EVENT_FAULT] = "fault",
};
static const char *const action_names[] = {
        [ACTION_OPEN] = "open",
        [ACTION_CLOSE] = "close",
        [ACTION_MODIFY] = "modify",
};
static const char *const side_names[] = {
        [SIDE_NONE] = "",
        [SIDE_BUY] = "buy",
        [SIDE_SELL] = "sell",
};
static const char *const entry_names[] = {
        [ENTRY_IN] = "in",
        [ENTRY_OUT] = "out",
};
static const char *const reason_names[] = {
        [REASON_EXPERT] = "expert",
        [REASON_STOP] = "stop",
        [REASON_TARGET] = "target",
        [REASON_CLIENT] = "client",
        [REASON_STOP_OUT] = "stop_out",
};

enum field_bit {
        F_TIME,
        F_EVENT,
        F_ID,
        F_ATTEMPT,
        F_TOKEN,
        F_ACTION,
        F_SYMBOL,
        F_SIDE,
        F_ENTRY,
        F_VOLUME,
        F_PRICE,
        F_DEVIATION,
        F_SL,
        F_TP,
        F_TICKET,
        F_ORDER,
        F_POSITION,
        F_RETCODE,
        F_PROFIT,
        F_BALANCE,
        F_REASON,
        F_MAGIC,
        F_FILLING,
        F_DEADLINE,
        F_COMMENT,
        F_COUNT,
};

#define FIELD(name, type, member)                                                                  \
        {                                                                                          \
                name, type, offsetof(struct record, member), sizeof(((struct record *)0)->member), \
                        NULL, 0                                                                    \
        }
#define NAMES(name, member, table)                                                     \
        {                                                                              \
                name, FIELD_NAME, offsetof(struct record, member), sizeof(int), table, \
                        BUS_COUNT(table)                                               \
        }

/* In the order they are written. */
static const struct field fields[F_COUNT] = {
        [F_TIME] = FIELD("time", FIELD_TIME, at_us),
        [F_EVENT] = NAMES("event", event, event_names),
        [F_ID] = FIELD("cl_ord_id", FIELD_TEXT, cl_ord_id),
        [F_ATTEMPT] = FIELD("attempt", FIELD_U32, attempt),
        [F_TOKEN] = FIELD("token", FIELD_U64, token),
        [F_ACTION] = NAMES("action", action, action_names),
        [F_SYMBOL] = FIELD("symbol", FIELD_TEXT, symbol),
        [F_SIDE] = NAMES("side", side, side_names),
        [F_ENTRY] = NAMES("entry", entry, entry_names),
        [F_VOLUME] = FIELD("volume", FIELD_LOTS, volume_e8),
        [F_PRICE] = FIELD("price", FIELD_PRICE, price_e8),
        [F_DEVIATION] = FIELD("deviation", FIELD_PRICE, deviation_e8),
        [F_SL] = FIELD("sl", FIELD_PRICE, sl_e8),
        [F_TP] = FIELD("tp", FIELD_PRICE, tp_e8),
        [F_TICKET] = FIELD("ticket", FIELD_U64, ticket),
        [F_ORDER] = FIELD("order", FIELD_U64, order),
        [F_POSITION] = FIELD("position", FIELD_U64, position),
        [F_RETCODE] = FIELD("retcode", FIELD_U32, retcode),
        [F_PROFIT] = FIELD("profit", FIELD_CENTS, profit_cents),
        [F_BALANCE] = FIELD("balance", FIELD_CENTS, balance_cents),
        [F_REASON] = NAMES("reason", reason, reason_names),
        [F_MAGIC] = FIELD("magic", FIELD_U64, magic),
        [F_FILLING] = FIELD("filling", FIELD_U32, filling),
        [F_DEADLINE] = FIELD("deadline_us", FIELD_U64, deadline_us),
        [F_COMMENT] = FIELD("comment", FIELD_TEXT, comment),
};

#define B(bit)   (UINT32_C(1) << F_##bit)
#define ATTEMPT_ (B(TIME) | B(EVENT) | B(ID) | B(ATTEMPT))

static const uint32_t events[] = {
        [EVENT_ACCOUNT] = B(TIME) | B(EVENT) | B(BALANCE) | B(COMMENT),
        [EVENT_START] = B(TIME) | B(EVENT) | B(COMMENT),
        [EVENT_HELLO] = B(TIME) | B(EVENT) | B(TOKEN) | B(COMMENT),
        [EVENT_REFUSED] = B(TIME) | B(EVENT) | B(TOKEN) | B(COMMENT),
        [EVENT_TOKEN] = B(TIME) | B(EVENT) | B(TOKEN),
        [EVENT_REQUEST] = ATTEMPT_ | B(TOKEN) | B(ACTION) | B(SYMBOL) | B(SIDE) | B(VOLUME) |
                          B(PRICE) | B(DEVIATION) | B(SL) | B(TP) | B(POSITION) | B(MAGIC) |
                          B(FILLING) | B(DEADLINE) | B(COMMENT),
        [EVENT_RESULT] = ATTEMPT_ | B(SYMBOL) | B(VOLUME) | B(PRICE) | B(TICKET) | B(ORDER) |
                         B(POSITION) | B(RETCODE) | B(COMMENT),
        [EVENT_DEAL] = ATTEMPT_ | B(SYMBOL) | B(SIDE) | B(ENTRY) | B(VOLUME) | B(PRICE) | B(SL) |
                       B(TP) | B(TICKET) | B(ORDER) | B(POSITION) | B(RETCODE) | B(PROFIT) |
                       B(BALANCE) | B(REASON) | B(MAGIC) | B(COMMENT),
        [EVENT_MODIFY] = ATTEMPT_ | B(SYMBOL) | B(SL) | B(TP) | B(ORDER) | B(POSITION) | B(RETCODE),
        [EVENT_TOMBSTONE] = ATTEMPT_ | B(COMMENT),
        [EVENT_FAULT] = B(TIME) | B(EVENT) | B(ID) | B(COMMENT),
};

/* Lines are written for every order, so not by way of a tree of JSON values. */
static void add_plain(struct bus_buf *buf, const char *text)
{
        bus_buf_add(buf, "\"", 1);
        bus_buf_add_str(buf, text);
        bus_buf_add(buf, "\"", 1);
}

static bool is_plain(const char *text)
{
        for (const unsigned char *c = (const unsigned char *)text; *c; c++)
                if (*c < 0x20 || *c >= 0x7f || *c == '"' || *c == '\\')
                        return false;
        return true;
}

static void add_text(struct bus_buf *buf, const char *text)
{
        json_t *value;
        char *quoted;

        if (is_plain(text)) {
                add_plain(buf, text);
                return;
        }
        value = json_string(text);
        quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
        bus_require(quoted);
        bus_buf_add_str(buf, quoted);
        free(quoted);
        json_decref(value);
}

static void add_number(struct bus_buf *buf, uint64_t value)
{
        /* JSON's integers have a sign: that is how they are read again */
        const bool negative = (int64_t)value < 0;
        char text[24], *end = text + sizeof(text), *at = end;

        if (negative)
                value = -value;
        do
                *--at = (char)('0' + value % 10);
        while (value /= 10);
        if (negative)
                *--at = '-';
        bus_buf_add(buf, at, (size_t)(end - at));
}

/* A price off its symbol's digits is shown as it is: the ledger holds what came. */
static const char *price_text(int64_t value, unsigned int digits, char text[static E8_TEXT_SIZE])
{
        if (value % e8_step_of_digits(digits))
                return e8_format_short(value, text);
        return e8_format(value, digits, text);
}

/* Lots have 2 decimals unless a symbol's step is finer. */
static unsigned int lots_digits(int64_t volume_e8)
{
        return volume_e8 % (E8_ONE / 100) ? E8_DIGITS : 2;
}

static const char *name_of(const struct field *field, int value)
{
        bus_require(value >= 0 && (size_t)value < field->name_count && field->names[value]);
        return field->names[value];
}

static void add_scaled(
        struct bus_buf *buf, enum field_type type, int64_t value, unsigned int digits)
{
        char text[E8_TEXT_SIZE], time[BUS_TIME_TEXT_SIZE];

        switch (type) {
        case FIELD_CENTS: add_plain(buf, cents_format(value, text)); break;
        case FIELD_PRICE: add_plain(buf, price_text(value, digits, text)); break;
        case FIELD_LOTS: add_plain(buf, e8_format(value, lots_digits(value), text)); break;
        default: add_plain(buf, bus_time_format(value, time)); break;
        }
}

static void add_field(struct bus_buf *buf, const struct field *field, const struct record *record)
{
        const void *value = (const char *)record + field->offset;

        add_plain(buf, field->name);
        bus_buf_add(buf, ":", 1);
        switch (field->type) {
        case FIELD_TEXT: add_text(buf, value); break;
        case FIELD_U64: add_number(buf, *(const uint64_t *)value); break;
        case FIELD_U32: add_number(buf, *(const uint32_t *)value); break;
        case FIELD_CENTS:
        case FIELD_PRICE:
        case FIELD_LOTS:
        case FIELD_TIME:
                add_scaled(buf, field->type, *(const int64_t *)value, record->digits);
                break;
        case FIELD_NAME: add_plain(buf, name_of(field, *(const int *)value)); break;
        }
}

void record_write(const struct record *record, struct bus_buf *buf)
{
        const char *before = "{";

        bus_require(record->event && (size_t)record->event < BUS_COUNT(events));
        for (int i = 0; i < F_COUNT; i++) {
                if (!(events[record->event] >> i & 1))
                        continue;
                bus_buf_add(buf, before, 1);
                add_field(buf, &fields[i], record);
                before = ",";
        }
        bus_buf_add(buf, "}\n", 2);
}

static int read_text(const json_t *value, char *ret_text, size_t size)
{
        const char *text = json_string_value(value);

        if (!text || strlen(text) >= size)
                return -EBADMSG;
        memcpy(ret_text, text, strlen(text) + 1);
        return 0;
}

static int read_name(const struct field *field, const json_t *value, int *ret_value)
{
        const char *text = json_string_value(value);

        for (size_t i = 0; text && i < field->name_count; i++)
                if (field->names[i] && !strcmp(field->names[i], text)) {
                        *ret_value = (int)i;
                        return 0;
                }
        return -EBADMSG;
}

static int read_number(const json_t *value, enum field_type type, void *ret_value)
{
        json_int_t number = json_integer_value(value);

        if (!json_is_integer(value))
                return -EBADMSG;
        if (type == FIELD_U64) {
                *(uint64_t *)ret_value = (uint64_t)number;
                return 0;
        }
        if (number < 0 || number > UINT32_MAX)
                return -EBADMSG;
        *(uint32_t *)ret_value = (uint32_t)number;
        return 0;
}

static int read_scaled(const json_t *value, enum field_type type, int64_t *ret_value)
{
        const char *text = json_string_value(value);

        if (!text)
                return -EBADMSG;
        if (type == FIELD_CENTS)
                return cents_parse(text, strlen(text), ret_value);
        if (type == FIELD_TIME)
                return bus_time_parse(text, ret_value);
        return e8_parse(text, strlen(text), ret_value);
}

static int read_field(const struct field *field, const json_t *line, struct record *record)
{
        const json_t *value = json_object_get(line, field->name);
        void *place = (char *)record + field->offset;

        switch (field->type) {
        case FIELD_TEXT: return read_text(value, place, field->size);
        case FIELD_U64:
        case FIELD_U32: return read_number(value, field->type, place);
        case FIELD_CENTS:
        case FIELD_PRICE:
        case FIELD_LOTS:
        case FIELD_TIME: return read_scaled(value, field->type, place);
        case FIELD_NAME: return read_name(field, value, place);
        }
        return -EBADMSG;
}

static int read_record(const json_t *line, struct record *ret_record)
{
        struct record record = { 0 };

        if (!json_is_object(line) || read_field(&fields[F_EVENT], line, &record) < 0)
                return -EBADMSG;
        for (int i = 0; i < F_COUNT; i++)
                if (events[record.event] >> i & 1 && read_field(&fields[i], line, &record) < 0)
                        return -EBADMSG;
        if (record.at_us < 0)
                return -EBADMSG;
        *ret_record = record;
        return 0;
}

int record_read(struct bus_bytes line, struct record *ret_record)
{
        json_t *json;
        int r;

        json = json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
        r = read_record(json, ret_record);
        json_decref(json);
        return r;
}

struct record record_of_order(const struct order *order, unsigned int digits, int64_t at_us)
{
        struct record record = {
                .event = EVENT_REQUEST,
                .at_us = at_us,
                .attempt = order->attempt,
                .token = order->token,
                .action = order->action,
                .digits = digits,
                .side = order->side,
                .volume_e8 = order->volume_e8,
                .price_e8 = order->price_e8,
                .deviation_e8 = order->deviation_e8,
                .sl_e8 = order->sl_e8,
                .tp_e8 = order->tp_e8,
                .position = order->position,
                .magic = order->magic,
                .filling = order->filling,
                .deadline_us = order->deadline_us,
        };

        memcpy(record.cl_ord_id, order->cl_ord_id, sizeof(record.cl_ord_id));
        memcpy(record.symbol, order->symbol, sizeof(record.symbol));
        memcpy(record.comment, order->comment, sizeof(record.comment));
        return record;
}

struct order record_order(const struct record *record)
{
        struct order order = {
                .attempt = record->attempt,
                .token = record->token,
                .action = record->action,
                .side = record->side,
                .volume_e8 = record->volume_e8,
                .price_e8 = record->price_e8,
                .deviation_e8 = record->deviation_e8,
                .sl_e8 = record->sl_e8,
                .tp_e8 = record->tp_e8,
                .position = record->position,
                .magic = record->magic,
                .filling = record->filling,
                .deadline_us = record->deadline_us,
        };

        memcpy(order.cl_ord_id, record->cl_ord_id, sizeof(order.cl_ord_id));
        memcpy(order.symbol, record->symbol, sizeof(order.symbol));
        memcpy(order.comment, record->comment, sizeof(order.comment));
        return order;
}

const char *event_name(enum event event)
{
        return event_names[event];
}

const char *action_name(enum action action)
{
        return action_names[action];
}

const char *side_name(enum side side)
{
        return side_names[side];
}

const char *reason_name(enum deal_reason reason)
{
        return reason_names[reason];
}
