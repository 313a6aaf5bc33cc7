#include "services/compare/pair.h"

#include "proto/validate.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOW_US INT64_C(1795372800000000)

static struct symbols symbols;
static struct compare_settings settings;

static const struct compare_alert alert = { .id = "01KAPJWM00ABCDEFGHJKMNPQRS",
        .position = { 5, 7, 0 },
        .kind = V3_TYPE_ENTRY,
        .symbol = "XAUUSD",
        .received_us = NOW_US };

static struct compare_side side_of(const char *plugin, enum v3_reason reason, int64_t after_us)
{
        struct compare_side side = { .decide_ns = 900, .decided_us = NOW_US + after_us };

        strcpy(side.plugin, plugin);
        strcpy(side.build, "b1");
        strcpy(side.config_hash, "c1");
        side.decision.verdict = V3_VERDICT_REJECT;
        side.decision.reason = reason;
        side.decision.direction = V3_SIDE_BUY;
        return side;
}

static void setup(void)
{
        symbols_init(&symbols);
        settings = (struct compare_settings){ .deadline_us = 5000000, .symbols = &symbols };
}

static void teardown(void)
{
        symbols_done(&symbols);
}

TestSuite(pair, .init = setup, .fini = teardown);

static void fill(struct compare_message *message, const struct compare_side *live,
        const struct compare_side *shadow, bool revises)
{
        const char *why = "";

        compare_pair_fill(message, &settings,
                &(struct compare_pair){ .alert = &alert,
                        .plugin = "combined_v3",
                        .live = live,
                        .shadow = shadow,
                        .revises = revises,
                        .source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE });
        cr_assert_eq(validate_comparison(&message->pb, &why), 0, "%s", why);
}

Test(pair, says_who_decided_and_when_and_is_a_valid_message)
{
        struct compare_side live = side_of("legacy_v3", V3_REASON_DAILY_CAP, 300);
        struct compare_side shadow = side_of("combined_v3", V3_REASON_LIFETIME_CAP, 450);
        struct compare_message message;

        fill(&message, &live, &shadow, false);
        cr_expect_eq((int)message.pb.class_, COMPARE_REASON);
        cr_expect_str_eq(message.pb.against, "legacy_v3");
        cr_expect_str_eq(message.pb.plugin_build, "b1");
        cr_expect_eq(message.pb.live_latency_us, 300);
        cr_expect_eq(message.pb.shadow_latency_us, 450);
        cr_expect_eq(message.pb.signal->seq, 7);
}

/* The deadline counts between the two decisions, by their own stamps. */
Test(pair, is_late_by_the_stamps_unless_something_worse_applies)
{
        struct compare_side live = side_of("legacy_v3", V3_REASON_DAILY_CAP, 0);
        struct compare_side shadow = side_of("combined_v3", V3_REASON_DAILY_CAP, 5000000);
        struct compare_message message;

        fill(&message, &live, &shadow, false);
        cr_expect_eq((int)message.pb.class_, COMPARE_EXACT);
        shadow.decided_us++;
        fill(&message, &live, &shadow, false);
        cr_expect_eq((int)message.pb.class_, COMPARE_LATE);
        fill(&message, &shadow, &live, false);
        cr_expect_eq((int)message.pb.class_, COMPARE_LATE);
        shadow.decision.reason = V3_REASON_LIFETIME_CAP;
        fill(&message, &live, &shadow, false);
        cr_expect_eq((int)message.pb.class_, COMPARE_REASON);
}

Test(pair, without_a_side_is_late_and_says_which_is_missing)
{
        struct compare_side live = side_of("legacy_v3", V3_REASON_DAILY_CAP, 0);
        struct compare_message message;

        fill(&message, &live, NULL, false);
        cr_expect_eq((int)message.pb.class_, COMPARE_LATE);
        cr_expect(message.pb.shadow_missing && !message.pb.live_missing);
        cr_expect_str_eq(message.pb.plugin, "combined_v3");
        fill(&message, NULL, &live, false);
        cr_expect(message.pb.live_missing && !message.pb.shadow_missing);
        cr_expect_str_eq(message.pb.against, "");
}

Test(pair, is_known_by_an_id_of_its_own)
{
        struct compare_side side = side_of("combined_v3", V3_REASON_DAILY_CAP, 0), other = side;
        struct compare_pair pair = { .alert = &alert,
                .plugin = "combined_v3",
                .live = &side,
                .shadow = &side,
                .source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_LIVE };
        char first[BUS_ID_SIZE], again[BUS_ID_SIZE];

        compare_pair_id(&pair, first);
        strcpy(other.build, "b2");
        pair.shadow = &other; /* derived again: still the same pair */
        compare_pair_id(&pair, again);
        cr_expect_str_eq(first, again);
        pair.revises = true;
        compare_pair_id(&pair, again);
        cr_expect_str_neq(first, again);
        pair.revises = false;
        pair.plugin = "example";
        compare_pair_id(&pair, again);
        cr_expect_str_neq(first, again);
        pair.plugin = "combined_v3";
        pair.source = PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY;
        compare_pair_id(&pair, first);
        pair.shadow = &side; /* a replay by another build is another one */
        compare_pair_id(&pair, again);
        cr_expect_str_neq(first, again);
}

static const char *ignored_by(const struct compare_rule *rule)
{
        static struct compare_message message;
        static struct compare_side live, shadow;

        live = side_of("legacy_v3", V3_REASON_DAILY_CAP, 0);
        shadow = side_of("combined_v3", V3_REASON_LIFETIME_CAP, 0);
        settings.rules[0] = *rule;
        settings.rule_count = 1;
        fill(&message, &live, &shadow, false);
        return message.pb.ignored_by;
}

Test(pair, is_ignored_by_a_rule_that_fits_in_all_it_says_until_it_expires)
{
        static const struct compare_rule fits = {
                .name = "caps", .class = COMPARE_REASON, .expires_us = NOW_US + 1
        };
        struct compare_rule rule = fits;

        cr_expect_str_eq(ignored_by(&rule), "caps");
        strcpy(rule.plugin, "combined_v3");
        strcpy(rule.against, "legacy_v3");
        strcpy(rule.symbol, "XAUUSD");
        rule.kind = V3_TYPE_ENTRY;
        cr_expect_str_eq(ignored_by(&rule), "caps");

#define NO_LONGER(change)                                         \
        do {                                                      \
                rule = fits;                                      \
                change;                                           \
                cr_expect_str_eq(ignored_by(&rule), "", #change); \
        } while (0)
        NO_LONGER(rule.class = COMPARE_SIZE);
        NO_LONGER(strcpy(rule.plugin, "example"));
        NO_LONGER(strcpy(rule.against, "combined_v3"));
        NO_LONGER(strcpy(rule.symbol, "EURUSD"));
        NO_LONGER(rule.kind = V3_TYPE_EXIT);
        NO_LONGER(rule.expires_us = NOW_US);
}
