/* Where the service answers probers, and what it says to "are you ready". */
#include "libbus/base/log.h"
#include "libbus/service/internal.h"
#include "libbus/service/run.h"

static const char key[] = "probe_listen";

const struct config_option *service_options(const struct bus_service_class *class)
{
        static struct config_option options[2];

        if (!class->answers_probes)
                options[0] = (struct config_option){ class->name, key, CONFIG_LISTEN, "",
                        .help = "where /livez and /readyz are answered; empty: nowhere" };
        return options;
}

static const char *missing(void *arg)
{
        const struct bus_service *service = arg;

        if (service->draining)
                return "draining";
        if (!service->store)
                return "the store";
        if (service->state == PB__SERVICE_STATE__SERVICE_STATE_READY)
                return NULL;
        return *service->why ? service->why : "its start";
}

int service_probe_open(struct bus_service *service, char *error, size_t error_size)
{
        const char *name = service->class->name;
        char why[CONFIG_ERROR_SIZE / 2];
        int r;

        if (service->class->answers_probes || !config_given(service->config, name, key))
                return 0;
        r = probe_server_new(service->loop, config_string(service->config, name, key), missing,
                service, &service->probe, why, sizeof(why));
        if (r < 0)
                snprintf(error, error_size, "%s.%s: %s", name, key, why);
        else
                log_info("probes_answered", "port=%u", probe_server_port(service->probe));
        return r;
}
