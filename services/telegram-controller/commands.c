#include "services/telegram-controller/commands.h"

#include "libbus/base/require.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WORD_SIZE  64
#define WORDS_MAX  3
#define ACT(right) TG_RIGHT_##right, COMMAND_ACT
#define ANALYTICS  "telegram-analytics"
#define NOTIFY     "telegram-notify"

/* The order is that of /help. */
static const struct command_spec specs[] = {
        { "start", TG_RIGHT_VIEWER, COMMAND_HELP, "", .help = "the menu" },
        { "help", TG_RIGHT_VIEWER, COMMAND_HELP, "", .help = "all commands" },
        { "status", TG_RIGHT_VIEWER, COMMAND_ASK, "/health", .help = "how it is, in short" },
        { "health", TG_RIGHT_VIEWER, COMMAND_ASK, "/health", .help = "each service" },
        { "trades", TG_RIGHT_VIEWER, COMMAND_ACCOUNT, "", .help = "open positions" },
        { "risk", TG_RIGHT_VIEWER, COMMAND_ACCOUNT, "", .help = "losses and what is at risk" },
        { "plugins", TG_RIGHT_VIEWER, COMMAND_ASK, "/api/route", .numbers = true,
                .arguments = "[DAYS]", .help = "who decides; with DAYS what they earned" },
        { "shadow", TG_RIGHT_VIEWER, COMMAND_ASK, "/api/shadow",
                .help = "live and shadow compared, and the gate" },
        { "alert", TG_RIGHT_VIEWER, COMMAND_ASK, "/api/alerts", .arguments = "[ID]",
                .help = "the trail of one alert, or the last ones" },
        { "version", TG_RIGHT_VIEWER, COMMAND_HELP, "", .help = "which Umbra this is" },
        { "pause", ACT(TRADER), "pause", .at_any_age = true, .arguments = "[WHY]",
                .help = "no new positions" },
        { "resume", ACT(TRADER), "resume", .asks_back = true, .arguments = "[kill off]",
                .help = "trade on; 'kill off' also behind /kill" },
        { "close", ACT(TRADER), "close", .asks_back = true, .arguments = "TICKET",
                .help = "close one position" },
        { "closeall", ACT(TRADER), "close_all", .asks_back = true, .arguments = "[account]",
                .help = "close all of ours, or all of the account" },
        { "kill", ACT(TRADER), "kill", .asks_back = true, .at_any_age = true, .arguments = "[WHY]",
                .help = "nothing is sent to the broker any more" },
        { "settle", ACT(TRADER), "settle", .asks_back = true,
                .arguments = "ORDER filled|not_executed [TICKET]",
                .help = "say what came of an order whose outcome is unknown" },
        { "enable", ACT(ADMIN), "enable_plugin", .asks_back = true, .arguments = "PLUGIN",
                .help = "let a plugin decide" },
        { "disable", ACT(ADMIN), "disable_plugin", .asks_back = true, .arguments = "PLUGIN",
                .help = "let it decide no more" },
        { "cutover", ACT(ADMIN), "cutover", .asks_back = true, .arguments = "[force WHY]",
                .help = "let the successor decide, if the gate passes" },
        { "rollback", ACT(ADMIN), "rollback", .asks_back = true, .at_any_age = true,
                .arguments = "[WHY]", .help = "back to the one before" },
        { "setrisk", ACT(ADMIN), "set_risk", .asks_back = true, .arguments = "KEY VALUE",
                .help = "change a limit" },
        { "backup", TG_RIGHT_ADMIN, COMMAND_POST, "/admin/backup", .help = "back up all stores" },
        { "daily", TG_RIGHT_VIEWER, COMMAND_RELAY, ANALYTICS, .help = "report of the day" },
        { "weekly", TG_RIGHT_VIEWER, COMMAND_RELAY, ANALYTICS, .help = "of the week" },
        { "monthly", TG_RIGHT_VIEWER, COMMAND_RELAY, ANALYTICS, .help = "of the month" },
        { "pnl", TG_RIGHT_VIEWER, COMMAND_RELAY, ANALYTICS, .help = "profit and loss" },
        { "symbols", TG_RIGHT_VIEWER, COMMAND_RELAY, ANALYTICS, .help = "by symbol" },
        { "latency", TG_RIGHT_VIEWER, COMMAND_RELAY, ANALYTICS, .help = "how fast it was" },
        { "parity", TG_RIGHT_VIEWER, COMMAND_RELAY, ANALYTICS,
                .help = "live and shadow, a picture" },
        { "equity", TG_RIGHT_VIEWER, COMMAND_RELAY, ANALYTICS, .help = "the equity curve" },
        { "mute", TG_RIGHT_TRADER, COMMAND_RELAY, NOTIFY, .arguments = "KIND [TIME]",
                .help = "tell no more of it; critical alarms always come" },
        { "unmute", TG_RIGHT_TRADER, COMMAND_RELAY, NOTIFY, .arguments = "KIND",
                .help = "tell of it again" },
        { "quiet", TG_RIGHT_TRADER, COMMAND_RELAY, NOTIFY, .arguments = "[FROM-TO|off]",
                .help = "quiet hours" },
};

