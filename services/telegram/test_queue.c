#include "services/telegram/queue.h"

#include "libbus/base/require.h"
#include "services/telegram/markup.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NOW INT64_C(1795371600000000)

static uint64_t added;

static void add(struct tg_queue *queue, int64_t chat_id, enum tg_priority priority,
        const char *kind, const char *text)
{
        struct tg_item item = { .number = added + 1,
                .chat_id = chat_id,
                .priority = priority,
                .at_us = NOW + (int64_t)(added + 1) * 1000,
                .html = bus_xasprintf("all of %s", text),
                .line = bus_xstrdup(text) };
        uint64_t dropped;

        added++;
        snprintf(item.kind, sizeof(item.kind), "%s", kind);
        tg_queue_add(queue, &item, &dropped);
}

static bool any(void *arg, const struct tg_item *item)
{
        return !arg || *(const int64_t *)arg == item->chat_id;
}

/* Takes the next message and leaves its text in TEXT; how many items it was. */
static size_t next(struct tg_queue *queue, int64_t now_us, char text[static 5000])
{
        struct tg_batch batch;
        size_t count;

        if (!tg_queue_next(queue, any, NULL, now_us, &batch))
                return 0;
        snprintf(text, 5000, "%s", bus_buf_str(&batch.html));
        cr_expect_leq(tg_units(text), (size_t)TG_MESSAGE_MAX_UNITS);
        count = batch.count;
        tg_queue_remove(queue, &batch);
        tg_batch_done(&batch);
        return count;
}

Test(telegram_queue, alarms_go_before_fills_before_the_rest)
{
        struct tg_queue queue = { 0 };
        char text[5000];

        add(&queue, 1, TG_PRIORITY_REST, "note", "rest");
        add(&queue, 1, TG_PRIORITY_FILL, "fill", "fill");
        add(&queue, 2, TG_PRIORITY_ALARM, "alarm", "alarm");
        cr_expect_eq(next(&queue, NOW, text), 1u);
        cr_expect_str_eq(text, "all of alarm");
        cr_expect_eq(next(&queue, NOW, text), 1u);
        cr_expect_str_eq(text, "all of fill");
        cr_expect_eq(next(&queue, NOW, text), 1u);
        cr_expect_str_eq(text, "all of rest");
        cr_expect_eq(next(&queue, NOW, text), 0u);
        tg_queue_done(&queue);
}

Test(telegram_queue, a_chat_that_may_not_be_sent_to_is_passed_over)
{
        struct tg_queue queue = { 0 };
        struct tg_batch batch;
        int64_t only = 2;

        add(&queue, 1, TG_PRIORITY_ALARM, "alarm", "one");
        add(&queue, 2, TG_PRIORITY_REST, "note", "two");
        cr_assert(tg_queue_next(&queue, any, &only, NOW, &batch));
        cr_expect_str_eq(bus_buf_str(&batch.html), "all of two");
        tg_batch_done(&batch);
        cr_expect_eq(queue.count, 2u, "they stay until they are removed");
        tg_queue_done(&queue);
}

Test(telegram_queue, many_of_a_kind_are_told_as_one_and_counted)
{
        struct tg_queue queue = { 0 };
        char text[5000];

        for (int i = 0; i < 12; i++)
                add(&queue, 1, TG_PRIORITY_REST, "rejection", "EURUSD no money");
        add(&queue, 1, TG_PRIORITY_REST, "expiry", "late");
        cr_expect_eq(next(&queue, NOW, text), 13u);
        cr_expect_not_null(strstr(text, "<b>12 × rejection</b> in 1 s"));
        cr_expect_not_null(strstr(text, "… and 4 more"));
        cr_expect_not_null(strstr(text, "<b>1 × expiry</b>"));
        cr_expect_eq(queue.count, 0u);
        tg_queue_done(&queue);
}

