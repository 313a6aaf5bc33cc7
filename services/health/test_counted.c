#include "services/health/counted.h"

#include "libbus/base/attr.h"

#include <criterion/criterion.h>

#define NOW_US INT64_C(1000000000)

Test(counted, an_order_counts_once_it_was_submitted_and_has_ended)
{
        static const struct {
                Pb__TradeEvent event;
                int as; /* < 0: not at all */
        } cases[] = {
                { PB__TRADE_EVENT__TRADE_EVENT_FILLED, 1 },
                { PB__TRADE_EVENT__TRADE_EVENT_PARTIAL, 1 },
                { PB__TRADE_EVENT__TRADE_EVENT_REJECTED, 0 },
                { PB__TRADE_EVENT__TRADE_EVENT_NOT_EXECUTED, 0 },
                { PB__TRADE_EVENT__TRADE_EVENT_RECEIVED, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_REFUSED, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_EXPIRED, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_TEST, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_INTENT, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_PLACED, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_UNKNOWN, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_MANUAL, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_NOTHING_TO_CLOSE, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_DEAL, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_ADOPTED, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_DONE, -1 },
                { PB__TRADE_EVENT__TRADE_EVENT_MODIFIED, -1 },
        };

        for (size_t i = 0; i < BUS_COUNT(cases); i++) {
                double filled = -1;

                cr_expect_eq(counted_trade(cases[i].event, &filled), cases[i].as >= 0, "%d",
                        (int)cases[i].event);
                cr_expect_eq((int)filled, cases[i].as, "%d", (int)cases[i].event);
        }
}

static Pb__Metric metric_of(const char *name, const char *labels, double value)
{
        Pb__Metric metric = PB__METRIC__INIT;

        metric.name = (char *)name;
        metric.labels = (char *)labels;
        metric.kind = PB__METRIC_KIND__METRIC_KIND_COUNTER;
        metric.value = value;
        return metric;
}

/* Every counter that matters, times SCALE, and some that do not. */
static bool hear(struct counted *last, int64_t started_us, double scale, struct counted *ret_more)
{
        Pb__Metric metrics[] = {
                metric_of("umbra_messages_in_total", "", 100 * scale),
                metric_of("umbra_ingest_requests_total", "outcome=\"accepted\"", 10 * scale),
                metric_of("umbra_ingest_requests_total", "outcome=\"unavailable\"", 1 * scale),
                metric_of("umbra_quarantined_total", "", 2 * scale),
                metric_of("umbra_decisions_total", "verdict=\"error\"", 4 * scale),
                metric_of("umbra_decisions_total", "verdict=\"enter\"", 50 * scale),
                metric_of("umbra_messages_out_total", "", 70 * scale),
        };
        Pb__Metric *pointers[BUS_COUNT(metrics)];
        Pb__Heartbeat beat = PB__HEARTBEAT__INIT;

        for (size_t i = 0; i < BUS_COUNT(metrics); i++)
                pointers[i] = &metrics[i];
        beat.started_us = started_us;
        beat.cpu_us = (uint64_t)(1000 * scale);
        beat.metrics = pointers;
        beat.n_metrics = BUS_COUNT(metrics);
        return counted_beat(last, &beat, ret_more);
}

static void expect(const struct counted *more, double scale)
{
        cr_expect_float_eq(more->handled, 111 * scale, 1e-9);
        cr_expect_float_eq(more->faults, 7 * scale, 1e-9);
        cr_expect_float_eq(more->cpu_us, 1000 * scale, 1e-9);
}

Test(counted, a_heartbeat_counts_by_what_came_since_the_one_before)
{
        struct counted last = { 0 }, more = { 0 };

        cr_expect_not(hear(&last, NOW_US, 5, &more), "of an unknown past");
        cr_expect(hear(&last, NOW_US, 8, &more));
        expect(&more, 3);
        cr_expect(hear(&last, NOW_US, 8, &more));
        expect(&more, 0);
}

Test(counted, a_new_process_counts_from_nothing)
{
        struct counted last = { 0 }, more = { 0 };

        cr_expect_not(hear(&last, NOW_US, 5, &more));
        cr_expect(hear(&last, NOW_US + 1, 2, &more));
        expect(&more, 2);
        cr_expect(hear(&last, NOW_US + 1, 3, &more));
        expect(&more, 1);
}

Test(counted, memory_is_of_those_that_are_heard)
{
        Pb__Heartbeat a = PB__HEARTBEAT__INIT, b = PB__HEARTBEAT__INIT;
        struct beats beats = { 0 };

        a.memory_bytes = 1000;
        b.memory_bytes = 2000;
        beats_add(&beats, "a", true);
        beats_add(&beats, "b", false);
        beats_add(&beats, "never", false);
        cr_expect_eq(counted_memory(&beats, NOW_US), 0);
        beats.items[0].last = &a;
        beats.items[0].heard_us = NOW_US;
        beats.items[1].last = &b;
        beats.items[1].heard_us = NOW_US - BEATS_GONE_US + 1;
        cr_expect_eq(counted_memory(&beats, NOW_US), 3000);
        cr_expect_eq(counted_memory(&beats, NOW_US + 1), 1000);
}
