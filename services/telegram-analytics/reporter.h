#pragma once
/*
 * The bot that reports: answers what people ask, and tells the day at its time. Polls for itself as
 * long as it has a token of its own; else others hand its commands over.
 *
 * Invariant: an update's answer, and that the update was seen, commit together, and Telegram is told
 * that it was seen only behind that; so each is answered once, whoever is killed when. The same holds
 * for the daily report and its date.
 */
#include "libbus/service/service.h"
#include "services/telegram-analytics/reports.h"
#include "services/telegram/options.h"
#include "services/telegram/update.h"
#include "services/telegram/voice.h"

#include "control.pb-c.h"
#include "heartbeat.pb-c.h"

/* Newest updates that are remembered: more than one poll can bring again. */
#define REPORTER_SEEN_MAX 256

struct reporter {
        struct bus_service *service;
        struct ledger **ledger; /* borrowed; there from start on */
        struct tg_people people;
        struct tg_chats chats;
        int minute; /* of the day; -1: no daily report */
        struct tg_wire *wire;
        struct tg_role *role;
        struct tg_voice *voice;
        struct bus_source *poll_timer, *clock;
        int64_t seen[REPORTER_SEEN_MAX]; /* a ring */
        size_t seen_count;               /* ever */
        int64_t offset;                  /* of the next poll */
        int64_t pause_us;                /* how long the next pause is */
        int64_t conflict_us;             /* how long one is behind a 409 */
        int64_t asked_us, started_us;    /* monotonic: the poll, the service */
        /* What telegram-controller polls, as it said last (TG_FACT_POLLS), in this or an earlier life:
         * a bot of those is not polled here too. NULL: it was never heard. */
        char *polled_elsewhere;
        bool heard_controller; /* in this life */
        int64_t told_date;     /* of the newest daily report; 0: none so far */
        bool is_on, draining, stepped_down;
        /* before anything is asked of the ledger: it is to be as new as can be */
        void (*refresh)(void *arg);
        void *refresh_arg;
        struct bus_metric *answered, *strangers;
};

#define REPORTER_OPTIONS                                                                       \
        TG_OPTIONS(CONFIG_STRING, CONFIG_STRING, CONFIG_SECRET_FILE),                          \
        {                                                                                      \
                "telegram-analytics", "daily_at", CONFIG_STRING, "22:00", 3, 5,                \
                        .help = "when the last 24 hours are reported, in telegram.time_zone; " \
                                "or off"                                                       \
        }

/* Reads the config. -errno after one ERROR line; either way reporter_done. */
BUS_MUST int reporter_init(
        struct reporter *reporter, struct bus_service *service, struct ledger **ledger);
void reporter_done(struct reporter *reporter);
/* Loads what was kept, opens the bot. -errno. */
BUS_MUST int reporter_start(struct reporter *reporter);
void reporter_drain(struct reporter *reporter);
void reporter_report(struct reporter *reporter);

/* Answers COMMAND ("symbols") with ARGUMENTS ("7"), asked in CHAT_ID at ASKED_US by someone who may;
 * what is no command gets help. Stages only. */
void reporter_answer(struct reporter *reporter, int64_t chat_id, const char *command,
        const char *arguments, int64_t asked_us);

/* What another bot was asked and handed on; who may, has been judged there. Not of our commands: nothing. */
void reporter_order(struct reporter *reporter, const Pb__TelegramCommand *order, int64_t asked_us);

/* reporter_poll.c */
/* A heartbeat of telegram-controller. */
void reporter_controller_beat(struct reporter *reporter, const Pb__Heartbeat *beat);
BUS_MUST int reporter_poll_start(struct reporter *reporter);
void reporter_poll_again(struct reporter *reporter);
