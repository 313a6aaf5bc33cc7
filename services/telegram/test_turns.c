#include "services/telegram/turns.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SEC BUS_US_PER_SEC
#define BOT "0123456789abcdef"

/* The pace, as the test has it: of the one bot there is. */
static int64_t pace_us;

static int64_t wait_of(void *arg, const char *bot, int64_t chat_id)
{
        (void)arg;
        (void)chat_id;
        return strcmp(bot, BOT) ? -1 : pace_us;
}

static void ask(struct tg_turns *turns, const char *service, uint64_t number, int64_t chat_id,
        unsigned priority, int64_t now_us)
{
        struct tg_turn turn = { .bot = BOT,
                .number = number,
                .chat_id = chat_id,
                .priority = priority,
                .at_us = now_us };

        tg_turns_ask(turns, service, &turn);
}

static const char *lend(struct tg_turns *turns, int64_t now_us)
{
        const char *service = "nobody";

        return tg_turns_lend(turns, wait_of, NULL, now_us, &service) ? service : "nobody";
}

Test(telegram_turns, a_chat_is_lent_to_one_at_a_time)
{
        struct tg_turns turns = { 0 };

        pace_us = 0;
        ask(&turns, "notify", 1, 7, 2, 10 * SEC);
        ask(&turns, "analytics", 1, 7, 2, 10 * SEC + 1);
        cr_expect_str_eq(lend(&turns, 10 * SEC + 2), "notify");
        cr_expect_str_eq(lend(&turns, 10 * SEC + 3), "nobody");
        cr_expect_gt(tg_turns_lent_us(&turns, BOT, 7, 10 * SEC + 3), 0);
        cr_expect_eq(tg_turns_lent_us(&turns, BOT, 8, 10 * SEC + 3), 0);
        tg_turns_done(&turns, "notify");
        cr_expect_str_eq(lend(&turns, 10 * SEC + 4), "analytics");
}

Test(telegram_turns, chats_do_not_wait_for_each_other)
{
        struct tg_turns turns = { 0 };

        pace_us = 0;
        ask(&turns, "notify", 1, 7, 2, 10 * SEC);
        ask(&turns, "analytics", 1, 8, 2, 10 * SEC);
        cr_expect_str_eq(lend(&turns, 10 * SEC), "notify");
        cr_expect_str_eq(lend(&turns, 10 * SEC), "analytics");
}

Test(telegram_turns, what_is_urgent_goes_first)
{
        struct tg_turns turns = { 0 };

        pace_us = 0;
        ask(&turns, "analytics", 1, 7, 2, 10 * SEC);
        ask(&turns, "notify", 1, 7, 0, 10 * SEC + 5);
        cr_expect_str_eq(lend(&turns, 10 * SEC + 6), "notify");
}

Test(telegram_turns, nothing_is_lent_before_the_pace_allows_it)
{
        struct tg_turns turns = { 0 };

        pace_us = 300;
        cr_expect_lt(tg_turns_wait_us(&turns, wait_of, NULL, 10 * SEC), 0);
        ask(&turns, "notify", 1, 7, 2, 10 * SEC);
        cr_expect_str_eq(lend(&turns, 10 * SEC), "nobody");
        cr_expect_eq(tg_turns_wait_us(&turns, wait_of, NULL, 10 * SEC), 300);
}

Test(telegram_turns, a_bot_that_is_not_ours_is_not_lent)
{
        struct tg_turns turns = { 0 };
        struct tg_turn turn = { .bot = "another", .number = 1, .chat_id = 7, .at_us = 10 * SEC };

        pace_us = 0;
        tg_turns_ask(&turns, "notify", &turn);
        cr_expect_str_eq(lend(&turns, 10 * SEC), "nobody");
        cr_expect_lt(tg_turns_wait_us(&turns, wait_of, NULL, 10 * SEC), 0);
}

Test(telegram_turns, the_same_ask_once_more_is_no_second_turn)
{
        struct tg_turns turns = { 0 };

        pace_us = 0;
        ask(&turns, "notify", 1, 7, 2, 10 * SEC);
        cr_expect_str_eq(lend(&turns, 10 * SEC), "notify");
        ask(&turns, "notify", 1, 7, 2, 10 * SEC + 10); /* sent before the grant had come */
        cr_expect_str_eq(lend(&turns, 10 * SEC + 11), "nobody");
        cr_expect_gt(tg_turns_lent_us(&turns, BOT, 7, 10 * SEC + 11), 0);
        /* the grant was lost, or too old when it came */
        ask(&turns, "notify", 1, 7, 2, 11 * SEC);
        cr_expect_str_eq(lend(&turns, 11 * SEC), "notify");
}

Test(telegram_turns, who_asks_for_the_next_is_done_with_the_last)
{
        struct tg_turns turns = { 0 };

        pace_us = 0;
        ask(&turns, "notify", 1, 7, 2, 10 * SEC);
        cr_expect_str_eq(lend(&turns, 10 * SEC), "notify");
        ask(&turns, "notify", 2, 8, 2, 10 * SEC + 5);
        cr_expect_eq(tg_turns_lent_us(&turns, BOT, 7, 10 * SEC + 6), 0);
        cr_expect_str_eq(lend(&turns, 10 * SEC + 6), "notify");
}

Test(telegram_turns, who_has_died_is_not_waited_for)
{
        struct tg_turns turns = { 0 };

        pace_us = 0;
        ask(&turns, "notify", 1, 7, 2, 10 * SEC);
        cr_expect_str_eq(lend(&turns, 10 * SEC), "notify");
        cr_expect_eq(tg_turns_lent_us(&turns, BOT, 7, 10 * SEC + TG_TURN_LENT_US), 0);
        ask(&turns, "analytics", 1, 7, 2, 20 * SEC);
        cr_expect_str_eq(lend(&turns, 20 * SEC + TG_TURN_STALE_US + 1), "nobody");
}

Test(telegram_turns, more_askers_than_there_are_services_get_nothing)
{
        struct tg_turns turns = { 0 };
        char service[8];

        pace_us = 0;
        for (int i = 0; i < TG_TURNS_ASKERS + 1; i++) {
                snprintf(service, sizeof(service), "s%d", i);
                ask(&turns, service, 1, i + 1, 2, 10 * SEC);
        }
        for (int i = 0; i < TG_TURNS_ASKERS; i++)
                cr_expect_str_neq(lend(&turns, 10 * SEC), "nobody");
        cr_expect_str_eq(lend(&turns, 10 * SEC), "nobody");
}
