#include "libbus/wire/streams.h"

#include "libbus/base/require.h"

#include <stdio.h>
#include <string.h>

/* Alerts of a quarter can be looked up, judged again and explained; deals for a year and its taxes. */
#define KEPT_DAYS_SHORT 90
#define KEPT_DAYS_LONG  400
/* Snapshots of the account: many, and old ones are of no use to anyone. */
#define KEPT_DAYS_ACCOUNT 7

const struct bus_stream_kind bus_stream_kinds[] = {
        { "signal", "signal.", BUS_COMMIT_FULL, KEPT_DAYS_SHORT, "Signal" },
        { "decision", "decision.v3.", BUS_COMMIT_DERIVED, KEPT_DAYS_SHORT, "Decision" },
        { "decision.shadow", "decision.shadow.", BUS_COMMIT_DERIVED, KEPT_DAYS_SHORT, "Decision" },
        { "order", "order.v3.", BUS_COMMIT_DERIVED, KEPT_DAYS_SHORT, "Order" },
        { "trade", "trade.", BUS_COMMIT_FULL, KEPT_DAYS_LONG, "Trade" },
        { "account", "account.", BUS_COMMIT_FULL, KEPT_DAYS_ACCOUNT, "Account" },
        { "control", "control.cmd.", BUS_COMMIT_FULL, KEPT_DAYS_LONG, "Control" },
        /* as the switch it reports, and every switch is synced */
        { "control.result", "control.result.", BUS_COMMIT_FULL, KEPT_DAYS_SHORT, "ControlResult" },
        { "comparison", "comparison.", BUS_COMMIT_NORMAL, KEPT_DAYS_SHORT, "Comparison" },
        { "alarm", "alarm.", BUS_COMMIT_FULL, KEPT_DAYS_SHORT, "Alarm" },
        { "heartbeat", "heartbeat.", BUS_COMMIT_NONE, 0, "Heartbeat" },
        { "beacon", "beacon.", BUS_COMMIT_NONE, 0, "Beacon" },
        { "tick", "tick.", BUS_COMMIT_NONE, 0, "Tick" },
};

const size_t bus_stream_kind_count = BUS_COUNT(bus_stream_kinds);

const struct bus_stream_kind *bus_stream_kind(const char *name)
{
        for (size_t i = 0; i < bus_stream_kind_count; i++)
                if (!strcmp(bus_stream_kinds[i].name, name))
                        return &bus_stream_kinds[i];
        return NULL;
}

const struct bus_stream_kind *bus_stream_of_topic(const char *topic)
{
        for (size_t i = 0; i < bus_stream_kind_count; i++) {
                const char *prefix = bus_stream_kinds[i].topic_prefix;

                if (!strncmp(topic, prefix, strlen(prefix)))
                        return &bus_stream_kinds[i];
        }
        return NULL;
}

const char *bus_stream_full_name(
        const char *kind, const char *writer, char text[static BUS_STREAM_NAME_SIZE])
{
        int n = snprintf(text, BUS_STREAM_NAME_SIZE, "%s@%s", kind, writer);

        bus_require(n > 0 && n < BUS_STREAM_NAME_SIZE);
        return text;
}
