#include "services/common/v3_names.h"

#include <criterion/criterion.h>

Test(v3_names, every_word_comes_back_to_its_value)
{
        for (int i = 1; i < V3_TYPE_COUNT; i++)
                cr_expect_eq((int)v3_type_of(v3_type_name(i)), i);
        for (int i = 1; i < V3_SIGNAL_COUNT; i++) {
                cr_expect_eq((int)v3_signal_type_of(v3_signal_type_name(i)), i);
                cr_expect_neq(v3_type_of_signal(i), V3_TYPE_NONE);
        }
        for (int i = 1; i < V3_TF_COUNT; i++) {
                cr_expect_eq((int)v3_tf_of(v3_tf_name(i)), i);
                cr_expect_gt(v3_tf_minutes(i), 0);
        }
        for (int i = 1; i <= V3_VERDICT_ERROR; i++)
                cr_expect_eq((int)v3_verdict_of(v3_verdict_name(i)), i);
        for (int i = 1; i <= V3_REASON_VERDICT_LOST; i++)
                cr_expect_eq((int)v3_reason_of(v3_reason_name(i)), i);
        for (int i = 1; i <= V3_SIDE_SELL; i++)
                cr_expect_eq((int)v3_side_of(v3_side_name(i)), i);
}

Test(v3_names, what_is_none_has_no_word)
{
        cr_expect_str_empty(v3_type_name(V3_TYPE_NONE));
        cr_expect_str_empty(v3_type_name(99));
        cr_expect_str_empty(v3_tf_name(99));
        cr_expect_str_empty(v3_signal_type_name(99));
        cr_expect_eq(v3_tf_of(""), V3_TF_NONE);
        cr_expect_eq(v3_side_of("Buy"), V3_SIDE_NONE);
        cr_expect_eq(v3_tf_minutes(99), 0);
        cr_expect_eq(v3_type_of_signal(V3_SIGNAL_NONE), V3_TYPE_NONE);
}

Test(v3_names, two_timeframes_have_two_spellings)
{
        cr_expect_eq(v3_tf_of("1D"), V3_TF_D);
        cr_expect_eq(v3_tf_of("1W"), V3_TF_W);
        cr_expect_eq(v3_tf_minutes(V3_TF_W), 10080);
}
