#include "libbus/bus/store_config.h"

#include "libbus/base/io.h"
#include "libbus/store/store_redis.h"

#include <errno.h>
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

/* It is told in heartbeats (proto/validate/heartbeat.c): one with other characters would not be heard. */
static int check_replica(const struct config *config, char *error, size_t error_size)
{
        static const char good[] =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
        const char *replica = config_string(config, "bus", "replica");

        if (!replica[strspn(replica, good)])
                return 0;
        snprintf(error, error_size, "bus.replica: may have letters, digits and ._-, not \"%s\"",
                replica);
        return -EINVAL;
}

int bus_store_engine(const struct config *config, const char *service, const char **ret_engine,
        char *error, size_t error_size)
{
        const char *engine = config_string(config, "bus", "store");
        const char *file = config_string(config, "redis", "password_file");
        BUS_AUTOFREE char *password = NULL;
        int r;

        *ret_engine = engine;
        if (strcmp(engine, "redis") != 0)
                return 0;
        r = check_replica(config, error, error_size);
        if (r < 0)
                return r;
        if (*file)
                r = bus_file_read_secret(file, &password);
        if (r < 0) {
                snprintf(error, error_size, "redis.password_file: %s: %s", file, strerror(-r));
                return r;
        }
        use_redis(config, service, password);
        if (password)
                explicit_bzero(password, strlen(password));
        return 0;
}
