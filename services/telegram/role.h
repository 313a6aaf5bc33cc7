#pragma once
/*
 * Which bot a role speaks with: its own, the main one while the own token is missing or does not
 * work, or none. Falling back is told by CHANGED and undone by itself: both bots are asked for their
 * names (getMe) once a minute.
 */
#include "services/telegram/bot.h"

#define TG_PROBE_US (60 * BUS_US_PER_SEC)

enum tg_state {
        TG_STATE_OFF,  /* no token, or none that works */
        TG_STATE_MAIN, /* the main bot's */
        TG_STATE_OWN,
};

struct tg_role;

struct tg_role_options {
        struct bus_loop *loop;
        struct tg_wire *wire;
        const char *api_base;
        const char *own_token, *main_token; /* NULL: not configured; copied */
        int64_t probe_us;                   /* 0: TG_PROBE_US */
        /* Another bot from now on. WHY: for people, static. The pointer of tg_role_bot changes; calls
         * that were under way with the one before still end with their callbacks. */
        void (*changed)(void *arg, enum tg_state now, const char *why);
        void *arg;
};

/* Begins with its own token if there is one, else with the main one; asks getMe at once. */
struct tg_role *tg_role_new(const struct tg_role_options *options);
struct tg_role *tg_role_free(struct tg_role *role); /* takes NULL, returns NULL */

enum tg_state tg_role_state(const struct tg_role *role);
const char *tg_state_name(enum tg_state state);         /* "off", "main", "own" */
struct tg_bot *tg_role_bot(const struct tg_role *role); /* NULL: off */
/* The main bot, whoever speaks now; NULL where none is configured, or it is the role's own. */
struct tg_bot *tg_role_main_bot(const struct tg_role *role);
/* The user name of the present bot, without the @; "" until it is known. */
const char *tg_role_bot_name(const struct tg_role *role);
/* The same of BOT, one of the role's. */
const char *tg_role_name_of(const struct tg_role *role, const struct tg_bot *bot);
/* A call with BOT ended in TG_BAD_TOKEN. Does nothing if BOT is not the present one any more. */
void tg_role_bad_token(struct tg_role *role, const struct tg_bot *bot);
