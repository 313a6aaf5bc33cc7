#include "services/compare/rules_config.h"

#include "libbus/base/clock.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECTION "telegram-analytics"

/* A moment, or the day whose beginning is meant. */
static int parse_expiry(const char *text, int64_t *ret_us)
{
        BUS_AUTOFREE char *day = bus_xasprintf("%sT00:00:00Z", text);

        return bus_time_parse(strlen(text) == strlen("2026-12-31") ? day : text, ret_us);
}

static void copy(
        char *to, size_t size, const struct config *config, const char *section, const char *key)
{
        snprintf(to, size, "%s", config_string(config, section, key));
}

static int read_rule(struct compare_rule *rule, const struct config *config, const char *name,
        char error[static CONFIG_ERROR_SIZE])
{
        BUS_AUTOFREE char *section = bus_xasprintf("ignore.%s", name);

        *rule = (struct compare_rule){ 0 };
        snprintf(rule->name, sizeof(rule->name), "%s", name);
        rule->class = compare_class_of(config_string(config, section, "class"));
        /* the enumeration's order is that of enum v3_type; not given is -1 */
        rule->kind = (enum v3_type)(config_enum(config, section, "kind") + 1);
        copy(rule->plugin, sizeof(rule->plugin), config, section, "plugin");
        copy(rule->against, sizeof(rule->against), config, section, "against");
        copy(rule->symbol, sizeof(rule->symbol), config, section, "symbol");
        copy(rule->owner, sizeof(rule->owner), config, section, "owner");
        copy(rule->why, sizeof(rule->why), config, section, "reason");
        if (parse_expiry(config_string(config, section, "expires"), &rule->expires_us) == 0)
                return 0;
        snprintf(error, CONFIG_ERROR_SIZE,
                "%s: %s.expires: must be a day or a time such as 2026-12-31T00:00:00Z",
                config_origin(config, section, "expires"), section);
        return -EINVAL;
}

static bool is_rule_name(const char *name)
{
        return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name);
}

int compare_config(struct compare_settings *settings, const struct config *config,
        const struct symbols *symbols, char error[static CONFIG_ERROR_SIZE])
{
        const char *name;
        int r = 0;

        *settings = (struct compare_settings){
                .tolerance = { .lot_steps = config_int(config, SECTION, "lot_tolerance"),
                        .points = config_int(config, SECTION, "price_tolerance") },
                .deadline_us = config_int(config, SECTION, "deadline"),
                .symbols = symbols,
        };
        for (size_t i = 0; !r && (name = config_instance(config, "ignore", i)); i++) {
                if (i == COMPARE_RULES_MAX || !is_rule_name(name)) {
                        snprintf(error, CONFIG_ERROR_SIZE, "ignore.%s: %s", name,
                                i == COMPARE_RULES_MAX ? "one rule too many"
                                                       : "a name is of a-z, 0-9, _ and -");
                        return -EINVAL;
                }
                r = read_rule(&settings->rules[i], config, name, error);
                settings->rule_count += !r;
        }
        return r;
}
