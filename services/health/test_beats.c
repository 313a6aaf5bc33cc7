/* Heartbeats of a service that runs once, and of one that runs several times. */
#include "services/health/beats.h"

#include "services/health/prometheus.h"

#include "libbus/base/bytes.h"
#include "libbus/base/require.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define S INT64_C(1000000)

static Pb__Heartbeat *beat_of(const char *service, const char *replica, uint32_t pid)
{
        Pb__Heartbeat *beat = bus_new(Pb__Heartbeat);

        pb__heartbeat__init(beat);
        beat->service = bus_xstrdup(service);
        beat->replica = bus_xstrdup(replica);
        beat->pid = pid;
        beat->started_us = 1;
        beat->memory_bytes = pid;
        beat->state = PB__SERVICE_STATE__SERVICE_STATE_READY;
        return beat;
}

static void begin(struct beats *beats)
{
        *beats = (struct beats){ 0 };
        beats_add(beats, "alert-ingest", true);
        beats_add(beats, "health", false);
}

Test(beats, a_service_that_starts_again_keeps_its_place)
{
        struct beats beats;
        struct beat *first;

        begin(&beats);
        first = beats_take(&beats, beat_of("alert-ingest", "", 1), 1 * S);
        cr_assert_eq(first, &beats.items[0]);
        cr_expect_eq(beats_take(&beats, beat_of("alert-ingest", "", 2), 2 * S), first);
        cr_expect_eq(first->starts, 2);
        cr_expect_eq(beats.count, 2);
        cr_expect_null(beats_take(&beats, beat_of("stranger", "", 3), 2 * S));
        beats_done(&beats);
}

Test(beats, who_hung_while_another_took_over_is_not_heard)
{
        static const uint64_t tokens[] = { 7, 9, 7, 9, 0 };
        struct beats beats;

        begin(&beats);
        for (uint32_t i = 0; i < BUS_COUNT(tokens); i++) {
                Pb__Heartbeat *beat = beat_of("health", "", i);

                beat->writer_token = tokens[i];
                cr_expect_eq(!beats_take(&beats, beat, i * S), i == 2, "%u", i);
                cr_expect_eq(beats_find(&beats, "health")->last->pid, i == 2 ? 1 : i);
        }
        beats_done(&beats);
}

Test(beats, replicas_have_a_place_each_and_the_service_s_own_is_one_that_lives)
{
        struct beats beats;
        struct beat *first, *second;

        begin(&beats);
        first = beats_take(&beats, beat_of("alert-ingest", "one", 1), 1 * S);
        second = beats_take(&beats, beat_of("alert-ingest", "two", 2), 1 * S);
        cr_assert(second != first);
        cr_expect_not(second->expected || second->core);
        for (int i = 2; i < 6; i++) {
                cr_expect_eq(beats_take(&beats, beat_of("alert-ingest", "two", 2), i * S), second);
                cr_expect_eq(beats_take(&beats, beat_of("alert-ingest", "one", 1), i * S), first);
        }
        cr_expect_eq(first->starts, 1);
        cr_expect_eq(second->starts, 1);
        cr_expect_eq(beats_find(&beats, "alert-ingest"), first);
        /* the first goes: the other takes its place, and is not counted twice */
        cr_expect_eq(beats_take(&beats, beat_of("alert-ingest", "two", 2), 9 * S), first);
        cr_expect(beat_is_ready(first, 9 * S));
        cr_expect_eq(first->last->pid, 2);
        cr_expect_eq(beats_take(&beats, beat_of("alert-ingest", "two", 2), 10 * S), first);
        cr_expect_null(second->last);
        /* and another comes */
        cr_expect_eq(beats_take(&beats, beat_of("alert-ingest", "three", 3), 10 * S), second);
        cr_expect_eq(beats.count, 3);
        beats_done(&beats);
}

static void say(struct beats *beats, const char *service, const char *replica, const char *fact)
{
        Pb__Heartbeat *beat = beat_of(service, replica, 1);

        beat->facts = bus_new_n(char *, 1);
        beat->facts[0] = bus_xstrdup(fact);
        beat->n_facts = 1;
        cr_assert_not_null(beats_take(beats, beat, 1 * S));
}

/* Entries would be rejected for want of it, by whichever replica they come to. */
Test(beats, without_the_account_at_every_ingest_nothing_is_ready)
{
        struct beats beats;
        const char *missing = "";

        begin(&beats);
        beats_add(&beats, "order-executor", true);
        say(&beats, "health", "", "gate=on");
        say(&beats, "order-executor", "", "killed=no");
        say(&beats, "alert-ingest", "one", "lacks_account=yes");
        cr_expect(!beats_ready(&beats, 1 * S, &missing));
        cr_expect_str_eq(missing, "the account at alert-ingest");
        say(&beats, "alert-ingest", "one", "lacks_account=no");
        cr_expect(beats_ready(&beats, 1 * S, &missing));
        say(&beats, "alert-ingest", "two", "lacks_account=yes");
        cr_expect(!beats_ready(&beats, 1 * S, &missing));
        say(&beats, "alert-ingest", "two", "lacks_account=no");
        cr_expect(beats_ready(&beats, 1 * S, &missing));
        beats_done(&beats);
}

Test(beats, where_no_executor_is_to_be_nobody_waits_for_the_account)
{
        struct beats beats;
        const char *missing = "";

        begin(&beats);
        beats_add(&beats, "order-executor", true);
        cr_assert_eq(beats_expect(&beats, "alert-ingest health"), 0);
        say(&beats, "health", "", "gate=on");
        say(&beats, "alert-ingest", "", "lacks_account=yes");
        cr_expect(beats_ready(&beats, 1 * S, &missing), "%s", missing);
        beats_done(&beats);
}

Test(beats, no_number_of_replicas_takes_more_than_there_is)
{
        struct beats beats;
        char name[8];

        begin(&beats);
        for (uint32_t i = 1; i <= 50; i++) {
                snprintf(name, sizeof(name), "r%u", i);
                beats_take(&beats, beat_of("alert-ingest", name, i), 1 * S);
        }
        cr_expect_eq(beats.count, BEATS_SERVICES_MAX);
        beats_done(&beats);
}

Test(beats, a_scrape_tells_replicas_apart)
{
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT;
        struct beats beats;

        begin(&beats);
        beats_take(&beats, beat_of("alert-ingest", "one", 1), 1 * S);
        beats_take(&beats, beat_of("alert-ingest", "two", 2), 1 * S);
        beats_take(&beats, beat_of("health", "", 3), 1 * S);
        prometheus_write(&beats, 1 * S, &text);
        cr_expect(strstr(bus_buf_str(&text),
                          "umbra_service_up{service=\"alert-ingest\",replica=\"one\"} 1\n"),
                "%s", bus_buf_str(&text));
        cr_expect(strstr(bus_buf_str(&text),
                "umbra_service_up{service=\"alert-ingest\",replica=\"two\"} 1\n"));
        cr_expect(strstr(bus_buf_str(&text), "umbra_service_up{service=\"health\"} 1\n"));
        beats_done(&beats);
}
