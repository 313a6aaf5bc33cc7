#pragma once
/*
 * The ledger on the bus: feeds it what the service reads, and commits it before the service's own
 * cursors do, so that it is never behind them. Where it is behind all the same (it was deleted, is
 * damaged, lost its end in a power cut, or `umbra rebuild analytics` asked for it), the cursors are
 * set back at the start and everything is read again; who else reads the same messages is told by
 * projection_is_again.
 */
#include "libbus/service/service.h"
#include "services/telegram-analytics/ledger.h"

#define PROJECTION_REBUILD_FILE "rebuild" /* in the service's folder: begin the ledger anew */

struct projection {
        struct bus_service *service;
        struct ledger *ledger;
        struct bus_pos until[LEDGER_STREAMS]; /* read before the ledger was begun anew */
        struct bus_source *timer;
};

/* As the class's prepare. -errno after one ERROR line. */
BUS_MUST int projection_prepare(struct projection *projection, struct bus_service *service);
void projection_start(struct projection *projection);
void projection_done(struct projection *projection);
/* As the class's before_commit. */
void projection_commit(struct projection *projection);
/* Takes what this service itself has published since. */
void projection_catch_up(void *projection);
/* MESSAGE was handled before the ledger was begun anew: it is here for the ledger alone. */
bool projection_is_again(
        const struct projection *projection, enum ledger_stream stream, struct bus_pos position);

/* As bus_handlers; 0 or BUS_QUARANTINE. */
BUS_MUST int projection_signal(struct projection *projection, const struct bus_message *message);
BUS_MUST int projection_decision(struct projection *projection, const struct bus_message *message);
BUS_MUST int projection_trade(struct projection *projection, const struct bus_message *message);
BUS_MUST int projection_account(struct projection *projection, const struct bus_message *message);
