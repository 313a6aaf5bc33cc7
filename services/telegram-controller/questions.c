/*
 * Questions to health over its HTTP API: asked behind the commit, answered when the answer is there.
 *
 * Invariant: a question is remembered from the commit of its update to that of its answer. What only
 * asks is asked again by the next process; what does something is not done twice.
 */
#include "libbus/base/clock.h"
#include "libbus/base/ids.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/config/config.h"
#include "services/telegram-controller/controller.h"
#include "services/telegram/markup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ASK_TIMEOUT_MS 10000
#define ACT_TIMEOUT_MS 35000 /* health waits 30 s for all backups */
#define ALERTS_TOLD    5
#define PORT_MAX_BYTES 16

struct question {
        struct controller *self;
        struct question *next;
        struct tg_call *call;
        const struct command_spec *spec;
        struct controller_chat chat;
        char id[BUS_ID_SIZE]; /* of the memory's */
        char path[96];
};

static void question_free(struct question *question)
{
        struct question **at = &question->self->questions;

        while (*at != question)
                at = &(*at)->next;
        *at = question->next;
        free(question);
}

/* What of an answer is told, and in which order; the rest is for the page. */
static const char *const *keys_of(const struct command_spec *spec)
{
        static const char *const shadow[] = { "gate", "totals", "parity", "watch", "auto_rollback",
                "window", "plugins", NULL };

        return !strcmp(spec->path, "/api/shadow") ? shadow : NULL;
}

static void render(const struct question *question, const json_t *json, struct bus_buf *html)
{
        if (!strcmp(question->spec->name, "status"))
                render_status(html, json, question->self->account);
        else
                render_json(html, question->spec->help, json, keys_of(question->spec));
}

/* Answered: with the next commit. */
static void say(
        struct controller *self, const char *id, struct controller_chat chat, struct bus_buf *html)
{
        struct memory_waiting *waiting = memory_find(self->memory.questions, id);

        if (waiting)
                *waiting = (struct memory_waiting){ 0 };
        controller_keep(self);
        controller_say(self, chat, bus_buf_str(html), NULL);
}

static void on_answer(void *arg, const struct tg_wire_answer *answer)
{
        struct question *question = arg;
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;
        json_t *json = NULL;

        if (!answer->error)
                json = json_loadb((const char *)answer->body.data, answer->body.size, 0, NULL);
        if (json)
                render(question, json, &html);
        else
                tg_printf(&html, "/%s: health does not answer (%s).", question->spec->name,
                        answer->error ? answer->problem : "no JSON");
        say(question->self, question->id, question->chat, &html);
        json_decref(json);
        question_free(question);
}

/* Where health answers: the port that it, or who started it, has told, else that of the config. */
static char *base_url(struct controller *self)
{
        const struct config *config = bus_service_config(self->service);
        char run[BUS_ENDPOINT_SIZE];
        BUS_AUTOFREE char *path = bus_xasprintf("%s/health.port", bus_run_dir(config, run));
        BUS_AUTOBUF struct bus_buf told = BUS_BUF_INIT;
        uint16_t port;
        const char *host = config_listen(config, "health", "listen", &port);
        bool is_any = !*host || !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
        bool is_v6 = strchr(host, ':') && !is_any;

        if (bus_file_read(path, PORT_MAX_BYTES, &told) == 0)
                port = (uint16_t)strtoul(bus_buf_str(&told), NULL, 10);
        return bus_xasprintf("http://%s%s%s:%u", is_v6 ? "[" : "", is_any ? "127.0.0.1" : host,
                is_v6 ? "]" : "", port);
}

static void on_committed(void *arg, void *question_arg, int result)
{
        struct controller *self = arg;
        struct question *question = question_arg;
        BUS_AUTOFREE char *base = NULL, *url = NULL;

        if (result < 0) {
                question_free(question);
                return;
        }
        base = base_url(self);
        url = bus_xasprintf("%s%s", base, question->path);
        question->call = tg_wire_post(self->wire,
                &(struct tg_wire_post){ .url = url,
                        .is_get = question->spec->kind == COMMAND_ASK,
                        .bearer = self->admin_token,
                        .timeout_ms = question->spec->kind == COMMAND_ASK ? ASK_TIMEOUT_MS
                                                                          : ACT_TIMEOUT_MS },
                on_answer, question);
}

static void set_path(struct question *question, const char *arguments)
{
        const char *path = question->spec->path;

        if (strcmp(path, "/api/alerts") != 0)
                snprintf(question->path, sizeof(question->path), "%s", path);
        else if (*arguments)
                snprintf(question->path, sizeof(question->path), "%s/%.*s", path, BUS_ID_SIZE - 1,
                        arguments);
        else
                snprintf(question->path, sizeof(question->path), "%s?limit=%d", path, ALERTS_TOLD);
}

static void begin(struct controller *self, const struct command_spec *spec,
        const struct memory_waiting *waiting)
{
        struct question *question = bus_new(struct question);

        *question = (struct question){ .self = self,
                .next = self->questions,
                .spec = spec,
                .chat = { waiting->chat_id, waiting->by_main } };
        snprintf(question->id, sizeof(question->id), "%s", waiting->id);
        set_path(question, waiting->arguments);
        self->questions = question;
        bus_after_commit(self->service, on_committed, question);
}

void controller_ask(struct controller *self, struct controller_chat chat,
        const struct command_spec *spec, const char *arguments)
{
        bool is_alert = !strcmp(spec->path, "/api/alerts");
        struct memory_waiting *waiting;

        if (is_alert && *arguments && !bus_id_valid(arguments)) {
                controller_say(self, chat, "/alert takes an alert's id, 26 characters.", NULL);
                return;
        }
        waiting = memory_place(self->memory.questions);
        bus_id_new(waiting->id);
        waiting->chat_id = chat.id;
        waiting->by_main = chat.by_main;
        waiting->at_us = bus_wall_us();
        snprintf(waiting->name, sizeof(waiting->name), "%s", spec->name);
        if (is_alert)
                snprintf(waiting->arguments, sizeof(waiting->arguments), "%s", arguments);
        begin(self, spec, waiting);
}

/* ---- of an earlier life ---- */

static void ask_again(struct controller *self, const struct memory_waiting *waiting)
{
        const struct command_spec *spec = command_find(waiting->name);
        BUS_AUTOBUF struct bus_buf html = BUS_BUF_INIT;

        if (spec && spec->kind == COMMAND_ASK &&
                bus_wall_us() - waiting->at_us <= COMMAND_FRESH_US) {
                begin(self, spec, waiting);
                return;
        }
        tg_printf(&html, "/%s: this bot was started again before there was an answer. Please %s.",
                waiting->name,
                spec && spec->kind == COMMAND_POST ? "look whether it was done" : "ask again");
        say(self, waiting->id, (struct controller_chat){ waiting->chat_id, waiting->by_main },
                &html);
}

static void on_timer(void *arg)
{
        struct controller *self = arg;

        for (size_t i = 0; i < MEMORY_WAITING; i++) {
                struct memory_waiting waiting = self->memory.questions[i];

                if (*waiting.id)
                        ask_again(self, &waiting);
        }
}

void controller_questions_start(struct controller *self)
{
        self->questions_timer =
                bus_loop_add_timer(bus_service_loop(self->service), 0, 0, on_timer, self);
}

void controller_questions_done(struct controller *self)
{
        if (self->questions_timer)
                bus_loop_remove(bus_service_loop(self->service), self->questions_timer);
        for (struct question *next, *question = self->questions; question; question = next) {
                next = question->next;
                tg_wire_cancel(question->call);
                free(question);
        }
        self->questions = NULL;
}
