#include "services/compare/tally.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Pb__Comparison pair(enum compare_class class)
{
        Pb__Comparison m = PB__COMPARISON__INIT;

        m.plugin = (char *)"combined_v3";
        m.against = (char *)"legacy_v3";
        m.plugin_build = m.against_build = (char *)"b1";
        m.config_hash = m.against_config = (char *)"c1";
        m.class_ = (Pb__ComparisonClass) class;
        m.critical = compare_class_is_critical(class);
        m.kind = PB__ALERT_TYPE__ALERT_TYPE_ENTRY;
        m.source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE;
        m.live_ns = 1000;
        m.shadow_ns = 2000;
        m.received_us = 50;
        return m;
}

static void add(struct compare_sums *sums, enum compare_class class, size_t times)
{
        Pb__Comparison m = pair(class);

        for (size_t i = 0; i < times; i++)
                compare_sums_add(sums, &m);
}

Test(tally, counts_by_class_and_leaves_out_of_the_critical_what_a_rule_covers)
{
        struct compare_sums sums = { 0 };
        Pb__Comparison covered = pair(COMPARE_SIDE), pulse = pair(COMPARE_EXACT);

        add(&sums, COMPARE_EXACT, 5);
        add(&sums, COMPARE_SIZE, 2);
        add(&sums, COMPARE_SIDE, 1);
        covered.ignored = true;
        covered.ignored_by = (char *)"known";
        compare_sums_add(&sums, &covered);
        pulse.kind = PB__ALERT_TYPE__ALERT_TYPE_PULSE;
        compare_sums_add(&sums, &pulse);

        cr_assert_eq(sums.tally_count, 1);
        cr_expect_eq(sums.tallies[0]->pairs, 10);
        cr_expect_eq(sums.tallies[0]->trades, 9);
        cr_expect_eq(sums.tallies[0]->classes[COMPARE_EXACT], 6);
        cr_expect_eq(sums.tallies[0]->classes[COMPARE_SIDE], 2);
        cr_expect_eq(sums.tallies[0]->critical, 1);
        cr_expect_eq(sums.tallies[0]->ignored, 1);
        cr_expect_eq(compare_tally_different(sums.tallies[0]), 4);
        cr_expect_eq(sums.ignored_count, 1);
        cr_expect_str_eq(sums.ignored[0].rule, "known");
        compare_sums_done(&sums);
}

Test(tally, begins_anew_with_another_build_or_config_of_either_side_or_a_replay)
{
        struct compare_sums sums = { 0 };
        Pb__Comparison m = pair(COMPARE_EXACT);

        compare_sums_add(&sums, &m);
        m.plugin_build = (char *)"b2";
        compare_sums_add(&sums, &m);
        m.config_hash = (char *)"c2";
        compare_sums_add(&sums, &m);
        m.against_build = (char *)"b2";
        compare_sums_add(&sums, &m);
        m.against_config = (char *)"c2";
        compare_sums_add(&sums, &m);
        m.source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY;
        compare_sums_add(&sums, &m);
        compare_sums_add(&sums, &m);
        cr_expect_eq(sums.tally_count, 6);
        cr_expect_eq(sums.tallies[5]->pairs, 2);
        compare_sums_done(&sums);
}

Test(tally, a_missing_side_belongs_to_no_build_until_it_comes)
{
        struct compare_sums sums = { 0 };
        Pb__Comparison late = pair(COMPARE_LATE), whole = pair(COMPARE_EXACT);

        late.shadow_missing = true;
        late.plugin_build = late.config_hash = (char *)"";
        compare_sums_add(&sums, &late);
        compare_sums_add(&sums, &late);
        cr_expect_eq(sums.tally_count, 0);
        cr_expect_eq(sums.missing[0].pairs, 2);
        whole.revises = true;
        compare_sums_add(&sums, &whole);
        cr_expect_eq(sums.missing[0].pairs, 1);
        cr_expect_eq(sums.tallies[0]->pairs, 1);
        compare_sums_done(&sums);
}

Test(tally, forgets_the_parties_longest_not_seen)
{
        struct compare_sums sums = { 0 };
        Pb__Comparison m = pair(COMPARE_EXACT);
        char build[8];

        m.plugin_build = build;
        for (int i = 0; i <= COMPARE_TALLIES_MAX; i++) {
                snprintf(build, sizeof(build), "b%d", i);
                compare_sums_add(&sums, &m);
                strcpy(build, "b0");
                compare_sums_add(&sums, &m);
        }
        cr_expect_eq(sums.tally_count, COMPARE_TALLIES_MAX);
        cr_expect_str_eq(sums.tallies[COMPARE_TALLIES_MAX - 1]->parties.build, "b0");
        cr_expect_str_eq(sums.tallies[0]->parties.build, "b2");
        compare_sums_done(&sums);
}

