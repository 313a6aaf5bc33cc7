#pragma once
/*
 * Sends one command (control.h) to a running mt5-demo. For tests and for `mt5-demo ctl`.
 */
#include "libbus/base/bytes.h"

#include <stdint.h>

/* The demo's answer begins with "error: "; it is in RET_REPLY all the same. */
#define CTL_REFUSED 1

/* Appends the answer to RET_REPLY. -ETIMEDOUT, CTL_REFUSED, -errno. Blocks up to TIMEOUT_US. */
BUS_MUST int ctl_command(
        const char *endpoint, const char *command, int64_t timeout_us, struct bus_buf *ret_reply);
