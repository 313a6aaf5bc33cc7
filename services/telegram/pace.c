#include "services/telegram/pace.h"

#include "libbus/base/attr.h"

static int64_t later(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

static const struct tg_pace_chat *find(const struct tg_pace *pace, int64_t chat_id)
{
        for (size_t i = 0; i < pace->count; i++)
                if (pace->chats[i].chat_id == chat_id)
                        return &pace->chats[i];
        return NULL;
}

/* Its place, made where it has none. */
static struct tg_pace_chat *place(struct tg_pace *pace, int64_t chat_id)
{
        struct tg_pace_chat *chat = (struct tg_pace_chat *)find(pace, chat_id);

        if (chat)
                return chat;
        if (pace->count < TG_PACE_CHATS) {
                chat = &pace->chats[pace->count++];
        } else {
                chat = &pace->chats[0];
                for (size_t i = 1; i < TG_PACE_CHATS; i++)
                        if (pace->chats[i].next_us < chat->next_us)
                                chat = &pace->chats[i];
        }
        *chat = (struct tg_pace_chat){ .chat_id = chat_id };
        return chat;
}

/* The ring's next place holds the oldest of the last TG_PACE_GROUP_SENT. */
static int64_t group_free_us(const struct tg_pace_chat *chat)
{
        int64_t oldest_us = chat->sent_us[chat->at];

        return oldest_us ? oldest_us + TG_PACE_GROUP_US : 0;
}

int64_t tg_pace_wait_us(const struct tg_pace *pace, int64_t chat_id, int64_t now_us)
{
        const struct tg_pace_chat *chat = find(pace, chat_id);
        int64_t free_us = pace->next_us;

        if (chat)
                free_us = later(free_us, chat->next_us);
        if (chat && chat_id < 0)
                free_us = later(free_us, group_free_us(chat));
        return later(free_us - now_us, 0);
}

void tg_pace_sent(struct tg_pace *pace, int64_t chat_id, int64_t now_us)
{
        struct tg_pace_chat *chat = place(pace, chat_id);

        pace->next_us = later(pace->next_us, now_us + TG_PACE_BOT_US);
        chat->next_us = later(chat->next_us, now_us + TG_PACE_CHAT_US);
        chat->sent_us[chat->at] = now_us;
        chat->at = (chat->at + 1) % TG_PACE_GROUP_SENT;
}

void tg_pace_arrived(struct tg_pace *pace, int64_t chat_id, int64_t now_us)
{
        struct tg_pace_chat *chat = place(pace, chat_id);

        chat->next_us = later(chat->next_us, now_us + TG_PACE_CHAT_US);
}

void tg_pace_slow_down(struct tg_pace *pace, int64_t chat_id, int retry_after_s, int64_t now_us)
{
        int64_t free_us = now_us + retry_after_s * BUS_US_PER_SEC;

        pace->next_us = later(pace->next_us, free_us);
        place(pace, chat_id)->next_us = free_us;
}
