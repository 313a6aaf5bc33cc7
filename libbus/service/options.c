#include "libbus/service/options.h"

const struct config_option bus_service_options[] = {
        { "bus", "log_level", CONFIG_ENUM, "info", .values = "debug|info|warn|error",
                .help = "least level of a log line" },
        { "bus", "drain_timeout", CONFIG_DURATION, "25s", .minimum = 0,
                .maximum = 29 * BUS_US_PER_SEC,
                .help = "longest wait for what is in hand after SIGTERM; an exit takes 30 s at most" },
        { "bus", "store", CONFIG_ENUM, "sqlite", .values = "sqlite", .help = "storage engine" },
        { 0 },
};
