/*
 * Any bytes as the shared file: never a crash, and either a config or exactly one line.
 */
#include "libbus/base/require.h"
#include "libbus/config/config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No SECRET_FILE: bytes of a fuzzer must not choose which files are opened. */
static const struct config_option options[] = {
        { "bus", "linger", CONFIG_DURATION, "5s", 0, 60 * BUS_US_PER_SEC },
        { "bus", "size", CONFIG_SIZE, "16KiB", 1, INT64_MAX },
        { "health", "listen", CONFIG_LISTEN, "" },
        { "health", "strict", CONFIG_BOOL, "no" },
        { "risk", "count", CONFIG_INT, "1" },
        { "risk", "gap", CONFIG_DECIMAL, "0.5" },
        { "risk", "daily", CONFIG_CENTS, "1.00", INT64_MIN, INT64_MAX },
        { "demo", "mode", CONFIG_ENUM, "", 0, 0, "a|b" },
        { "source.*", "token", CONFIG_HEX32, NULL },
        { "plugin.*", "*", CONFIG_STRING, "" },
        { "alias.broker", "*", CONFIG_STRING, "", 1, 32 },
        { 0 },
};
static const struct config_option *const tables[] = { options };

static void print(const struct config *config)
{
        BUS_AUTOFREE char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        bus_require(out);
        config_print(config, out);
        fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct config_source source = {
                .path = "f", .text = (const char *)data, .text_size = size
        };
        CONFIG_AUTOFREE struct config *config = NULL;
        char error[CONFIG_ERROR_SIZE] = "";

        if (!data)
                source.text = "";
        if (config_load(&source, tables, 1, &config, error, sizeof(error)) < 0)
                bus_require(!config && error[0] && !strchr(error, '\n'));
        else
                print(config);
        return 0;
}
