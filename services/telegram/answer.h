#pragma once
/*
 * What an answer of the Bot API means for whoever asked: pure.
 * (core.telegram.org/bots/api, Making requests; ResponseParameters)
 */
#include "libbus/base/bytes.h"
#include "services/telegram/wire.h"

#include <jansson.h>

enum tg_outcome {
        TG_DONE,        /* ok is true: RESULT is there */
        TG_REFUSED,     /* 400, 403 and the like: the same again would be refused again */
        TG_MARKUP,      /* 400 "can't parse entities": once more as plain text */
        TG_SLOW_DOWN,   /* 429: not before RETRY_AFTER_S */
        TG_CONFLICT,    /* 409: somebody else polls with this token, or a webhook is set */
        TG_BAD_TOKEN,   /* 401, 404: the token is not, or no longer, a bot's */
        TG_UNREACHABLE, /* no answer, 5xx, or none that is JSON: nobody knows whether it was done */
};

#define TG_RETRY_AFTER_MAX_S 3600 /* a server that says more is taken to mean an hour */

struct tg_answer {
        enum tg_outcome outcome;
        long status;       /* HTTP, or error_code where the body has one; 0: none */
        int retry_after_s; /* 1.. with TG_SLOW_DOWN */
        const char *
                problem; /* for people; never the URL or the token; borrowed from RESULT or static */
        json_t *result;  /* of TG_DONE: borrowed from DOCUMENT */
        json_t *document; /* owned: tg_answer_done */
};

/* TOKEN: a description that quotes it is not passed on; may be NULL. */
void tg_answer_init(struct tg_answer *answer, const struct tg_wire_answer *wire, const char *token);
void tg_answer_done(struct tg_answer *answer);
const char *tg_outcome_name(enum tg_outcome outcome);
