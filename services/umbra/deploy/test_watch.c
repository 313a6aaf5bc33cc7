#include "services/umbra/deploy/watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define HEALTHY                                                                                   \
        "{\"status\":\"healthy\",\"checks\":{},\"alarms\":[],\"thresholds\":{\"cpu\":{\"level\":" \
        "\"normal\"},\"errors\":{\"level\":\"normal\"}}}"
#define SHADOW                                                                              \
        "{\"pairs\":120,\"critical\":0,\"classes\":{\"exact\":119},\"watch\":{\"on\":true," \
        "\"triggers\":[]}}"
#define RECORD                                                                                  \
        "{\"phase\":\"cutover\",\"way\":\"forward\",\"ended_us\":1000,\"watch_until_us\":5000," \
        "\"alarms\":[\"health threshold cpu\"],\"latency\":{\"sum\":1.0,\"count\":200.0}}"

static void metrics_of(char text[static 300], double sum, unsigned int count)
{
        snprintf(text, 300,
                "# TYPE umbra_alert_processing_seconds histogram\n"
                "umbra_alert_processing_seconds_bucket{service=\"health\",le=\"1\"} 3\n"
                "umbra_alert_processing_seconds_sum{service=\"health\"} %f\n"
                "umbra_alert_processing_seconds_count{service=\"health\"} %u\n",
                sum, count);
}

struct given {
        const char *status, *shadow, *audit, *record;
        double sum;
        unsigned int count;
        int64_t now_us;
};

static struct watch_report judge(struct given given)
{
        json_t *status = given.status ? json_loads(given.status, 0, NULL) : NULL;
        json_t *shadow = json_loads(given.shadow ? given.shadow : SHADOW, 0, NULL);
        json_t *audit = json_loads(given.audit ? given.audit : "[]", 0, NULL);
        json_t *record = json_loads(given.record ? given.record : RECORD, 0, NULL);
        struct watch_report report;
        char metrics[300];

        cr_assert(shadow && audit && record && !status == !given.status);
        metrics_of(metrics, given.sum, given.count);
        deploy_watch(
                &(struct watch_view){
                        .status = status,
                        .shadow = shadow,
                        .audit = audit,
                        .metrics = metrics,
                        .record = record,
                        .slower = 10,
                        .now_us = given.now_us,
                },
                &report);
        json_decref(status);
        json_decref(shadow);
        json_decref(audit);
        json_decref(record);
        return report;
}

static const struct watch_line *line_of(const struct watch_report *report, const char *text)
{
        for (size_t i = 0; i < report->count; i++)
                if (strstr(report->lines[i].text, text))
                        return &report->lines[i];
        for (size_t i = 0; i < report->count; i++)
                printf("%s\n", report->lines[i].text);
        cr_assert_fail("no line has: %s", text);
        return NULL;
}

Test(deploy_watch, has_nothing_against_a_system_that_is_well)
{
        struct watch_report report =
                judge((struct given){ .status = HEALTHY, .sum = 2.05, .count = 400 });

        cr_expect_not(report.is_bad);
        cr_expect_not(report.is_over);
        cr_expect_eq(line_of(&report, "all 2 normal")->kind, WATCH_FINE);
        cr_expect_eq(line_of(&report, "120 decisions compared, 119 the same")->kind, WATCH_FINE);
        cr_expect_eq(line_of(&report, "5.25 ms the alert over 200 of them, 5.00 ms before (+5.0 %)")
                             ->kind,
                WATCH_FINE);
}

Test(deploy_watch, is_over_when_its_time_is)
{
        cr_expect_not(judge((struct given){ .status = HEALTHY, .now_us = 4999 }).is_over);
        cr_expect(judge((struct given){ .status = HEALTHY, .now_us = 5000 }).is_over);
}

Test(deploy_watch, speaks_against_what_is_over_an_alert_bound_only)
{
        struct watch_report degraded = judge((struct given){
                .status =
                        "{\"status\":\"degraded\",\"checks\":{\"cpu\":{\"status\":\"degraded\","
                        "\"why\":\"0.4 cores\"}},\"thresholds\":{\"cpu\":{\"level\":\"degraded\"}}}" });
        struct watch_report alert = judge((struct given){
                .status =
                        "{\"status\":\"unhealthy\",\"thresholds\":{\"cpu\":{\"level\":\"alert\"}}}" });

        cr_expect_not(degraded.is_bad);
        cr_expect_eq(line_of(&degraded, "cpu: 0.4 cores")->kind, WATCH_NOTE);
        cr_expect(alert.is_bad);
        cr_expect_eq(line_of(&alert, "threshold cpu")->kind, WATCH_BAD);
}

