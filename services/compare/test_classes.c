#include "services/compare/classes.h"

#include "libbus/base/attr.h"

#include <criterion/criterion.h>

static const struct v3_symbol gold = { .name = "XAUUSD", .digits = 2, .lot_step_e8 = 1000000 };

/* An aggressive buy of two legs. */
static const struct v3_decision entry = {
        .verdict = V3_VERDICT_EXECUTE,
        .reason = V3_REASON_OK,
        .direction = V3_SIDE_BUY,
        .strength = 8,
        .route = 2,
        .routing = V3_ROUTING_TIMEFRAME,
        .aggressive = true,
        .base_lot_e8 = 5000000,
        .signal_factor_e8 = 80000000,
        .route_multiplier_e8 = 100000000,
        .total_lot_e8 = 4000000,
        .expected_loss_cents = 2200,
        .leg_count = 2,
        .legs = { { V3_LEG_A, V3_SIDE_BUY, 2000000, 264400000000, 266800000000 },
                { V3_LEG_B, V3_SIDE_BUY, 2000000, 264500000000, 265900000000 } },
        .close_count = 1,
        .closes = { { V3_SIDE_SELL, V3_CLOSE_REVERSAL } },
};

static const struct v3_decision reject = {
        .verdict = V3_VERDICT_REJECT,
        .reason = V3_REASON_DAILY_CAP,
        .direction = V3_SIDE_BUY,
        .strength = 8,
        .route = 2,
        .routing = V3_ROUTING_TIMEFRAME,
};

static const struct v3_decision leave = {
        .verdict = V3_VERDICT_EXECUTE,
        .reason = V3_REASON_EXIT_SIGNAL,
        .close_count = 1,
        .closes = { { V3_SIDE_BUY, V3_CLOSE_EXIT } },
};

static const struct v3_decision failed = { .verdict = V3_VERDICT_ERROR,
        .reason = V3_REASON_PLUGIN_ERROR };
static const struct v3_decision squeeze = { .verdict = V3_VERDICT_NOTIFY,
        .reason = V3_REASON_SQUEEZE };
static const struct v3_decision pulse = { .verdict = V3_VERDICT_IGNORE,
        .reason = V3_REASON_TREND_PULSE };

static enum compare_class classify(const struct v3_decision *a, const struct v3_decision *b)
{
        static const struct compare_tolerance none = { 0 };

        return compare_decisions(a, b, &gold, &none);
}

/* Both ways round: which of the two trades is no matter of class. */
static void expect(const struct v3_decision *a, const struct v3_decision *b,
        enum compare_class class, const char *what)
{
        cr_expect_eq(classify(a, b), class, "%s: %s", what, compare_class_name(classify(a, b)));
        cr_expect_eq(
                classify(b, a), class, "%s, turned: %s", what, compare_class_name(classify(b, a)));
}

#define BUT(base, change)                        \
        ({                                       \
                static struct v3_decision other; \
                struct v3_decision *d = &other;  \
                other = base;                    \
                change;                          \
                &other;                          \
        })

#define ROW(base, change, class) expect(&(base), BUT(base, change), class, #base ": " #change)

Test(classes, are_exact_only_where_every_field_is_equal)
{
        expect(&entry, &entry, COMPARE_EXACT, "entry");
        expect(&reject, &reject, COMPARE_EXACT, "reject");
        expect(&leave, &leave, COMPARE_EXACT, "exit");
        expect(&squeeze, &squeeze, COMPARE_EXACT, "squeeze");
        expect(&pulse, &pulse, COMPARE_EXACT, "pulse");
}

Test(classes, each_field_of_an_executed_entry_has_its_class)
{
        ROW(entry, d->verdict = V3_VERDICT_ERROR, COMPARE_ERROR);
        ROW(entry, d->verdict = V3_VERDICT_REJECT, COMPARE_ONE_SIDED);
        ROW(entry, d->leg_count = 0, COMPARE_ONE_SIDED);
        ROW(entry, d->close_count = 0, COMPARE_ONE_SIDED);
        ROW(entry, d->closes[0].side = V3_SIDE_BUY, COMPARE_SIDE);
        ROW(entry, (d->legs[0].side = V3_SIDE_SELL, d->legs[1].side = V3_SIDE_SELL), COMPARE_SIDE);
        ROW(entry, d->legs[0].side = V3_SIDE_SELL, COMPARE_SIDE);
        ROW(entry, d->legs[1].side = V3_SIDE_SELL, COMPARE_SIDE);
        ROW(entry, d->legs[0].volume_e8 += 1000000, COMPARE_SIZE);
        ROW(entry, d->legs[1].volume_e8 -= 1000000, COMPARE_SIZE);
        ROW(entry, d->leg_count = 1, COMPARE_SIZE); /* B has no volume */
        ROW(entry, d->total_lot_e8 += 1000000, COMPARE_SIZE);
        ROW(entry, d->base_lot_e8 = 10000000, COMPARE_SIZE);
        ROW(entry, d->signal_factor_e8 = 90000000, COMPARE_SIZE);
        ROW(entry, d->route_multiplier_e8 = 125000000, COMPARE_SIZE);
        ROW(entry, d->scaled = true, COMPARE_SIZE);
        ROW(entry, d->legs[0].sl_e8 -= 1000000, COMPARE_STOPS);
        ROW(entry, d->legs[0].tp_e8 += 1000000, COMPARE_STOPS);
        ROW(entry, d->legs[1].sl_e8 += 1000000, COMPARE_STOPS);
        ROW(entry, d->legs[1].tp_e8 -= 1000000, COMPARE_STOPS);
        ROW(entry, d->expected_loss_cents++, COMPARE_STOPS);
        ROW(entry, d->reason = V3_REASON_EXIT_SIGNAL, COMPARE_REASON);
        ROW(entry, d->direction = V3_SIDE_SELL, COMPARE_REASON);
        ROW(entry, d->strength = 7, COMPARE_REASON);
        ROW(entry, d->route = 3, COMPARE_REASON);
        ROW(entry, d->routing = V3_ROUTING_OVERRIDE, COMPARE_REASON);
        ROW(entry, d->aggressive = false, COMPARE_REASON);
        ROW(entry, d->closes[0].reason = V3_CLOSE_EXIT, COMPARE_REASON);
}

