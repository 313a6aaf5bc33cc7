#include "services/alert-ingest/silence.h"

#include "services/alert-ingest/throttle.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void note(void *arg, const struct silence_track *track)
{
        char *text = arg;

        sprintf(text + strlen(text), "%c%zu%s%s ", track->silent ? '+' : '-', track->source,
                *track->symbol ? "/" : "", track->symbol);
}

Test(silence, a_symbol_may_fall_silent_while_its_source_does_not)
{
        const int64_t max_us[] = { 100 };
        struct silence silence = { 0 };
        char text[256] = "";

        silence_heard(&silence, 0, "XAUUSD", 1000);
        silence_heard(&silence, 0, "EURUSD", 1050);
        silence_check(&silence, max_us, 1100, note, text);
        cr_expect_str_eq(text, "");
        silence_check(&silence, max_us, 1101, note, text);
        cr_expect_str_eq(text, "+0/XAUUSD ");
        silence_check(&silence, max_us, 1149, note, text);
        cr_expect_str_eq(text, "+0/XAUUSD ", "said once");
        silence_check(&silence, max_us, 1151, note, text);
        cr_expect_str_eq(text, "+0/XAUUSD +0 +0/EURUSD ");
        text[0] = 0;
        silence_heard(&silence, 0, "XAUUSD", 1200);
        silence_check(&silence, max_us, 1201, note, text);
        cr_expect_str_eq(text, "-0 -0/XAUUSD ");
        silence_done(&silence);
}

Test(silence, each_source_has_its_own_limit_and_none_is_off)
{
        const int64_t max_us[] = { 100, 0, 1000 };
        struct silence silence = { 0 };
        char text[256] = "";

        for (size_t source = 0; source < 3; source++)
                silence_heard(&silence, source, "", 1000);
        silence_check(&silence, max_us, 1500, note, text);
        cr_expect_str_eq(text, "+0 ");
        silence_check(&silence, max_us, INT64_MAX / 2, note, text);
        cr_expect_str_eq(text, "+0 +2 ");
        silence_done(&silence);
}

Test(silence, a_clock_that_jumps_back_does_not_make_an_alert_unheard)
{
        const int64_t max_us[] = { 100 };
        struct silence silence = { 0 };
        char text[256] = "";

        silence_heard(&silence, 0, "", 1000);
        silence_heard(&silence, 0, "", 500);
        silence_check(&silence, max_us, 1050, note, text);
        cr_expect_str_eq(text, "");
        silence_done(&silence);
}

Test(throttle, what_is_held_back_is_told_with_the_next)
{
        struct throttle throttle = { .interval_us = 100 };
        uint64_t count = 0;

        cr_expect(throttle_pass(&throttle, 1000, &count));
        cr_expect_eq(count, 1);
        cr_expect(!throttle_pass(&throttle, 1001, &count));
        cr_expect(!throttle_pass(&throttle, 1099, &count));
        cr_expect(throttle_pass(&throttle, 1100, &count));
        cr_expect_eq(count, 3);
}
