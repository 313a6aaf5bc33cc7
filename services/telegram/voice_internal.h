#pragma once
/* What voice.c (the queue, and sending it) and voice_turn.c (bots that are shared) have in common. */
#include "services/telegram/pace.h"
#include "services/telegram/turns.h"
#include "services/telegram/voice.h"

#define VOICE_RETRY_MAX_US (15 * BUS_US_PER_SEC) /* an alarm waits, maybe */
#define VOICE_LENDS_SIZE   64                    /* marks of two bots */

/* Who keeps the pace for others. */
struct voice_lender {
        struct bus_source *timer;
        struct tg_turns turns;
};

/* Who asks for turns. */
struct voice_borrower {
        char lends[VOICE_LENDS_SIZE];
        int64_t heard_us; /* the lender's heartbeat; 0: never */
        int64_t since_us; /* the start */
        struct tg_turn ask;
        bool is_granted;
};

struct tg_voice {
        struct bus_service *service;
        struct tg_role *role;
        struct bus_source *timer;
        struct tg_queue queue;
        struct tg_pace paces[2]; /* of the role's own bot, and of the main one */
        uint64_t last_number;
        int64_t retry_us; /* how long the next pause is, doubled by each failure */
        bool in_flight, as_plain;
        bool was_off;             /* no bot of the role's worked */
        bool main_is_bad;         /* it refused a token while another bot spoke */
        const struct tg_bot *bot; /* what the message under way was sent with */
        struct tg_batch batch;    /* the message under way */
        tg_painter_fn painter;
        void *painter_arg;
        struct voice_lender *lender;     /* NULL: it lends nothing */
        struct voice_borrower *borrower; /* NULL: it asks nobody */
        struct bus_metric *sent, *refused, *retried, *dropped, *waiting;
};

/* voice.c */
struct tg_pace *voice_pace(struct tg_voice *voice, const struct tg_bot *bot);
void voice_pump(struct tg_voice *voice);

/* voice_turn.c */
/* How long until it is this service's turn in a chat, beside the pace. */
int64_t voice_turn_wait_us(
        struct tg_voice *voice, const struct tg_bot *bot, int64_t chat_id, int64_t now_us);
/* Asks for a turn for ITEM. False: none is needed, or it is there. */
bool voice_turn_ask(struct tg_voice *voice, const struct tg_bot *bot, const struct tg_item *item);
/* The message under way has arrived, or is not going to. RETRY_AFTER_S: what Telegram asked for, or 0. */
void voice_turn_over(struct tg_voice *voice, int64_t chat_id, int retry_after_s);
void voice_turn_free(struct tg_voice *voice);
