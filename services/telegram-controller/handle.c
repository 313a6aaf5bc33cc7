/* From an update to what follows from it: all of it staged, nothing done. */
#include "libbus/base/clock.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/health/admin.h"
#include "services/telegram-controller/controller.h"
#include "services/telegram/markup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Another bot that was not heard for so long is away. */
#define PEER_GONE_US (10 * BUS_US_PER_SEC)

/* Who wants what. */
struct wish {
        const struct tg_update *update;
        struct controller_chat chat;
        const struct tg_person *person;
        const struct command_spec *spec;
        const char *arguments;
        bool is_confirmed;
};

/* ---- saying ---- */

void controller_say(
        struct controller *self, struct controller_chat chat, const char *html, char *buttons)
{
        tg_voice_say(self->voice,
                &(struct tg_say){ .chat_id = chat.id,
                        .by_main = chat.by_main,
                        .priority = TG_PRIORITY_ALARM,
                        .kind = "answer",
                        .html = html,
                        .line = html,
                        .buttons = buttons,
                        .at_us = bus_wall_us() },
                true);
        free(buttons);
}

static void say(struct controller *self, const struct wish *wish, struct bus_buf *html)
{
        controller_say(self, wish->chat, bus_buf_str(html), NULL);
}

/* ---- acting ---- */

static void remember_asker(struct controller *self, const struct wish *wish, const char *id,
        const Pb__Control *control)
{
        struct memory_waiting *asked = memory_place(self->memory.asked);

        asked->chat_id = wish->chat.id;
        asked->by_main = wish->chat.by_main;
        asked->user_id = wish->update->user_id;
        asked->at_us = bus_wall_us();
        snprintf(asked->id, sizeof(asked->id), "%s", id);
        snprintf(asked->name, sizeof(asked->name), "%s", wish->spec->name);
        asked->awaits_word = true;
        asked->deadline_us = control->deadline_us;
        controller_await_word(self);
}

static void send(struct controller *self, const struct wish *wish, const char *topic_name,
        const Pb__Control *control)
{
        BUS_AUTOFREE char *topic = bus_xasprintf("control.cmd.%s", topic_name);
        char id[BUS_ID_SIZE];

        bus_id_new(id);
        if (control->command != PB__COMMAND__COMMAND_TELEGRAM)
                remember_asker(self, wish, id, control);
        bus_emit(self->service, &(struct bus_out){ .stream = "control",
                                        .topic = topic,
                                        .body = &control->base,
                                        .message_id = id,
                                        .alert_id = "" });
        log_info("command", "command=%s id=%s actor=%s update=%" PRId64, topic_name, id,
                control->actor, wish->update->update_id);
}

/* COMMAND is to be done with in any case. False: what is wrong was put into ERROR. */
static bool parse(const struct wish *wish, struct admin_command *command, char *error)
{
        char actor[ADMIN_TEXT_SIZE];
        BUS_AUTOFREE char *path = NULL;
        json_t *params;

        snprintf(actor, sizeof(actor), "telegram:%" PRId64, wish->update->user_id);
        if (command_to_path(wish->spec, wish->arguments, &path, &params) < 0) {
                snprintf(error, ADMIN_ERROR_SIZE, "it takes: %s",
                        wish->spec->arguments ? wish->spec->arguments : "nothing");
                *command = (struct admin_command){ 0 };
                return false;
        }
        return admin_parse(path, params, actor, bus_wall_us(), command, error) == 0;
}

static void ask_back(struct controller *self, const struct wish *wish)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        struct memory_waiting *asked = memory_place(self->memory.confirmations);

        bus_id_new(asked->id);
        asked->chat_id = wish->chat.id;
        asked->by_main = wish->chat.by_main;
        asked->user_id = wish->update->user_id;
        asked->at_us = bus_wall_us();
        snprintf(asked->name, sizeof(asked->name), "%s", wish->spec->name);
        snprintf(asked->arguments, sizeof(asked->arguments), "%s", wish->arguments);
        tg_printf(&html, "<b>/%s %s</b>\n%s: sure? Within 60 s.", wish->spec->name, wish->arguments,
                wish->spec->help);
        controller_say(self, wish->chat, bus_buf_str(&html), render_yes_no(asked->id));
}

static void act(struct controller *self, const struct wish *wish)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        char error[ADMIN_ERROR_SIZE];
        struct admin_command command;

        if (strlen(wish->arguments) >= MEMORY_ARGS_SIZE) {
                tg_printf(&html, "/%s: that is too long.", wish->spec->name);
                say(self, wish, &html);
                return;
        }
        if (!parse(wish, &command, error)) {
                tg_printf(&html, "/%s: %s", wish->spec->name, error);
                say(self, wish, &html);
        } else if (wish->spec->asks_back && !wish->is_confirmed) {
                ask_back(self, wish);
        } else {
                send(self, wish, command.name, &command.control);
        }
        admin_command_done(&command);
}

