/*
 * What comes from the bus: orders of the live strategy, commands of people.
 */
#include "services/order-executor/glue.h"

#include "libbus/base/e8.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "proto/unpack.h"
#include "proto/validate.h"

#include "notice.pb-c.h"
#include "order.pb-c.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SETTINGS_KEY "risk/settings"

enum {
        FACTS_MAX = 24,
        FACT_SIZE = 64,
};

/* ---- orders ---- */

static bool is_to_execute(const Pb__Order *order)
{
        return order->verdict == PB__VERDICT__VERDICT_EXECUTE;
}

static int check_order(const struct bus_message *message, const Pb__Order *order)
{
        const char *why = "does not unpack";

        if (!order)
                goto bad;
        if (validate_order(order, &why) < 0)
                goto bad;
        why = "not to be executed, and no test";
        if (!is_to_execute(order) && !message->envelope->test)
                goto bad;
        why = "without alert";
        if (!bus_id_valid(message->envelope->alert_id))
                goto bad;
        return 0;
bad:
        log_error("bad_order", "message_id=%s why=\"%s\"", message->envelope->message_id, why);
        return BUS_QUARANTINE;
}

static int take_order(
        struct ex_service *self, const struct bus_message *message, const Pb__Order *order)
{
        const struct ex_intake intake = {
                .alert_id = message->envelope->alert_id,
                .test = message->envelope->test,
                .staged_us = message->envelope->staged_us,
                .order = order,
        };
        char key[EX_KEY_SIZE];
        bool awaited;
        int r;

        ex_job_key(intake.alert_id, order->slot, key);
        r = ex_keep_need_job(self->book, &self->store, key);
        if (r < 0)
                return r;
        awaited = bus_has_staged(self->service);
        ex_book_order(self->book, &intake, ex_now(self));
        if (!awaited) /* else it goes behind what came before it, with the commit */
                awaited = !ex_submit_promised(self);
        ex_carry_out(self, message);
        if (!awaited) /* the terminal's answers go with it */
                bus_commit_later(self->service);
        return 0;
}

int ex_on_order(void *arg, const struct bus_message *message)
{
        struct ex_service *self = arg;
        Pb__Order *order = MESSAGE_UNPACK(order, message->body);
        int r;

        r = check_order(message, order);
        if (!r)
                r = take_order(self, message, order);
        pb__order__free_unpacked(order, NULL);
        return r;
}

/* ---- word ahead of an order ---- */

static void promised(void *arg, void *key, int result)
{
        struct ex_service *self = arg;

        if (result == 0)
                ex_book_promised(self->book, key);
        free(key);
}

static int take_notice(struct ex_service *self, const char *alert_id, const Pb__Order *order)
{
        const struct ex_intake intake = { .alert_id = alert_id, .order = order };
        const char *promise;
        char key[EX_KEY_SIZE];
        int r;

        ex_job_key(alert_id, order->slot, key);
        r = ex_keep_need_job(self->book, &self->store, key);
        if (r < 0)
                return r;
        promise = ex_book_notice(self->book, &intake, ex_now(self));
        if (promise)
                bus_after_commit_first(self->service, promised, bus_xstrdup(promise));
        ex_carry_out(self, NULL);
        return 0;
}

/* Whatever is wrong with it is said when the order itself comes. */
int ex_on_notice(void *arg, const struct bus_message *message)
{
        struct ex_service *self = arg;
        Pb__Notice *notice = MESSAGE_UNPACK(notice, message->body);
        Pb__Order *order = NULL;
        const char *why;
        int r = 0;

        if (notice && validate_notice(notice, &why) == 0)
                order = MESSAGE_UNPACK(order, bus_bytes(notice->body.data, notice->body.len));
        if (order && validate_order(order, &why) == 0 && is_to_execute(order))
                r = take_notice(self, notice->alert_id, order);
        pb__order__free_unpacked(order, NULL);
        pb__notice__free_unpacked(notice, NULL);
        return r;
}

/* ---- limits set at run time ---- */

static int apply_line(struct ex_limits *limits, const char *line, size_t length)
{
        char key[64], value[EX_LIMIT_SYMBOLS_SIZE];
        const char *equals = memchr(line, '=', length);

        if (!equals)
                return 0;
        snprintf(key, sizeof(key), "%.*s", (int)(equals - line), line);
        snprintf(value, sizeof(value), "%.*s", (int)(line + length - equals - 1), equals + 1);
        return ex_limits_set(limits, key, value);
}

int ex_load_settings(struct ex_service *self)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        const char *at;
        int r;

        r = bus_get(self->service, SETTINGS_KEY, &text);
        if (r)
                return r < 0 ? r : 0;
        for (at = bus_buf_str(&text); *at;) {
                size_t length = strcspn(at, "\n");

                if (apply_line(&self->book->limits, at, length) < 0)
                        log_warn("bad_setting", "line=\"%.*s\"", (int)length, at);
                at += length;
                at += *at == '\n';
        }
        return 0;
}

/* The later line of a key wins, so what was set before may stay in front of it. */
static void keep_settings(struct ex_service *self, const Pb__Control *control)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;

        if (bus_get(self->service, SETTINGS_KEY, &text) < 0)
                bus_service_fail(self->service, "store_failed", "key=" SETTINGS_KEY);
        for (size_t i = 0; i < control->n_risk; i++)
                bus_buf_printf(&text, "%s=%s\n", control->risk[i]->key, control->risk[i]->value);
        bus_put(self->service, SETTINGS_KEY, bus_buf_bytes(&text), true);
}