Test(telegram_queue, a_thousand_events_leave_in_few_messages_and_each_is_counted_once)
{
        static const char *const kinds[] = { "fill", "close", "rejection", "expiry", "squeeze" };
        struct tg_queue queue = { 0 };
        size_t told = 0, messages = 0, count;
        char text[5000];

        for (int i = 0; i < 1000; i++)
                add(&queue, 1, i % 10 ? TG_PRIORITY_REST : TG_PRIORITY_FILL, kinds[i % 5], "x");
        while ((count = next(&queue, NOW, text))) {
                told += count;
                messages++;
        }
        cr_expect_eq(told, 1000u);
        cr_expect_leq(messages, 5u);
        tg_queue_done(&queue);
}

Test(telegram_queue, alarms_are_never_summed_up)
{
        struct tg_queue queue = { 0 };
        size_t told = 0, count;
        char text[5000], wanted[64];

        for (int i = 0; i < 400; i++) {
                char line[32];

                snprintf(line, sizeof(line), "alarm number %d.", i);
                add(&queue, 1, TG_PRIORITY_ALARM, "alarm", line);
        }
        while ((count = next(&queue, NOW, text)))
                for (size_t i = 0; i < count; i++, told++) {
                        snprintf(wanted, sizeof(wanted), "all of alarm number %zu.", told);
                        cr_assert_not_null(strstr(text, wanted), "%s", wanted);
                }
        cr_expect_eq(told, 400u);
        tg_queue_done(&queue);
}

Test(telegram_queue, answers_are_never_summed_up_however_late)
{
        struct tg_queue queue = { 0 };
        char text[5000], line[32];

        for (int i = 0; i < 20; i++) {
                snprintf(line, sizeof(line), "answer number %d.", i);
                add(&queue, 1, TG_PRIORITY_REST, "report", line);
                queue.items[queue.count - 1].is_answer = true;
                add(&queue, 1, TG_PRIORITY_REST, "event", "something");
        }
        cr_expect_eq(next(&queue, NOW + 2 * TG_FRESH_US, text), 20u);
        cr_expect_not_null(strstr(text, "all of answer number 0."));
        cr_expect_not_null(strstr(text, "all of answer number 19."));
        cr_expect_null(strstr(text, "event"));
        cr_expect_eq(next(&queue, NOW, text), 20u);
        cr_expect_not_null(strstr(text, "20 × event"));
        tg_queue_done(&queue);
}

Test(telegram_queue, what_is_an_hour_old_is_only_counted)
{
        struct tg_queue queue = { 0 };
        char text[5000];

        add(&queue, 1, TG_PRIORITY_FILL, "fill", "EURUSD");
        cr_expect_eq(next(&queue, NOW + TG_FRESH_US + BUS_US_PER_SEC, text), 1u);
        cr_expect_not_null(strstr(text, "1 × fill"));
        cr_expect_not_null(strstr(text, "not sent in time"));
        cr_expect_null(strstr(text, "EURUSD"));
        tg_queue_done(&queue);
}

Test(telegram_queue, long_lines_leave_the_rest_to_the_count)
{
        struct tg_queue queue = { 0 };
        char text[5000], line[1000], kind[8];
        size_t told = 0, count;

        memset(line, 'x', sizeof(line) - 1);
        line[sizeof(line) - 1] = 0;
        for (int i = 0; i < 60; i++) {
                snprintf(kind, sizeof(kind), "k%d", i % 20);
                add(&queue, 1, TG_PRIORITY_REST, kind, line);
        }
        while ((count = next(&queue, NOW, text)))
                told += count;
        cr_expect_eq(told, 60u);
        tg_queue_done(&queue);
}

Test(telegram_queue, a_full_queue_gives_up_the_oldest_of_the_least_urgent)
{
        struct tg_queue queue = { 0 };
        struct tg_item item = { .number = 0, .priority = TG_PRIORITY_ALARM };
        uint64_t dropped;

        for (size_t i = 0; i < TG_QUEUE_MAX; i++)
                add(&queue, 1, i == 5 || i == 9 ? TG_PRIORITY_REST : TG_PRIORITY_FILL, "x", "x");
        item.number = ++added;
        tg_queue_add(&queue, &item, &dropped);
        cr_expect_eq(dropped, added - TG_QUEUE_MAX + 5);
        cr_expect_eq(queue.count, (size_t)TG_QUEUE_MAX);
        cr_expect_eq(queue.dropped, 1u);
        tg_queue_done(&queue);
}
