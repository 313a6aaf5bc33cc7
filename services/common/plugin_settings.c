#include "services/common/plugin_settings.h"

#include "libbus/base/e8.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define OPTIONS_MAX 64 /* more is not a plugin a person could configure */
#define KEY_MAX     32

static const struct {
        const char *word;
        bool value;
} booleans[] = {
        { "yes", true },
        { "no", false },
        { "true", true },
        { "false", false },
        { "1", true },
        { "0", false },
};

static bool parse_bool(const char *value, bool *ret_boolean)
{
        for (size_t i = 0; i < BUS_COUNT(booleans); i++) {
                if (!strcmp(booleans[i].word, value)) {
                        *ret_boolean = booleans[i].value;
                        return true;
                }
        }
        return false;
}

static bool parse_int(const char *value, int64_t *ret_number)
{
        char *end;
        long long number;

        if (value[value[0] == '-'] < '0' || value[value[0] == '-'] > '9')
                return false;
        errno = 0;
        number = strtoll(value, &end, 10);
        if (errno || *end)
                return false;
        *ret_number = number;
        return true;
}

/* The index of WORD in "a|b|c". */
static bool parse_enum(const char *values, const char *word, int64_t *ret_index)
{
        size_t size = strlen(word);

        for (int64_t i = 0; values; i++) {
                const char *bar = strchr(values, '|');
                size_t length = bar ? (size_t)(bar - values) : strlen(values);

                if (size && length == size && !memcmp(values, word, size)) {
                        *ret_index = i;
                        return true;
                }
                values = bar ? bar + 1 : NULL;
        }
        return false;
}

static int refuse(char *error, const char *plugin, const struct umbra_option *option,
        const char *value, const char *form)
{
        snprintf(error, PLUGIN_ERROR_SIZE, "plugin.%s.%s: must be %s, not \"%.40s\"", plugin,
                option->key, form, value);
        return -EINVAL;
}

static int refuse_range(
        char *error, const char *plugin, const struct umbra_option *option, const char *value)
{
        char form[2 * E8_TEXT_SIZE + 32], low[E8_TEXT_SIZE], high[E8_TEXT_SIZE];

        if (option->type == UMBRA_OPTION_DECIMAL)
                snprintf(form, sizeof(form), "%s to %s", e8_format_short(option->minimum, low),
                        e8_format_short(option->maximum, high));
        else
                snprintf(form, sizeof(form), "%lld to %lld", (long long)option->minimum,
                        (long long)option->maximum);
        return refuse(error, plugin, option, value, form);
}

int plugin_option_parse(const struct umbra_option *option, const char *plugin, const char *value,
        union umbra_setting *ret_setting, char error[static PLUGIN_ERROR_SIZE])
{
        union umbra_setting setting = { .integer = 0 };

        switch (option->type) {
        case UMBRA_OPTION_BOOL:
                if (!parse_bool(value, &setting.boolean))
                        return refuse(error, plugin, option, value, "yes or no");
                break;
        case UMBRA_OPTION_INT:
                if (!parse_int(value, &setting.integer))
                        return refuse(error, plugin, option, value, "a whole number");
                break;
        case UMBRA_OPTION_DECIMAL:
                if (e8_parse(value, strlen(value), &setting.integer) < 0)
                        return refuse(error, plugin, option, value, "a decimal number");
                break;
        case UMBRA_OPTION_ENUM:
                if (!parse_enum(option->values, value, &setting.integer))
                        return refuse(error, plugin, option, value, option->values);
                break;
        default: return refuse(error, plugin, option, value, "of a known type");
        }
        if ((option->type == UMBRA_OPTION_INT || option->type == UMBRA_OPTION_DECIMAL) &&
                (setting.integer < option->minimum || setting.integer > option->maximum))
                return refuse_range(error, plugin, option, value);
        *ret_setting = setting;
        return 0;
}

size_t plugin_option_find(const struct umbra_option *options, size_t count, const char *key)
{
        size_t i = 0;

        while (i < count && strcmp(options[i].key, key) != 0)
                i++;
        return i;
}

static int check_option(const struct umbra_option *options, size_t index, const char *plugin,
        char error[static PLUGIN_ERROR_SIZE])
{
        const struct umbra_option *option = &options[index];
        union umbra_setting setting;

        if (!option->key || !option->key[0] || strlen(option->key) > KEY_MAX || !option->fallback) {
                snprintf(error, PLUGIN_ERROR_SIZE, "plugin %s: option %zu has no key or default",
                        plugin, index);
                return -EINVAL;
        }
        if (plugin_option_find(options, index, option->key) != index) {
                snprintf(error, PLUGIN_ERROR_SIZE, "plugin %s: option %s is there twice", plugin,
                        option->key);
                return -EINVAL;
        }
        if (option->type == UMBRA_OPTION_ENUM && !option->values) {
                snprintf(error, PLUGIN_ERROR_SIZE, "plugin %s: option %s has no values", plugin,
                        option->key);
                return -EINVAL;
        }
        return plugin_option_parse(option, plugin, option->fallback, &setting, error);
}

int plugin_options_check(const struct umbra_option *options, size_t count, const char *plugin,
        char error[static PLUGIN_ERROR_SIZE])
{
        int r;

        if (count > OPTIONS_MAX || (count && !options)) {
                snprintf(error, PLUGIN_ERROR_SIZE, "plugin %s: its option table is broken", plugin);
                return -EINVAL;
        }
        for (size_t i = 0; i < count; i++) {
                r = check_option(options, i, plugin, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void add_enum_word(struct bus_buf *buf, const char *values, int64_t index)
{
        for (; index > 0; index--) {
                values = strchr(values, '|');
                bus_require(values);
                values++;
        }
        bus_buf_add(buf, values, strcspn(values, "|"));
}

void plugin_option_canonical(
        const struct umbra_option *option, union umbra_setting setting, struct bus_buf *buf)
{
        char text[E8_TEXT_SIZE];

        bus_buf_printf(buf, "%s=", option->key);
        switch (option->type) {
        case UMBRA_OPTION_BOOL: bus_buf_add_str(buf, setting.boolean ? "yes" : "no"); break;
        case UMBRA_OPTION_INT: bus_buf_printf(buf, "%lld", (long long)setting.integer); break;
        case UMBRA_OPTION_DECIMAL:
                bus_buf_add_str(buf, e8_format_short(setting.integer, text));
                break;
        case UMBRA_OPTION_ENUM: add_enum_word(buf, option->values, setting.integer); break;
        }
        bus_buf_add_str(buf, "\n");
}
