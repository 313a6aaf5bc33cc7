#include "services/health/evidence.h"

#include "libbus/base/attr.h"
#include "libbus/base/ids.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOW_US  INT64_C(1795371600000000)
#define MIN_US  (60 * BUS_US_PER_SEC)
#define HOUR_US (60 * MIN_US)

static json_t *kept;

static void put(void *arg, const char *key, const char *value)
{
        (void)arg;
        json_object_set_new(kept, key, json_string(value));
}

static void drop(void *arg, const char *key)
{
        (void)arg;
        json_object_del(kept, key);
}

static struct evidence *make(void)
{
        return evidence_new(&(struct evidence_options){ .plugin = "combined_v3",
                .incumbent = "legacy_v3",
                .keep_us = 2 * HOUR_US,
                .sink = { put, drop, NULL } });
}

static struct evidence *fresh(void)
{
        json_decref(kept);
        kept = json_object();
        return make();
}

/* What the same evidence is after a restart. */
static struct evidence *again(struct evidence *evidence)
{
        const char *key;
        json_t *value;

        evidence_write(evidence);
        evidence_free(evidence);
        evidence = make();
        json_object_foreach(kept, key, value)
                cr_assert_eq(evidence_load(evidence, key, json_string_value(value)), 0, "%s", key);
        return evidence;
}

static const char *id_at(int64_t at_us, unsigned int n)
{
        static char id[BUS_ID_SIZE];
        uint8_t random[BUS_ID_RANDOM_SIZE] = { (uint8_t)n, (uint8_t)(n >> 8) };

        bus_id_fresh(at_us, random, id);
        return id;
}

static Pb__Comparison pair(int64_t at_us)
{
        Pb__Comparison comparison = PB__COMPARISON__INIT;

        comparison.plugin = "combined_v3";
        comparison.against = "legacy_v3";
        comparison.plugin_build = "b1";
        comparison.config_hash = "c1";
        comparison.class_ = PB__COMPARISON_CLASS__COMPARISON_CLASS_EXACT;
        comparison.kind = PB__ALERT_TYPE__ALERT_TYPE_ENTRY;
        comparison.source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE;
        comparison.received_us = at_us;
        return comparison;
}

static void compare(struct evidence *evidence, unsigned int n, const Pb__Comparison *comparison)
{
        evidence_comparison(evidence, id_at(comparison->received_us, n), comparison, NOW_US);
}

static void decide(struct evidence *evidence, unsigned int n, int64_t at_us)
{
        evidence_decision(evidence, id_at(at_us, n), at_us, NOW_US);
}

static struct evidence_sum sum_of(const struct evidence *evidence)
{
        struct evidence_sum sum;

        evidence_sum(evidence, NOW_US, &sum);
        return sum;
}

Test(evidence, counts_pairs_and_reaches_back_to_the_first)
{
        struct evidence *evidence = fresh();

        for (unsigned int i = 0; i < 5; i++) {
                Pb__Comparison comparison = pair(NOW_US - HOUR_US + i * MIN_US);

                decide(evidence, i, comparison.received_us);
                if (i == 4)
                        comparison.kind = PB__ALERT_TYPE__ALERT_TYPE_PULSE;
                compare(evidence, i, &comparison);
        }
        evidence = again(evidence);
        cr_expect_eq(sum_of(evidence).pairs, 5);
        cr_expect_eq(sum_of(evidence).trades, 4);
        cr_expect_eq(sum_of(evidence).since_us, NOW_US - HOUR_US);
        cr_expect_str_eq(sum_of(evidence).build, "b1");
        cr_expect_str_eq(sum_of(evidence).config_hash, "c1");
        evidence_free(evidence);
}

Test(evidence, misses_the_pair_of_a_live_decision_whichever_came_first)
{
        struct evidence *evidence = fresh();
        Pb__Comparison comparison = pair(NOW_US - MIN_US);

        decide(evidence, 1, NOW_US - MIN_US);
        cr_expect_eq(sum_of(evidence).unpaired, 1);
        evidence = again(evidence);
        cr_expect_eq(sum_of(evidence).unpaired, 1);
        compare(evidence, 1, &comparison);
        cr_expect_eq(sum_of(evidence).unpaired, 0);
        compare(evidence, 2, &comparison);
        evidence = again(evidence);
        decide(evidence, 2, NOW_US - MIN_US);
        cr_expect_eq(sum_of(evidence).unpaired, 0);
        evidence_write(evidence);
        cr_expect_eq(json_object_size(kept), 2, "the edition and one minute");
        evidence_free(evidence);
}

Test(evidence, gives_a_pair_the_time_the_comparator_takes)
{
        struct evidence *evidence = fresh();

        decide(evidence, 1, NOW_US - EVIDENCE_PATIENCE_US + 1);
        cr_expect_eq(sum_of(evidence).unpaired, 0);
        decide(evidence, 2, NOW_US - EVIDENCE_PATIENCE_US - 1);
        cr_expect_eq(sum_of(evidence).unpaired, 1);
        evidence_free(evidence);
}

