#include "libbus/wire/streams.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(streams, no_prefix_matches_a_topic_of_another_stream)
{
        for (size_t i = 0; i < bus_stream_kind_count; i++) {
                const char *mine = bus_stream_kinds[i].topic_prefix;

                cr_expect_eq(mine[strlen(mine) - 1], '.', "%s", mine);
                for (size_t k = 0; k < bus_stream_kind_count; k++)
                        cr_expect(i == k || strncmp(bus_stream_kinds[k].topic_prefix, mine,
                                                    strlen(mine)) != 0,
                                "%s takes topics of %s", mine, bus_stream_kinds[k].topic_prefix);
        }
}

Test(streams, are_found_by_name_and_by_topic)
{
        for (size_t i = 0; i < bus_stream_kind_count; i++) {
                char topic[128];

                cr_expect_eq(bus_stream_kind(bus_stream_kinds[i].name), &bus_stream_kinds[i]);
                snprintf(topic, sizeof(topic), "%sX", bus_stream_kinds[i].topic_prefix);
                cr_expect_eq(bus_stream_of_topic(topic), &bus_stream_kinds[i]);
        }
        cr_expect_null(bus_stream_kind("orders"));
        cr_expect_null(bus_stream_kind("signal@alert-ingest"));
        cr_expect_null(bus_stream_of_topic("orde"));
        cr_expect_null(bus_stream_of_topic("control.other.x"));
        cr_expect_null(bus_stream_of_topic(""));
        cr_expect_str_eq(
                bus_stream_of_topic("decision.shadow.combined_v3")->name, "decision.shadow");
        cr_expect_str_eq(bus_stream_of_topic("decision.v3.EURUSD")->name, "decision");
}

Test(streams, what_is_journaled_is_kept_for_a_time)
{
        for (size_t i = 0; i < bus_stream_kind_count; i++)
                cr_expect_eq(bus_stream_kinds[i].kept_days > 0,
                        bus_stream_kinds[i].commit != BUS_COMMIT_NONE);
        /* a signal derived again needs it, its decision and its slot record for the same time */
        cr_expect_eq(bus_stream_kind("order")->kept_days, bus_stream_kind("signal")->kept_days);
        cr_expect_eq(bus_stream_kind("signal")->commit, BUS_COMMIT_FULL);
        cr_expect_eq(bus_stream_kind("order")->commit, BUS_COMMIT_DERIVED);
}

Test(streams, full_name_says_who_writes)
{
        char text[BUS_STREAM_NAME_SIZE];

        cr_expect_str_eq(
                bus_stream_full_name("signal", "alert-ingest", text), "signal@alert-ingest");
}
