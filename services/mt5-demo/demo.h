#pragma once
/*
 * The demo account running: the pure desk with its ledger, link, prices and control socket around
 * it, on one loop.
 */
#include "libbus/loop/loop.h"
#include "services/mt5-demo/options.h"

struct demo;

/*
 * Opens the ledger, reads it again, and binds the control socket. OPTIONS and SECRET are borrowed.
 * < 0 after one ERROR line. The caller frees.
 */
BUS_MUST int demo_new(
        const struct options *options, struct bus_bytes secret, struct demo **ret_demo);
struct demo *demo_free(struct demo *demo); /* takes NULL, returns NULL */

/* Until SIGNAL_FD (a signalfd) has something to read. 0 or -errno. */
BUS_MUST int demo_run(struct demo *demo, int signal_fd);
