#pragma once
/*
 * The configuration that the three bots share: tokens, chats, and who may command.
 *
 *      [telegram]
 *      main_token_file = /etc/umbra/main.token
 *      notify_chats = 123456 -1001234567
 *      [telegram_user.ann]
 *      user = 123456
 *      chat = 123456
 *      role = trader
 */
#include "libbus/config/config.h"
#include "services/telegram/role.h"

/*
 * All options of [telegram], [multi_telegram] and [telegram_user.*]. Each bot can read its own token
 * and the main one, and sees only the path of the others': CONTROLLER, NOTIFICATION and ANALYTICS are
 * CONFIG_SECRET_FILE or CONFIG_STRING.
 */
#define TG_OPTIONS(CONTROLLER, NOTIFICATION, ANALYTICS)                                             \
        { "telegram", "api_base", CONFIG_STRING, "https://api.telegram.org", 8, 200,                \
                .help = "where the Bot API is" },                                                   \
                { "telegram", "ca_file", CONFIG_STRING, "", .maximum = 190,                         \
                        .help = "certificates of the authorities that api_base is proved by, PEM; " \
                                "empty: the system's" },                                            \
                { "telegram", "main_token_file", CONFIG_SECRET_FILE, "",                            \
                        .help = "the bot that any of the three falls back to" },                    \
                { "telegram", "controller_token_file", CONTROLLER, "",                              \
                        .help = "the bot that takes commands" },                                    \
                { "telegram", "notification_token_file", NOTIFICATION, "",                          \
                        .help = "the bot that tells what happens" },                                \
                { "telegram", "analytics_token_file", ANALYTICS, "",                                \
                        .help = "the bot that reports" },                                           \
                { "telegram", "notify_chats", CONFIG_STRING, "", .maximum = 1024,                   \
                        .help = "ids of the chats that are told what happens, blanks in between" }, \
                { "telegram", "report_chats", CONFIG_STRING, "", .maximum = 1024,                   \
                        .help = "ids of the chats that get reports; empty: notify_chats" },         \
                { "telegram", "probe", CONFIG_DURATION, "60s", 100 * BUS_US_PER_MS,                 \
                        3600 * BUS_US_PER_SEC,                                                      \
                        .help = "how often a bot that failed is tried again" },                     \
                { "telegram", "language", CONFIG_STRING, "en", 2, 16,                               \
                        .help = "of the bots' texts" },                                             \
                { "telegram", "time_zone", CONFIG_STRING, "UTC", 2, 64,                             \
                        .help = "of reports, summaries and quiet hours, as Europe/Berlin" },        \
                { "multi_telegram", "enabled", CONFIG_BOOL, "yes",                                  \
                        .help = "no: only the main bot is used, for everything" },                  \
                { "telegram_user.*", "user", CONFIG_INT, NULL, 1, INT64_MAX,                        \
                        .help = "Telegram's user id" },                                             \
                { "telegram_user.*", "chat", CONFIG_INT, NULL, INT64_MIN, INT64_MAX,                \
                        .help = "the chat it may command from; groups have negative ids" },         \
        {                                                                                           \
                "telegram_user.*", "role", CONFIG_ENUM, "viewer",                                   \
                        .values = "viewer|trader|admin",                                            \
                        .help = "viewer asks, trader trades, admin switches"                        \
        }

enum tg_right { /* each includes those before */
        TG_RIGHT_NONE,
        TG_RIGHT_VIEWER,
        TG_RIGHT_TRADER,
        TG_RIGHT_ADMIN,
};

struct tg_person {
        const char *name; /* NAME of [telegram_user.NAME]; borrowed from the config */
        int64_t user_id, chat_id;
        enum tg_right right;
};

struct tg_people {
        struct tg_person *all;
        size_t count;
};

void tg_people_read(const struct config *config, struct tg_people *ret_people);
void tg_people_done(struct tg_people *people);
/* By user AND chat: in a group, not everyone commands the bot. NULL: a stranger. */
const struct tg_person *tg_people_find(
        const struct tg_people *people, int64_t user_id, int64_t chat_id);

#define TG_CHATS_MAX 32
struct tg_chats {
        int64_t ids[TG_CHATS_MAX];
        size_t count;
};
/* KEY of [telegram]: ids with blanks in between. -EINVAL after one ERROR line that names it. */
BUS_MUST int tg_chats_read(
        const struct config *config, const char *key, struct tg_chats *ret_chats);

/* The role's tokens into OPTIONS (own_token, main_token; the caller wipes and frees them with
 * tg_tokens_done behind tg_role_new), its api_base and its probe. -errno after one ERROR line. */
BUS_MUST int tg_tokens_read(const struct config *config, const char *own_key,
        struct tg_role_options *options, char **ret_own, char **ret_main);
void tg_tokens_done(char *own, char *main);

/* The wire by what the config says. */
struct tg_wire *tg_wire_configured(struct bus_loop *loop, const struct config *config);
/* Has the wire ready if ROLE has any bot to use it. -errno after one ERROR line. */
BUS_MUST int tg_wire_ready(struct tg_wire *wire, const struct tg_role *role);
