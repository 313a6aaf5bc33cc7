#include "services/telegram/pace.h"

#include <criterion/criterion.h>

#define SEC INT64_C(1000000)

/* Sends to CHAT as fast as it may for SPAN_US; how many. */
static int send_for(struct tg_pace *pace, int64_t chat_id, int64_t *now_us, int64_t span_us)
{
        int64_t end_us = *now_us + span_us;
        int count = 0;

        while (*now_us + tg_pace_wait_us(pace, chat_id, *now_us) < end_us) {
                *now_us += tg_pace_wait_us(pace, chat_id, *now_us);
                tg_pace_sent(pace, chat_id, *now_us);
                count++;
        }
        return count;
}

Test(telegram_pace, a_chat_gets_at_most_one_a_second)
{
        struct tg_pace pace = { 0 };
        int64_t now_us = 5 * SEC;

        cr_expect_eq(tg_pace_wait_us(&pace, 7, now_us), 0);
        cr_expect_eq(send_for(&pace, 7, &now_us, 60 * SEC), 58);
}

Test(telegram_pace, the_second_begins_when_a_message_has_arrived)
{
        struct tg_pace pace = { 0 };

        tg_pace_sent(&pace, 7, 5 * SEC);
        tg_pace_arrived(&pace, 7, 7 * SEC);
        cr_expect_eq(tg_pace_wait_us(&pace, 7, 7 * SEC), TG_PACE_CHAT_US);
}

Test(telegram_pace, a_group_gets_less_than_twenty_a_minute)
{
        struct tg_pace pace = { 0 };
        int64_t now_us = 5 * SEC;

        cr_expect_eq(send_for(&pace, -7, &now_us, 60 * SEC), TG_PACE_GROUP_SENT);
        cr_expect_leq(send_for(&pace, -7, &now_us, 600 * SEC), 180);
}

Test(telegram_pace, all_chats_together_stay_below_thirty_a_second)
{
        struct tg_pace pace = { 0 };
        int64_t now_us = 5 * SEC, end_us = now_us + SEC;
        int count = 0;

        for (int64_t chat = 1; chat <= 40 && now_us < end_us; chat++) {
                now_us += tg_pace_wait_us(&pace, chat, now_us);
                count += now_us < end_us;
                tg_pace_sent(&pace, chat, now_us);
        }
        cr_expect_leq(count, 25);
        cr_expect_geq(count, 20);
}

Test(telegram_pace, a_flood_limit_is_obeyed)
{
        struct tg_pace pace = { 0 };

        tg_pace_slow_down(&pace, 7, 30, 5 * SEC);
        cr_expect_eq(tg_pace_wait_us(&pace, 7, 5 * SEC), 30 * SEC);
        cr_expect_eq(tg_pace_wait_us(&pace, 8, 6 * SEC), 29 * SEC);
        cr_expect_eq(tg_pace_wait_us(&pace, 7, 36 * SEC), 0);
}

Test(telegram_pace, more_chats_than_there_are_places_do_no_harm)
{
        struct tg_pace pace = { 0 };

        for (int64_t chat = 1; chat < 3 * TG_PACE_CHATS; chat++)
                tg_pace_sent(&pace, chat, chat * SEC);
        cr_expect_eq(pace.count, (size_t)TG_PACE_CHATS);
        cr_expect_gt(
                tg_pace_wait_us(&pace, 3 * TG_PACE_CHATS - 1, (3 * TG_PACE_CHATS - 1) * SEC), 0);
}
