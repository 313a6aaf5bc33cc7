#include "services/umbra/demo/shadow.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define LIVE                                                                             \
        "{\"plugin\":\"legacy_v3\",\"verdict\":\"execute\",\"reason\":\"ok\",\"legs\":[" \
        "{\"leg\":\"A\",\"side\":\"buy\",\"volume\":\"0.02\"}],\"closes\":[]}"

static struct shadow_counts count(const char *shadow)
{
        struct shadow_counts counts = { 0 };
        char text[1024];
        json_t *trail;

        snprintf(text, sizeof(text), "{\"decision\":" LIVE ",\"shadow\":[" LIVE ",%s]}", shadow);
        trail = json_loads(text, 0, NULL);
        cr_assert_not_null(trail, "%s", text);
        shadow_count(trail, &counts);
        json_decref(trail);
        return counts;
}

static void expect(const char *shadow, size_t different, size_t critical)
{
        struct shadow_counts counts = count(shadow);

        cr_expect_eq(counts.pairs, 1);
        cr_expect_eq(counts.different, different, "%s", shadow);
        cr_expect_eq(counts.critical, critical, "%s", shadow);
}

Test(shadow, compares_another_plugin_and_not_the_same_one)
{
        expect("{\"plugin\":\"combined_v3\",\"verdict\":\"execute\",\"reason\":\"ok\",\"legs\":["
               "{\"leg\":\"A\",\"side\":\"buy\",\"volume\":\"0.02\"}],\"closes\":[]}",
                0, 0);
}

Test(shadow, calls_a_size_different_and_a_side_critical)
{
        expect("{\"plugin\":\"combined_v3\",\"verdict\":\"execute\",\"reason\":\"ok\",\"legs\":["
               "{\"leg\":\"A\",\"side\":\"buy\",\"volume\":\"0.03\"}],\"closes\":[]}",
                1, 0);
        expect("{\"plugin\":\"combined_v3\",\"verdict\":\"execute\",\"reason\":\"ok\",\"legs\":["
               "{\"leg\":\"A\",\"side\":\"sell\",\"volume\":\"0.02\"}],\"closes\":[]}",
                1, 1);
}

Test(shadow, calls_it_critical_where_only_one_acts_or_one_failed)
{
        expect("{\"plugin\":\"combined_v3\",\"verdict\":\"reject\",\"reason\":\"daily_cap\","
               "\"legs\":[],\"closes\":[]}",
                1, 1);
        expect("{\"plugin\":\"combined_v3\",\"verdict\":\"error\",\"reason\":\"plugin_error\","
               "\"legs\":[],\"closes\":[]}",
                1, 1);
        expect("{\"plugin\":\"combined_v3\",\"verdict\":\"execute\",\"reason\":\"ok\",\"legs\":["
               "{\"leg\":\"A\",\"side\":\"buy\",\"volume\":\"0.02\"}],"
               "\"closes\":[{\"side\":\"sell\"}]}",
                1, 1);
}
