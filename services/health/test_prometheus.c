#include "services/health/prometheus.h"

#include "libbus/loop/metrics.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static Pb__Metric counter_of(const char *labels, double value)
{
        Pb__Metric metric = PB__METRIC__INIT;

        metric.name = (char *)"umbra_x_total";
        metric.labels = (char *)labels;
        metric.help = (char *)"Back\\slash.";
        metric.kind = PB__METRIC_KIND__METRIC_KIND_COUNTER;
        metric.value = value;
        return metric;
}

static size_t count_of(const char *text, const char *what)
{
        size_t n = 0;

        for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
                n++;
        return n;
}

static const char *write_two(struct bus_buf *out, Pb__Metric **metrics, size_t count)
{
        static Pb__Heartbeat a, b;
        static Pb__Metric *of_a[1], *of_b[8];
        struct beats beats = { 0 };

        pb__heartbeat__init(&a);
        pb__heartbeat__init(&b);
        of_a[0] = metrics[0];
        a.service = (char *)"a";
        a.metrics = of_a;
        a.n_metrics = 1;
        for (size_t i = 1; i < count; i++)
                of_b[i - 1] = metrics[i];
        b.service = (char *)"b";
        b.metrics = of_b;
        b.n_metrics = count - 1;
        beats_add(&beats, "a", true);
        beats_add(&beats, "b", true);
        beats.items[0].last = &a;
        beats.items[1].last = &b;
        prometheus_write(&beats, 0, out);
        return bus_buf_str(out);
}

Test(prometheus, puts_a_family_together_under_one_head)
{
        Pb__Metric one = counter_of("", 1), two = counter_of("code=\"x\"", 2.5);
        Pb__Metric *metrics[] = { &one, &two };
        BUS_AUTOBUF struct bus_buf out = BUS_BUF_INIT;
        const char *text = write_two(&out, metrics, 2);

        cr_expect_eq(count_of(text, "# TYPE umbra_x_total counter\n"), 1);
        cr_expect_eq(count_of(text, "# HELP umbra_x_total Back\\\\slash.\n"), 1);
        cr_expect_not_null(strstr(text, "counter\numbra_x_total{service=\"a\"} 1\n"
                                        "umbra_x_total{service=\"b\",code=\"x\"} 2.5\n"));
}

Test(prometheus, writes_a_histogram_with_cumulative_buckets_sum_and_count)
{
        uint64_t buckets[BUS_BUCKET_COUNT + 1];
        Pb__Metric one = counter_of("", 1), two = counter_of("", 0.75);
        Pb__Metric *metrics[] = { &one, &two };
        BUS_AUTOBUF struct bus_buf out = BUS_BUF_INIT;
        const char *text;

        for (size_t i = 0; i <= BUS_BUCKET_COUNT; i++)
                buckets[i] = i;
        two.name = (char *)"umbra_y_seconds";
        two.kind = PB__METRIC_KIND__METRIC_KIND_HISTOGRAM;
        two.buckets = buckets;
        two.n_buckets = BUS_BUCKET_COUNT + 1;
        text = write_two(&out, metrics, 2);
        cr_expect_eq(
                count_of(text, "umbra_y_seconds_bucket{service=\"b\",le="), BUS_BUCKET_COUNT + 1);
        cr_expect_not_null(strstr(text, "_bucket{service=\"b\",le=\"+Inf\"} 14\n"));
        cr_expect_not_null(strstr(text, "umbra_y_seconds_sum{service=\"b\"} 0.75\n"));
        cr_expect_not_null(strstr(text, "umbra_y_seconds_count{service=\"b\"} 14\n"));
}

Test(prometheus, tells_an_expected_service_that_was_never_heard)
{
        struct beats beats = { 0 };
        BUS_AUTOBUF struct bus_buf out = BUS_BUF_INIT;

        beats_add(&beats, "a", true);
        beats_add(&beats, "b", true);
        cr_assert_eq(beats_expect(&beats, "a"), 0);
        prometheus_write(&beats, 0, &out);
        cr_expect_not_null(strstr(bus_buf_str(&out), "umbra_service_up{service=\"a\"} 0\n"));
        cr_expect_null(strstr(bus_buf_str(&out), "service=\"b\""));
}

Test(prometheus, tells_builds_figures_alarms_and_who_decides)
{
        struct threshold thresholds[THRESHOLD_COUNT] = { 0 };
        const struct threshold_rule rules[THRESHOLD_COUNT] = { [THRESHOLD_ORDERS] = {
                                                                       0.98, 0.95, true } };
        Pb__Account account = PB__ACCOUNT__INIT;
        json_t *alarms = json_pack("[{s:s, s:s, s:s, s:s}, {s:s, s:s, s:s, s:s}]", "service", "a",
                "code", "order_manual", "severity", "critical", "subject", "1", "service", "a",
                "code", "order_manual", "severity", "critical", "subject", "2");
        const struct prometheus_state state = { .verdict = VERDICT_DEGRADED,
                .thresholds = thresholds,
                .rules = rules,
                .alarms = alarms,
                .active = "legacy_v3",
                .epoch = 7,
                .account = &account };
        static const char *const lines[] = {
                "umbra_health{service=\"health\",status=\"degraded\"} 1\n",
                "umbra_health{service=\"health\",status=\"healthy\"} 0\n",
                "umbra_figure_level{service=\"health\",figure=\"cpu\"} 2\n",
                "umbra_figure_value{service=\"health\",figure=\"cpu\"} 0.75\n",
                "umbra_figure_bound{service=\"health\",figure=\"order_success\",bound=\"alert\"} 0.95\n",
                "umbra_alarms_raised{service=\"a\",code=\"order_manual\",severity=\"critical\"} 2\n",
                "umbra_plugin_active{service=\"health\",plugin=\"legacy_v3\"} 1\n",
                "umbra_route_epoch{service=\"health\"} 7\n",
                "umbra_broker_connected{service=\"health\"} 0\n",
        };
        BUS_AUTOBUF struct bus_buf out = BUS_BUF_INIT;

        thresholds[THRESHOLD_CPU] =
                (struct threshold){ .level = THRESHOLD_ALERT, .value = 0.75, .is_known = true };
        prometheus_write_state(&state, &out);
        for (size_t i = 0; i < BUS_COUNT(lines); i++)
                cr_expect_eq(count_of(bus_buf_str(&out), lines[i]), 1, "%s", lines[i]);
        cr_expect_eq(count_of(bus_buf_str(&out), "umbra_alarms_raised{"), 1);
        cr_expect_eq(count_of(bus_buf_str(&out), "umbra_figure_value{"), 1, "not yet measured");
        json_decref(alarms);
}
