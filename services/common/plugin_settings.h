#pragma once
/*
 * Inside of the plugin host: a plugin's option table, and text turned into its values. Pure.
 */
#include "services/common/plugin_host.h"

/* Checks the table itself: keys, types, and that each default is a value it allows. -EINVAL. */
BUS_MUST int plugin_options_check(const struct umbra_option *options, size_t count,
        const char *plugin, char error[static PLUGIN_ERROR_SIZE]);

/* The index of KEY, or COUNT. */
size_t plugin_option_find(const struct umbra_option *options, size_t count, const char *key);

/* VALUE as OPTION allows it. -EINVAL with a line in ERROR. */
BUS_MUST int plugin_option_parse(const struct umbra_option *option, const char *plugin,
        const char *value, union umbra_setting *ret_setting, char error[static PLUGIN_ERROR_SIZE]);

/* Adds "key=value" in its one canonical spelling, and a line break. */
void plugin_option_canonical(
        const struct umbra_option *option, union umbra_setting setting, struct bus_buf *buf);