Test(tally, tells_quantiles_to_within_a_sixteenth)
{
        struct compare_times times = { 0 };

        for (int64_t ns = 1; ns <= 100000; ns++)
                compare_times_add(&times, ns);
        for (unsigned int percent = 1; percent < 100; percent++) {
                int64_t is = compare_times_quantile(&times, percent), exact = 1000 * percent;

                cr_expect_leq(llabs(is - exact), exact / 16 + 1, "%u: %ld", percent, (long)is);
        }
        compare_times_add(&times, INT64_MAX);
        compare_times_add(&times, -5);
        cr_expect_eq(times.count, 100002);
        cr_expect_eq(compare_times_quantile(&(struct compare_times){ 0 }, 50), 0);
}

static bool tells(const struct compare_sums *sums, size_t i, const char *text)
{
        BUS_AUTOBUF struct bus_buf buf = BUS_BUF_INIT;

        compare_tally_json(&buf, sums->tallies[i]);
        if (!strstr(bus_buf_str(&buf), text))
                cr_log_warn("%s", bus_buf_str(&buf));
        return strstr(bus_buf_str(&buf), text);
}

Test(tally, tells_the_bound_while_nothing_is_critical)
{
        struct compare_sums sums = { 0 };

        add(&sums, COMPARE_EXACT, 1);
        cr_expect(tells(&sums, 0, "\"bound\":1.000000"));
        add(&sums, COMPARE_EXACT, 99);
        cr_expect(tells(&sums, 0, "\"bound\":0.030000"));
        add(&sums, COMPARE_SIZE, 600);
        cr_expect(tells(&sums, 0, "\"bound\":0.004286")); /* rounded up */
        cr_expect(tells(&sums, 0,
                "\"classes\":{\"exact\":100,\"late\":0,\"reason\":0,\"stops\":0,"
                "\"size\":600,\"side\":0,\"one_sided\":0,\"error\":0}"));
        add(&sums, COMPARE_SIDE, 1);
        cr_expect(tells(&sums, 0, "\"bound\":null"));
        compare_sums_done(&sums);
}

Test(tally, knows_its_noise_floor)
{
        struct compare_sums sums = { 0 };
        Pb__Comparison aa = pair(COMPARE_EXACT);

        add(&sums, COMPARE_EXACT, 1);
        cr_expect_null(compare_sums_noise(&sums, sums.tallies[0]));
        aa.plugin = (char *)"legacy_v3";
        compare_sums_add(&sums, &aa);
        cr_expect(!compare_tally_is_aa(sums.tallies[0]) && compare_tally_is_aa(sums.tallies[1]));
        cr_expect_eq(compare_sums_noise(&sums, sums.tallies[0]), sums.tallies[1]);
        compare_sums_done(&sums);
}

Test(tally, comes_back_from_its_bytes_as_it_was)
{
        BUS_AUTOBUF struct bus_buf first = BUS_BUF_INIT, second = BUS_BUF_INIT;
        struct compare_sums sums = { 0 }, again;
        Pb__Comparison late = pair(COMPARE_LATE), covered = pair(COMPARE_SIDE);

        add(&sums, COMPARE_EXACT, 7);
        late.shadow_missing = true;
        compare_sums_add(&sums, &late);
        covered.ignored = true;
        covered.ignored_by = (char *)"known";
        compare_sums_add(&sums, &covered);
        compare_sums_pack(&sums, &first);
        cr_assert_eq(compare_sums_unpack(&again, bus_buf_bytes(&first)), 0);
        compare_sums_pack(&again, &second);
        cr_expect(bus_bytes_equal(bus_buf_bytes(&first), bus_buf_bytes(&second)));
        cr_expect_eq(again.tallies[0]->pairs, 8);
        cr_expect_eq(again.tallies[0]->live.count, 8);
        cr_expect_eq(again.missing[0].pairs, 1);
        compare_sums_done(&sums);
        compare_sums_done(&again);
        cr_expect_lt(compare_sums_unpack(&again, bus_bytes_str("no such record")), 0);
}
