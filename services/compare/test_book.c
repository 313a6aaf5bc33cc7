#include "services/compare/book.h"
#include "services/compare/tally.h"

#include "libbus/base/require.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOW_US      INT64_C(1795372800000000)
#define DEADLINE_US 5000000

static const char *const plugins[] = { "combined_v3", "legacy_v3" };
static const struct compare_settings settings = { .deadline_us = DEADLINE_US };

static struct bus_pos at(uint64_t seq)
{
        return (struct bus_pos){ 9, seq, 0 };
}

static struct compare_alert alert_of(uint64_t seq)
{
        struct compare_alert alert = { .position = at(seq),
                .kind = V3_TYPE_ENTRY,
                .symbol = "XAUUSD",
                .received_us = NOW_US };

        snprintf(alert.id, sizeof(alert.id), "ALERT%06llu", (unsigned long long)seq);
        return alert;
}

static struct compare_side side_of(const char *plugin, int64_t after_us)
{
        struct compare_side side = { .decide_ns = 900, .decided_us = NOW_US + after_us };

        snprintf(side.plugin, sizeof(side.plugin), "%s", plugin);
        strcpy(side.build, "b");
        strcpy(side.config_hash, "c");
        side.decision.verdict = V3_VERDICT_REJECT;
        side.decision.reason = V3_REASON_DAILY_CAP;
        side.decision.direction = V3_SIDE_BUY;
        return side;
}

/* ---- the rules, one by one ---- */

struct told {
        char text[512]; /* "combined_v3:exact legacy_v3:late+live_missing ..." */
        unsigned int closed;
};

static void note(void *arg, const struct compare_pair *pair)
{
        struct told *told = arg;
        struct compare_message message;
        size_t used = strlen(told->text);

        compare_pair_fill(&message, &settings, pair);
        snprintf(told->text + used, sizeof(told->text) - used, "%s%s:%s%s%s%s", used ? " " : "",
                pair->plugin, compare_class_name((enum compare_class)message.pb.class_),
                message.pb.live_missing ? "-live" : "", message.pb.shadow_missing ? "-shadow" : "",
                message.pb.revises ? "+revised" : "");
}

static void note_close(void *arg, struct bus_pos position, bool kept)
{
        (void)position;
        (void)kept;
        ((struct told *)arg)->closed++;
}

static struct compare_book *new_book(struct told *told)
{
        *told = (struct told){ 0 };
        return compare_book_new(
                &settings, plugins, 2, &(struct compare_book_events){ told, note, note_close });
}

static void keep_nothing(void *arg, struct compare_open *open)
{
        (void)arg;
        (void)open;
}

static void say_signal(struct compare_book *book, uint64_t seq)
{
        struct compare_alert alert = alert_of(seq);

        (void)compare_book_signal(book, &alert);
}

static void say_live(struct compare_book *book, uint64_t seq, const char *plugin, int64_t after_us)
{
        struct compare_alert alert = alert_of(seq);
        struct compare_side side = side_of(plugin, after_us);

        (void)compare_book_live(book, at(seq), alert.id, &side);
}

static void say_shadow(
        struct compare_book *book, uint64_t seq, const char *plugin, int64_t after_us)
{
        struct compare_alert alert = alert_of(seq);
        struct compare_side side = side_of(plugin, after_us);

        (void)compare_book_shadow(book, at(seq), alert.id, &side);
}

static void overdue(struct compare_book *book, int64_t after_us)
{
        compare_book_overdue(book, NOW_US + after_us, true, true, keep_nothing, NULL);
}

Test(book, tells_each_pair_once_in_whatever_order_the_streams_come)
{
        struct told told;
        struct compare_book *book = new_book(&told);

        say_shadow(book, 1, "combined_v3", 0);
        say_live(book, 1, "legacy_v3", 0);
        cr_expect_str_eq(told.text, "");
        say_signal(book, 1);
        cr_expect_str_eq(told.text, "combined_v3:exact");
        say_shadow(book, 1, "legacy_v3", 0);
        cr_expect_str_eq(told.text, "combined_v3:exact legacy_v3:exact");
        cr_expect_eq(told.closed, 1);
        cr_expect_eq(compare_book_count(book), 0);
        compare_book_free(book);
}

Test(book, counts_nothing_that_is_said_again)
{
        struct told told;
        struct compare_book *book = new_book(&told);

        for (int i = 0; i < 3; i++) {
                say_signal(book, 1);
                say_live(book, 1, "legacy_v3", 0);
                say_shadow(book, 1, "combined_v3", 0);
                say_shadow(book, 1, "combined_v3", 0);
                say_shadow(book, 1, "legacy_v3", 0);
        }
        cr_expect_str_eq(told.text, "combined_v3:exact legacy_v3:exact");
        compare_book_free(book);
}

