/* What is read, and what is remembered of it. Whatever is told is staged with its cursor. */
#include "libbus/wire/streams.h"
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "proto/unpack.h"
#include "services/common/messages.h"
#include "services/telegram-notify/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define KEY_SIZE 320

/* The body, validated. 0, BUS_QUARANTINE. */
static int read_body(const struct bus_message *message, ProtobufCMessage **ret_body)
{
        const char *why;

        return message_read(
                       bus_stream_of_topic(message->topic)->name, message->body, ret_body, &why) < 0
                       ? BUS_QUARANTINE
                       : 0;
}

static void say(struct notify *notify, const struct tell_frame *frame, const struct told *told)
{
        notify_say(notify, told, frame->at_us);
}

/* ---- decisions ---- */

static int on_decision(void *arg, const struct bus_message *message)
{
        struct notify *notify = arg;
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;
        TELL_AUTO struct told told = { 0 };
        const Pb__Decision *decision;
        struct tell_frame frame;

        if (!notify->is_on || message->envelope->test)
                return 0;
        if (read_body(message, &body))
                return BUS_QUARANTINE;
        decision = (const Pb__Decision *)body;
        if (decision->verdict == PB__VERDICT__VERDICT_EXECUTE)
                memory_put(&notify->decisions, message->envelope->alert_id, message->body);
        if (decision->verdict == PB__VERDICT__VERDICT_REJECT) {
                notify->tally.rejections++;
                notify->tally_changed = true;
        }
        tell_frame(message->envelope, &frame);
        if (tell_decision(&notify->teller, &frame, decision, &told))
                say(notify, &frame, &told);
        return 0;
}

static int on_comparison(void *arg, const struct bus_message *message)
{
        struct notify *notify = arg;
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;
        TELL_AUTO struct told told = { 0 };
        struct tell_frame frame;

        if (!notify->is_on || message->envelope->test)
                return 0;
        if (read_body(message, &body))
                return BUS_QUARANTINE;
        tell_frame(message->envelope, &frame);
        if (tell_comparison(&notify->teller, &frame, (const Pb__Comparison *)body, &told))
                say(notify, &frame, &told);
        return 0;
}

/* ---- trades ---- */

struct opened {
        int64_t at_us, price_e8, left_e8;
};

static bool find_opened(const struct notify *notify, const char *ticket, struct opened *ret_opened)
{
        struct bus_bytes kept = memory_find(&notify->positions, ticket);
        BUS_AUTOFREE char *text = bus_xasprintf("%.*s", (int)kept.size, (const char *)kept.data);

        return kept.size && sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &ret_opened->at_us,
                                    &ret_opened->price_e8, &ret_opened->left_e8) == 3;
}

static void keep_opened(struct notify *notify, const char *ticket, const struct opened *opened)
{
        BUS_AUTOFREE char *text = bus_xasprintf("%" PRId64 " %" PRId64 " %" PRId64, opened->at_us,
                opened->price_e8, opened->left_e8);

        memory_put(&notify->positions, ticket, bus_bytes_str(text));
}

static bool is_leg(const Pb__Trade *trade)
{
        return trade->role == PB__ORDER_ROLE__ORDER_ROLE_LEG_A ||
               trade->role == PB__ORDER_ROLE__ORDER_ROLE_LEG_B;
}

/* Behind the telling: what the next event will want to know. */
static void remember(struct notify *notify, const struct tell_frame *frame, const Pb__Trade *trade,
        const char *ticket, const struct opened *opened)
{
        struct opened now = { frame->at_us, trade->price_e8, trade->filled_e8 };

        if (trade->event == PB__TRADE_EVENT__TRADE_EVENT_DONE)
                memory_forget(&notify->decisions, frame->alert_id);
        if (!trade->ticket)
                return;
        if (is_leg(trade) && (trade->event == PB__TRADE_EVENT__TRADE_EVENT_FILLED ||
                                     trade->event == PB__TRADE_EVENT__TRADE_EVENT_PARTIAL)) {
                keep_opened(notify, ticket, &now);
        } else if (trade->event == PB__TRADE_EVENT__TRADE_EVENT_DEAL && !is_leg(trade) &&
                   opened->left_e8) {
                now = *opened;
                now.left_e8 -= trade->filled_e8;
                if (now.left_e8 > 0)
                        keep_opened(notify, ticket, &now);
                else
                        memory_forget(&notify->positions, ticket);
        }
}

/* A deal of somebody else's on the same account. */
static bool is_foreign(const Pb__Trade *trade)
{
        return trade->event == PB__TRADE_EVENT__TRADE_EVENT_DEAL && !*trade->slot &&
               !*trade->cl_ord_id;
}

