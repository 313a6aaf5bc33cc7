#pragma once
/*
 * The three Telegram bots at work, before a stand-in for Telegram: somebody with a phone asks, and what
 * the bots say is shown. The stand-in is a program of its own (tests/telegram/bot_api.py); it holds the
 * bots to Telegram's limits and counts where they break them.
 */
#include "services/umbra/client.h"
#include "services/umbra/demo/report.h"

#define BOTS_SETS  12
#define BOTS_ASKED 16

struct bots_asked {
        size_t question;  /* of the plan */
        int64_t asked_us; /* wall clock, as the stand-in's */
        int64_t after;    /* id of the last message before it */
        int64_t took_us;  /* until it was answered; 0: it was not */
        bool is_pressed;
};

struct bots {
        const char *program; /* NULL: the demo does without them */
        pid_t pid;
        struct client api;
        char *folder; /* the tokens */
        char *sets[BOTS_SETS + 1];
        struct bots_asked asked[BOTS_ASKED];
        size_t asked_count;
        int64_t read_us, last_id, digest_us;
};

struct bots_counts {
        bool are_on;
        size_t asked, answered, messages, pictures, limits_broken;
        int64_t slowest_us; /* of the answers; 0: there was none */
};

/* Starts the stand-in, with the tokens in FOLDER; bots->sets says how the system comes to it. -errno
 * after one line on stderr. Does nothing where PROGRAM is NULL. */
BUS_MUST int bots_start(struct bots *bots, const char *program, const char *folder);
/* Asks what is due NOW_US behind the start, and shows what was said since the last turn. */
void bots_turn(struct bots *bots, struct report *report, int64_t now_us);
/* Every question was asked, and answered as far as it will be. */
bool bots_over(const struct bots *bots);
void bots_count(struct bots *bots, struct bots_counts *ret_counts);
/* Where people can see what was said; NULL: nowhere. */
const char *bots_url(const struct bots *bots);
void bots_stop(struct bots *bots);
