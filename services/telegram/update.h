#pragma once
/*
 * One update of the Bot API, as far as a bot that takes commands needs it: a message's text, or the
 * press of a button. Pure; everything in it comes from strangers.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define TG_TEXT_MAX_BYTES 1024 /* a command is short; of a longer text the rest does not matter */
#define TG_DATA_MAX_BYTES 64   /* callback_data, Bot API, InlineKeyboardButton */
#define TG_ID_MAX_BYTES   64   /* callback_query.id */
#define TG_NAME_MAX_BYTES 64
#define TG_MARK_SIZE      17 /* of a bot: what tells its ids from another's (bot.h) */
#define TG_UPDATE_ID_MAX \
        ((INT64_C(1) << 53) - 1) /* Telegram's have 32 bits; as wide as its other ids */

enum tg_update_kind {
        TG_UPDATE_OTHER,   /* nothing a command can be in: confirmed and forgotten */
        TG_UPDATE_MESSAGE, /* somebody wrote TEXT */
        TG_UPDATE_BUTTON,  /* somebody pressed a button with DATA, under message MESSAGE_ID */
};

struct tg_update {
        enum tg_update_kind kind;
        int64_t update_id;
        int64_t chat_id, user_id, message_id;
        int64_t date_s; /* when it was sent, seconds since the epoch; of a button: 0, Telegram does not say */
        bool is_private;                  /* a chat with one person */
        char text[TG_TEXT_MAX_BYTES + 1]; /* valid UTF-8 without control characters */
        char data[TG_DATA_MAX_BYTES + 1];
        char callback_id[TG_ID_MAX_BYTES + 1];
        char name[TG_NAME_MAX_BYTES + 1]; /* the user's first name, for people only */
};

/* -EBADMSG if JSON is no update at all (no update_id in range): it cannot even be confirmed. */
int tg_update_read(const json_t *json, struct tg_update *ret_update)
        __attribute__((warn_unused_result));

/*
 * A command out of a message's text: "/close@UmbraBot 12 now" gives "close" and "12 now". False if
 * it is none, or meant for a bot of another name than BOT_NAME (NULL: any). Names are lower case.
 */
#define TG_COMMAND_MAX_BYTES 32 /* Bot API, BotCommand */
bool tg_command_read(const char *text, const char *bot_name,
        char ret_command[static TG_COMMAND_MAX_BYTES + 1], const char **ret_arguments);
