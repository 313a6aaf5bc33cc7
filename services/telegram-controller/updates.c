/*
 * The long polls: of the role's own bot while it speaks, and of the main bot, which nobody else polls.
 *
 * Invariant: an offset that confirms an update is sent only behind the commit of what followed from
 * it.
 */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/telegram-controller/controller.h"

#include <inttypes.h>

#define UPDATES_A_POLL 100
#define RETRY_FIRST_US BUS_US_PER_SEC
/* A command is too old after a minute: what is written as soon as Telegram is back must be heard well
 * before. */
#define RETRY_MAX_US (10 * BUS_US_PER_SEC)
/* A server that does not hold a poll is not asked without a pause. */
#define HELD_US   (500 * BUS_US_PER_MS)
#define UNHELD_US (250 * BUS_US_PER_MS)
#define STATE_KEY "controller"
#define CONFLICT  "telegram_conflict"
#define REFUSED   "telegram_main_refused"

static const char *subject_of(const struct controller_poll *poll)
{
        return poll->is_main ? "main" : "controller";
}

static void poll_again(struct controller_poll *poll, int64_t pause_us)
{
        if (!poll->controller->is_draining)
                bus_loop_set_timer(poll->timer, pause_us);
}

static void on_committed(void *self, void *poll, int result)
{
        (void)self;
        if (result == 0)
                poll_again(poll, 0);
}

/* False: it cannot even be confirmed. */
static bool take(struct controller_poll *poll, const json_t *json)
{
        struct controller *self = poll->controller;
        struct tg_update update;

        if (tg_update_read(json, &update) < 0)
                return false;
        poll->offset = update.update_id + 1;
        if (memory_take(&self->memory, tg_bot_mark(poll->bot), update.update_id)) {
                bus_metric_inc(self->taken);
                controller_handle(self, poll, &update);
        } else {
                bus_metric_inc(self->repeated);
        }
        return true;
}

static void failed(struct controller_poll *poll, const char *outcome, long status, const char *why)
{
        poll->retry_us = poll->retry_us ? poll->retry_us * 2 : RETRY_FIRST_US;
        if (poll->retry_us > RETRY_MAX_US)
                poll->retry_us = RETRY_MAX_US;
        log_info("telegram_poll_failed", "bot=%s outcome=%s status=%ld why=\"%s\"",
                subject_of(poll), outcome, status, why);
        poll_again(poll, poll->retry_us);
}

/* There was nothing to bring when it was asked. */
static bool was_held(const struct controller_poll *poll)
{
        return bus_mono_us() - poll->asked_us >= HELD_US;
}

void controller_keep(struct controller *self)
{
        BUS_AUTOBUF struct bus_buf packed = BUS_BUF_INIT;

        memory_pack(&self->memory, &packed);
        bus_put(self->service, STATE_KEY, bus_buf_bytes(&packed), true);
}

static void take_all(struct controller_poll *poll, const json_t *updates)
{
        struct controller *self = poll->controller;
        size_t index, taken = 0;
        json_t *update;

        if (json_is_array(updates) && !json_array_size(updates)) {
                poll->retry_us = 0;
                poll->offset = 0; /* all is confirmed: ids may start anew, and lower */
                poll->since_us = bus_wall_us();
                poll_again(poll, was_held(poll) ? 0 : UNHELD_US);
                return;
        }
        if (was_held(poll)) /* it ended by what was written just then */
                poll->since_us = bus_wall_us() - HELD_US;
        json_array_foreach((json_t *)updates, index, update) taken += take(poll, update);
        if (!taken) {
                failed(poll, "unreadable", 0, "no list of updates");
                return;
        }
        poll->retry_us = 0;
        if (json_array_size(updates) < UPDATES_A_POLL)
                poll->since_us = bus_wall_us();
        controller_keep(self);
        bus_after_commit(self->service, on_committed, poll);
}

static void step_down(struct controller_poll *poll, const char *why)
{
        struct controller *self = poll->controller;

        poll->is_stepped_down = true;
        bus_metric_inc(self->conflicts);
        bus_alarm(self->service, CONFLICT, subject_of(poll), PB__SEVERITY__SEVERITY_WARNING,
                "somebody else polls this bot, or it has a webhook; trying again slowly: %s", why);
        poll_again(poll, self->conflict_us);
}

static void step_up(struct controller_poll *poll)
{
        if (poll->is_stepped_down)
                bus_alarm_end(poll->controller->service, CONFLICT, subject_of(poll));
        poll->is_stepped_down = false;
        if (poll->is_main)
                bus_alarm_end(poll->controller->service, REFUSED, subject_of(poll));
}

