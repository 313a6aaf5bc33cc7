#pragma once
/*
 * Between desk.c (what is known and answered) and execute.c (what is done with a new request).
 */
#include "services/mt5-demo/desk.h"

/* Writes and applies. Our own records always follow from what is there (bus_require). */
void desk_commit(struct desk *desk, const struct record *records, size_t count);
/* NULL: unknown symbol. */
const struct symbol_spec *desk_spec(const struct desk *desk, const char *symbol);
void desk_tell_deals(struct desk *desk, struct instant at);
void desk_add_job(
        struct desk *desk, const struct order *order, uint64_t placed_ticket, int64_t due_mono_us);
void desk_send_report(struct desk *desk, const char *cl_ord_id, uint32_t number);

/* Records and answers a result that executes nothing. */
void desk_refuse(
        struct desk *desk, const struct order *order, struct verdict verdict, struct instant at);
/* Acts on a request that may run. */
void desk_execute(struct desk *desk, const struct order *order, struct instant at);
/* Fills a working order, at the market. */
void desk_fill_placed(
        struct desk *desk, const struct order *order, uint64_t ticket, struct instant at);