Test(classes, the_order_of_the_legs_says_nothing)
{
        struct v3_decision turned = entry;

        turned.legs[0] = entry.legs[1];
        turned.legs[1] = entry.legs[0];
        expect(&entry, &turned, COMPARE_EXACT, "legs turned");
}

Test(classes, exits_and_what_does_nothing)
{
        ROW(leave, d->closes[0].side = V3_SIDE_SELL, COMPARE_SIDE);
        expect(&leave, &reject, COMPARE_ONE_SIDED, "exit and reject");
        expect(&leave, &pulse, COMPARE_ONE_SIDED, "exit and pulse");
        expect(&entry, &leave, COMPARE_ONE_SIDED, "one opens");
        ROW(reject, d->reason = V3_REASON_LOW_STRENGTH, COMPARE_REASON);
        ROW(reject, d->strength = 7, COMPARE_REASON);
        ROW(reject, d->route = 3, COMPARE_REASON);
        expect(&reject, &pulse, COMPARE_REASON, "reject and ignore");
        expect(&squeeze, &pulse, COMPARE_REASON, "notify and ignore");
}

Test(classes, a_plugin_that_failed_is_an_error_whatever_the_other_did)
{
        const struct v3_decision *const others[] = { &entry, &reject, &leave, &squeeze, &pulse,
                &failed };

        for (size_t i = 0; i < BUS_COUNT(others); i++)
                expect(&failed, others[i], COMPARE_ERROR, "failed");
}

/* Every pair of differences at once: the worse one names it. */
Test(classes, the_worst_that_applies_names_the_pair)
{
        static const struct {
                int change;
                enum compare_class class;
        } changes[] = { { 0, COMPARE_ERROR }, { 1, COMPARE_ONE_SIDED }, { 2, COMPARE_SIDE },
                { 3, COMPARE_SIZE }, { 4, COMPARE_STOPS }, { 5, COMPARE_REASON } };

        for (unsigned int set = 1; set < 1u << BUS_COUNT(changes); set++) {
                struct v3_decision other = entry;
                enum compare_class worst = COMPARE_EXACT;

                for (size_t i = 0; i < BUS_COUNT(changes); i++) {
                        if (!(set & 1u << i))
                                continue;
                        if (changes[i].class > worst)
                                worst = changes[i].class;
                        switch (changes[i].change) {
                        case 0: other.verdict = V3_VERDICT_ERROR; break;
                        case 1: other.close_count = 0; break;
                        case 2: other.legs[0].side = other.legs[1].side = V3_SIDE_SELL; break;
                        case 3: other.legs[0].volume_e8 += 1000000; break;
                        case 4: other.legs[0].sl_e8 += 1000000; break;
                        default: other.strength = 3;
                        }
                }
                cr_expect_eq(classify(&entry, &other), worst, "set %u: %s", set,
                        compare_class_name(classify(&entry, &other)));
        }
}

Test(classes, lots_count_to_their_step_and_prices_to_their_digits)
{
        ROW(entry, d->legs[0].volume_e8 += 999999, COMPARE_EXACT);
        ROW(entry, d->legs[0].sl_e8 += 999999, COMPARE_EXACT);
}

static void expect_tolerated(const struct v3_decision *other, struct compare_tolerance tolerance,
        enum compare_class class)
{
        enum compare_class is = compare_decisions(&entry, other, &gold, &tolerance);

        cr_expect_eq(is, class, "%s, not %s", compare_class_name(is), compare_class_name(class));
}

Test(classes, tolerances_are_in_steps_and_points_and_include_their_end)
{
        struct v3_decision bigger = entry, farther = entry;

        bigger.legs[0].volume_e8 += 2000000;
        bigger.total_lot_e8 += 2000000;
        bigger.signal_factor_e8 += 1;
        bigger.expected_loss_cents += 500;
        expect_tolerated(&bigger, (struct compare_tolerance){ .lot_steps = 1 }, COMPARE_SIZE);
        expect_tolerated(&bigger, (struct compare_tolerance){ .lot_steps = 2 }, COMPARE_EXACT);

        farther.legs[1].sl_e8 -= 3000000;
        farther.expected_loss_cents += 6;
        expect_tolerated(&farther, (struct compare_tolerance){ .points = 2 }, COMPARE_STOPS);
        expect_tolerated(&farther, (struct compare_tolerance){ .points = 3 }, COMPARE_EXACT);
}

Test(classes, are_called_by_their_names_and_three_are_critical)
{
        static const struct {
                const char *name;
                bool critical;
        } rows[] = { { "exact", false }, { "late", false }, { "reason", false }, { "stops", false },
                { "size", false }, { "side", true }, { "one_sided", true }, { "error", true } };

        for (size_t i = 0; i < BUS_COUNT(rows); i++) {
                enum compare_class class = (enum compare_class)(COMPARE_EXACT + (int)i);

                cr_expect_str_eq(compare_class_name(class), rows[i].name);
                cr_expect_eq(compare_class_of(rows[i].name), class);
                cr_expect_eq(
                        compare_class_is_critical(class), rows[i].critical, "%s", rows[i].name);
        }
        cr_expect_eq(compare_class_of("nothing"), 0);
}
