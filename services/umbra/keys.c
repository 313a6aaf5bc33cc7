#include "services/umbra/keys.h"

#include "libbus/base/hash.h"
#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/config/sections.h"
#include "services/umbra/ini_edit.h"
#include "services/umbra/services.h"

#include <czmq.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_MAX_BYTES ((size_t)1 << 20)

static int make_certificate(const char *path, const char *service)
{
        zcert_t *cert = zcert_new();
        int r;

        bus_require(cert);
        zcert_set_meta(cert, "name", "%s", service);
        r = zcert_save(cert, path) < 0 ? -EIO : 0;
        zcert_destroy(&cert);
        return r;
}

int keys_make_certificates(const struct layout *layout, char *error, size_t error_size)
{
        int r = 0;

        for (size_t i = 0; !r && umbra_services[i].name; i++) {
                const char *service = umbra_services[i].name;
                BUS_AUTOFREE char *path = layout_path(layout->keys, service, ".cert");

                if (!access(path, F_OK))
                        continue;
                r = make_certificate(path, service);
                if (r < 0)
                        snprintf(error, error_size, "%s: cannot be written", path);
                else
                        printf("%s: made\n", path);
        }
        return r;
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
