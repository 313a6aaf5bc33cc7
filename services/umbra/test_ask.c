#include "services/umbra/ask.h"

#include <criterion/criterion.h>

Test(ask, a_members_text_does_not_change_while_a_line_is_put_together)
{
        json_t *json = json_pack("{s:s, s:i, s:I, s:b, s:b, s:n, s:[]}", "text", "words", "small",
                5, "large", (json_int_t)INT64_MIN, "on", 1, "off", 0, "null", "list");
        const char *small = text_of(json, "small"), *large = text_of(json, "large");
        const char *const nothing[] = { "missing", "null", "list" };

        cr_expect_str_eq(text_of(json, "text"), "words");
        cr_expect_str_eq(text_of(json, "on"), "yes");
        cr_expect_str_eq(text_of(json, "off"), "no");
        for (int i = 0; i < 3; i++)
                cr_expect_str_eq(text_of(json, nothing[i]), "");
        cr_expect_str_eq(text_of(NULL, "text"), "");
        cr_expect_str_eq(small, "5");
        cr_expect_str_eq(large, "-9223372036854775808");
        json_decref(json);
}
