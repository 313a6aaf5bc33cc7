#include "libbus/bus/store_config.h"

#include "libbus/base/io.h"
#include "libbus/store/store_redis.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* PASSWORD is NULL where nobody logs in. */
static void use_redis(const struct config *config, const char *service, const char *password)
{
        const char *user = config_string(config, "redis", "user");
        const char *replica = config_string(config, "bus", "replica");
        char host[HOST_NAME_MAX + 1] = "";

        if (gethostname(host, sizeof(host) - 1) < 0)
                *host = 0;
        store_redis_use(&(struct store_redis_options){
                .host = config_string(config, "redis", "host"),
                .port = (uint16_t)config_int(config, "redis", "port"),
                .socket = config_string(config, "redis", "socket"),
                .user = *user ? user : service,
                .password = password ? password : "",
                .wait_replicas = (int)config_int(config, "redis", "wait_replicas"),
                .wait_us = config_int(config, "redis", "wait"),
                .timeout_us = config_int(config, "redis", "timeout"),
                .lease_us = config_int(config, "bus", "lease"),
                .replica = *replica ? replica : host,
        });
}

int bus_store_engine(const struct config *config, const char *service, const char **ret_engine,
        char *error, size_t error_size)
{
        const char *engine = config_string(config, "bus", "store");
        const char *file = config_string(config, "redis", "password_file");
        BUS_AUTOFREE char *password = NULL;
        int r = 0;

        if (!strcmp(engine, "redis") && *file)
                r = bus_file_read_secret(file, &password);
        if (r < 0) {
                snprintf(error, error_size, "redis.password_file: %s: %s", file, strerror(-r));
                return r;
        }
        if (!strcmp(engine, "redis"))
                use_redis(config, service, password);
        if (password)
                explicit_bzero(password, strlen(password));
        *ret_engine = engine;
        return 0;
}
