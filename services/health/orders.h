#pragma once
/*
 * Every order as its last event left it, in the store: made from the trade stream alone. Key:
 * o/DAY/ALERT/CL_ORD_ID, which sorts by the time the alert came in.
 */
#include "libbus/service/service.h"
#include "trade.pb-c.h"

#include <jansson.h>

#define ORDERS_LIMIT_MAX 1000

/* A trade of the alert that MESSAGE names; what is of no order is left out. */
void orders_take(
        struct bus_service *service, const struct bus_message *message, const Pb__Trade *trade);

struct orders_query {
        const char *state; /* "filled"; "open" for all that have not ended; NULL: all */
        int64_t now_us;
        int64_t days; /* so many, today among them */
        size_t limit; /* the newest so many; ORDERS_LIMIT_MAX at most */
};
/* Oldest first; the caller owns *RET_JSON. -EINVAL: there is no such state. */
BUS_MUST int orders_list(
        struct bus_service *service, const struct orders_query *query, json_t **ret_json);
/* Forgets a bounded number of those of DAY (days since the epoch). */
BUS_MUST int orders_prune_day(struct bus_service *service, int64_t day);
