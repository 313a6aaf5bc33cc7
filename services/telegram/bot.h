#pragma once
/*
 * One bot: a token, and calls of the Bot API with it. Says what came of each call and decides
 * nothing: pacing, repeating and falling back to another token are its callers'.
 */
#include "services/telegram/answer.h"
#include "services/telegram/update.h"

#define TG_CALL_TIMEOUT_MS 10000
#define TG_POLL_S          30
/* The server answers a long poll after 30 s at the latest; what takes 10 s longer is not coming. */
#define TG_POLL_TIMEOUT_MS ((TG_POLL_S + 10) * 1000)

struct tg_bot;

/* API_BASE: "https://api.telegram.org", no slash at its end. TOKEN is copied, and wiped by
 * tg_bot_free. WIRE is borrowed. */
struct tg_bot *tg_bot_new(struct tg_wire *wire, const char *api_base, const char *token);
/* Ends its calls without their callbacks. Takes NULL, returns NULL. */
struct tg_bot *tg_bot_free(struct tg_bot *bot);

/* The beginning of the token's hash: tells bots apart without saying what the token is. */
const char *tg_bot_mark(const struct tg_bot *bot);
/* telegram-controller's heartbeat: the marks of the bots it polls, blanks in between. */
#define TG_FACT_POLLS "polls"

/* ANSWER is borrowed; valid during the call. */
typedef void (*tg_bot_fn)(void *arg, const struct tg_answer *answer);

/* Calls METHOD with PARAMS (an object; its reference is taken). FN comes exactly once, from the
 * loop, unless the bot is freed before. */
void tg_bot_call(struct tg_bot *bot, const char *method, json_t *params, tg_bot_fn fn, void *arg);
/* getUpdates with a long poll, from OFFSET on (0: the oldest unconfirmed); at most LIMIT (1 to 100). */
void tg_bot_poll(struct tg_bot *bot, int64_t offset, int limit, tg_bot_fn fn, void *arg);
/* sendPhoto with a picture of ours. CAPTION: HTML, at most 1024 characters. */
void tg_bot_photo(struct tg_bot *bot, int64_t chat_id, struct bus_bytes png, const char *caption,
        tg_bot_fn fn, void *arg);
/* True while a poll is under way. */
bool tg_bot_polling(const struct tg_bot *bot);
/* Ends a poll that is under way, without its callback. */
void tg_bot_stop_polling(struct tg_bot *bot);
