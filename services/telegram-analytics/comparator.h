#pragma once
/*
 * The comparator on the bus: reads signals and both sides' decisions, keeps the book of open alerts
 * in the store, publishes `comparison`. What it publishes and what it keeps commit together with
 * the cursors, so every pair is published once, whoever is killed when. The sums are a fold of the
 * published stream: a snapshot now and then, and the rest read back at the start.
 */
#include "libbus/service/service.h"
#include "services/compare/book.h"
#include "services/compare/rules_config.h"
#include "services/compare/tally.h"
#include "services/telegram-analytics/balance.h"

/* Rows for the service's option table. */
#define COMPARATOR_OPTIONS                                                                         \
        COMPARE_OPTIONS,                                                                           \
                { "strategy-v3-shadow", "plugins", CONFIG_STRING, "combined_v3,legacy_v3", 1, 180, \
                        NULL, "who judges in the shadow: a decision of each is waited for" },      \
                { "strategy-v3-shadow", "*", CONFIG_STRING, "", 0, 4096, NULL,                     \
                        "the shadow's own" },                                                      \
                { "plugin_system", "enabled", CONFIG_BOOL, "yes", 0, 0, NULL,                      \
                        "no: the incumbent alone is loaded" },                                     \
        {                                                                                          \
                "plugin_system", "*", CONFIG_STRING, "", 0, 4096, NULL, "the strategies' own"      \
        }

struct comparator {
        struct bus_service *service;
        struct symbols symbols;
        struct compare_settings settings;
        struct compare_book *book;
        struct compare_sums sums;
        bool sums_changed; /* since the last snapshot */
        struct balance balance;
        int64_t started_us; /* monotonic */
        struct bus_source *evidence_timer;
        struct bus_metric *open, *missing;
        struct bus_metric *pairs[COMPARE_CLASSES];
};

/* From the config. -EINVAL with one line in ERROR; either way comparator_done. */
BUS_MUST int comparator_init(struct comparator *comparator, struct bus_service *service,
        char error[static CONFIG_ERROR_SIZE]);
void comparator_done(struct comparator *comparator);
/* Loads what was kept, and starts its timers. -errno. */
BUS_MUST int comparator_start(struct comparator *comparator);
/* The last commit takes the sums along. */
void comparator_drain(struct comparator *comparator);
/* Facts for the heartbeat. */
void comparator_report(struct comparator *comparator);

/* bus_handlers; SELF is the comparator. */
int comparator_signal(void *self, const struct bus_message *message);
int comparator_live(void *self, const struct bus_message *message);
int comparator_shadow(void *self, const struct bus_message *message);

/* Publishes a pair and counts it. */
void comparator_tell(void *comparator, const struct compare_pair *pair);

/* Publishes a comparison as it stands, and counts it. */
void comparator_publish(struct comparator *comparator, const Pb__Comparison *message,
        const char *alert_id, const char *message_id);

/* evidence.c: takes up what replays left. */
BUS_MUST int evidence_start(struct comparator *comparator);

/* sums.c: the sums as they are kept. */
BUS_MUST int sums_load(struct comparator *comparator);
/* A snapshot, behind the turn's commit. */
void sums_keep(struct comparator *comparator);
