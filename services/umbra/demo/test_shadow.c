#include "services/umbra/demo/shadow.h"

#include <criterion/criterion.h>

#define BOTH "\"live_missing\":false,\"shadow_missing\":false,"
#define PAIR "{\"plugin\":\"combined_v3\",\"against\":\"legacy_v3\"," BOTH

static void expect(const char *comparisons, size_t pairs, size_t different, size_t critical)
{
        struct shadow_counts counts = { 0 };
        json_t *trail = json_loads(comparisons, 0, NULL);

        cr_assert_not_null(trail, "%s", comparisons);
        shadow_count(trail, &counts);
        json_decref(trail);
        cr_expect_eq(counts.pairs, pairs, "%s", comparisons);
        cr_expect_eq(counts.different, different, "%s", comparisons);
        cr_expect_eq(counts.critical, critical, "%s", comparisons);
}

Test(shadow, counts_what_the_comparator_said_of_another_plugin)
{
        expect("{}", 0, 0, 0);
        expect("{\"comparisons\":[" PAIR "\"class\":\"exact\",\"critical\":false}]}", 1, 0, 0);
        expect("{\"comparisons\":[" PAIR "\"class\":\"size\",\"critical\":false}]}", 1, 1, 0);
        expect("{\"comparisons\":[" PAIR
               "\"class\":\"side\",\"critical\":true,\"ignored\":false}]}",
                1, 1, 1);
        expect("{\"comparisons\":[" PAIR "\"class\":\"side\",\"critical\":true,\"ignored\":true}]}",
                1, 1, 0);
        expect("{\"comparisons\":[{\"plugin\":\"legacy_v3\",\"against\":\"legacy_v3\"," BOTH
               "\"class\":\"exact\",\"critical\":false}]}",
                0, 0, 0);
}

Test(shadow, counts_a_pair_that_was_told_twice_once)
{
        expect("{\"comparisons\":[{\"plugin\":\"combined_v3\",\"against\":\"\","
               "\"live_missing\":true,\"shadow_missing\":false,\"class\":\"late\","
               "\"critical\":false}," PAIR "\"class\":\"late\",\"critical\":false,"
               "\"revises\":true}]}",
                1, 0, 0);
}
