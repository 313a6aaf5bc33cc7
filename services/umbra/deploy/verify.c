#include "services/umbra/deploy/verify.h"

#include "libbus/base/attr.h"
#include "libbus/base/require.h"

#include <stdio.h>
#include <string.h>

static const char incumbent[] = "legacy_v3", successor[] = "combined_v3";
static const char *const bots[] = { "telegram-controller", "telegram-notify",
        "telegram-analytics" };

static const char *text(const json_t *object, const char *key)
{
        const char *value = json_string_value(json_object_get(object, key));

        return value ? value : "";
}

static const json_t *service_of(const json_t *status, const char *name)
{
        const json_t *services = json_object_get(status, "services");

        for (size_t i = 0; i < json_array_size(services); i++)
                if (!strcmp(text(json_array_get(services, i), "service"), name))
                        return json_array_get(services, i);
        return NULL;
}

static bool is_ready(const json_t *status, const char *service, char *why, size_t why_size)
{
        if (json_is_true(json_object_get(service_of(status, service), "ready")))
                return true;
        snprintf(why, why_size, "%s is not ready", service);
        return false;
}

/* FACT of SERVICE, which has to be ready, is VALUE. */
static bool has_fact(const json_t *status, const char *service, const char *fact, const char *value,
        char *why, size_t why_size)
{
        const char *found = text(json_object_get(service_of(status, service), "facts"), fact);

        if (!is_ready(status, service, why, why_size))
                return false;
        if (!strcmp(found, value))
                return true;
        snprintf(why, why_size, "%s: %s=%s instead of %s", service, fact, *found ? found : "?",
                value);
        return false;
}

/* The fact that tells of a plugin: "enabled build=B config=C", where "-" is nothing loaded. */
static bool is_loaded(const json_t *status, const char *service, const char *plugin)
{
        BUS_AUTOFREE char *key = bus_xasprintf("plugin.%s", plugin);
        const char *found = text(json_object_get(service_of(status, service), "facts"), key);

        return *found && !strstr(found, "build=-");
}

static bool legacy_decides(const json_t *status, char *why, size_t why_size)
{
        return has_fact(status, "strategy-v3", "active", incumbent, why, why_size);
}

static bool combined_decides(const json_t *status, char *why, size_t why_size)
{
        return has_fact(status, "strategy-v3", "active", successor, why, why_size);
}

static bool legacy_alone(const json_t *status, char *why, size_t why_size)
{
        if (!is_ready(status, "strategy-v3", why, why_size))
                return false;
        if (!is_loaded(status, "strategy-v3", incumbent)) {
                snprintf(why, why_size, "%s is not loaded", incumbent);
                return false;
        }
        if (is_loaded(status, "strategy-v3", successor)) {
                snprintf(why, why_size, "%s is loaded too", successor);
                return false;
        }
        return true;
}

/* Both have it: the live strategy keeps it warm, and judges nothing by it. */
static bool shadow_judges(const json_t *status, char *why, size_t why_size)
{
        static const char *const hosts[] = { "strategy-v3", "strategy-v3-shadow" };

        for (size_t i = 0; i < BUS_COUNT(hosts); i++) {
                if (!is_ready(status, hosts[i], why, why_size))
                        return false;
                if (!is_loaded(status, hosts[i], successor)) {
                        snprintf(why, why_size, "%s has not loaded %s", hosts[i], successor);
                        return false;
                }
        }
        return is_ready(status, "telegram-analytics", why, why_size);
}

static bool three_bots(const json_t *status, char *why, size_t why_size)
{
        for (size_t i = 0; i < BUS_COUNT(bots); i++)
                if (!has_fact(status, bots[i], "bot", "own", why, why_size))
                        return false;
        return true;
}

static bool service_api_on(const json_t *status, char *why, size_t why_size)
{
        return has_fact(status, "order-executor", "service_api", "on", why, why_size);
}

static bool service_api_off(const json_t *status, char *why, size_t why_size)
{
        return has_fact(status, "order-executor", "service_api", "off", why, why_size);
}

static const struct {
        const char *name;
        bool (*fn)(const json_t *status, char *why, size_t why_size);
} expectations[] = {
        { "legacy_decides", legacy_decides },
        { "combined_decides", combined_decides },
        { "legacy_alone", legacy_alone },
        { "shadow_judges", shadow_judges },
        { "three_bots", three_bots },
        { "service_api_on", service_api_on },
        { "service_api_off", service_api_off },
};

bool verify(const char *expectation, const json_t *status, char *why, size_t why_size)
{
        if (!status) {
                snprintf(why, why_size, "health does not answer");
                return false;
        }
        for (size_t i = 0; i < BUS_COUNT(expectations); i++)
                if (!strcmp(expectation, expectations[i].name))
                        return expectations[i].fn(status, why, why_size);
        bus_require(false);
        return false;
}
