#include "services/health/recent.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SIZE 16

static struct summary numbered(unsigned int n)
{
        struct summary summary = { 0 };

        snprintf(summary.alert_id, sizeof(summary.alert_id), "%026u", n);
        summary.fills = n;
        return summary;
}

Test(recent, finds_what_it_keeps_and_forgets_the_oldest)
{
        struct recent *recent = recent_new(SIZE);

        for (unsigned int n = 0; n < 10 * SIZE; n++) {
                struct summary summary = numbered(n);

                cr_assert_null(recent_find(recent, summary.alert_id));
                recent_add(recent, &summary);
                for (unsigned int k = n < SIZE ? 0 : n - SIZE + 1; k <= n; k++) {
                        summary = numbered(k);
                        cr_assert_not_null(recent_find(recent, summary.alert_id));
                        cr_assert_eq(recent_find(recent, summary.alert_id)->fills, k);
                }
                if (n >= SIZE) {
                        summary = numbered(n - SIZE);
                        cr_assert_null(recent_find(recent, summary.alert_id));
                }
        }
        cr_expect_eq(recent_count(recent), SIZE);
        cr_expect_eq(recent_at(recent, 0)->fills, 9 * SIZE);
        cr_expect_eq(recent_at(recent, SIZE - 1)->fills, 10 * SIZE - 1);
        recent_free(recent);
}

Test(recent, knows_whom_it_has_forgotten_for_newer_ones)
{
        struct recent *recent = recent_new(SIZE);
        struct summary summary;

        for (unsigned int n = 100; n < 100 + SIZE; n++) {
                summary = numbered(1);
                cr_expect_not(recent_is_past(recent, summary.alert_id), "there is room");
                summary = numbered(n);
                recent_add(recent, &summary);
        }
        summary = numbered(99);
        cr_expect(recent_is_past(recent, summary.alert_id));
        summary = numbered(100 + SIZE);
        cr_expect_not(recent_is_past(recent, summary.alert_id));
        recent_free(recent);
}