static void refused(struct controller_poll *poll)
{
        struct controller *self = poll->controller;

        if (poll->bot == tg_role_bot(self->role)) {
                tg_role_bad_token(self->role, poll->bot);
                return;
        }
        bus_alarm(self->service, REFUSED, subject_of(poll), PB__SEVERITY__SEVERITY_WARNING,
                "the main bot's token is refused: there is nothing to fall back to");
        poll_again(poll, self->conflict_us);
}

static void on_updates(void *arg, const struct tg_answer *answer)
{
        struct controller_poll *poll = arg;

        switch (answer->outcome) {
        case TG_DONE:
                step_up(poll);
                take_all(poll, answer->result);
                return;
        case TG_CONFLICT: step_down(poll, answer->problem); return;
        case TG_BAD_TOKEN: refused(poll); return;
        case TG_SLOW_DOWN: poll_again(poll, answer->retry_after_s * BUS_US_PER_SEC); return;
        case TG_REFUSED:
        case TG_MARKUP:
        case TG_UNREACHABLE: break;
        }
        failed(poll, tg_outcome_name(answer->outcome), answer->status, answer->problem);
}

static void on_timer(void *arg)
{
        struct controller_poll *poll = arg;

        if (!poll->bot || poll->controller->is_draining || tg_bot_polling(poll->bot))
                return;
        poll->asked_us = bus_mono_us();
        tg_bot_poll(poll->bot, poll->offset, UPDATES_A_POLL, on_updates, poll);
}

/* ---- which bots ---- */

static void on_commands_set(void *arg, const struct tg_answer *answer)
{
        (void)arg;
        if (answer->outcome != TG_DONE)
                log_info("telegram_menu_failed", "why=\"%s\"", answer->problem);
}

/* What Telegram offers whoever types a slash. */
static void set_commands(struct tg_bot *bot)
{
        const struct command_spec *spec;
        json_t *commands = json_array();

        for (size_t i = 0; (spec = command_at(i)); i++)
                json_array_append_new(commands,
                        json_pack("{s:s, s:s}", "command", spec->name, "description", spec->help));
        tg_bot_call(bot, "setMyCommands", json_pack("{s:o}", "commands", commands), on_commands_set,
                NULL);
}

static void set_bot(struct controller_poll *poll, struct tg_bot *bot)
{
        if (poll->bot == bot)
                return;
        if (poll->bot)
                tg_bot_stop_polling(poll->bot);
        poll->bot = bot;
        poll->offset = poll->retry_us = poll->since_us = 0;
        if (poll->is_stepped_down)
                step_up(poll); /* it is asked no more, or anew */
        if (!bot)
                return;
        set_commands(bot);
        poll_again(poll, 0);
}

void controller_updates_changed(struct controller *self)
{
        enum tg_state state = tg_role_state(self->role);

        set_bot(&self->own_poll, state == TG_STATE_OWN ? tg_role_bot(self->role) : NULL);
        set_bot(&self->main_poll, state == TG_STATE_OFF ? NULL : tg_role_main_bot(self->role));
}

static void poll_init(struct controller_poll *poll, struct controller *self, bool is_main)
{
        *poll = (struct controller_poll){ .controller = self, .is_main = is_main };
        poll->timer = bus_loop_add_timer(bus_service_loop(self->service), 0, 0, on_timer, poll);
        bus_loop_set_timer(poll->timer, -1);
}

int controller_updates_start(struct controller *self)
{
        BUS_AUTOBUF struct bus_buf value = BUS_BUF_INIT;
        int r = bus_get(self->service, STATE_KEY, &value);

        if (r == 0)
                r = memory_unpack(bus_buf_bytes(&value), &self->memory);
        if (r < 0)
                return r;
        poll_init(&self->own_poll, self, false);
        poll_init(&self->main_poll, self, true);
        controller_updates_changed(self);
        return 0;
}

static void poll_stop(struct controller_poll *poll)
{
        if (poll->bot)
                tg_bot_stop_polling(poll->bot);
}

void controller_updates_stop(struct controller *self)
{
        self->is_draining = true;
        poll_stop(&self->own_poll);
        poll_stop(&self->main_poll);
}

void controller_updates_done(struct controller *self)
{
        struct bus_loop *loop = bus_service_loop(self->service);

        if (self->own_poll.timer)
                bus_loop_remove(loop, self->own_poll.timer);
        if (self->main_poll.timer)
                bus_loop_remove(loop, self->main_poll.timer);
}

void controller_updates_report(struct controller *self)
{
        const char *own = self->own_poll.bot ? tg_bot_mark(self->own_poll.bot) : "";
        const char *main_mark = self->main_poll.bot ? tg_bot_mark(self->main_poll.bot) : "";
        BUS_AUTOFREE char *polls = bus_xasprintf("%s %s", own, main_mark);

        bus_service_fact(self->service, TG_FACT_POLLS, polls);
        if (self->own_poll.is_stepped_down || self->main_poll.is_stepped_down)
                bus_service_fact(self->service, "conflict", "yes");
}