const struct command_spec *command_find(const char *name)
{
        for (size_t i = 0; i < BUS_COUNT(specs); i++)
                if (!strcmp(specs[i].name, name))
                        return &specs[i];
        return NULL;
}

const struct command_spec *command_at(size_t n)
{
        return n < BUS_COUNT(specs) ? &specs[n] : NULL;
}

bool command_is_stale(const struct command_spec *spec, int64_t sent_us, int64_t now_us)
{
        return !spec->at_any_age && sent_us && now_us - sent_us > COMMAND_FRESH_US;
}

/* ---- arguments ---- */

struct words {
        char all[WORDS_MAX][WORD_SIZE];
        size_t count;
        bool too_many, too_long;
};

static struct words split(const char *text)
{
        struct words words = { 0 };

        while (*(text += strspn(text, " "))) {
                size_t size = strcspn(text, " ");

                words.too_long |= size >= WORD_SIZE;
                words.too_many |= words.count == WORDS_MAX;
                if (words.too_long || words.too_many)
                        break;
                memcpy(words.all[words.count++], text, size);
                text += size;
        }
        return words;
}

static void set(json_t *params, const char *key, const char *value)
{
        json_object_set_new(params, key, json_string(value));
}

static char *join(const char *path, const char *argument)
{
        return bus_xasprintf("%s/%s", path, argument);
}

/* Those whose arguments are the reason: free text. */
static char *with_reason(const struct command_spec *spec, const char *arguments, json_t *params)
{
        if (*arguments)
                set(params, "reason", arguments);
        return bus_xstrdup(spec->path);
}

static char *cutover(const struct command_spec *spec, const char *arguments, json_t *params)
{
        static const char force[] = "force ";

        if (!*arguments)
                return bus_xstrdup(spec->path);
        if (strncmp(arguments, force, strlen(force)) != 0)
                return NULL;
        set(params, "force", "yes");
        return with_reason(spec, arguments + strlen(force), params);
}

static char *settle(const struct command_spec *spec, const struct words *words, json_t *params)
{
        if (words->count < 2)
                return NULL;
        set(params, "as", words->all[1]);
        if (words->count > 2)
                set(params, "ticket", words->all[2]);
        return join(spec->path, words->all[0]);
}

static char *resume(const struct command_spec *spec, const struct words *words, json_t *params)
{
        if (words->count && (words->count != 2 || strcmp(words->all[0], "kill") != 0 ||
                                    strcmp(words->all[1], "off") != 0))
                return NULL;
        if (words->count)
                set(params, "kill", "off");
        return bus_xstrdup(spec->path);
}

static char *close_all(const struct command_spec *spec, const struct words *words, json_t *params)
{
        if (words->count > 1 || (words->count && strcmp(words->all[0], "account") != 0))
                return NULL;
        if (words->count)
                set(params, "scope", "account");
        return bus_xstrdup(spec->path);
}

static char *set_risk(const struct command_spec *spec, const struct words *words, json_t *params)
{
        if (words->count != 2)
                return NULL;
        set(params, "key", words->all[0]);
        set(params, "value", words->all[1]);
        return bus_xstrdup(spec->path);
}

static char *path_of(const struct command_spec *spec, const char *arguments, json_t *params)
{
        struct words words;

        if (!strcmp(spec->path, "cutover"))
                return cutover(spec, arguments, params);
        if (!strcmp(spec->path, "pause") || !strcmp(spec->path, "kill") ||
                !strcmp(spec->path, "rollback"))
                return with_reason(spec, arguments, params);
        words = split(arguments);
        if (words.too_long || words.too_many)
                return NULL;
        if (!strcmp(spec->path, "settle"))
                return settle(spec, &words, params);
        if (!strcmp(spec->path, "resume"))
                return resume(spec, &words, params);
        if (!strcmp(spec->path, "close_all"))
                return close_all(spec, &words, params);
        if (!strcmp(spec->path, "set_risk"))
                return set_risk(spec, &words, params);
        return words.count == 1 ? join(spec->path, words.all[0]) : NULL;
}

int command_to_path(const struct command_spec *spec, const char *arguments, char **ret_path,
        json_t **ret_params)
{
        json_t *params = json_object();
        char *path = path_of(spec, arguments, params);

        if (!path) {
                json_decref(params);
                return -EINVAL;
        }
        *ret_path = path;
        *ret_params = params;
        return 0;
}
