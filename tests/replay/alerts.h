#pragma once
/*
 * Alerts for replaying, and the account each came in on: all kinds, all symbols, every rule met many
 * times over. The same seed makes the same ones. Pure.
 */
#include "libbus/base/bytes.h"
#include "umbra/v3.h"

#include <stdbool.h>
#include <stdint.h>

struct any_alert {
        struct bus_buf body; /* as TradingView would post it */
        struct v3_context context;
        bool has_context;
};

/* Fills ALERT (whose buffer is used again) with the next one. *STATE: any number but 0 at first. */
void any_alert_next(uint64_t *state, struct any_alert *alert);
/* The line of `umbra decide` for it, without a line break. */
void any_alert_line(const struct any_alert *alert, struct bus_buf *line);
