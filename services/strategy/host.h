#pragma once
/*
 * What both strategy programs have: the plugins the configuration names, loaded, set and started,
 * and a signal put before one of them. Nothing here knows what an order is.
 */
#include "libbus/base/clock.h"
#include "libbus/bus/message.h"
#include "libbus/config/config.h"
#include "proto/unpack.h"
#include "services/common/decision_codec.h"
#include "services/common/plugin_host.h"
#include "signal.pb-c.h"

/* More than a folder of candidates has use for; each judges every signal in the shadow. */
#define STRATEGY_PLUGINS_MAX 8

/* Nobody waits for their commits: what is published is derived again after a kill. Short beside what
 * a start takes, long beside the time between two alerts of a burst. */
#define STRATEGY_COMMIT_DELAY_US (50 * BUS_US_PER_MS)

/* Rows for both programs' option tables. */
#define STRATEGY_OPTIONS                                                                        \
        { "plugin_system", "enabled", CONFIG_BOOL, "yes", 0, 0, NULL,                           \
                "no: the incumbent alone is loaded" },                                          \
                { "plugin_system", "auto_rollback", CONFIG_BOOL, "no", 0, 0, NULL,              \
                        "what the watch finds is rolled back without asking" },                 \
                { "plugin_system", "folder", CONFIG_STRING, NULL, 1, 4000, NULL,                \
                        "where the plugins lie, NAME.so each" },                                \
        {                                                                                       \
                "plugin.*", "*", CONFIG_STRING, "", 0, 256, NULL, "settings of a plugin, by it" \
        }

struct strategy_host {
        struct plugin *plugins[STRATEGY_PLUGINS_MAX]; /* in the order they were named */
        size_t count;
};

/*
 * Loads NAMES ("combined_v3,legacy_v3"; of these INCUMBENT alone where plugin_system.enabled is no).
 * 0, the caller calls strategy_host_done; or -errno with one line in ERROR that names the culprit.
 */
BUS_MUST int strategy_host_load(struct strategy_host *host, const struct config *config,
        const char *names, const char *incumbent, char error[static CONFIG_ERROR_SIZE]);
void strategy_host_done(struct strategy_host *host);
struct plugin *strategy_host_find(const struct strategy_host *host, const char *name); /* or NULL */

/* A signal as plugins want it. */
struct strategy_signal {
        struct message_arena arena; /* the next one's */
        Pb__Signal *pb;
        struct v3_alert alert;
        struct v3_context context;
        bool has_context;
};

/* 0, the caller calls strategy_signal_done; BUS_QUARANTINE with a WARN line that says why. */
BUS_MUST int strategy_signal_read(
        const struct bus_message *message, struct strategy_signal *ret_signal);
void strategy_signal_done(struct strategy_signal *signal);

/* Asks PLUGIN, timed. */
void strategy_decide(struct plugin *plugin, const struct strategy_signal *signal,
        struct plugin_verdict *ret_verdict);
