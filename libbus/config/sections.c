/*
 * Keeps: every section of the shared file is named here, once; names[] alone decides what "known"
 * means for the file, --set and the environment.
 */
#include "libbus/config/sections.h"

#include "libbus/config/config.h"

#include <string.h>

/* A name that ends in a dot is a prefix: a free name of CONFIG_NAME_MAX characters follows. */
static const char *const names[] = {
        "bus",
        "redis",
        "up",
        "policy",
        "alert-ingest",
        "strategy-v3",
        "strategy-v3-shadow",
        "order-executor",
        "telegram-controller",
        "telegram-notify",
        "telegram-analytics",
        "health",
        "mt5-demo",
        "risk",
        "plugin_system",
        "multi_telegram",
        "telegram",
        "demo",
        "deploy",
        "alias.broker",
        "alias.ingest",
        "source.",
        "symbol.",
        "plugin.",
        "endpoint.",
        "telegram_user.",
        "ignore.",
};

/* The characters of symbols: they are the widest of what follows a prefix. */
static bool is_name_character(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c && strchr("._#-", c));
}

static size_t name_length(const char *text)
{
        size_t n = 0;

        while (is_name_character(text[n]))
                n++;
        return n;
}

const char *config_section_name(size_t n)
{
        return n < BUS_COUNT(names) ? names[n] : NULL;
}

static bool is_prefix(const char *name, size_t length)
{
        return name[length - 1] == '.';
}

size_t config_section_prefix(const char *section)
{
        for (size_t i = 0; i < BUS_COUNT(names); i++) {
                size_t length = strlen(names[i]);

                if (is_prefix(names[i], length) && !strncmp(section, names[i], length))
                        return length - 1;
        }
        return 0;
}

bool config_section_known(const char *section)
{
        size_t length, prefix;

        for (size_t i = 0; i < BUS_COUNT(names); i++)
                if (!strcmp(section, names[i]) && !is_prefix(names[i], strlen(names[i])))
                        return true;

        prefix = config_section_prefix(section);
        if (!prefix)
                return false;
        length = name_length(section + prefix + 1);
        return length > 0 && length <= CONFIG_NAME_MAX && !section[prefix + 1 + length];
}

/* Length of the last dot's position before LENGTH, 0 for none. */
static size_t last_dot(const char *path, size_t length)
{
        while (length > 0 && path[length - 1] != '.')
                length--;
        return length ? length - 1 : 0;
}

size_t config_section_of_path(const char *path, size_t length)
{
        for (size_t i = 0; i < BUS_COUNT(names); i++) {
                size_t n = strlen(names[i]), dot;

                if (n >= length || strncmp(path, names[i], n))
                        continue;
                if (!is_prefix(names[i], n)) {
                        if (path[n] == '.')
                                return n;
                        continue;
                }
                /* Names behind a prefix may hold dots, their keys do not. */
                dot = last_dot(path, length);
                return dot > n ? dot : 0;
        }
        return 0;
}
