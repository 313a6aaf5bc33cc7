/*
 * Keeps: an environment variable is found by the name its option makes, never split into section
 * and key, which '_' would make ambiguous.
 */
#include "libbus/base/bytes.h"
#include "libbus/base/require.h"
#include "libbus/config/internal.h"

#include <string.h>

static char environment_character(char c)
{
        if (c >= 'a' && c <= 'z')
                return (char)(c - 'a' + 'A');
        if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
                return c;
        return '_';
}

char *config_environment_name(const char *section, const char *key)
{
        char *name = bus_xasprintf("UMBRA_%s_%s", section, key);

        for (char *p = name; *p; p++)
                *p = environment_character(*p);
        return name;
}

const char *config_environment(const struct config *config, const char *section, const char *key)
{
        BUS_AUTOFREE char *name = config_environment_name(section, key);
        size_t n = strlen(name);

        for (char **e = config->environment; e && *e; e++)
                if (!strncmp(*e, name, n) && (*e)[n] == '=')
                        return *e + n + 1;
        return NULL;
}
