#include "services/mt5-demo/view.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <jansson.h>

static void set(json_t *object, const char *key, json_t *value)
{
        bus_require(json_object_set_new(object, key, value) == 0);
}

static void set_text(json_t *object, const char *key, const char *text)
{
        set(object, key, json_string(text));
}

static void set_u64(json_t *object, const char *key, uint64_t value)
{
        set(object, key, json_integer((json_int_t)value));
}

static void set_cents(json_t *object, const char *key, int64_t cents)
{
        char text[E8_TEXT_SIZE];

        set_text(object, key, cents_format(cents, text));
}

static void set_e8(json_t *object, const char *key, int64_t value, unsigned int digits)
{
        char text[E8_TEXT_SIZE];

        set_text(object, key, e8_format(value, digits, text));
}

static void add_json(json_t *value, struct bus_buf *buf)
{
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

        bus_require(text);
        bus_buf_add_str(buf, text);
        free(text);
        json_decref(value);
}

void view_account(const struct desk *desk, struct bus_buf *buf)
{
        struct worth worth = account_worth(&desk->account, desk->quotes);
        json_t *object = json_object();

        set_cents(object, "balance", worth.balance_cents);
        set_cents(object, "equity", worth.equity_cents);
        set_cents(object, "margin", worth.margin_cents);
        set_cents(object, "margin_free", worth.free_cents);
        set_u64(object, "positions", desk->account.position_count);
        set_u64(object, "deals", desk->account.deal_count);
        set_u64(object, "next_ticket", desk->account.next_ticket);
        set_u64(object, "highest_token", desk->attempts.highest_token);
        add_json(object, buf);
}

static json_t *position_json(const struct desk *desk, const struct position *position)
{
        const struct symbol_spec *spec = &desk->account.specs[position->symbol];
        json_t *object = json_object();

        set_u64(object, "ticket", position->ticket);
        set_text(object, "symbol", spec->name);
        set_text(object, "side", side_name(position->side));
        set_e8(object, "volume", position->volume_e8, 2);
        set_e8(object, "price", position->open_price_e8, spec->digits);
        set_e8(object, "sl", position->sl_e8, spec->digits);
        set_e8(object, "tp", position->tp_e8, spec->digits);
        set_cents(object, "profit",
                account_position_profit(&desk->account, position, desk->quotes[position->symbol]));
        set_u64(object, "magic", position->magic);
        set_text(object, "comment", position->comment);
        set_u64(object, "opened_us", (uint64_t)position->opened_us);
        return object;
}

void view_positions(const struct desk *desk, struct bus_buf *buf)
{
        json_t *array = json_array();

        for (size_t i = 0; i < desk->account.position_count; i++)
                bus_require(json_array_append_new(
                                    array, position_json(desk, desk->account.positions[i])) == 0);
        add_json(array, buf);
}

static json_t *deal_json(const struct desk *desk, const struct deal *deal)
{
        const struct symbol_spec *spec = &desk->account.specs[deal->symbol];
        json_t *object = json_object();

        set_u64(object, "ticket", deal->ticket);
        set_u64(object, "order", deal->order);
        set_u64(object, "position", deal->position);
        set_text(object, "symbol", spec->name);
        set_text(object, "side", side_name(deal->side));
        set_text(object, "entry", deal->entry == ENTRY_IN ? "in" : "out");
        set_text(object, "reason", reason_name(deal->reason));
        set_e8(object, "volume", deal->volume_e8, 2);
        set_e8(object, "price", deal->price_e8, spec->digits);
        set_cents(object, "profit", deal->profit_cents);
        set_u64(object, "magic", deal->magic);
        set_text(object, "comment", deal->comment);
        set_u64(object, "at_us", (uint64_t)deal->at_us);
        return object;
}

void view_deals(const struct desk *desk, struct bus_buf *buf)
{
        json_t *array = json_array();

        for (size_t i = 0; i < desk->account.deal_count; i++)
                bus_require(json_array_append_new(
                                    array, deal_json(desk, &desk->account.deals[i])) == 0);
        add_json(array, buf);
}

void view_quotes(const struct desk *desk, struct bus_buf *buf)
{
        json_t *object = json_object();

        for (size_t i = 0; i < desk->account.spec_count; i++) {
                const struct symbol_spec *spec = &desk->account.specs[i];
                json_t *quote = json_object();

                set_e8(quote, "bid", desk->quotes[i].bid_e8, spec->digits);
                set_e8(quote, "ask", desk->quotes[i].ask_e8, spec->digits);
                set(object, spec->name, quote);
        }
        add_json(object, buf);
}

static json_t *report_json(const struct report *report)
{
        json_t *object = json_object();

        set_u64(object, "retcode", report->retcode);
        set_u64(object, "order", report->order);
        set_u64(object, "deal", report->deal);
        set_u64(object, "position", report->position);
        set_e8(object, "volume", report->volume_e8, 2);
        set_e8(object, "price", report->price_e8, E8_DIGITS);
        set_u64(object, "at_us", (uint64_t)report->at_us);
        set_text(object, "comment", report->comment);
        return object;
}

static void add_attempt(const char *cl_ord_id, const struct attempt *attempt, void *arg)
{
        static const char *const states[] = {
                [ATTEMPT_SEEN] = "seen",
                [ATTEMPT_PLACED] = "placed",
                [ATTEMPT_FINAL] = "final",
                [ATTEMPT_TOMBSTONE] = "tombstone",
        };
        json_t *all = arg, *object = json_object();
        char key[ORDER_ID_SIZE + 16];

        snprintf(key, sizeof(key), "%s/%010u", cl_ord_id, attempt->number);
        set_text(object, "state", states[attempt->state]);
        set(object, "report", report_json(&attempt->report));
        set(all, key, object);
}

void view_attempts(const struct desk *desk, struct bus_buf *buf)
{
        json_t *object = json_object();
        char *text;

        attempts_each(&desk->attempts, add_attempt, object);
        text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
        bus_require(text);
        bus_buf_add_str(buf, text);
        free(text);
        json_decref(object);
}

void view_faults(const struct faults *faults, int64_t mono_us, struct bus_buf *buf)
{
        json_t *array = json_array();
        char text[FAULT_TEXT_SIZE];

        for (size_t i = 0; i < faults->count; i++)
                bus_require(json_array_append_new(array, json_string(fault_format(&faults->items[i],
                                                                 mono_us, text))) == 0);
        add_json(array, buf);
}
