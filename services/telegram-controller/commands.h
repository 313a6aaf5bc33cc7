#pragma once
/*
 * The commands of the controller: one table of who may, what is asked back, and what it becomes. Pure.
 */
#include "services/telegram/options.h"

#include <jansson.h>

/* A command older than this is not carried out: what it was about is over. */
#define COMMAND_FRESH_US (60 * BUS_US_PER_SEC)

enum command_kind {
        COMMAND_HELP,    /* answered by the table itself */
        COMMAND_ACCOUNT, /* answered from the last snapshot of the account */
        COMMAND_ASK,     /* PATH of health is asked */
        COMMAND_POST,    /* posted to PATH of health, which asks every service: harmless if lost */
        COMMAND_ACT,     /* becomes a control message; PATH is the switch as health names it */
        COMMAND_RELAY,   /* another bot's: handed over to the service that PATH names */
};

struct command_spec {
        const char *name;
        enum tg_right right;
        enum command_kind kind;
        const char *path;
        bool asks_back; /* carried out behind a button only */
        bool at_any_age;
        bool numbers;          /* with arguments it is telegram-analytics's */
        const char *arguments; /* for people; "": none */
        const char *help;
};

/* NULL: no such command. */
const struct command_spec *command_find(const char *name);
/* The N-th; NULL: no more. */
const struct command_spec *command_at(size_t n);
/* Whether one that was sent at SENT_US is too old to be carried out. SENT_US 0: nobody knows. */
bool command_is_stale(const struct command_spec *spec, int64_t sent_us, int64_t now_us);
/* What the switch asks for, as health's paths and parameters have it: "close/12", {"reason": ...}.
 * -EINVAL: ARGUMENTS are not what it needs; nothing is returned. The caller frees both. */
BUS_MUST int command_to_path(const struct command_spec *spec, const char *arguments,
        char **ret_path, json_t **ret_params);
