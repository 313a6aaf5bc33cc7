/* What the controller hears: results for who asked, the account, alarms that nobody may miss. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "proto/unpack.h"
#include "proto/validate.h"
#include "services/telegram-controller/controller.h"
#include "services/telegram/markup.h"

#include "heartbeat.pb-c.h"

#include <string.h>

#define ACCOUNT_KEY "account"
/* A service that is there answers within; and how often is looked. */
#define WORD_WITHIN_US (10 * BUS_US_PER_SEC)
#define WORD_LOOK_US   BUS_US_PER_SEC

static void keep_account(struct controller *self, Pb__Account *account)
{
        if (self->account)
                pb__account__free_unpacked(self->account, NULL);
        self->account = account;
}

static int on_account(void *arg, const struct bus_message *message)
{
        struct controller *self = arg;
        Pb__Account *account = MESSAGE_UNPACK(account, message->body);

        if (!account)
                return BUS_QUARANTINE;
        keep_account(self, account);
        bus_put(self->service, ACCOUNT_KEY, message->body, false);
        return 0;
}

static int on_result(void *arg, const struct bus_message *message)
{
        struct controller *self = arg;
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        Pb__ControlResult *result = MESSAGE_UNPACK(control_result, message->body);
        struct memory_waiting *asked;
        const char *why;
        int r = 0;

        if (!result)
                return BUS_QUARANTINE;
        asked = memory_find(self->memory.asked, result->command_id);
        if (validate_control_result(result, &why) < 0) {
                r = BUS_QUARANTINE;
        } else if (asked) {
                asked->awaits_word = false;
                render_result(&html, asked->name, result);
                controller_say(self, (struct controller_chat){ asked->chat_id, asked->by_main },
                        bus_buf_str(&html), NULL);
        }
        pb__control_result__free_unpacked(result, NULL);
        return r;
}

/* Once: a service that is away carries it out when it is back, or never does. What has a deadline may
 * have been carried out before it, unheard; whoever finds it later refuses it. */
static void say_nothing_heard(struct controller *self, struct memory_waiting *asked)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;

        asked->awaits_word = false;
        tg_printf(&html,
                asked->deadline_us
                        ? "/%s: <b>no answer</b> in its time. If it was not carried out by then it is "
                          "void; /plugins and /health say what holds."
                        : "/%s: <b>no answer</b> yet. It may still happen; /status and /health say "
                          "what holds.",
                asked->name);
        controller_say(self, (struct controller_chat){ asked->chat_id, asked->by_main },
                bus_buf_str(&html), NULL);
}

static void on_word_due(void *arg)
{
        struct controller *self = arg;
        const int64_t now_us = bus_wall_us();
        bool others = false;

        for (size_t i = 0; i < MEMORY_WAITING; i++) {
                struct memory_waiting *asked = &self->memory.asked[i];

                if (!asked->awaits_word)
                        continue;
                if (now_us - asked->at_us >= WORD_WITHIN_US && now_us > asked->deadline_us)
                        say_nothing_heard(self, asked);
                else
                        others = true;
        }
        if (others)
                bus_loop_set_timer(self->word_timer, WORD_LOOK_US);
}

void controller_await_word(struct controller *self)
{
        if (!self->word_timer)
                self->word_timer = bus_loop_add_timer(
                        bus_service_loop(self->service), WORD_LOOK_US, 0, on_word_due, self);
        else
                bus_loop_set_timer(self->word_timer, WORD_LOOK_US);
}

void controller_streams_done(struct controller *self)
{
        if (self->word_timer)
                bus_loop_remove(bus_service_loop(self->service), self->word_timer);
}

/* A critical alarm goes out by every bot there is; where all share one, telegram-notify's is enough. */
static int on_alarm(void *arg, const struct bus_message *message)
{
        struct controller *self = arg;
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        Pb__Alarm *alarm = MESSAGE_UNPACK(alarm, message->body);

        if (!alarm)
                return BUS_QUARANTINE;
        if (alarm->severity == PB__SEVERITY__SEVERITY_CRITICAL &&
                tg_role_state(self->role) == TG_STATE_OWN) {
                tg_printf(&html, "<b>%s</b> %s %s: %s",
                        alarm->raised ? "CRITICAL" : "Over:", alarm->code, alarm->subject,
                        alarm->text);
                for (size_t i = 0; i < self->notify_chats.count; i++)
                        controller_say(self,
                                (struct controller_chat){ .id = self->notify_chats.ids[i] },
                                bus_buf_str(&html), NULL);
        }
        pb__alarm__free_unpacked(alarm, NULL);
        return 0;
}

static int on_heartbeat(void *arg, const struct bus_message *message)
{
        struct controller *self = arg;
        Pb__Heartbeat *beat = MESSAGE_UNPACK(heartbeat, message->body);
        bool is_analytics = !strcmp(message->topic, "heartbeat.telegram-analytics");
        struct controller_peer *peer = is_analytics ? &self->analytics : &self->notify;

        if (!beat)
                return 0;
        peer->heard_us = bus_mono_us();
        peer->is_off = false;
        for (size_t i = 0; i < beat->n_facts; i++)
                peer->is_off |= !strcmp(beat->facts[i], "bot=off");
        pb__heartbeat__free_unpacked(beat, NULL);
        return 0;
}

static int on_turn(void *arg, const struct bus_message *message)
{
        struct controller *self = arg;

        tg_voice_hear_turn(self->voice, message->body);
        return 0;
}

const struct bus_listen controller_listens[] = {
        { "turn.ask.", "telegram-analytics", on_turn },
        { "turn.ask.", "telegram-notify", on_turn },
        { "heartbeat.", "telegram-analytics", on_heartbeat },
        { "heartbeat.", "telegram-notify", on_heartbeat },
        { 0 },
};

#define OF(service)                                                    \
        { "control.result", service, BUS_START_NOW, on_result, true }, \
        {                                                              \
                "alarm", service, BUS_START_NOW, on_alarm, true        \
        }

/* Nobody is waited for: who is away is asked about, too. */
const struct bus_input controller_inputs[] = {
        { "account", "order-executor", BUS_START_LATEST, on_account, true },
        OF("alert-ingest"),
        OF("strategy-v3"),
        OF("strategy-v3-shadow"),
        OF("order-executor"),
        OF("telegram-analytics"),
        OF("health"),
        { "alarm", "telegram-notify", BUS_START_NOW, on_alarm,
                true }, /* who may be the one that cannot speak */
        { 0 },
};

int controller_load(struct controller *self)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        int r = bus_get(self->service, ACCOUNT_KEY, &value);

        self->analytics.heard_us = self->notify.heard_us = bus_mono_us();
        if (r == 0)
                keep_account(self, MESSAGE_UNPACK(account, bus_buf_bytes(&value)));
        return r < 0 ? r : 0;
}