/* What is handed over is kept for whoever it is for; the asker is told where that may take long. */
static void tell_if_away(struct controller *self, const struct wish *wish)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        bool is_notify = !strcmp(wish->spec->path, "telegram-notify");
        const struct controller_peer *peer = is_notify ? &self->notify : &self->analytics;
        const char *service = is_notify ? "telegram-notify" : "telegram-analytics";

        if (bus_mono_us() - peer->heard_us > PEER_GONE_US)
                tg_printf(&html, "/%s: %s does not run; it answers when it is back.",
                        wish->spec->name, service);
        else if (peer->is_off)
                tg_printf(&html, "/%s: %s has no bot, or nobody to tell; see its log.",
                        wish->spec->name, service);
        if (html.size)
                say(self, wish, &html);
}

static void hand_over(struct controller *self, const struct wish *wish)
{
        static const char *const roles[] = { "none", "viewer", "trader", "admin" };
        Pb__TelegramCommand telegram = PB__TELEGRAM_COMMAND__INIT;
        Pb__Control control = PB__CONTROL__INIT;
        char actor[ADMIN_TEXT_SIZE];

        snprintf(actor, sizeof(actor), "telegram:%" PRId64, wish->update->user_id);
        telegram.chat_id = wish->update->chat_id;
        telegram.name = (char *)(uintptr_t)wish->spec->name;
        telegram.arguments = (char *)(uintptr_t)wish->arguments;
        telegram.role = (char *)(uintptr_t)roles[wish->person->right];
        control.command = PB__COMMAND__COMMAND_TELEGRAM;
        control.actor = actor;
        control.telegram = &telegram;
        send(self, wish, "telegram", &control);
        tell_if_away(self, wish);
}

/* ---- answering out of what is known here ---- */

static void help(struct controller *self, const struct wish *wish)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        char *menu = NULL;

        if (!strcmp(wish->spec->name, "version")) {
                tg_printf(&html, "Umbra %s", UMBRA_VERSION);
        } else if (!strcmp(wish->spec->name, "start")) {
                tg_printf(
                        &html, "Umbra. Good day, %s. /help has all commands.", wish->update->name);
                menu = render_menu(wish->person->right);
        } else {
                render_help(&html, wish->person->right);
        }
        controller_say(self, wish->chat, bus_buf_str(&html), menu);
}

static void account(struct controller *self, const struct wish *wish)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        char *buttons = NULL;

        if (!strcmp(wish->spec->name, "risk")) {
                render_risk(&html, self->account);
        } else {
                render_trades(&html, self->account);
                if (wish->person->right >= TG_RIGHT_TRADER)
                        buttons = render_close_buttons(self->account);
        }
        controller_say(self, wish->chat, bus_buf_str(&html), buttons);
}

/* ---- deciding ---- */

static void carry_out(struct controller *self, const struct wish *wish)
{
        switch (wish->spec->kind) {
        case COMMAND_HELP: help(self, wish); break;
        case COMMAND_ACCOUNT: account(self, wish); break;
        case COMMAND_ASK:
                if (*wish->arguments && wish->spec->numbers)
                        hand_over(self, wish);
                else
                        controller_ask(self, wish->chat, wish->spec, wish->arguments);
                break;
        case COMMAND_POST: controller_ask(self, wish->chat, wish->spec, wish->arguments); break;
        case COMMAND_ACT: act(self, wish); break;
        case COMMAND_RELAY: hand_over(self, wish); break;
        }
}

static void consider(struct controller *self, const struct wish *wish)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        int64_t sent_us = wish->update->date_s * BUS_US_PER_SEC;

        if (wish->spec->right > wish->person->right) {
                bus_metric_inc(self->refused);
                tg_printf(&html, "/%s is not for you.", wish->spec->name);
                say(self, wish, &html);
        } else if (command_is_stale(wish->spec, sent_us, bus_wall_us())) {
                bus_metric_inc(self->stale);
                tg_printf(&html, "/%s came too late (over 60 s old) and was not carried out.",
                        wish->spec->name);
                say(self, wish, &html);
        } else {
                carry_out(self, wish);
        }
}

static struct tg_bot *bot_of(const struct controller *self, struct controller_chat chat)
{
        return chat.by_main ? self->main_poll.bot : self->own_poll.bot;
}

static void command(struct controller *self, struct controller_chat chat,
        const struct tg_person *person, const struct tg_update *update, const char *text)
{
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        struct wish wish = { .update = update, .chat = chat, .person = person };
        char name[TG_COMMAND_MAX_BYTES + 1];
        const char *bot_name = tg_role_name_of(self->role, bot_of(self, chat));

        if (!tg_command_read(text, *bot_name ? bot_name : NULL, name, &wish.arguments)) {
                /* in a group, people talk to each other */
                if (update->is_private)
                        controller_say(self, chat, "/help has all commands.", NULL);
                return;
        }
        wish.spec = command_find(name);
        if (wish.spec) {
                consider(self, &wish);
                return;
        }
        tg_printf(&html, "There is no /%s.\n", name);
        render_help(&html, person->right);
        controller_say(self, chat, bus_buf_str(&html), NULL);
}

