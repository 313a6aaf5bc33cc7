#include "services/umbra/keys.h"

#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/keys.h"
#include "libbus/bus/policy.h"
#include "libbus/config/sections.h"
#include "services/umbra/ini_edit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_MAX_BYTES ((size_t)1 << 20)

int keys_make(const struct layout *layout, bool tell, char *error, size_t error_size)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < bus_principal_count; i++) {
                BUS_AUTOFREE char *path = bus_keys_public_path(layout->keys, bus_principals[i]);

                r = bus_keys_make(layout->keys, bus_principals[i]);
                if (r < 0)
                        snprintf(error, error_size, "keys of %s in %s: %s", bus_principals[i],
                                layout->keys, strerror(-r));
                else if (!r && tell)
                        printf("%s: made\n", path);
        }
        return r < 0 ? r : 0;
}

int keys_add_source(const struct layout *layout, const char *name, char *error, size_t error_size)
{
        BUS_AUTOFREE char *section = bus_xasprintf("source.%s", name);
        BUS_AUTOFREE char *path = layout_path(layout->keys, name, ".token");
        BUS_AUTOBUF struct bus_buf text = BUS_BUF_INIT, value = BUS_BUF_INIT,
                                   changed = BUS_BUF_INIT;
        char sha256[BUS_SHA256_HEX_SIZE];
        int r;

        if (!config_section_known(section) || strpbrk(name, "./")) {
                snprintf(error, error_size, "--source: '%s' is no name for a section", name);
                return -EINVAL;
        }
        r = bus_file_read(layout->config, CONFIG_MAX_BYTES, &text);
        if (!r && ini_get(bus_buf_bytes(&text), section, "token_sha256", &value)) {
                snprintf(error, error_size, "%s has a [%s] already", layout->config, section);
                return -EEXIST;
        }
        if (!r)
                r = layout_secret(path, sha256);
        if (r < 0)
                return r;
        ini_set(bus_buf_bytes(&text), section, "token_sha256", sha256, &changed);
        r = layout_write_config(layout, bus_buf_bytes(&changed));
        if (!r)
                printf("%s: the token of [%s]; alert-ingest takes it after its next start\n", path,
                        section);
        return r;
}
