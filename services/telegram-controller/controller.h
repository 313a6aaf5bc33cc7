#pragma once
/*
 * telegram-controller, its parts: updates.c takes them off Telegram, handle.c decides what each asks
 * for and stages it, questions.c asks health, streams.c hears what came of it.
 *
 * Invariant: what follows from an update (the command on the bus, the question back, the answer) is
 * committed together with the mark that it was taken; Telegram is told only afterwards. Killed
 * anywhere, it is either all to be done again or all done.
 */
#include "services/telegram-controller/commands.h"
#include "services/telegram-controller/memory.h"
#include "services/telegram-controller/render.h"
#include "services/telegram/voice.h"

struct question;

/* Where an answer goes: to the chat, and by the bot that was asked. */
struct controller_chat {
        int64_t id;
        bool by_main;
};

/* The long poll of one bot. */
struct controller_poll {
        struct controller *controller;
        struct bus_source *timer;
        struct tg_bot *bot; /* what is polled, or will be; NULL: none */
        bool is_main;
        int64_t offset, retry_us, asked_us;
        /* Wall clock: what it brings now was not written before; 0: nobody knows, as nobody asked. */
        int64_t since_us;
        bool is_stepped_down;
};

/* Another bot, which commands are handed over to. */
struct controller_peer {
        int64_t heard_us; /* monotonic; its last heartbeat, or the start of this service */
        bool is_off;      /* it runs, and has no bot to answer with */
};

struct controller {
        struct bus_service *service;
        struct tg_wire *wire;
        struct tg_role_options role_options;
        char *own_token, *main_token, *admin_token;
        struct tg_role *role;
        struct tg_voice *voice;
        struct tg_people people;
        struct tg_chats notify_chats;
        struct memory memory;
        Pb__Account *account; /* the last one; NULL: none was seen */
        struct question *questions;
        struct bus_source *questions_timer, *word_timer;

        struct controller_poll own_poll, main_poll;
        int64_t conflict_us;
        struct controller_peer analytics, notify;
        bool is_draining;

        struct bus_metric *taken, *repeated, *strangers, *stale, *refused, *conflicts;
};

/* updates.c */
BUS_MUST int controller_updates_start(struct controller *self);
void controller_updates_stop(struct controller *self);
void controller_updates_done(struct controller *self);
/* Stages what is remembered, for whoever changed it outside of an update. */
void controller_keep(struct controller *self);
/* Its facts for the heartbeat. */
void controller_updates_report(struct controller *self);
/* The role has another bot. */
void controller_updates_changed(struct controller *self);

/* handle.c: stages what follows from UPDATE of POLL, which is taken for the first time. */
void controller_handle(struct controller *self, const struct controller_poll *poll,
        const struct tg_update *update);
/* BUTTONS: reply_markup, taken over; NULL: none. */
void controller_say(
        struct controller *self, struct controller_chat chat, const char *html, char *buttons);

/* questions.c */
void controller_ask(struct controller *self, struct controller_chat chat,
        const struct command_spec *spec, const char *arguments);
/* What was asked in an earlier life and not answered is asked again. */
void controller_questions_start(struct controller *self);
void controller_questions_done(struct controller *self);

/* streams.c */
/* Whoever has just asked something of a service is told if nobody answers. */
void controller_await_word(struct controller *self);
void controller_streams_done(struct controller *self);
extern const struct bus_input controller_inputs[];
extern const struct bus_listen controller_listens[];
BUS_MUST int controller_load(struct controller *self);