/* ---- commands ---- */

struct facts {
        Pb__ResultFact items[FACTS_MAX], *list[FACTS_MAX];
        char values[FACTS_MAX][FACT_SIZE];
        size_t count;
};

static void add_fact(struct facts *facts, const char *key, const char *format, ...)
        BUS_PRINTF(3, 4);
static void add_fact(struct facts *facts, const char *key, const char *format, ...)
{
        Pb__ResultFact *fact = &facts->items[facts->count];
        va_list args;

        va_start(args, format);
        vsnprintf(facts->values[facts->count], FACT_SIZE, format, args);
        va_end(args);
        pb__result_fact__init(fact);
        fact->key = (char *)(uintptr_t)key;
        fact->value = facts->values[facts->count];
        facts->list[facts->count++] = fact;
}

static const char *yes_no(bool value)
{
        return value ? "yes" : "no";
}

static void add_money(struct facts *facts, const char *key, int64_t cents)
{
        char text[E8_TEXT_SIZE];

        add_fact(facts, key, "%s", cents_format(cents, text));
}

static void now_holds(struct ex_service *self, const struct bus_message *message,
        const Pb__Control *control, struct facts *facts)
{
        const struct ex_book *book = self->book;
        const struct ex_figures figures = ex_book_figures(book, NULL, 0);
        const struct ex_order *order = ex_book_find_order(book, control->cl_ord_id);
        char text[BUS_POS_TEXT_SIZE], number[E8_TEXT_SIZE];

        add_fact(facts, "paused", "%s", yes_no(book->switches.paused));
        add_fact(facts, "killed", "%s", yes_no(book->switches.killed));
        add_fact(facts, "halted", "%s", yes_no(book->switches.halted));
        add_fact(facts, "service_api", "%s", book->switches.service_api_off ? "off" : "on");
        add_fact(facts, "closed_symbols", "%zu", book->switches.closed_count);
        add_fact(facts, "broker", "%s", ex_link_is_up(self->link) ? "connected" : "disconnected");
        add_fact(facts, "open_positions", "%" PRId64, figures.open_positions);
        add_fact(facts, "live_orders", "%u", figures.live_orders);
        add_fact(facts, "unknown_orders", "%u", figures.unknown_orders);
        add_fact(facts, "manual_orders", "%u", figures.manual_orders);
        add_money(facts, "daily_loss", figures.daily_loss_cents);
        add_money(facts, "lifetime_loss", figures.lifetime_loss_cents);
        add_money(facts, "daily_cap", book->limits.daily_cap_cents);
        add_money(facts, "lifetime_cap", book->limits.lifetime_cap_cents);
        add_fact(facts, "max_lot", "%s", e8_format_short(book->limits.max_lot_e8, number));
        add_fact(facts, "max_open_positions", "%" PRId64, book->limits.max_open_positions);
        if (order)
                add_fact(facts, "state", "%s", ex_state_name(order->state));
        add_fact(facts, "position", "%s", bus_pos_format(message->position, text));
}

static void answer(struct ex_service *self, const struct bus_message *message,
        const Pb__Control *control, struct ex_answer *came)
{
        Pb__ControlResult result = PB__CONTROL_RESULT__INIT;
        struct facts facts = { .count = 0 };
        char topic[64];

        now_holds(self, message, control, &facts);
        result.command_id = message->envelope->message_id;
        result.command = control->command;
        result.service = (char *)(uintptr_t)bus_service_name(self->service);
        result.status = came->status;
        result.code = (char *)(uintptr_t)came->code;
        result.text = came->text;
        result.facts = facts.list;
        result.n_facts = facts.count;
        snprintf(topic, sizeof(topic), "control.result.%s", bus_service_name(self->service));
        bus_emit(self->service, &(struct bus_out){ .stream = "control.result",
                                        .topic = topic,
                                        .body = &result.base,
                                        .cause = message });
}

static void obey(
        struct ex_service *self, const struct bus_message *message, const Pb__Control *control)
{
        const ProtobufCEnumValue *command =
                protobuf_c_enum_descriptor_get_value(&pb__command__descriptor, control->command);
        struct ex_answer came;

        if (*control->cl_ord_id)
                ex_need_order(self, control->cl_ord_id);
        ex_book_control(self->book, message->envelope->message_id, control, ex_now(self), &came);
        if (came.status == PB__RESULT_STATUS__RESULT_STATUS_UNSPECIFIED)
                return;
        log_info("command", "command=%s actor=\"%s\" reason=\"%s\" status=%d code=%s",
                command->name, control->actor, control->reason, came.status, came.code);
        if (came.risk_changed)
                keep_settings(self, control);
        ex_carry_out(self, message);
        answer(self, message, control, &came);
        ex_publish_account(self);
}

int ex_on_control(void *arg, const struct bus_message *message)
{
        struct ex_service *self = arg;
        Pb__Control *control = MESSAGE_UNPACK(control, message->body);
        const char *why = "does not unpack";
        int r = 0;

        if (!control || validate_control(control, &why) < 0) {
                log_error("bad_control", "message_id=%s why=\"%s\"", message->envelope->message_id,
                        why);
                r = BUS_QUARANTINE;
        } else {
                obey(self, message, control);
        }
        pb__control__free_unpacked(control, NULL);
        return r;
}
