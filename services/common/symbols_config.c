#include "services/common/symbols_config.h"

#include "libbus/base/require.h"

#include <errno.h>

static int fail(const struct config *config, const char *section, const char *key, const char *why,
        char error[static CONFIG_ERROR_SIZE])
{
        snprintf(error, CONFIG_ERROR_SIZE, "%s: %s.%s: %s", config_origin(config, section, key),
                section, key, why);
        return -EINVAL;
}

static int apply_section(struct symbols *symbols, const struct config *config, const char *name,
        char error[static CONFIG_ERROR_SIZE])
{
        BUS_AUTOFREE char *section = bus_xasprintf("symbol.%s", name);
        char why[SYMBOLS_ERROR_SIZE];
        const char *key;

        for (size_t i = 0; (key = config_free_key(config, section, i)); i++)
                if (symbols_set(symbols, name, key, config_free_value(config, section, key), why) <
                        0)
                        return fail(config, section, key, why, error);
        return 0;
}

static int apply_sections(
        struct symbols *symbols, const struct config *config, char error[static CONFIG_ERROR_SIZE])
{
        const char *name;
        int r = 0;

        for (size_t i = 0; r == 0 && (name = config_instance(config, "symbol", i)); i++)
                r = apply_section(symbols, config, name, error);
        return r;
}

static int apply_aliases(
        struct symbols *symbols, const struct config *config, char error[static CONFIG_ERROR_SIZE])
{
        static const char section[] = "alias.ingest";
        char why[SYMBOLS_ERROR_SIZE];
        const char *key;

        for (size_t i = 0; (key = config_free_key(config, section, i)); i++)
                if (symbols_alias(symbols, key, config_free_value(config, section, key), why) < 0)
                        return fail(config, section, key, why, error);
        return 0;
}

int symbols_config(struct symbols *symbols, const struct config *config, bool with_aliases,
        char error[static CONFIG_ERROR_SIZE])
{
        char why[SYMBOLS_ERROR_SIZE];
        int r;

        symbols_init(symbols);
        r = apply_sections(symbols, config, error);
        if (r == 0 && with_aliases)
                r = apply_aliases(symbols, config, error);
        if (r == 0 && symbols_check(symbols, why) < 0) {
                snprintf(error, CONFIG_ERROR_SIZE, "%s", why);
                r = -EINVAL;
        }
        if (r < 0)
                symbols_done(symbols);
        return r;
}
