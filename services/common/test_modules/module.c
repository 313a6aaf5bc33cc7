/*
 * A plugin for the host's tests, built several times with one thing wrong each (VARIANT_...).
 */
#include "umbra/plugin.h"

#include <errno.h>
#include <stdio.h>

#ifdef VARIANT_STAMP
#define STAMP (UMBRA_PLUGIN_STAMP ^ 1)
#else
#define STAMP UMBRA_PLUGIN_STAMP
#endif

#ifndef NAME
#define NAME "test_plugin"
#endif

static const struct umbra_option options[] = {
        { "flag", UMBRA_OPTION_BOOL, "no", 0, 0, NULL, "a switch" },
        { "count", UMBRA_OPTION_INT, "3", 0, 4, NULL, "a number" },
        { "factor", UMBRA_OPTION_DECIMAL, "0.5", 10000000, 200000000, NULL, "a decimal" },
#ifdef VARIANT_OPTION
        { "mode", UMBRA_OPTION_ENUM, "none", 0, 0, "a|b", "a default that is no value" },
#else
        { "mode", UMBRA_OPTION_ENUM, "a", 0, 0, "a|bc|d", "a word" },
#endif
};

static int create(
        const struct umbra_settings *settings, char *error, size_t error_size, void **ret_self)
{
        if (settings->options[1].integer == 4) {
                snprintf(error, error_size, "count 4 does not go with this account");
                return -EINVAL;
        }
        *ret_self = (void *)settings;
        return 0;
}

static void destroy(void *self)
{
        (void)self;
}

/* The settings choose what it does: count 1 fails, 2 answers nonsense, else it ignores the alert. */
static int decide(void *self, const struct v3_alert *alert, const struct v3_context *context,
        struct v3_decision *ret_decision)
{
        const struct umbra_settings *settings = self;

        (void)alert;
        (void)context;
        if (settings->options[1].integer == 1)
                return -EIO;
        ret_decision->verdict = V3_VERDICT_IGNORE;
        ret_decision->reason = V3_REASON_TREND_PULSE;
        if (settings->options[1].integer == 2)
                ret_decision->leg_count = 77;
        return 0;
}

#ifdef VARIANT_NO_ENTRY
/* The same object under another name. */
#define ENTRY umbra_entry_of_another_age
#else
#define ENTRY UMBRA_PLUGIN_SYMBOL
#endif

extern const struct umbra_plugin ENTRY;
UMBRA_PLUGIN_EXPORT const struct umbra_plugin ENTRY = {
        .stamp = STAMP,
        .name = NAME,
        .version = "0.1",
        .capabilities = UMBRA_CAN_EXIT,
        .options = options,
        .option_count = sizeof(options) / sizeof(options[0]),
        .create = create,
        .destroy = destroy,
        .decide = decide,
};