Test(book, tells_a_missing_side_as_late_after_the_deadline_and_revises_when_it_comes)
{
        struct told told;
        struct compare_book *book = new_book(&told);

        say_signal(book, 1);
        say_live(book, 1, "legacy_v3", 0);
        say_shadow(book, 1, "legacy_v3", 0);
        overdue(book, DEADLINE_US);
        cr_expect_str_eq(told.text, "legacy_v3:exact");
        overdue(book, DEADLINE_US + 1);
        overdue(book, DEADLINE_US + 2);
        cr_expect_str_eq(told.text, "legacy_v3:exact combined_v3:late-shadow");
        say_shadow(book, 1, "combined_v3", DEADLINE_US + 1);
        cr_expect_str_eq(
                told.text, "legacy_v3:exact combined_v3:late-shadow combined_v3:late+revised");
        cr_expect_eq(told.closed, 1);
        compare_book_free(book);
}

/* It was decided in time and only heard late: the stamps have the last word. */
Test(book, takes_back_a_lateness_that_was_its_own)
{
        struct told told;
        struct compare_book *book = new_book(&told);

        say_signal(book, 1);
        say_shadow(book, 1, "combined_v3", 0);
        overdue(book, DEADLINE_US + 1);
        say_live(book, 1, "legacy_v3", 10);
        cr_expect_str_eq(told.text, "combined_v3:late-live combined_v3:exact+revised");
        compare_book_free(book);
}

Test(book, waits_for_a_side_it_has_not_heard_to_its_end)
{
        struct told told;
        struct compare_book *book = new_book(&told);

        say_signal(book, 1);
        say_live(book, 1, "legacy_v3", 0);
        compare_book_overdue(book, NOW_US + 9999999, true, false, keep_nothing, NULL);
        cr_expect_str_eq(told.text, "");
        compare_book_overdue(book, NOW_US + 9999999, false, true, keep_nothing, NULL);
        cr_expect_str_eq(told.text, "combined_v3:late-shadow legacy_v3:late-shadow");
        compare_book_free(book);
}

/* The live decision is there, and says that no plugin made it. */
Test(book, misses_the_live_side_where_nobody_was_active)
{
        struct told told;
        struct compare_book *book = new_book(&told);

        say_live(book, 1, "", 0);
        say_shadow(book, 1, "combined_v3", 0);
        say_signal(book, 1);
        cr_expect_str_eq(told.text, "combined_v3:late-live");
        overdue(book, 99 * DEADLINE_US);
        say_shadow(book, 1, "legacy_v3", 0);
        cr_expect_str_eq(told.text, "combined_v3:late-live legacy_v3:late-live");
        cr_expect_eq(compare_book_count(book), 0);
        compare_book_free(book);
}

Test(book, passes_over_test_alerts_and_plugins_that_are_not_expected)
{
        struct told told;
        struct compare_book *book = new_book(&told);

        compare_book_pass(book, at(1));
        say_live(book, 1, "legacy_v3", 0);
        say_signal(book, 2);
        say_shadow(book, 2, "example", 0);
        cr_expect_eq(compare_book_count(book), 1);
        say_live(book, 2, "legacy_v3", 0);
        cr_expect_str_eq(told.text, "");
        compare_book_free(book);
}

Test(book, gives_the_oldest_up_when_it_is_full)
{
        struct told told;
        struct compare_book *book = new_book(&told);

        say_live(book, 1, "legacy_v3", 0);
        for (uint64_t seq = 1; seq <= COMPARE_OPEN_MAX; seq++)
                say_signal(book, seq);
        cr_expect_eq(compare_book_given_up(book), 0);
        say_signal(book, COMPARE_OPEN_MAX + 1);
        cr_expect_eq(compare_book_given_up(book), 1);
        cr_expect_eq(compare_book_count(book), COMPARE_OPEN_MAX);
        cr_expect_str_eq(told.text, "combined_v3:late-shadow legacy_v3:late-shadow");
        say_shadow(book, 1, "combined_v3", 0);
        cr_expect_str_eq(told.text, "combined_v3:late-shadow legacy_v3:late-shadow");
        compare_book_free(book);
}

Test(book, refuses_a_record_that_is_none)
{
        struct told told;
        struct compare_book *book = new_book(&told);

        cr_expect_lt(compare_book_restore(book, at(1), bus_bytes_str("\xff\xff")), 0);
        cr_expect_eq(compare_book_count(book), 0);
        compare_book_free(book);
}
