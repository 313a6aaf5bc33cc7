#pragma once
/*
 * The rules of a time zone, from the machine's own table of them.
 */
#include "services/umbra/deploy/window.h"

/* Makes NAME ("Asia/Kolkata") the process's zone. -EINVAL if this machine does not know it. */
BUS_MUST int zone_open(const char *name, struct window_zone *ret_zone);
