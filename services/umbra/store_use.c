#include "services/umbra/store_use.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"
#include "libbus/bus/endpoint.h"
#include "libbus/bus/store_config.h"
#include "services/umbra/identity.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX  64

static int load_config(const struct layout *layout, const char *engine, struct config **ret_config,
        char error[static STORE_USE_ERROR_SIZE])
{
        const struct config_option other[] = { { "bus", "*", CONFIG_STRING, "", .maximum = 4096,
                                                       .help = "the services' own" },
                { 0 } };
        const struct config_option *tables[] = { bus_endpoint_options, other };
        BUS_AUTOFREE char *set = bus_xasprintf("bus.store=%s", engine ? engine : "");
        const char *const sets[] = { set };
        const struct config_source source = { .path = layout->config,
                .environment = environ,
                .sets = sets,
                .set_count = engine ? 1 : 0 };
        char line[CONFIG_ERROR_SIZE] = "";
        int r;

        r = config_load(&source, tables, BUS_COUNT(tables), ret_config, line, sizeof(line));
        if (r < 0)
                snprintf(error, STORE_USE_ERROR_SIZE, "%.*s", STORE_USE_ERROR_SIZE - 1, line);
        return r;
}

int store_use_engine(const struct layout *layout, const char *service, const char *engine,
        const char **ret_engine, char error[static STORE_USE_ERROR_SIZE])
{
        CONFIG_AUTOFREE struct config *config = NULL;
        const char *found = engine ? engine : "sqlite";
        int r = 0;

        if (access(layout->config, F_OK) == 0) /* else nothing was ever configured */
                r = load_config(layout, engine, &config, error);
        if (!r && config)
                r = bus_store_engine(config, service, &found, error, STORE_USE_ERROR_SIZE);
        /* a Redis that goes away is an error to be told, not the end of the program */
        if (!r && !strcmp(found, "redis"))
                signal(SIGPIPE, SIG_IGN);
        if (!r) /* FOUND is gone with the config */
                *ret_engine = strcmp(found, "redis") ? "sqlite" : "redis";
        return r;
}

char *store_use_boot_id(void)
{
        BUS_AUTOBUF struct bus_buf boot_id = BUS_BUF_INIT;

        if (bus_file_read(BOOT_ID_PATH, BOOT_ID_MAX, &boot_id) < 0)
                bus_buf_clear(&boot_id);
        return bus_xstrdup(bus_buf_str(&boot_id));
}

int store_use_as_owner(const struct layout *layout, const char *service, store_use_fn fn, void *arg)
{
        BUS_AUTOFREE char *folder = layout_path(layout->state, service, "");
        struct stat st;
        pid_t pid;
        int status;

        if (geteuid() != 0 || stat(folder, &st) < 0 || st.st_uid == 0)
                return fn(arg, service);
        fflush(stdout);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (!pid) {
                status = identity_become(st.st_uid) < 0 || fn(arg, service) < 0;
                fflush(stdout);
                _exit(status);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}
