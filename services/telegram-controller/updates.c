/*
 * The long poll. Invariant: an offset that confirms an update is sent only behind the commit of what
 * followed from it.
 */
#include "libbus/base/clock.h"
#include "libbus/base/hash.h"
#include "libbus/base/log.h"
#include "services/telegram-controller/controller.h"

#include <inttypes.h>

#define UPDATES_A_POLL 100
#define RETRY_FIRST_US BUS_US_PER_SEC
#define RETRY_MAX_US   (60 * BUS_US_PER_SEC)
#define STATE_KEY      "controller"
#define CONFLICT       "telegram_conflict"

static void poll_again(struct controller *self, int64_t pause_us)
{
        if (!self->is_draining)
                bus_loop_set_timer(self->timer, pause_us);
}

static void on_committed(void *arg, void *unused, int result)
{
        (void)unused;
        if (result == 0)
                poll_again(arg, 0);
}

static void take(struct controller *self, const json_t *json)
{
        struct tg_update update;

        if (tg_update_read(json, &update) < 0)
                return;
        self->offset = update.update_id + 1;
        if (memory_take(&self->memory, self->bot_mark, update.update_id)) {
                bus_metric_inc(self->taken);
                controller_handle(self, &update);
        } else {
                bus_metric_inc(self->repeated);
        }
}

static void take_all(struct controller *self, const json_t *updates)
{
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;
        size_t index;
        json_t *update;

        if (!json_array_size(updates)) {
                self->offset = 0; /* all is confirmed: ids may start anew, and lower */
                poll_again(self, 0);
                return;
        }
        json_array_foreach((json_t *)updates, index, update) take(self, update);
        memory_pack(&self->memory, &packed);
        bus_put(self->service, STATE_KEY, bus_buf_bytes(&packed), true);
        bus_after_commit(self->service, on_committed, NULL);
}

static void step_down(struct controller *self, const char *why)
{
        self->is_stepped_down = true;
        bus_metric_inc(self->conflicts);
        bus_alarm(self->service, CONFLICT, "telegram-controller", PB__SEVERITY__SEVERITY_WARNING,
                "somebody else polls this bot, or it has a webhook; trying again slowly: %s", why);
        poll_again(self, self->conflict_us);
}

static void failed(struct controller *self, const struct tg_answer *answer)
{
        self->retry_us = self->retry_us ? self->retry_us * 2 : RETRY_FIRST_US;
        if (self->retry_us > RETRY_MAX_US)
                self->retry_us = RETRY_MAX_US;
        log_info("telegram_poll_failed", "outcome=%s status=%ld why=\"%s\"",
                tg_outcome_name(answer->outcome), answer->status, answer->problem);
        poll_again(self, self->retry_us);
}

static void on_updates(void *arg, const struct tg_answer *answer)
{
        struct controller *self = arg;

        switch (answer->outcome) {
        case TG_DONE:
                self->retry_us = 0;
                if (self->is_stepped_down)
                        bus_alarm_end(self->service, CONFLICT, "telegram-controller");
                self->is_stepped_down = false;
                take_all(self, answer->result);
                return;
        case TG_CONFLICT: step_down(self, answer->problem); return;
        case TG_BAD_TOKEN: tg_role_bad_token(self->role, self->bot); return;
        case TG_SLOW_DOWN: poll_again(self, answer->retry_after_s * BUS_US_PER_SEC); return;
        case TG_REFUSED:
        case TG_MARKUP:
        case TG_UNREACHABLE: break;
        }
        failed(self, answer);
}

static void on_timer(void *arg)
{
        struct controller *self = arg;

        if (self->bot && !self->is_draining && !tg_bot_polling(self->bot))
                tg_bot_poll(self->bot, self->offset, UPDATES_A_POLL, on_updates, self);
}

/* ---- which bot ---- */

/* Ids of one token say nothing of another's: the mark is the beginning of the token's hash. */
static void mark_of(const char *token, char mark[static MEMORY_BOT_SIZE])
{
        uint8_t hash[BUS_SHA256_SIZE];

        bus_sha256(bus_bytes_str(token), hash);
        bus_hex(bus_bytes(hash, MEMORY_BOT_SIZE / 2), mark);
}

static void on_commands_set(void *arg, const struct tg_answer *answer)
{
        (void)arg;
        if (answer->outcome != TG_DONE)
                log_info("telegram_menu_failed", "why=\"%s\"", answer->problem);
}

/* What Telegram offers whoever types a slash. */
static void set_commands(struct controller *self)
{
        const struct command_spec *spec;
        json_t *commands = json_array();

        for (size_t i = 0; (spec = command_at(i)); i++)
                json_array_append_new(commands,
                        json_pack("{s:s, s:s}", "command", spec->name, "description", spec->help));
        tg_bot_call(self->bot, "setMyCommands", json_pack("{s:o}", "commands", commands),
                on_commands_set, self);
}

void controller_updates_changed(struct controller *self)
{
        enum tg_state state = tg_role_state(self->role);

        if (self->bot)
                tg_bot_stop_polling(self->bot);
        self->bot = tg_role_bot(self->role);
        self->offset = self->retry_us = 0;
        if (!self->bot)
                return;
        mark_of(state == TG_STATE_OWN ? self->own_token : self->main_token, self->bot_mark);
        set_commands(self);
        poll_again(self, 0);
}

int controller_updates_start(struct controller *self)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        int r = bus_get(self->service, STATE_KEY, &value);

        if (r == 0)
                r = memory_unpack(bus_buf_bytes(&value), &self->memory);
        if (r < 0)
                return r;
        self->timer = bus_loop_add_timer(bus_service_loop(self->service), 0, 0, on_timer, self);
        bus_loop_set_timer(self->timer, -1);
        controller_updates_changed(self);
        return 0;
}

void controller_updates_stop(struct controller *self)
{
        self->is_draining = true;
        if (self->bot)
                tg_bot_stop_polling(self->bot);
}
