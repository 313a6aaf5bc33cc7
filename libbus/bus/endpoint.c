#include "libbus/bus/endpoint.h"

#include "libbus/base/io.h"
#include "libbus/base/require.h"

#include <errno.h>
#include <string.h>

#define IPC_SCHEME "ipc://"

#define POLICY(service)                                                      \
        {                                                                    \
                "policy", service, CONFIG_STRING, "",                        \
                        .maximum = 512,                                      \
                        .help = "who may connect; empty: who reads from it " \
                                "(docs/topics.md), and tools"                \
        }

const struct config_option bus_endpoint_options[] = {
        { "bus", "state_dir", CONFIG_STRING, "umbra-state", .minimum = 1, .maximum = 4096,
                .help = "folder of all stores, keys, logs" },
        { "bus", "run_dir", CONFIG_STRING, "", .maximum = 90,
                .help = "folder of the bus sockets; empty: run/ below state_dir" },
        { "bus", "keys_dir", CONFIG_STRING, "", .maximum = 4096,
                .help = "folder of the CURVE keys; empty: keys/ below state_dir" },
        { "bus", "log_level", CONFIG_ENUM, "info", .values = "debug|info|warn|error",
                .help = "least level of a log line" },
        { "bus", "drain_timeout", CONFIG_DURATION, "25s", .minimum = 0,
                .maximum = 29 * BUS_US_PER_SEC,
                .help = "longest wait for what is in hand after SIGTERM; an exit takes 30 s at most" },
        { "bus", "realtime", CONFIG_BOOL, "yes",
                .help = "what an alert waits for runs before all else (SCHED_RR), on one processor, where allowed" },
        { "bus", "store", CONFIG_ENUM, "sqlite", .values = "sqlite|redis",
                .help = "storage engine" },
        { "bus", "replica", CONFIG_STRING, "", .maximum = 64,
                .help = "who this process is among several of one service; empty: the host's name" },
        { "bus", "lease", CONFIG_DURATION, "10s", .minimum = BUS_US_PER_SEC,
                .maximum = 600 * BUS_US_PER_SEC,
                .help = "redis: how long a store stays held behind its holder's last sign of life" },
        { "redis", "host", CONFIG_STRING, "127.0.0.1", .minimum = 1, .maximum = 253,
                .help = "where Redis listens" },
        { "redis", "port", CONFIG_INT, "6379", .minimum = 1, .maximum = 65535,
                .help = "where Redis listens" },
        { "redis", "socket", CONFIG_STRING, "", .maximum = BUS_IPC_PATH_MAX,
                .help = "a unix socket, instead of host and port" },
        { "redis", "user", CONFIG_STRING, "", .maximum = 64,
                .help = "user of Redis's ACL; empty: the service's name" },
        { "redis", "password_file", CONFIG_SECRET_FILE, "",
                .help = "that user's password; empty: nobody logs in" },
        { "redis", "timeout", CONFIG_DURATION, "2s", .minimum = 10 * BUS_US_PER_MS,
                .maximum = 60 * BUS_US_PER_SEC, .help = "longest wait for an answer of Redis" },
        { "redis", "wait_replicas", CONFIG_INT, "0", .minimum = 0, .maximum = 16,
                .help = "replicas of Redis that must have what is promised; fewer: it is refused" },
        { "redis", "wait", CONFIG_DURATION, "1s", .minimum = BUS_US_PER_MS,
                .maximum = 60 * BUS_US_PER_SEC, .help = "longest wait for them" },
        { "endpoint.*", "pub", CONFIG_STRING, "", .maximum = BUS_ENDPOINT_SIZE - 1,
                .help = "ZeroMQ endpoint of the service's PUB socket; several: one blank between" },
        { "endpoint.*", "replay", CONFIG_STRING, "", .maximum = BUS_ENDPOINT_SIZE - 1,
                .help = "ZeroMQ endpoint of the service's replay socket; as many as of pub" },
        { "endpoint.*", "bind_pub", CONFIG_STRING, "", .maximum = BUS_ENDPOINT_SIZE - 1,
                .help = "where the service itself binds; empty: pub" },
        { "endpoint.*", "bind_replay", CONFIG_STRING, "", .maximum = BUS_ENDPOINT_SIZE - 1,
                .help = "where the service itself binds; empty: replay" },
        { "endpoint.*", "uid", CONFIG_INT, "", .minimum = 0, .maximum = UINT32_MAX - 1,
                .help = "whose folder its ipc sockets must lie in; umbra up writes it" },
        POLICY("alert-ingest"),
        POLICY("strategy-v3"),
        POLICY("strategy-v3-shadow"),
        POLICY("order-executor"),
        POLICY("telegram-controller"),
        POLICY("telegram-notify"),
        POLICY("telegram-analytics"),
        POLICY("health"),
        { 0 },
};

static bool has_section(const struct config *config, const char *service)
{
        const char *name;

        for (size_t i = 0; (name = config_instance(config, "endpoint", i)); i++)
                if (!strcmp(name, service))
                        return true;
        return false;
}

const char *bus_run_dir(const struct config *config, char buffer[static BUS_ENDPOINT_SIZE])
{
        const char *run_dir = config_string(config, "bus", "run_dir");

        if (*run_dir)
                return run_dir;
        snprintf(buffer, BUS_ENDPOINT_SIZE, "%s/run", config_string(config, "bus", "state_dir"));
        return buffer;
}

static const char *given_in(const struct config *config, const char *service, const char *key)
{
        BUS_AUTOFREE char *section = bus_xasprintf("endpoint.%s", service);

        return has_section(config, service) ? config_string(config, section, key) : "";
}

int bus_endpoint_bound(const struct config *config, const char *service,
        enum bus_endpoint_kind kind, char ret_text[static BUS_ENDPOINT_SIZE])
{
        const char *given =
                given_in(config, service, kind == BUS_ENDPOINT_PUB ? "bind_pub" : "bind_replay");
        int r = 0;

        if (*given)
                snprintf(ret_text, BUS_ENDPOINT_SIZE, "%s", given);
        else
                r = bus_endpoint(config, service, kind, ret_text);
        return !r && strchr(ret_text, ' ') ? -EINVAL : r;
}

int bus_endpoint(const struct config *config, const char *service, enum bus_endpoint_kind kind,
        char ret_text[static BUS_ENDPOINT_SIZE])
{
        const char *key = kind == BUS_ENDPOINT_PUB ? "pub" : "replay";
        const char *given = given_in(config, service, key);
        char run_dir[BUS_ENDPOINT_SIZE];
        int n;

        if (*given) {
                snprintf(ret_text, BUS_ENDPOINT_SIZE, "%s", given);
                return 0;
        }
        n = snprintf(ret_text, BUS_ENDPOINT_SIZE, IPC_SCHEME "%s/%s/%s",
                bus_run_dir(config, run_dir), service, key);
        if (n < 0 || (size_t)n >= BUS_ENDPOINT_SIZE ||
                (size_t)n - strlen(IPC_SCHEME) > BUS_IPC_PATH_MAX)
                return -ENAMETOOLONG;
        return 0;
}

int bus_endpoint_prepare(const char *endpoint)
{
        BUS_AUTOFREE char *path = NULL;
        char *slash;

        if (strncmp(endpoint, IPC_SCHEME, strlen(IPC_SCHEME)))
                return 0;
        path = bus_xstrdup(endpoint + strlen(IPC_SCHEME));
        slash = strrchr(path, '/');
        if (!slash || slash == path)
                return 0;
        *slash = 0;
        return bus_mkdir_all(path, 0700);
}
