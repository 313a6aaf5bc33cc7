/* When an alert's own time counts, and how long its key lasts. */
#include "services/common/alert_age.h"
#include "services/common/alert_judged.h"

#include <criterion/criterion.h>

#define MINUTE_US (60 * BUS_US_PER_SEC)
/* 2026-11-22T18:20:00Z, a Sunday: on a boundary of 1 and 5, not of 3 and 15. */
#define BOUNDARY INT64_C(1795371600000000)

static struct alert with_time(enum v3_tf tf, int64_t time_us)
{
        return (struct alert){ .v3.tf = tf, .has_time = true, .time_us = time_us };
}

static enum alert_time judge(enum v3_tf tf, int64_t time_us, int64_t age_us)
{
        struct alert alert = with_time(tf, time_us);

        return alert_time_judge(&alert, time_us + age_us);
}

Test(alert_age, counts_from_receipt_without_a_time)
{
        struct alert alert = { .v3.tf = V3_TF_5 };

        cr_expect_eq(alert_time_judge(&alert, BOUNDARY), ALERT_TIME_ABSENT);
        cr_expect_eq(alert_born_us(&alert, BOUNDARY), BOUNDARY);
        cr_expect_eq(alert.warnings.count, 0);
}

Test(alert_age, a_time_counts_from_now_to_ten_minutes_back)
{
        int64_t odd = BOUNDARY + 1;

        cr_expect_eq(judge(V3_TF_5, odd, 0), ALERT_TIME_COUNTS);
        cr_expect_eq(judge(V3_TF_5, odd, 10 * MINUTE_US), ALERT_TIME_COUNTS);
        cr_expect_eq(judge(V3_TF_5, odd, 10 * MINUTE_US + 1), ALERT_TIME_TOO_OLD);
        cr_expect_eq(judge(V3_TF_5, odd, -1), ALERT_TIME_FUTURE);
}

Test(alert_age, a_bar_opening_is_no_time_once_that_bar_is_over)
{
        cr_expect_eq(judge(V3_TF_5, BOUNDARY, 5 * MINUTE_US), ALERT_TIME_BAR_OPENING);
        cr_expect_eq(judge(V3_TF_5, BOUNDARY, 5 * MINUTE_US - 1), ALERT_TIME_COUNTS);
        cr_expect_eq(judge(V3_TF_5, BOUNDARY + 1000, 6 * MINUTE_US), ALERT_TIME_COUNTS);
        cr_expect_eq(judge(V3_TF_3, BOUNDARY, 5 * MINUTE_US), ALERT_TIME_COUNTS);
        cr_expect_eq(judge(V3_TF_1, BOUNDARY, MINUTE_US), ALERT_TIME_BAR_OPENING);
        cr_expect_eq(judge(V3_TF_15, BOUNDARY - 5 * MINUTE_US, 10 * MINUTE_US), ALERT_TIME_COUNTS);
        /* an exit whose tf was faulty: as if it were the shortest bar */
        cr_expect_eq(judge(V3_TF_NONE, BOUNDARY, MINUTE_US), ALERT_TIME_BAR_OPENING);
}

Test(alert_age, says_why_a_time_was_not_taken)
{
        static const struct {
                int64_t age_us, born_us;
                enum alert_code code;
        } cases[] = {
                { -MINUTE_US, BOUNDARY - MINUTE_US, ALERT_TIME_IN_FUTURE },
                { 11 * MINUTE_US, BOUNDARY + 11 * MINUTE_US, ALERT_TIME_IGNORED },
                { 5 * MINUTE_US, BOUNDARY + 5 * MINUTE_US, ALERT_TIME_IGNORED },
                { 4 * MINUTE_US, BOUNDARY, ALERT_CODE_NONE },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                struct alert *alert = bus_new(struct alert);

                *alert = with_time(V3_TF_5, BOUNDARY);
                cr_expect_eq(alert_born_us(alert, BOUNDARY + cases[i].age_us), cases[i].born_us,
                        "%zu", i);
                cr_expect_eq(alert->warnings.count, cases[i].code != ALERT_CODE_NONE);
                if (alert->warnings.count) {
                        cr_expect_eq(alert->warnings.items[0].code, cases[i].code);
                        cr_expect_str_eq(alert->warnings.items[0].field, "time");
                }
                alert_free(alert);
        }
}

static struct alert_key key_of(const char *body, int64_t received_us)
{
        struct alert *alert;
        struct alert_key key;

        judged_bytes(bus_bytes_str(body), &alert);
        alert_key_of(alert, received_us, &key);
        alert_free(alert);
        return key;
}

#define TIME_AT  ",\"time\":\"2026-11-22T18:20:01Z\""
#define RECEIVED (BOUNDARY + 2 * BUS_US_PER_SEC)

Test(alert_age, the_key_is_the_id_or_the_body)
{
        struct alert_key a = key_of(ENTRY(",\"id\":\"x\""), RECEIVED);
        struct alert_key b = key_of(ENTRY(",\"id\":\"x\",\"message\":\"other\""), RECEIVED);
        struct alert_key c = key_of(ENTRY(""), RECEIVED), d = key_of(ENTRY(" "), RECEIVED);

        cr_expect_str_eq(a.text, "id:x");
        cr_expect_str_eq(b.text, "id:x");
        cr_expect_neq(memcmp(a.body_hash, b.body_hash, sizeof(a.body_hash)), 0, "the reuse shows");
        cr_expect_eq(strncmp(c.text, "sha256:", 7), 0);
        cr_expect_str_neq(c.text, d.text);
        cr_expect_str_eq(key_of(ENTRY(",\"id\":\"sha256:00\""), RECEIVED).text, "id:sha256:00");
}

Test(alert_age, a_key_lasts_with_an_id_or_a_time_that_counts)
{
        cr_expect(key_of(ENTRY(",\"id\":\"x\""), RECEIVED).lasting);
        cr_expect(key_of(ENTRY(TIME_AT), RECEIVED).lasting);
        cr_expect_not(key_of(ENTRY(""), RECEIVED).lasting);
        cr_expect_not(key_of(ENTRY(TIME_AT), RECEIVED + 11 * MINUTE_US).lasting, "too old");
        cr_expect(key_of(ENTRY(TIME_AT), RECEIVED - 9 * MINUTE_US).lasting, "a clock ahead");
        cr_expect_not(key_of(ENTRY(TIME_AT), RECEIVED - 11 * MINUTE_US).lasting, "a constant date");
}

Test(alert_age, a_faulty_id_or_time_of_an_exit_makes_no_key)
{
        struct alert_key key = key_of(EXIT(",\"id\":\"\",\"time\":\"noon\""), RECEIVED);

        cr_expect_eq(strncmp(key.text, "sha256:", 7), 0);
        cr_expect_not(key.lasting);
}

Test(alert_age, a_reused_id_of_an_exit_leaves_the_body_as_key)
{
        struct alert_key key;
        struct alert *alert;

        judged_bytes(bus_bytes_str(EXIT(",\"id\":\"always the same\"")), &alert);
        alert_key_of_body(alert, RECEIVED, &key);
        cr_expect_eq(strncmp(key.text, "sha256:", 7), 0);
        cr_expect_not(key.lasting);
        alert_free(alert);
}
