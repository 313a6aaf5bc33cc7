#include "services/telegram/role.h"

#include "libbus/base/require.h"

#include <stdio.h>

#define NAME_SIZE 64

/* One of the two bots of a role. */
struct candidate {
        struct tg_role *role;
        struct tg_bot *bot; /* NULL: no token */
        bool asked;         /* getMe is under way */
        char name[NAME_SIZE];
};

struct tg_role {
        struct tg_role_options options;
        struct bus_source *timer;
        enum tg_state state;
        struct candidate own, main;
};

const char *tg_state_name(enum tg_state state)
{
        static const char *const names[] = { "off", "main", "own" };

        return names[state];
}

static const struct candidate *present(const struct tg_role *role)
{
        return role->state == TG_STATE_OWN ? &role->own : &role->main;
}

enum tg_state tg_role_state(const struct tg_role *role)
{
        return role->state;
}

struct tg_bot *tg_role_bot(const struct tg_role *role)
{
        return role->state == TG_STATE_OFF ? NULL : present(role)->bot;
}

struct tg_bot *tg_role_main_bot(const struct tg_role *role)
{
        return role->main.bot;
}

const char *tg_role_name_of(const struct tg_role *role, const struct tg_bot *bot)
{
        return bot == role->own.bot ? role->own.name : role->main.name;
}

const char *tg_role_bot_name(const struct tg_role *role)
{
        return role->state == TG_STATE_OFF ? "" : present(role)->name;
}

static void change(struct tg_role *role, enum tg_state state, const char *why)
{
        role->state = state;
        role->options.changed(role->options.arg, state, why);
}

/* ---- asking a bot for its name ---- */

static void on_me(void *arg, const struct tg_answer *answer)
{
        struct candidate *candidate = arg;
        struct tg_role *role = candidate->role;
        enum tg_state better = candidate == &role->own ? TG_STATE_OWN : TG_STATE_MAIN;
        const char *name;

        candidate->asked = false;
        if (answer->outcome == TG_BAD_TOKEN)
                tg_role_bad_token(role, candidate->bot);
        if (answer->outcome != TG_DONE)
                return;
        name = json_string_value(json_object_get(answer->result, "username"));
        snprintf(candidate->name, sizeof(candidate->name), "%s", name ? name : "");
        if (better > role->state)
                change(role, better,
                        better == TG_STATE_OWN ? "its own token works again"
                                               : "the main bot's token works again");
}

static void ask(struct candidate *candidate)
{
        if (!candidate->bot || candidate->asked)
                return;
        candidate->asked = true;
        tg_bot_call(candidate->bot, "getMe", json_object(), on_me, candidate);
}

/* The one that speaks, too: who has nothing to say would not notice that nobody would hear it. */
static void on_timer(void *arg)
{
        struct tg_role *role = arg;

        ask(&role->own);
        ask(&role->main);
}

void tg_role_bad_token(struct tg_role *role, const struct tg_bot *bot)
{
        if (!bot || bot != tg_role_bot(role))
                return;
        if (role->state == TG_STATE_OWN && role->main.bot)
                change(role, TG_STATE_MAIN, "its own token is refused");
        else
                change(role, TG_STATE_OFF, "no token is accepted");
}

/* ---- life ---- */

static void candidate_init(struct candidate *candidate, struct tg_role *role, const char *token)
{
        *candidate = (struct candidate){ .role = role };
        if (token && *token)
                candidate->bot = tg_bot_new(role->options.wire, role->options.api_base, token);
}

struct tg_role *tg_role_new(const struct tg_role_options *options)
{
        struct tg_role *role = bus_new(struct tg_role);
        int64_t probe_us = options->probe_us ? options->probe_us : TG_PROBE_US;

        role->options = *options;
        candidate_init(&role->own, role, options->own_token);
        if (!options->own_token || !options->main_token ||
                strcmp(options->own_token, options->main_token) != 0)
                candidate_init(&role->main, role, options->main_token);
        else
                candidate_init(&role->main, role, NULL); /* one bot under two names */
        role->options.own_token = role->options.main_token = NULL;
        role->state = role->own.bot ? TG_STATE_OWN : role->main.bot ? TG_STATE_MAIN : TG_STATE_OFF;
        if (role->state != TG_STATE_OFF)
                role->timer = bus_loop_add_timer(options->loop, 0, probe_us, on_timer, role);
        return role;
}

struct tg_role *tg_role_free(struct tg_role *role)
{
        if (!role)
                return NULL;
        if (role->timer)
                bus_loop_remove(role->options.loop, role->timer);
        tg_bot_free(role->own.bot);
        tg_bot_free(role->main.bot);
        free(role);
        return NULL;
}