Test(deploy_watch, tells_alarms_that_were_not_there_before)
{
        struct watch_report old = judge((struct given){
                .status =
                        "{\"status\":\"healthy\",\"alarms\":[{\"service\":\"health\",\"code\":"
                        "\"threshold\",\"subject\":\"cpu\",\"severity\":\"critical\",\"text\":\"x\"}]}" });
        struct watch_report fresh = judge((struct given){
                .status = "{\"status\":\"healthy\",\"alarms\":[{\"service\":\"health\",\"code\":"
                          "\"rollback_trigger\",\"subject\":\"slower\",\"severity\":\"critical\","
                          "\"text\":\"7 % slower\"}]}" });

        cr_expect_not(old.is_bad);
        line_of(&old, "none that was not there before");
        cr_expect(fresh.is_bad);
        cr_expect(line_of(&fresh, "rollback_trigger slower: 7 % slower")->lasts,
                "an alarm that ends is still what happened");
}

Test(deploy_watch, tells_of_a_rollback_that_somebody_did_since)
{
        static const char audit[] =
                "[{\"command\":\"rollback\",\"actor\":\"health:watch\",\"reason\":\"slower\",\"at_us\":2000}]";
        static const char before[] =
                "[{\"command\":\"rollback\",\"actor\":\"ann\",\"reason\":\"\",\"at_us\":500}]";

        cr_expect(judge((struct given){ .status = HEALTHY, .audit = audit }).is_bad);
        cr_expect_not(judge((struct given){ .status = HEALTHY, .audit = before }).is_bad);
}

Test(deploy_watch, speaks_against_a_critical_difference_of_the_shadow)
{
        static const char critical[] = "{\"pairs\":120,\"critical\":1,\"classes\":{\"exact\":119}}";
        static const char shadow[] = "{\"phase\":\"shadow\",\"watch_until_us\":5000}";

        cr_expect(judge((struct given){ .status = HEALTHY, .shadow = critical, .record = shadow })
                          .is_bad);
        cr_expect_not(judge((struct given){ .status = HEALTHY, .shadow = critical }).is_bad,
                "of a cutover the gate and the watch of health judge");
}

Test(deploy_watch, speaks_against_a_trigger_of_healths_own_watch)
{
        struct watch_report report = judge((struct given){ .status = HEALTHY,
                .shadow = "{\"pairs\":1,\"watch\":{\"on\":true,\"triggers\":[\"slower\"]}}" });

        cr_expect(report.is_bad);
        line_of(&report, "rollback trigger: slower");
}

Test(deploy_watch, speaks_against_alerts_that_take_longer_than_before)
{
        cr_expect(
                judge((struct given){ .status = HEALTHY, .sum = 1.0 + 1.3, .count = 400 }).is_bad);
        cr_expect_not(
                judge((struct given){ .status = HEALTHY, .sum = 1.0 + 1.05, .count = 400 }).is_bad);
        cr_expect_not(judge((struct given){ .status = HEALTHY, .sum = 9, .count = 250 }).is_bad,
                "50 alerts are too few");
        cr_expect(judge((struct given){ .status = HEALTHY, .sum = 2, .count = 150 }).is_bad,
                "health was started again: it counts from 0");
}

Test(deploy_watch, remembers_what_was_seen_and_has_gone_by)
{
        struct watch_report report = judge((struct given){ .status = HEALTHY,
                .record = "{\"phase\":\"shadow\",\"watch_until_us\":5000,\"found\":[{\"at_us\":3,"
                          "\"text\":\"alarm rollback_trigger slower: 7 %\"}]}" });

        cr_expect(report.is_bad);
        line_of(&report, "alarm rollback_trigger slower: 7 %");
}

Test(deploy_watch, does_not_call_a_silent_health_well)
{
        cr_expect(judge((struct given){ 0 }).is_bad);
}

Test(deploy_watch, reads_the_latency_it_will_compare_with)
{
        char metrics[300];
        json_t *latency;

        metrics_of(metrics, 2.5, 300);
        latency = watch_latency(metrics);
        cr_expect_float_eq(json_number_value(json_object_get(latency, "sum")), 2.5, 1e-9);
        cr_expect_float_eq(json_number_value(json_object_get(latency, "count")), 300, 1e-9);
        json_decref(latency);
        cr_expect_null(watch_latency("nothing of that"));
        cr_expect_null(watch_latency(NULL));
}
