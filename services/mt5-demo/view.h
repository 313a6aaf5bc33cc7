#pragma once
/*
 * The desk's state as JSON, numbers as in the ledger: what tests compare and people look at. Each
 * adds one value to BUF.
 */
#include "services/mt5-demo/desk.h"

void view_account(const struct desk *desk, struct bus_buf *buf);
void view_positions(const struct desk *desk, struct bus_buf *buf);
void view_deals(const struct desk *desk, struct bus_buf *buf);
void view_quotes(const struct desk *desk, struct bus_buf *buf);
void view_attempts(const struct desk *desk, struct bus_buf *buf); /* sorted by id and number */
void view_faults(const struct faults *faults, int64_t mono_us, struct bus_buf *buf);
