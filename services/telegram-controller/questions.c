/* Questions to health over its HTTP API: asked behind the commit, answered when the answer is there. */
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
        controller_say(question->self, question->chat, bus_buf_str(&html), NULL);
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

void controller_ask(struct controller *self, struct controller_chat chat,
        const struct command_spec *spec, const char *arguments)
{
        bool is_alert = !strcmp(spec->path, "/api/alerts");
        struct question *question;

        if (is_alert && *arguments && !bus_id_valid(arguments)) {
                controller_say(self, chat, "/alert takes an alert's id, 26 characters.", NULL);
                return;
        }
        question = bus_new(struct question);
        *question = (struct question){
                .self = self, .next = self->questions, .spec = spec, .chat = chat
        };
        self->questions = question;
        if (is_alert && *arguments)
                snprintf(question->path, sizeof(question->path), "%s/%s", spec->path, arguments);
        else if (is_alert)
                snprintf(question->path, sizeof(question->path), "%s?limit=%d", spec->path,
                        ALERTS_TOLD);
        else
                snprintf(question->path, sizeof(question->path), "%s", spec->path);
        bus_after_commit(self->service, on_committed, question);
}

void controller_questions_done(struct controller *self)
{
        for (struct question *next, *question = self->questions; question; question = next) {
                next = question->next;
                tg_wire_cancel(question->call);
                free(question);
        }
        self->questions = NULL;
}
