#include "services/telegram/bot.h"

#include "libbus/base/hash.h"
#include "libbus/base/require.h"

#include <sodium.h>
#include <stdio.h>

struct tg_bot {
        struct tg_wire *wire;
        char *api_base, *token;
        char mark[TG_MARK_SIZE];
        struct pending *pending;
};

/* A call under way. */
struct pending {
        struct tg_bot *bot;
        struct pending *next;
        struct tg_call *call;
        bool is_poll;
        tg_bot_fn fn;
        void *arg;
};

static void pending_free(struct pending *pending)
{
        struct pending **at = &pending->bot->pending;

        while (*at != pending)
                at = &(*at)->next;
        *at = pending->next;
        free(pending);
}

static void on_answer(void *arg, const struct tg_wire_answer *wire)
{
        struct pending *pending = arg;
        struct tg_bot *bot = pending->bot;
        tg_bot_fn fn = pending->fn;
        void *fn_arg = pending->arg;
        struct tg_answer answer;

        tg_answer_init(&answer, wire, bot->token);
        pending_free(pending);
        fn(fn_arg, &answer);
        tg_answer_done(&answer);
}

static void start(struct tg_bot *bot, const char *method, const struct tg_wire_post *post,
        bool is_poll, tg_bot_fn fn, void *arg)
{
        char *url = bus_xasprintf("%s/bot%s/%s", bot->api_base, bot->token, method);
        struct pending *pending = bus_new(struct pending);
        struct tg_wire_post with_url = *post;

        with_url.url = url;
        *pending = (struct pending){
                .bot = bot, .next = bot->pending, .is_poll = is_poll, .fn = fn, .arg = arg
        };
        bot->pending = pending;
        pending->call = tg_wire_post(bot->wire, &with_url, on_answer, pending);
        sodium_memzero(url, strlen(url));
        free(url);
}

void tg_bot_call(struct tg_bot *bot, const char *method, json_t *params, tg_bot_fn fn, void *arg)
{
        BUS_AUTOFREE char *body = json_dumps(params, JSON_COMPACT);

        bus_require(body);
        json_decref(params);
        start(bot, method,
                &(struct tg_wire_post){
                        .body = bus_bytes_str(body), .timeout_ms = TG_CALL_TIMEOUT_MS },
                false, fn, arg);
}

void tg_bot_poll(struct tg_bot *bot, int64_t offset, int limit, tg_bot_fn fn, void *arg)
{
        json_t *params = json_pack("{s:I,s:i,s:i,s:[s,s]}", "offset", (json_int_t)offset, "limit",
                limit, "timeout", TG_POLL_S, "allowed_updates", "message", "callback_query");
        BUS_AUTOFREE char *body = json_dumps(params, JSON_COMPACT);

        bus_require(body && !tg_bot_polling(bot));
        json_decref(params);
        start(bot, "getUpdates",
                &(struct tg_wire_post){
                        .body = bus_bytes_str(body), .timeout_ms = TG_POLL_TIMEOUT_MS },
                true, fn, arg);
}

void tg_bot_photo(struct tg_bot *bot, int64_t chat_id, struct bus_bytes png, const char *caption,
        tg_bot_fn fn, void *arg)
{
        const struct tg_wire_file file = {
                .field = "photo", .name = "picture.png", .type = "image/png", .content = png
        };
        char chat[24];
        const char *form[] = { "chat_id", chat, "parse_mode", "HTML", "caption", caption, NULL };

        snprintf(chat, sizeof(chat), "%lld", (long long)chat_id);
        start(bot, "sendPhoto",
                &(struct tg_wire_post){
                        .form = form, .file = &file, .timeout_ms = TG_CALL_TIMEOUT_MS },
                false, fn, arg);
}

static struct pending *poll_of(const struct tg_bot *bot)
{
        struct pending *pending = bot->pending;

        while (pending && !pending->is_poll)
                pending = pending->next;
        return pending;
}

bool tg_bot_polling(const struct tg_bot *bot)
{
        return poll_of(bot) != NULL;
}

void tg_bot_stop_polling(struct tg_bot *bot)
{
        struct pending *pending = poll_of(bot);

        if (pending) {
                tg_wire_cancel(pending->call);
                pending_free(pending);
        }
}

const char *tg_bot_mark(const struct tg_bot *bot)
{
        return bot->mark;
}

struct tg_bot *tg_bot_new(struct tg_wire *wire, const char *api_base, const char *token)
{
        struct tg_bot *bot = bus_new(struct tg_bot);
        uint8_t hash[BUS_SHA256_SIZE];

        bus_sha256(bus_bytes_str(token), hash);
        *bot = (struct tg_bot){
                .wire = wire, .api_base = bus_xstrdup(api_base), .token = bus_xstrdup(token)
        };
        bus_hex(bus_bytes(hash, TG_MARK_SIZE / 2), bot->mark);
        return bot;
}

struct tg_bot *tg_bot_free(struct tg_bot *bot)
{
        if (!bot)
                return NULL;
        for (struct pending *next, *pending = bot->pending; pending; pending = next) {
                next = pending->next;
                tg_wire_cancel(pending->call);
                free(pending);
        }
        sodium_memzero(bot->token, strlen(bot->token));
        free(bot->token);
        free(bot->api_base);
        free(bot);
        return NULL;
}
