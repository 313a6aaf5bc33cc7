#pragma once
/*
 * The ledger drawn for a phone, as PNG. A picture is asked for by a short text, its spec, so that one
 * that waits to be sent is kept by its spec and drawn when its turn comes.
 */
#include "services/telegram-analytics/ledger.h"

/* KIND: "equity" or "parity". The caller frees. */
char *picture_spec(const char *kind, int64_t from_us, int64_t to_us);
/* Into PNG (appended). -EINVAL: SPEC is none; -ENODATA: there is nothing to draw; -EIO. */
BUS_MUST int picture_draw(struct ledger *ledger, const char *spec, struct bus_buf *png);
