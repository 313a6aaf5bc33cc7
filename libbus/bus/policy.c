/*
 * Keeps: the shadow is in no set of a service that writes orders, whatever the configuration says.
 */
#include "libbus/bus/policy.h"

#include "libbus/base/require.h"
#include "libbus/wire/streams.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SHADOW "strategy-v3-shadow"
#define ORDERS "order"

const char *const bus_principals[] = { "alert-ingest", "strategy-v3", SHADOW, "order-executor",
        "telegram-controller", "telegram-notify", "telegram-analytics", "health", "mt5-demo",
        BUS_PRINCIPAL_TOOLS };
const size_t bus_principal_count = BUS_COUNT(bus_principals);

/* These have keys and no streams: they are no readers by being "everyone". */
static bool is_service(const char *name)
{
        return strcmp(name, "mt5-demo") && strcmp(name, BUS_PRINCIPAL_TOOLS);
}

int bus_principal(const char *name)
{
        for (size_t i = 0; i < bus_principal_count; i++)
                if (!strcmp(bus_principals[i], name))
                        return (int)i;
        return -1;
}

static bool reads_from(const char *reader, const char *writer)
{
        for (size_t i = 0; i < bus_stream_kind_count; i++)
                if (bus_stream_names(bus_stream_kinds[i].writers, writer) &&
                        bus_stream_names(bus_stream_kinds[i].readers, reader))
                        return true;
        return false;
}

/* health reads its own streams as it reads the others'. */
static bus_principals_set itself(const char *service)
{
        return bus_principal_bit(bus_principal(service));
}

bus_principals_set bus_policy_default(const char *service)
{
        bus_principals_set admitted =
                itself(service) | bus_principal_bit(bus_principal(BUS_PRINCIPAL_TOOLS));

        for (size_t i = 0; i < bus_principal_count; i++) {
                const char *reader = bus_principals[i];

                if (is_service(reader) && reads_from(reader, service))
                        admitted |= bus_principal_bit((int)i);
        }
        return admitted;
}

static bool writes_orders(const char *service)
{
        return bus_stream_names(bus_stream_kind(ORDERS)->writers, service);
}

/* One name of a line into the set; what is wrong with it, or NULL. */
static const char *admit(const char *service, const char *name, bus_principals_set *admitted)
{
        int principal = bus_principal(name);

        if (principal < 0)
                return "is nobody's name";
        if (!strcmp(name, SHADOW) && writes_orders(service))
                return "is never admitted where orders are written";
        if (*admitted & bus_principal_bit(principal))
                return "stands there twice";
        *admitted |= bus_principal_bit(principal);
        return NULL;
}

int bus_policy(const struct config *config, const char *service, bus_principals_set *ret_admitted,
        char *error, size_t error_size)
{
        BUS_AUTOFREE char *line = NULL;
        bus_principals_set admitted = 0;
        char *rest = NULL;

        if (!config_given(config, "policy", service)) {
                *ret_admitted = bus_policy_default(service);
                return 0;
        }
        line = bus_xstrdup(config_string(config, "policy", service));
        for (char *name = strtok_r(line, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
                const char *fault = admit(service, name, &admitted);

                if (!fault)
                        continue;
                snprintf(error, error_size, "%s: policy.%s: \"%s\" %s",
                        config_origin(config, "policy", service), service, name, fault);
                return -EINVAL;
        }
        *ret_admitted = admitted | itself(service);
        return 0;
}

int bus_policy_check(const struct config *config, char *error, size_t error_size)
{
        bus_principals_set admitted;
        int r = 0;

        for (size_t i = 0; !r && i < bus_principal_count; i++)
                if (is_service(bus_principals[i]))
                        r = bus_policy(config, bus_principals[i], &admitted, error, error_size);
        return r;
}
