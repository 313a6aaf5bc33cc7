#pragma once
/*
 * The options of [bus] that every program of the installation takes, beside those of
 * libbus/bus/endpoint.h. A table of its own, so that one that is no bus service can read the same
 * file without the runtime.
 */
#include "libbus/config/config.h"

extern const struct config_option bus_service_options[];
