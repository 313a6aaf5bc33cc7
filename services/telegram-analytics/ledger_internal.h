#pragma once
/* Inside of the ledger: ledger.c writes, ledger_read.c reads. */
#include "services/telegram-analytics/ledger.h"

#include <sqlite3.h>

enum ledger_sql {
        LEDGER_SQL_BEGIN,
        LEDGER_SQL_COMMIT,
        LEDGER_SQL_CURSOR,
        LEDGER_SQL_ALERT,
        LEDGER_SQL_ALERT_TO_POSITIONS,
        LEDGER_SQL_ROUTE,
        LEDGER_SQL_ROUTE_TO_POSITIONS,
        LEDGER_SQL_OPENING,
        LEDGER_SQL_DEAL,
        LEDGER_SQL_MINUTE,
        LEDGER_SQL_PAIR,
        LEDGER_SQL_CLOSED,
        LEDGER_SQL_OPENED,
        LEDGER_SQL_ALERTS,
        LEDGER_SQL_CURVE,
        LEDGER_SQL_PARITY,
        LEDGER_SQL_LATENCIES,
        LEDGER_SQL_COUNT,
};

struct ledger {
        sqlite3 *db;
        sqlite3_stmt *statements[LEDGER_SQL_COUNT];
        struct bus_pos cursors[LEDGER_STREAMS];
        bool moved[LEDGER_STREAMS]; /* since the last commit */
        bool open;                  /* a transaction is */
        int failed;                 /* the first error since; SQLITE_OK: none */
};

/* Prepared once, reset and ready for binding; NULL after ledger->failed was set. */
sqlite3_stmt *ledger_sql(struct ledger *ledger, enum ledger_sql id);
/* Binds numbers from parameter FIRST on. */
void ledger_bind(sqlite3_stmt *stmt, int first, const int64_t *values, size_t count);
