/*
 * legacy_v3: the incumbent. This file holds the plugin's face; the rules are one file each.
 */
#include "umbra/plugin.h"

#include <errno.h>

static int legacy_decide(void *self, const struct v3_alert *alert, const struct v3_context *context,
        struct v3_decision *ret_decision)
{
        (void)self;
        (void)context;
        if (alert->type != V3_TYPE_PULSE)
                return -EINVAL;
        ret_decision->verdict = V3_VERDICT_IGNORE;
        ret_decision->reason = V3_REASON_TREND_PULSE;
        return 0;
}

static int legacy_create(
        const struct umbra_settings *settings, char *error, size_t error_size, void **ret_self)
{
        (void)error;
        (void)error_size;
        *ret_self = (void *)settings;
        return 0;
}

static void legacy_destroy(void *self)
{
        (void)self;
}

UMBRA_PLUGIN_EXPORT const struct umbra_plugin UMBRA_PLUGIN_SYMBOL = {
        .stamp = UMBRA_PLUGIN_STAMP,
        .name = "legacy_v3",
        .version = "1",
        .capabilities = UMBRA_CAN_ENTER | UMBRA_CAN_EXIT,
        .create = legacy_create,
        .destroy = legacy_destroy,
        .decide = legacy_decide,
};