Test(evidence, holds_a_late_pair_open_until_it_is_told_whole)
{
        struct evidence *evidence = fresh();
        Pb__Comparison late = pair(NOW_US - MIN_US), whole = late;

        late.class_ = PB__COMPARISON_CLASS__COMPARISON_CLASS_LATE;
        late.shadow_missing = true;
        late.plugin_build = late.config_hash = "";
        decide(evidence, 1, NOW_US - MIN_US);
        compare(evidence, 1, &late);
        cr_expect_eq(sum_of(evidence).unpaired, 1);
        cr_expect_eq(sum_of(evidence).trades, 0);
        whole.revises = true;
        compare(evidence, 1, &whole);
        cr_expect_eq(sum_of(evidence).unpaired, 0);
        cr_expect_eq(sum_of(evidence).trades, 1);
        cr_expect_eq(sum_of(evidence).pairs, 1);
        evidence_free(evidence);
}

Test(evidence, begins_anew_with_another_build_or_configuration)
{
        struct evidence *evidence = fresh();
        Pb__Comparison comparison = pair(NOW_US - HOUR_US);

        compare(evidence, 1, &comparison);
        comparison.received_us = NOW_US - MIN_US;
        comparison.config_hash = "c2";
        compare(evidence, 2, &comparison);
        cr_expect_eq(sum_of(evidence).pairs, 1);
        cr_expect_eq(sum_of(evidence).since_us, NOW_US - MIN_US);
        evidence = again(evidence);
        cr_expect_eq(sum_of(evidence).pairs, 1);
        cr_expect_str_eq(sum_of(evidence).config_hash, "c2");
        evidence_free(evidence);
}

Test(evidence, takes_a_replay_of_what_the_shadow_runs_and_of_nothing_else)
{
        struct evidence *evidence = fresh();
        Pb__Comparison comparison = pair(NOW_US - MIN_US);

        compare(evidence, 1, &comparison);
        comparison.source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY;
        comparison.received_us = NOW_US - HOUR_US;
        compare(evidence, 2, &comparison);
        cr_expect_eq(sum_of(evidence).replayed, 1);
        cr_expect_eq(sum_of(evidence).since_us, NOW_US - HOUR_US);
        comparison.plugin_build = "b9";
        compare(evidence, 3, &comparison);
        cr_expect_eq(sum_of(evidence).pairs, 2);
        cr_expect_str_eq(sum_of(evidence).build, "b1");
        evidence_free(evidence);
}

Test(evidence, weighs_what_is_critical_unless_a_rule_leaves_it_out)
{
        struct evidence *evidence = fresh();
        Pb__Comparison comparison = pair(NOW_US - MIN_US);

        comparison.critical = true;
        comparison.class_ = PB__COMPARISON_CLASS__COMPARISON_CLASS_ONE_SIDED;
        compare(evidence, 1, &comparison);
        comparison.ignored = true;
        compare(evidence, 2, &comparison);
        cr_expect_eq(sum_of(evidence).critical, 1);
        cr_expect_eq(sum_of(evidence).ignored, 1);
        /* while it decides, the incumbent in the shadow speaks against it */
        comparison.plugin = "legacy_v3";
        comparison.against = "combined_v3";
        comparison.ignored = false;
        compare(evidence, 3, &comparison);
        cr_expect_eq(sum_of(evidence).critical, 2);
        cr_expect_eq(sum_of(evidence).pairs, 2);
        comparison.against = "legacy_v3";
        compare(evidence, 4, &comparison);
        cr_expect_eq(sum_of(evidence).critical, 2);
        evidence_free(evidence);
}

Test(evidence, forgets_what_is_too_old_here_and_in_the_store)
{
        struct evidence *evidence = fresh();
        Pb__Comparison comparison = pair(NOW_US - HOUR_US);

        compare(evidence, 1, &comparison);
        decide(evidence, 1, comparison.received_us);
        decide(evidence, 2, NOW_US - HOUR_US);
        evidence_write(evidence);
        evidence_prune(evidence, NOW_US + 3 * HOUR_US);
        cr_expect_eq(sum_of(evidence).pairs, 0);
        cr_expect_eq(sum_of(evidence).unpaired, 0);
        /* but not since when there is any */
        cr_expect_eq(sum_of(evidence).since_us, NOW_US - HOUR_US);
        evidence_write(evidence);
        cr_expect_eq(json_object_size(kept), 1);
        evidence_free(evidence);
}

Test(evidence, writes_nothing_of_what_came_and_went_since_the_last_write)
{
        struct evidence *evidence = fresh();
        Pb__Comparison comparison = pair(NOW_US - MIN_US);

        decide(evidence, 1, NOW_US - MIN_US);
        compare(evidence, 1, &comparison);
        cr_expect_eq(json_object_size(kept), 0);
        evidence_write(evidence);
        cr_expect_eq(json_object_size(kept), 2);
        decide(evidence, 2, NOW_US - MIN_US);
        evidence_write(evidence);
        cr_expect_eq(json_object_size(kept), 3);
        compare(evidence, 2, &comparison);
        evidence_write(evidence);
        cr_expect_eq(json_object_size(kept), 2);
        evidence_free(evidence);
}
