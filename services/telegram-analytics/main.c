/* telegram-analytics: the numbers. Compares what live and shadow decided. */
#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/common/symbols_config.h"
#include "services/telegram-analytics/comparator.h"

struct analytics {
        struct bus_service *service;
        struct comparator comparator;
};

static int on_signal(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;

        return comparator_signal(&self->comparator, message);
}

static int on_live(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;

        return comparator_live(&self->comparator, message);
}

static int on_shadow(void *arg, const struct bus_message *message)
{
        struct analytics *self = arg;

        return comparator_shadow(&self->comparator, message);
}

static void destroy(void *arg)
{
        struct analytics *self = arg;

        if (!self)
                return;
        comparator_done(&self->comparator);
        free(self);
}

static int create(struct bus_service *service, void **ret_self)
{
        struct analytics *self = bus_new(struct analytics);
        char error[CONFIG_ERROR_SIZE];
        int r;

        self->service = service;
        r = comparator_init(&self->comparator, service, error);
        if (r < 0) {
                log_error("bad_config", "%s", error);
                destroy(self);
                return r;
        }
        *ret_self = self;
        return 0;
}

static int start(void *arg)
{
        struct analytics *self = arg;
        int r;

        r = comparator_start(&self->comparator);
        if (r == 0)
                bus_service_ready(self->service);
        return r;
}

static void drain(void *arg)
{
        struct analytics *self = arg;

        comparator_drain(&self->comparator);
        bus_service_drained(self->service);
}

static void report(void *arg)
{
        struct analytics *self = arg;

        comparator_report(&self->comparator);
}

static const char *const outputs[] = { "comparison", "alarm", NULL };

/* Whoever is away is compared as missing; nobody is waited for. */
static const struct bus_input inputs[] = {
        { "signal", "alert-ingest", BUS_START_BEGINNING, on_signal, false },
        { "decision", "strategy-v3", BUS_START_BEGINNING, on_live, false },
        { "decision.shadow", "strategy-v3-shadow", BUS_START_BEGINNING, on_shadow, true },
        { 0 },
};

static const struct config_option options[] = {
        { "telegram-analytics", "enabled", CONFIG_BOOL, "yes", 0, 0, NULL,
                "no: umbra up leaves it out" },
        COMPARATOR_OPTIONS,
        SYMBOLS_CONFIG_OPTION,
        { 0 },
};

static const struct bus_service_class analytics_class = {
        .name = "telegram-analytics",
        .outputs = outputs,
        .inputs = inputs,
        .options = options,
        .create = create,
        .start = start,
        .drain = drain,
        .destroy = destroy,
        .report = report,
};

int main(int argc, char **argv)
{
        return bus_service_main(argc, argv, &analytics_class);
}
