#pragma once
/*
 * telegram-notify: reads what happens and says it. It changes nothing of anybody's but its own
 * queue, and nobody waits for it.
 */
#include "services/telegram-notify/memory.h"
#include "services/telegram-notify/mutes.h"
#include "services/telegram-notify/tally.h"
#include "services/telegram-notify/tell.h"
#include "services/telegram/options.h"
#include "services/telegram/voice.h"

#define NOTIFY_COMMANDS 16 /* remembered: who asked for what is answered within seconds */

/* The alarm for a health that is not heard. */
#define NOTIFY_HEALTH_SILENT "health_silent"

struct notify_command {
        char id[64];
        int64_t asked_us;
        Pb__Control *control; /* owned */
};

struct notify {
        struct bus_service *service;
        struct texts texts;
        struct symbols symbols;
        struct teller teller;
        struct tg_wire *wire;
        struct tg_role *role;
        struct tg_voice *voice;
        struct tg_chats chats;
        struct tg_people people;
        bool is_on; /* there is a token and somebody to tell */
        bool draining;
        struct mutes mutes;
        struct tally tally;
        bool tally_changed;
        int summary_minute; /* -1: none */
        int64_t near_percent;
        struct memory decisions, positions, alarms;
        struct notify_command commands[NOTIFY_COMMANDS]; /* a ring */
        size_t next_command;
        int64_t health_heard_us, silence_us; /* monotonic */
        struct bus_source *timer;
        struct bus_metric *muted;
};

/* Says TOLD to every chat, unless it is muted. AT_US: when it happened. */
void notify_say(struct notify *notify, const struct told *told, int64_t at_us);

/* streams.c: what is read. */
extern const struct bus_input notify_inputs[];
extern const struct bus_listen notify_listens[];

/* clockwork.c: the summary, the quiet hours, and whether health is there. */
void notify_tick(void *self);
void notify_local(int64_t wall_us, int64_t *ret_days, int *ret_minute);

/* orders.c: what people ask of it. */
void notify_order(struct notify *notify, const Pb__TelegramCommand *order);
void notify_keep_mutes(struct notify *notify);
BUS_MUST int notify_load_mutes(struct notify *notify);
