#pragma once
/*
 * Listening sockets that outlive the service behind them: up holds them, so that a client that
 * connects while the service is started again waits for it instead of being refused.
 */
#include "libbus/base/attr.h"

#include <stdint.h>

/* HOST: a name or address; port 0: any. The descriptor closes on exec; the caller closes it. */
BUS_MUST int listen_open(const char *host, uint16_t port, int *ret_fd, uint16_t *ret_port);
