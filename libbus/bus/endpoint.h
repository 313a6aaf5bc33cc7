#pragma once
/*
 * Where a service's bus sockets are. On one machine each service has a folder of its own under the
 * run folder, ipc://RUN/SERVICE/pub and ipc://RUN/SERVICE/replay, so that folder permissions say
 * who may bind there. [endpoint.SERVICE] pub and replay name other places (tcp://...).
 */
#include "libbus/config/config.h"

#define BUS_ENDPOINT_SIZE 256
/* sun_path holds 108 bytes with its NUL; a longer ipc path cannot be bound. */
#define BUS_IPC_PATH_MAX 107

/* All options of [bus], [endpoint.*] and [policy]: every program that reads the shared file has this table. */
extern const struct config_option bus_endpoint_options[];

enum bus_endpoint_kind {
        BUS_ENDPOINT_PUB,
        BUS_ENDPOINT_REPLAY,
};

/* Where others reach it: several, one blank between, where it runs several times.
 * -ENAMETOOLONG if the ipc path would not fit a socket address. */
BUS_MUST int bus_endpoint(const struct config *config, const char *service,
        enum bus_endpoint_kind kind, char ret_text[static BUS_ENDPOINT_SIZE]);
/* Where the service itself binds, which is one of them. -EINVAL if there are several and none is named. */
BUS_MUST int bus_endpoint_bound(const struct config *config, const char *service,
        enum bus_endpoint_kind kind, char ret_text[static BUS_ENDPOINT_SIZE]);
/* The run folder: [bus] run_dir, or "run" below [bus] state_dir. Borrowed, or in BUFFER. */
const char *bus_run_dir(const struct config *config, char buffer[static BUS_ENDPOINT_SIZE]);
/* Makes the folder an ipc endpoint lies in (0700); nothing for other transports. */
BUS_MUST int bus_endpoint_prepare(const char *endpoint);
