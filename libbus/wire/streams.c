#include "libbus/wire/streams.h"

#include "libbus/base/require.h"

#include <stdio.h>
#include <string.h>

/* Alerts of a quarter can be looked up, judged again and explained; deals for a year and its taxes. */
#define KEPT_DAYS_SHORT 90
#define KEPT_DAYS_LONG  400
/* Snapshots of the account: many, and old ones are of no use to anyone. */
#define KEPT_DAYS_ACCOUNT 7

#define EVERYONE BUS_STREAM_EVERYONE
#define SHORT    KEPT_DAYS_SHORT
#define LONG     KEPT_DAYS_LONG

static const char strategies_and_books[] =
        "strategy-v3 strategy-v3-shadow health telegram-analytics";
static const char books[] = "health telegram-analytics";
static const char told[] = "health telegram-analytics telegram-notify";
static const char people[] = "health telegram-controller telegram-notify";
static const char people_and_books[] =
        "health telegram-controller telegram-notify telegram-analytics";
static const char ingest_and_people[] =
        "alert-ingest health telegram-controller telegram-notify telegram-analytics";

const struct bus_stream_kind bus_stream_kinds[] = {
        { "signal", "signal.", BUS_COMMIT_FULL, SHORT, "Signal", "alert-ingest",
                strategies_and_books },
        { "decision", "decision.v3.", BUS_COMMIT_DERIVED, SHORT, "Decision", "strategy-v3", told },
        { "decision.shadow", "decision.shadow.", BUS_COMMIT_DERIVED, SHORT, "Decision",
                "strategy-v3-shadow", books },
        { "order", "order.v3.", BUS_COMMIT_DERIVED, SHORT, "Order", "strategy-v3",
                "order-executor health" },
        { "trade", "trade.", BUS_COMMIT_FULL, LONG, "Trade", "order-executor", people_and_books },
        { "account", "account.", BUS_COMMIT_FULL, KEPT_DAYS_ACCOUNT, "Account", "order-executor",
                ingest_and_people },
        { "control", "control.cmd.", BUS_COMMIT_FULL, LONG, "Control", "health telegram-controller",
                EVERYONE },
        /* as the switch it reports, and every switch is synced */
        { "control.result", "control.result.", BUS_COMMIT_FULL, SHORT, "ControlResult", EVERYONE,
                people },
        { "comparison", "comparison.", BUS_COMMIT_NORMAL, SHORT, "Comparison", "telegram-analytics",
                "health telegram-notify" },
        { "alarm", "alarm.", BUS_COMMIT_FULL, SHORT, "Alarm", EVERYONE, people_and_books },
        { "heartbeat", "heartbeat.", BUS_COMMIT_NONE, 0, "Heartbeat", EVERYONE,
                "health telegram-controller telegram-notify telegram-analytics" },
        { "beacon", "beacon.", BUS_COMMIT_NONE, 0, "Beacon", EVERYONE, "" },
        { "tick", "tick.", BUS_COMMIT_NONE, 0, "Tick", "order-executor", "" },
        { "notice.signal", "notice.signal.", BUS_COMMIT_NONE, 0, "Notice", "alert-ingest",
                "strategy-v3" },
        { "notice.order", "notice.order.", BUS_COMMIT_NONE, 0, "Notice", "strategy-v3",
                "order-executor" },
        { "turn.ask", "turn.ask.", BUS_COMMIT_NONE, 0, "Turn", "telegram-notify telegram-analytics",
                "telegram-controller" },
        { "turn.grant", "turn.grant.", BUS_COMMIT_NONE, 0, "Turn", "telegram-controller",
                "telegram-notify telegram-analytics" },
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

bool bus_stream_names(const char *names, const char *name)
{
        size_t length = strlen(name);

        if (!strcmp(names, BUS_STREAM_EVERYONE))
                return true;
        for (const char *word = names; *word; word += strspn(word, " ")) {
                size_t n = strcspn(word, " ");

                if (n == length && !memcmp(word, name, n))
                        return true;
                word += n;
        }
        return false;
}
