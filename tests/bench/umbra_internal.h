#pragma once
/* Only umbra.c and umbra_figures.c include this. */
#include "libbus/base/bytes.h"
#include "services/umbra/client.h"

struct umbra {
        struct layout layout;
        struct client health;
        pid_t pid;     /* of umbra up */
        pid_t redis;   /* 0: its stores are in sqlite */
        int ledger_fd; /* negative: not open yet */
        int64_t ledger_at;
        size_t opened, closed; /* deals, in what was read of the ledger */
        struct bus_buf text;
};
