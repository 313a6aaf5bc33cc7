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

        /* the poll */
        struct bus_source *timer;
        struct tg_bot *bot; /* what is polled, or will be; NULL: off */
        char bot_mark[MEMORY_BOT_SIZE];
        int64_t offset, retry_us, conflict_us;
        bool is_stepped_down, is_draining;

        struct bus_metric *taken, *repeated, *strangers, *stale, *refused, *conflicts;
};

/* updates.c */
BUS_MUST int controller_updates_start(struct controller *self);
void controller_updates_stop(struct controller *self);
/* The role has another bot. */
void controller_updates_changed(struct controller *self);

/* handle.c: stages what follows from UPDATE, which is taken for the first time. */
void controller_handle(struct controller *self, const struct tg_update *update);
/* BUTTONS: reply_markup, taken over; NULL: none. */
void controller_say(struct controller *self, int64_t chat_id, const char *html, char *buttons);

/* questions.c */
void controller_ask(struct controller *self, int64_t chat_id, const struct command_spec *spec,
        const char *arguments);
void controller_questions_done(struct controller *self);

/* streams.c */
extern const struct bus_input controller_inputs[];
BUS_MUST int controller_load(struct controller *self);
