#include "services/telegram/options.h"

#include "libbus/base/io.h"
#include "libbus/base/log.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

/* ---- people ---- */

void tg_people_read(const struct config *config, struct tg_people *ret_people)
{
        struct tg_people people = { 0 };
        const char *name;

        while (config_instance(config, "telegram_user", people.count))
                people.count++;
        people.all = bus_new_n(struct tg_person, people.count + 1);
        for (size_t i = 0; (name = config_instance(config, "telegram_user", i)); i++) {
                BUS_AUTOFREE char *section = bus_xasprintf("telegram_user.%s", name);

                people.all[i] = (struct tg_person){ .name = name,
                        .user_id = config_int(config, section, "user"),
                        .chat_id = config_int(config, section, "chat"),
                        .right = TG_RIGHT_VIEWER +
                                 (enum tg_right)config_enum(config, section, "role") };
        }
        *ret_people = people;
}

void tg_people_done(struct tg_people *people)
{
        free(people->all);
        *people = (struct tg_people){ 0 };
}

const struct tg_person *tg_people_find(
        const struct tg_people *people, int64_t user_id, int64_t chat_id)
{
        for (size_t i = 0; i < people->count; i++)
                if (people->all[i].user_id == user_id && people->all[i].chat_id == chat_id)
                        return &people->all[i];
        return NULL;
}

/* ---- chats ---- */

int tg_chats_read(const struct config *config, const char *key, struct tg_chats *ret_chats)
{
        const char *text = config_string(config, "telegram", key);
        struct tg_chats chats = { 0 };

        while (*(text += strspn(text, " "))) {
                char *end;
                long long id;

                errno = 0;
                id = strtoll(text, &end, 10);
                if (errno || end == text || (*end && *end != ' ') || !id ||
                        chats.count == TG_CHATS_MAX) {
                        log_error("bad_config",
                                "%s: telegram.%s: at most %d ids of chats, not \"%s\"",
                                config_origin(config, "telegram", key), key, TG_CHATS_MAX, text);
                        return -EINVAL;
                }
                chats.ids[chats.count++] = id;
                text = end;
        }
        *ret_chats = chats;
        return 0;
}

/* ---- tokens ---- */

static int read_token(const struct config *config, const char *key, char **ret_token)
{
        const char *path = config_string(config, "telegram", key);
        int r;

        if (!*path)
                return 0;
        r = bus_file_read_secret(path, ret_token);
        if (r < 0)
                log_error("bad_config", "telegram.%s: %s: %s", key, path, strerror(-r));
        return r;
}

int tg_tokens_read(const struct config *config, const char *own_key,
        struct tg_role_options *options, char **ret_own, char **ret_main)
{
        char *own = NULL, *main = NULL;
        int r = 0;

        if (config_bool(config, "multi_telegram", "enabled"))
                r = read_token(config, own_key, &own);
        if (r == 0)
                r = read_token(config, "main_token_file", &main);
        if (r < 0) {
                tg_tokens_done(own, main);
                return r;
        }
        options->api_base = config_string(config, "telegram", "api_base");
        options->probe_us = config_int(config, "telegram", "probe");
        options->own_token = *ret_own = own;
        options->main_token = *ret_main = main;
        return 0;
}

static void wipe(char *token)
{
        if (token)
                sodium_memzero(token, strlen(token));
        free(token);
}

void tg_tokens_done(char *own, char *main)
{
        wipe(own);
        wipe(main);
}

/* ---- the wire ---- */

struct tg_wire *tg_wire_configured(struct bus_loop *loop, const struct config *config)
{
        return tg_wire_new(loop, config_string(config, "telegram", "ca_file"));
}

int tg_wire_ready(struct tg_wire *wire, const struct tg_role *role)
{
        int r = tg_role_state(role) == TG_STATE_OFF ? 0 : tg_wire_load(wire);

        if (r < 0)
                log_error("no_libcurl", "libcurl (Debian: libcurl4) cannot be used: %s",
                        strerror(-r));
        return r;
}