/* ---- buttons ---- */

/* What came of telling Telegram that a button was pressed is of no interest: the answer is sent. */
static void ignore(void *arg, const struct tg_answer *answer)
{
        (void)arg;
        (void)answer;
}

struct press {
        struct controller_chat chat;
        int64_t message_id;
        char callback_id[TG_ID_MAX_BYTES + 1];
        bool is_spent; /* its buttons go */
};

static void after_press(void *arg, void *press_arg, int result)
{
        struct controller *self = arg;
        struct press *press = press_arg;
        struct tg_bot *bot = bot_of(self, press->chat);

        if (result == 0 && bot) {
                tg_bot_call(bot, "answerCallbackQuery",
                        json_pack("{s:s}", "callback_query_id", press->callback_id), ignore, self);
                if (press->is_spent)
                        tg_bot_call(bot, "editMessageReplyMarkup",
                                json_pack("{s:I, s:I}", "chat_id", (json_int_t)press->chat.id,
                                        "message_id", (json_int_t)press->message_id),
                                ignore, self);
        }
        free(press);
}

static void release(struct controller *self, struct controller_chat chat,
        const struct tg_update *update, bool is_spent)
{
        struct press *press = bus_new(struct press);

        *press = (struct press){
                .chat = chat, .message_id = update->message_id, .is_spent = is_spent
        };
        snprintf(press->callback_id, sizeof(press->callback_id), "%s", update->callback_id);
        bus_after_commit(self->service, after_press, press);
}

/* A press says no time. It came no earlier than the answer to the poll before; where the bot was away
 * meanwhile, what is carried out at any age is believed to have been confirmed in time. */
static bool has_expired(const struct command_spec *spec, int64_t asked_us, int64_t since_us)
{
        return (spec->at_any_age ? since_us : bus_wall_us()) - asked_us > COMMAND_FRESH_US;
}

/* False: the question is somebody else's, who may still press. */
static bool answered(struct controller *self, const struct controller_poll *poll,
        const struct tg_person *person, const struct tg_update *update, bool is_yes)
{
        struct controller_chat chat = { update->chat_id, poll->is_main };
        struct memory_waiting *asked = memory_find(self->memory.confirmations, update->data + 2);
        struct wish wish = {
                .update = update, .chat = chat, .person = person, .is_confirmed = true
        };
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        struct memory_waiting was;

        if (!asked || asked->chat_id != update->chat_id || asked->user_id != update->user_id) {
                controller_say(self, chat,
                        "That question is answered already, or was not asked of you.", NULL);
                return !asked;
        }
        was = *asked;
        *asked = (struct memory_waiting){ 0 };
        wish.spec = command_find(was.name);
        wish.arguments = was.arguments;
        if (!is_yes) {
                tg_printf(&html, "/%s: not done.", was.name);
                say(self, &wish, &html);
        } else if (!wish.spec || has_expired(wish.spec, was.at_us, poll->since_us)) {
                bus_metric_inc(self->stale);
                tg_printf(&html, "/%s: the question has expired, nothing was done.", was.name);
                say(self, &wish, &html);
        } else if (wish.spec->right > person->right) {
                bus_metric_inc(self->refused);
        } else {
                carry_out(self, &wish);
        }
        return true;
}

static void pressed(struct controller *self, const struct controller_poll *poll,
        const struct tg_person *person, const struct tg_update *update)
{
        struct controller_chat chat = { update->chat_id, poll->is_main };
        bool is_question = !strncmp(update->data, "y:", 2) || !strncmp(update->data, "n:", 2);
        BUS_AUTOFREE char *text = NULL;
        bool is_spent = false;

        if (is_question) {
                is_spent = answered(self, poll, person, update, *update->data == 'y');
        } else if (!strncmp(update->data, "c:", 2)) {
                text = bus_xasprintf("/%s", update->data + 2);
                command(self, chat, person, update, text);
        }
        release(self, chat, update, is_spent);
}

void controller_handle(
        struct controller *self, const struct controller_poll *poll, const struct tg_update *update)
{
        const struct tg_person *person;

        if (update->kind == TG_UPDATE_OTHER)
                return;
        person = tg_people_find(&self->people, update->user_id, update->chat_id);
        if (!person)
                bus_metric_inc(self->strangers);
        else if (update->kind == TG_UPDATE_BUTTON)
                pressed(self, poll, person, update);
        else
                command(self, (struct controller_chat){ update->chat_id, poll->is_main }, person,
                        update, update->text);
}