static void tell_one(
        struct notify *notify, const struct bus_message *message, const Pb__Trade *trade)
{
        struct bus_bytes kept = memory_find(&notify->decisions, message->envelope->alert_id);
        Pb__Decision *decision = kept.size ? MESSAGE_UNPACK(decision, kept) : NULL;
        TELL_AUTO struct told told = { 0 };
        struct opened opened = { 0 };
        struct tell_frame frame;
        char ticket[32];

        snprintf(ticket, sizeof(ticket), "%" PRIu64, trade->ticket);
        find_opened(notify, ticket, &opened);
        tell_frame(message->envelope, &frame);
        tally_trade(&notify->tally, trade);
        notify->tally_changed = true;
        if (tell_trade(&notify->teller, &frame, trade,
                    &(struct tell_past){ .decision = decision,
                            .opened_us = opened.at_us,
                            .open_price_e8 = opened.price_e8 },
                    &told))
                say(notify, &frame, &told);
        remember(notify, &frame, trade, ticket, &opened);
        if (decision)
                pb__decision__free_unpacked(decision, NULL);
}

static int on_trade(void *arg, const struct bus_message *message)
{
        struct notify *notify = arg;
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;

        if (!notify->is_on || message->envelope->test)
                return 0;
        if (read_body(message, &body))
                return BUS_QUARANTINE;
        if (!is_foreign((const Pb__Trade *)body))
                tell_one(notify, message, (const Pb__Trade *)body);
        return 0;
}

/* ---- the account ---- */

static void judge_cap(struct notify *notify, const struct tell_frame *frame, enum tally_cap cap,
        int64_t loss_cents, int64_t cap_cents)
{
        static const char *const names[TALLY_CAPS] = { "daily", "lifetime" };
        enum tally_level before = (enum tally_level)notify->tally.levels[cap];
        enum tally_level now = tally_level(before, loss_cents, cap_cents, notify->near_percent);
        TELL_AUTO struct told told = { 0 };

        if (now == before)
                return;
        notify->tally.levels[cap] = now;
        notify->tally_changed = true;
        if (now < before)
                return;
        tell_cap(
                &notify->teller, frame, names[cap], now == TALLY_HIT, loss_cents, cap_cents, &told);
        say(notify, frame, &told);
}

static int on_account(void *arg, const struct bus_message *message)
{
        struct notify *notify = arg;
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;
        const Pb__Account *account;
        struct tell_frame frame;

        if (!notify->is_on)
                return 0;
        if (read_body(message, &body))
                return BUS_QUARANTINE;
        account = (const Pb__Account *)body;
        tell_frame(message->envelope, &frame);
        notify->tally_changed |= notify->tally.balance_cents != account->balance_cents;
        notify->tally.balance_cents = account->balance_cents;
        notify->tally.equity_cents = account->equity_cents;
        judge_cap(notify, &frame, TALLY_DAILY, account->daily_loss_cents, account->daily_cap_cents);
        judge_cap(notify, &frame, TALLY_LIFETIME, account->lifetime_loss_cents,
                account->lifetime_cap_cents);
        return 0;
}

/* ---- switches ---- */

static int on_control(void *arg, const struct bus_message *message)
{
        struct notify *notify = arg;
        ProtobufCMessage *body = NULL;
        struct notify_command *command;

        if (!notify->is_on)
                return 0;
        if (read_body(message, &body))
                return BUS_QUARANTINE;
        if (((const Pb__Control *)body)->command == PB__COMMAND__COMMAND_TELEGRAM) {
                notify_order(notify, ((const Pb__Control *)body)->telegram);
                message_free(body);
                return 0;
        }
        command = &notify->commands[notify->next_command++ % NOTIFY_COMMANDS];
        if (command->control)
                pb__control__free_unpacked(command->control, NULL);
        command->control = (Pb__Control *)body;
        command->asked_us = message->envelope->staged_us;
        snprintf(command->id, sizeof(command->id), "%s", message->envelope->message_id);
        return 0;
}

static const struct notify_command *find_command(const struct notify *notify, const char *id)
{
        for (size_t i = 0; i < NOTIFY_COMMANDS; i++)
                if (notify->commands[i].control && !strcmp(notify->commands[i].id, id))
                        return &notify->commands[i];
        return NULL;
}

