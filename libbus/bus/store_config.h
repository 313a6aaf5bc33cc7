#pragma once
/* Which store engine a configuration names ([bus] store), and where it is ([redis]). */
#include "libbus/config/config.h"

/*
 * The engine's name; for redis, tells the engine where its server is and that it comes as SERVICE.
 * Called before each store that is opened, as that may be another service's. -errno and a line in
 * ERROR where the password cannot be read, or the replica's name is none. *RET_ENGINE is CONFIG's.
 */
BUS_MUST int bus_store_engine(const struct config *config, const char *service,
        const char **ret_engine, char *error, size_t error_size);
