/* A plugin that dies of one symbol, for test_poison.sh and test_switches.sh. Any other alert it ignores. */
#include "umbra/plugin.h"

#include <signal.h>
#include <string.h>

static int create(
        const struct umbra_settings *settings, char *error, size_t error_size, void **ret_self)
{
        (void)error;
        (void)error_size;
        *ret_self = (void *)settings;
        return 0;
}

static void destroy(void *self)
{
        (void)self;
}

static int decide(void *self, const struct v3_alert *alert, const struct v3_context *context,
        struct v3_decision *ret_decision)
{
        (void)self;
        (void)context;
        if (!strcmp(alert->symbol, "GBPJPY"))
                raise(SIGSEGV);
        ret_decision->verdict = V3_VERDICT_IGNORE;
        ret_decision->reason = V3_REASON_TREND_PULSE;
        return 0;
}

extern const struct umbra_plugin UMBRA_PLUGIN_SYMBOL;
UMBRA_PLUGIN_EXPORT const struct umbra_plugin UMBRA_PLUGIN_SYMBOL = {
        .stamp = UMBRA_PLUGIN_STAMP,
        .name = POISON_NAME,
        .version = "0.1",
        .capabilities = UMBRA_CAN_ENTER | UMBRA_CAN_EXIT,
        .create = create,
        .destroy = destroy,
        .decide = decide,
};