static int on_result(void *arg, const struct bus_message *message)
{
        struct notify *notify = arg;
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;
        TELL_AUTO struct told told = { 0 };
        const struct notify_command *command;
        const Pb__ControlResult *result;
        struct tell_frame frame;

        if (!notify->is_on || message->envelope->test)
                return 0;
        if (read_body(message, &body))
                return BUS_QUARANTINE;
        result = (const Pb__ControlResult *)body;
        command = find_command(notify, result->command_id);
        tell_frame(message->envelope, &frame);
        if (tell_result(&notify->teller, &frame, result, command ? command->control : NULL,
                    command ? command->asked_us : 0, &told))
                say(notify, &frame, &told);
        return 0;
}

/* ---- alarms ---- */

static void tell_one_alarm(
        struct notify *notify, const struct tell_frame *frame, const Pb__Alarm *alarm)
{
        char key[KEY_SIZE];
        struct bus_bytes kept;
        BUS_AUTOFREE char *text = NULL;
        TELL_AUTO struct told told = { 0 };
        int severity = 0;
        int64_t raised_us = 0;

        snprintf(key, sizeof(key), "%s/%s/%s", frame->writer, alarm->code, alarm->subject);
        kept = memory_find(&notify->alarms, key);
        text = bus_xasprintf("%.*s", (int)kept.size, (const char *)kept.data);
        if (kept.size && sscanf(text, "%d %" SCNd64, &severity, &raised_us) != 2)
                severity = 0;
        if (tell_alarm(&notify->teller, frame, alarm, (Pb__Severity)severity, raised_us, &told))
                say(notify, frame, &told);
        if (alarm->raised) {
                BUS_AUTOFREE char *value =
                        bus_xasprintf("%d %" PRId64, (int)alarm->severity, frame->at_us);

                memory_put(&notify->alarms, key, bus_bytes_str(value));
                notify->tally.alarms++;
                notify->tally_changed = true;
        } else {
                memory_forget(&notify->alarms, key);
        }
}

static int on_alarm(void *arg, const struct bus_message *message)
{
        struct notify *notify = arg;
        MESSAGE_AUTOFREE ProtobufCMessage *body = NULL;
        struct tell_frame frame;

        if (!notify->is_on)
                return 0;
        if (read_body(message, &body))
                return BUS_QUARANTINE;
        tell_frame(message->envelope, &frame);
        tell_one_alarm(notify, &frame, (const Pb__Alarm *)body);
        return 0;
}

static int on_heartbeat(void *arg, const struct bus_message *message)
{
        struct notify *notify = arg;

        (void)message;
        notify->health_heard_us = bus_mono_us();
        bus_alarm_end(notify->service, NOTIFY_HEALTH_SILENT, "health");
        return 0;
}

/* ---- a bot that is shared ---- */

static int on_turn(void *arg, const struct bus_message *message)
{
        struct notify *notify = arg;

        tg_voice_hear_turn(notify->voice, message->body);
        return 0;
}

static int on_lender(void *arg, const struct bus_message *message)
{
        struct notify *notify = arg;
        Pb__Heartbeat *beat = MESSAGE_UNPACK(heartbeat, message->body);

        if (beat)
                tg_voice_hear_lender(notify->voice, beat);
        pb__heartbeat__free_unpacked(beat, NULL);
        return 0;
}

/* ---- the tables ---- */

#define ALARMS_OF(service)                                      \
        {                                                       \
                "alarm", service, BUS_START_NOW, on_alarm, true \
        }

/* What happened before this service was first started is nobody's news; nobody is waited for. */
const struct bus_input notify_inputs[] = {
        { "decision", "strategy-v3", BUS_START_NOW, on_decision, true },
        { "trade", "order-executor", BUS_START_NOW, on_trade, true },
        { "account", "order-executor", BUS_START_NOW, on_account, true },
        { "comparison", "telegram-analytics", BUS_START_NOW, on_comparison, true },
        { "control", "health", BUS_START_NOW, on_control, true },
        { "control", "telegram-controller", BUS_START_NOW, on_control, true },
        { "control.result", "strategy-v3", BUS_START_NOW, on_result, true },
        { "control.result", "order-executor", BUS_START_NOW, on_result, true },
        ALARMS_OF("alert-ingest"),
        ALARMS_OF("strategy-v3"),
        ALARMS_OF("strategy-v3-shadow"),
        ALARMS_OF("order-executor"),
        ALARMS_OF("telegram-analytics"),
        ALARMS_OF("telegram-controller"),
        ALARMS_OF("telegram-notify"),
        ALARMS_OF("health"),
        { 0 },
};

const struct bus_listen notify_listens[] = {
        { "heartbeat.", "health", on_heartbeat },
        { "heartbeat.", "telegram-controller", on_lender },
        { "turn.grant.", "telegram-controller", on_turn },
        { 0 },
};
