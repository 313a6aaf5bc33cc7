#include "libbus/loop/metrics_internal.h"

#include <criterion/criterion.h>

Test(metrics, the_same_name_and_labels_are_the_same_metric)
{
        struct bus_metrics *metrics = bus_metrics_new();
        struct bus_metric *a = bus_counter(metrics, "alerts_total", "code=\"accepted\"", "Alerts.");

        bus_metric_inc(a);
        bus_metric_inc(bus_counter(metrics, "alerts_total", "code=\"accepted\"", "Alerts."));
        bus_metric_inc(bus_counter(metrics, "alerts_total", "code=\"duplicate\"", "Alerts."));
        cr_expect_eq(bus_metric_value(a), 2);
        cr_expect_eq(metrics->count, 2);
        bus_metrics_free(metrics);
}

Test(metrics, histogram_buckets_are_cumulative)
{
        struct bus_metrics *metrics = bus_metrics_new();
        struct bus_metric *h = bus_histogram(metrics, "wait_seconds", "", "Wait.");
        struct bus_metrics_view view;

        bus_metric_observe_us(h, 50);
        bus_metric_observe_us(h, 300);
        bus_metric_observe_us(h, 60 * BUS_US_PER_SEC);
        bus_metrics_fill(metrics, &view);
        cr_assert_eq(view.count, 1);
        cr_expect_eq(view.items[0].buckets[0], 1);
        cr_expect_eq(view.items[0].buckets[2], 2);
        cr_expect_eq(view.items[0].buckets[BUS_BUCKET_COUNT - 1], 2);
        cr_expect_eq(view.items[0].buckets[BUS_BUCKET_COUNT], 3);
        bus_metrics_view_done(&view);
        bus_metrics_free(metrics);
}
