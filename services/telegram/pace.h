#pragma once
/*
 * When the next message may go to a chat, by the limits that Telegram states for bots: about 30 a
 * second in all, one a second to a chat, 20 a minute to a group. Pure; one for each token.
 *
 * Kept a little below the limits: what counts is the arrival at the other end, and a 429 costs more
 * than a pause.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TG_PACE_CHATS      64 /* who may talk to the bots is a short list in the configuration */
#define TG_PACE_BOT_US     INT64_C(40000) /* 25 a second */
#define TG_PACE_CHAT_US    INT64_C(1050000)
#define TG_PACE_GROUP_SENT 18 /* within a minute */
#define TG_PACE_GROUP_US   INT64_C(60500000)

struct tg_pace_chat {
        int64_t chat_id;                     /* groups have negative ones */
        int64_t next_us;                     /* not before */
        int64_t sent_us[TG_PACE_GROUP_SENT]; /* groups: a ring of the last ones */
        size_t at;
};

struct tg_pace {
        int64_t next_us; /* for the whole bot */
        struct tg_pace_chat chats[TG_PACE_CHATS];
        size_t count;
};

/* How long until a message may go to CHAT_ID; 0: now. NOW_US: monotonic. */
int64_t tg_pace_wait_us(const struct tg_pace *pace, int64_t chat_id, int64_t now_us);
/* One was sent. With more chats than TG_PACE_CHATS the one that was silent longest is forgotten. */
void tg_pace_sent(struct tg_pace *pace, int64_t chat_id, int64_t now_us);
/* It was answered, or is not going to be: by now it has arrived, however long it was on its way. */
void tg_pace_arrived(struct tg_pace *pace, int64_t chat_id, int64_t now_us);
/* A 429: nothing more before RETRY_AFTER_S have passed, to this chat and, as Telegram does not say
 * which limit it was, by this bot. */
void tg_pace_slow_down(struct tg_pace *pace, int64_t chat_id, int retry_after_s, int64_t now_us);
