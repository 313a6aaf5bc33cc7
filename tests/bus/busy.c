/*
 * Linked into a node with --wrap=bus_zap_serve: the doorkeeper sits at the door and does not get to
 * answer, as on a machine that leaves it nothing.
 */
#include "libbus/bus/zap.h"

#include <unistd.h>

void __wrap_bus_zap_serve(void *zap);

void __wrap_bus_zap_serve(void *zap)
{
        (void)zap;
        usleep(1000);
}
