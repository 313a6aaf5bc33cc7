#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/telegram-analytics/ledger_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FORMAT 1

/* A minute of the account is a point of the curve: as fine as a phone can show of a day. */
#define POINT_US (60 * BUS_US_PER_SEC)

static const char schema[] =
        "CREATE TABLE cursor(stream INTEGER PRIMARY KEY, incarnation INTEGER, seq INTEGER,"
        " part INTEGER);"
        "CREATE TABLE alert(alert_id TEXT PRIMARY KEY, received_us INTEGER, type INTEGER,"
        " symbol TEXT) WITHOUT ROWID;"
        "CREATE INDEX alert_received ON alert(received_us);"
        "CREATE TABLE route(alert_id TEXT PRIMARY KEY, plugin TEXT, route INTEGER,"
        " verdict INTEGER) WITHOUT ROWID;"
        "CREATE TABLE position(ticket INTEGER PRIMARY KEY, alert_id TEXT NOT NULL DEFAULT '',"
        " plugin TEXT NOT NULL DEFAULT '', route INTEGER NOT NULL DEFAULT 0,"
        " symbol TEXT NOT NULL, side INTEGER NOT NULL, role INTEGER NOT NULL DEFAULT 0,"
        " volume_e8 INTEGER NOT NULL DEFAULT 0, price_e8 INTEGER NOT NULL DEFAULT 0,"
        " alert_price_e8 INTEGER NOT NULL DEFAULT 0, opened_us INTEGER,"
        " received_us INTEGER, reported_us INTEGER,"
        " out_e8 INTEGER NOT NULL DEFAULT 0, result_cents INTEGER NOT NULL DEFAULT 0,"
        " out_us INTEGER, closed_us INTEGER);"
        "CREATE INDEX position_alert ON position(alert_id);"
        "CREATE INDEX position_opened ON position(opened_us);"
        "CREATE INDEX position_closed ON position(closed_us, ticket, symbol, plugin, route,"
        " result_cents) WHERE closed_us IS NOT NULL;"
        "CREATE TABLE minute(minute INTEGER PRIMARY KEY, at_us INTEGER, equity_cents INTEGER,"
        " balance_cents INTEGER);"
        "CREATE TABLE pair(alert_id TEXT, plugin TEXT, source INTEGER, against TEXT, class INTEGER,"
        " critical INTEGER, ignored INTEGER, received_us INTEGER,"
        " PRIMARY KEY(alert_id, plugin, source)) WITHOUT ROWID;"
        "CREATE INDEX pair_received ON pair(received_us);";

static const char *const texts[LEDGER_SQL_COUNT] = {
        [LEDGER_SQL_BEGIN] = "BEGIN IMMEDIATE",
        [LEDGER_SQL_COMMIT] = "COMMIT",
        [LEDGER_SQL_CURSOR] = "INSERT OR REPLACE INTO cursor VALUES(?1, ?2, ?3, ?4)",
        [LEDGER_SQL_ALERT] = "INSERT OR IGNORE INTO alert VALUES(?1, ?2, ?3, ?4)",
        [LEDGER_SQL_ALERT_TO_POSITIONS] =
                "UPDATE position SET received_us = ?2 WHERE alert_id = ?1",
        [LEDGER_SQL_ROUTE] = "INSERT OR REPLACE INTO route VALUES(?1, ?2, ?3, ?4)",
        [LEDGER_SQL_ROUTE_TO_POSITIONS] = "UPDATE position SET route = ?2 WHERE alert_id = ?1",
        /* an opening may be told by more than one event, and behind its first deal */
        [LEDGER_SQL_OPENING] =
                "INSERT INTO position(ticket, alert_id, plugin, route, symbol, side, role,"
                " volume_e8, price_e8, alert_price_e8, opened_us, received_us, reported_us)"
                " VALUES(?1, ?2, ?3, coalesce((SELECT route FROM route WHERE alert_id = ?2), 0),"
                " ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
                " (SELECT received_us FROM alert WHERE alert_id = ?2), ?11)"
                " ON CONFLICT(ticket) DO UPDATE SET alert_id = excluded.alert_id,"
                " plugin = excluded.plugin, route = excluded.route, role = excluded.role,"
                " volume_e8 = max(volume_e8, excluded.volume_e8),"
                " price_e8 = excluded.price_e8, alert_price_e8 = excluded.alert_price_e8,"
                " opened_us = coalesce(opened_us, excluded.opened_us),"
                " received_us = excluded.received_us,"
                " reported_us = coalesce(reported_us, excluded.reported_us),"
                " closed_us = CASE WHEN out_e8 > 0 AND"
                " out_e8 >= max(volume_e8, excluded.volume_e8) THEN out_us END",
        [LEDGER_SQL_DEAL] =
                "INSERT INTO position(ticket, symbol, side, out_e8, result_cents, out_us,"
                " closed_us)"
                " SELECT ?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN ?4 > 0 THEN ?6 END"
                " WHERE ?7 OR EXISTS (SELECT 1 FROM position WHERE ticket = ?1)"
                " ON CONFLICT(ticket) DO UPDATE SET out_e8 = out_e8 + ?4,"
                " result_cents = result_cents + ?5,"
                " out_us = CASE WHEN ?4 > 0 THEN ?6 ELSE out_us END,"
                " closed_us = CASE WHEN out_e8 + ?4 > 0 AND out_e8 + ?4 >= volume_e8"
                " THEN CASE WHEN ?4 > 0 THEN ?6 ELSE out_us END END",
        [LEDGER_SQL_MINUTE] = "INSERT INTO minute VALUES(?1, ?2, ?3, ?4) ON CONFLICT(minute)"
                              " DO UPDATE SET at_us = ?2, equity_cents = ?3, balance_cents = ?4"
                              " WHERE ?2 >= at_us",
        [LEDGER_SQL_PAIR] = "INSERT OR REPLACE INTO pair VALUES(?1, ?2, ?5, ?3, ?6, ?7, ?8, ?4)",
        [LEDGER_SQL_CLOSED] =
                "SELECT closed_us, symbol, plugin, route, result_cents FROM position"
                " WHERE closed_us >= ?1 AND closed_us < ?2 ORDER BY closed_us, ticket",
        [LEDGER_SQL_OPENED] = "SELECT side, alert_price_e8, price_e8 FROM position"
                              " WHERE opened_us >= ?1 AND opened_us < ?2",
        [LEDGER_SQL_ALERTS] =
                "SELECT count(*) FROM alert WHERE received_us >= ?1 AND received_us < ?2",
        [LEDGER_SQL_CURVE] = "SELECT at_us, equity_cents, balance_cents FROM minute"
                             " WHERE minute >= ?3 AND minute <= ?4 AND at_us >= ?1 AND at_us < ?2"
                             " ORDER BY minute",
        [LEDGER_SQL_PARITY] =
                "SELECT plugin, against, source, class, count(*), sum(critical), sum(ignored)"
                " FROM pair WHERE received_us >= ?1 AND received_us < ?2"
                " GROUP BY plugin, against, source, class ORDER BY 1, 2, 3, 4",
        [LEDGER_SQL_LATENCIES] = "SELECT reported_us - received_us AS took FROM position"
                                 " WHERE opened_us >= ?1 AND opened_us < ?2 AND took > 0"
                                 " ORDER BY took",
};

/* ---- opening ---- */

void ledger_delete(const char *path)
{
        static const char *const beside[] = { "-wal", "-shm", "-journal", "" };

        for (size_t i = 0; i < BUS_COUNT(beside); i++) {
                BUS_AUTOFREE char *name = bus_xasprintf("%s%s", path, beside[i]);

                if (unlink(name) < 0 && errno != ENOENT)
                        log_warn("ledger_not_deleted", "path=%s error=\"%s\"", name,
                                strerror(errno));
        }
}

static int number(sqlite3 *db, const char *sql, int64_t *ret_value)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

        if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
                *ret_value = sqlite3_column_int64(stmt, 0);
        else if (rc == SQLITE_OK)
                rc = SQLITE_CORRUPT;
        sqlite3_finalize(stmt);
        return rc;
}

static int load_cursors(struct ledger *ledger)
{
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(
                ledger->db, "SELECT stream, incarnation, seq, part FROM cursor", -1, &stmt, NULL);

        if (rc != SQLITE_OK)
                return rc;
        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
                int64_t stream = sqlite3_column_int64(stmt, 0);

                if (stream < 0 || stream >= LEDGER_STREAMS)
                        continue;
                ledger->cursors[stream] = (struct bus_pos){
                        (uint64_t)sqlite3_column_int64(stmt, 1),
                        (uint64_t)sqlite3_column_int64(stmt, 2),
                        (uint32_t)sqlite3_column_int64(stmt, 3),
                };
        }
        sqlite3_finalize(stmt);
        return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* A cache of half a megabyte: the service is to stay small, and what is asked for lies together. */
static int prepare(struct ledger *ledger)
{
        int64_t format = 0;
        int rc;

        rc = sqlite3_exec(ledger->db,
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512;"
                "PRAGMA wal_autocheckpoint = 256; PRAGMA temp_store = FILE",
                NULL, NULL, NULL);
        if (rc == SQLITE_OK)
                rc = number(ledger->db, "PRAGMA user_version", &format);
        if (rc == SQLITE_OK && !format) {
                BUS_AUTOFREE char *all =
                        bus_xasprintf("BEGIN; %s PRAGMA user_version = %d; COMMIT", schema, FORMAT);

                rc = sqlite3_exec(ledger->db, all, NULL, NULL, NULL);
        } else if (rc == SQLITE_OK && format != FORMAT) {
                rc = SQLITE_SCHEMA;
        }
        return rc == SQLITE_OK ? load_cursors(ledger) : rc;
}

static int open_once(const char *path, struct ledger **ret_ledger)
{
        struct ledger *ledger = bus_new(struct ledger);
        int rc;

        rc = sqlite3_open_v2(path, &ledger->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
        if (rc == SQLITE_OK)
                rc = sqlite3_busy_timeout(ledger->db, 1000);
        if (rc == SQLITE_OK)
                rc = prepare(ledger);
        if (rc != SQLITE_OK)
                ledger = ledger_free(ledger);
        *ret_ledger = ledger;
        return rc;
}

static bool is_worthless(int rc)
{
        return rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT || rc == SQLITE_SCHEMA ||
               rc == SQLITE_ERROR;
}

int ledger_open(const char *path, struct ledger **ret_ledger)
{
        struct ledger *ledger;
        int rc;

        rc = open_once(path, &ledger);
        if (is_worthless(rc)) {
                log_warn("ledger_begun_anew", "path=%s why=\"%s\"", path, sqlite3_errstr(rc));
                ledger_delete(path);
                rc = open_once(path, &ledger);
        }
        if (rc != SQLITE_OK) {
                log_error("ledger_unusable", "path=%s error=\"%s\"", path, sqlite3_errstr(rc));
                return -EIO;
        }
        *ret_ledger = ledger;
        return 0;
}

struct ledger *ledger_free(struct ledger *ledger)
{
        if (!ledger)
                return NULL;
        for (int id = 0; id < LEDGER_SQL_COUNT; id++)
                sqlite3_finalize(ledger->statements[id]);
        sqlite3_close(ledger->db);
        free(ledger);
        return NULL;
}

/* ---- statements ---- */

sqlite3_stmt *ledger_sql(struct ledger *ledger, enum ledger_sql id)
{
        sqlite3_stmt **stmt = &ledger->statements[id];
        int rc = SQLITE_OK;

        if (!*stmt)
                rc = sqlite3_prepare_v3(
                        ledger->db, texts[id], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
        if (rc != SQLITE_OK) {
                log_error("ledger_statement", "error=\"%s\"", sqlite3_errmsg(ledger->db));
                ledger->failed = rc;
                return NULL;
        }
        sqlite3_reset(*stmt);
        return *stmt;
}

void ledger_bind(sqlite3_stmt *stmt, int first, const int64_t *values, size_t count)
{
        for (size_t i = 0; i < count; i++)
                sqlite3_bind_int64(stmt, first + (int)i, values[i]);
}

static void bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
        sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

static void run(struct ledger *ledger, sqlite3_stmt *stmt)
{
        int rc = sqlite3_step(stmt);

        if (rc != SQLITE_DONE && ledger->failed == SQLITE_OK)
                ledger->failed = rc;
        sqlite3_reset(stmt);
}

static void run_plain(struct ledger *ledger, enum ledger_sql id)
{
        sqlite3_stmt *stmt = ledger_sql(ledger, id);

        if (stmt)
                run(ledger, stmt);
}

/* ---- writing ---- */

struct bus_pos ledger_cursor(const struct ledger *ledger, enum ledger_stream stream)
{
        return ledger->cursors[stream];
}

/* Whether the message at AT is new; then it is taken. */
static bool take(struct ledger *ledger, enum ledger_stream stream, struct bus_pos at)
{
        if (bus_pos_compare(at, ledger->cursors[stream]) <= 0)
                return false;
        if (!ledger->open)
                run_plain(ledger, LEDGER_SQL_BEGIN);
        ledger->open = true;
        ledger->cursors[stream] = at;
        ledger->moved[stream] = true;
        return true;
}

void ledger_pass(struct ledger *ledger, enum ledger_stream stream, struct bus_pos at)
{
        (void)take(ledger, stream, at);
}

void ledger_signal(struct ledger *ledger, struct bus_pos at, const Pb__Envelope *envelope,
        const Pb__Signal *signal)
{
        const int64_t values[] = { signal->received_us, signal->type };
        sqlite3_stmt *stmt;

        if (!take(ledger, LEDGER_SIGNAL, at) || envelope->test)
                return;
        stmt = ledger_sql(ledger, LEDGER_SQL_ALERT);
        if (!stmt)
                return;
        bind_text(stmt, 1, envelope->alert_id);
        ledger_bind(stmt, 2, values, BUS_COUNT(values));
        bind_text(stmt, 4, signal->symbol);
        run(ledger, stmt);
        stmt = ledger_sql(ledger, LEDGER_SQL_ALERT_TO_POSITIONS);
        if (!stmt)
                return;
        bind_text(stmt, 1, envelope->alert_id);
        ledger_bind(stmt, 2, values, 1);
        run(ledger, stmt);
}

void ledger_decision(struct ledger *ledger, struct bus_pos at, const Pb__Envelope *envelope,
        const Pb__Decision *decision)
{
        const int64_t values[] = { decision->route, decision->verdict };
        sqlite3_stmt *stmt;

        if (!take(ledger, LEDGER_DECISION, at) || envelope->test)
                return;
        stmt = ledger_sql(ledger, LEDGER_SQL_ROUTE);
        if (!stmt)
                return;
        bind_text(stmt, 1, envelope->alert_id);
        bind_text(stmt, 2, decision->plugin);
        ledger_bind(stmt, 3, values, BUS_COUNT(values));
        run(ledger, stmt);
        stmt = ledger_sql(ledger, LEDGER_SQL_ROUTE_TO_POSITIONS);
        if (!stmt)
                return;
        bind_text(stmt, 1, envelope->alert_id);
        ledger_bind(stmt, 2, values, 1);
        run(ledger, stmt);
}

static bool is_leg(const Pb__Trade *trade)
{
        return trade->role == PB__ORDER_ROLE__ORDER_ROLE_LEG_A ||
               trade->role == PB__ORDER_ROLE__ORDER_ROLE_LEG_B;
}

static int64_t reported_us(const Pb__Envelope *envelope)
{
        for (size_t i = 0; i < envelope->n_stamps; i++)
                if (envelope->stamps[i]->step == PB__STEP__STEP_REPORTED)
                        return envelope->stamps[i]->at_us;
        return envelope->staged_us;
}

static void open_position(
        struct ledger *ledger, const Pb__Envelope *envelope, const Pb__Trade *trade)
{
        const int64_t values[] = { trade->side, trade->role, trade->filled_e8, trade->price_e8,
                trade->alert_price_e8, envelope->staged_us, reported_us(envelope) };
        sqlite3_stmt *stmt = ledger_sql(ledger, LEDGER_SQL_OPENING);

        if (!stmt)
                return;
        sqlite3_bind_int64(stmt, 1, (int64_t)trade->ticket);
        bind_text(stmt, 2, envelope->alert_id);
        bind_text(stmt, 3, trade->plugin);
        bind_text(stmt, 4, trade->symbol);
        ledger_bind(stmt, 5, values, BUS_COUNT(values));
        run(ledger, stmt);
}

/* Without a slot it was closed by hand, or is somebody else's: then it counts if we know it as ours.
 * What a leg's own deal brings is its commission; nothing goes out by it. */
static void count_deal(struct ledger *ledger, const Pb__Envelope *envelope, const Pb__Trade *trade)
{
        const int64_t values[] = { trade->side, is_leg(trade) ? 0 : trade->filled_e8,
                trade->profit_cents + trade->commission_cents + trade->swap_cents,
                envelope->staged_us, *trade->slot != 0 };
        sqlite3_stmt *stmt = ledger_sql(ledger, LEDGER_SQL_DEAL);

        if (!stmt)
                return;
        sqlite3_bind_int64(stmt, 1, (int64_t)trade->ticket);
        bind_text(stmt, 2, trade->symbol);
        ledger_bind(stmt, 3, values, BUS_COUNT(values));
        run(ledger, stmt);
}

void ledger_trade(struct ledger *ledger, struct bus_pos at, const Pb__Envelope *envelope,
        const Pb__Trade *trade)
{
        if (!take(ledger, LEDGER_TRADE, at) || envelope->test || !trade->ticket)
                return;
        switch (trade->event) {
        case PB__TRADE_EVENT__TRADE_EVENT_FILLED:
        case PB__TRADE_EVENT__TRADE_EVENT_PARTIAL:
        case PB__TRADE_EVENT__TRADE_EVENT_ADOPTED:
                if (is_leg(trade) && trade->filled_e8 > 0)
                        open_position(ledger, envelope, trade);
                break;
        case PB__TRADE_EVENT__TRADE_EVENT_DEAL: count_deal(ledger, envelope, trade); break;
        default: break;
        }
}

void ledger_account(struct ledger *ledger, struct bus_pos at, const Pb__Account *account)
{
        const int64_t values[] = { account->as_of_us / POINT_US, account->as_of_us,
                account->equity_cents, account->balance_cents };
        sqlite3_stmt *stmt;

        if (!take(ledger, LEDGER_ACCOUNT, at) || !account->connected)
                return;
        stmt = ledger_sql(ledger, LEDGER_SQL_MINUTE);
        if (!stmt)
                return;
        ledger_bind(stmt, 1, values, BUS_COUNT(values));
        run(ledger, stmt);
}

void ledger_comparison(struct ledger *ledger, struct bus_pos at, const Pb__Envelope *envelope,
        const Pb__Comparison *comparison)
{
        const int64_t values[] = { comparison->received_us, comparison->source, comparison->class_,
                comparison->critical, comparison->ignored };
        sqlite3_stmt *stmt;

        if (!take(ledger, LEDGER_COMPARISON, at) || envelope->test)
                return;
        stmt = ledger_sql(ledger, LEDGER_SQL_PAIR);
        if (!stmt)
                return;
        bind_text(stmt, 1, envelope->alert_id);
        bind_text(stmt, 2, comparison->plugin);
        bind_text(stmt, 3, comparison->against);
        ledger_bind(stmt, 4, values, BUS_COUNT(values));
        run(ledger, stmt);
}

static void write_cursors(struct ledger *ledger)
{
        for (int stream = 0; stream < LEDGER_STREAMS; stream++) {
                const struct bus_pos *at = &ledger->cursors[stream];
                const int64_t values[] = { stream, (int64_t)at->incarnation, (int64_t)at->seq,
                        at->part };
                sqlite3_stmt *stmt;

                if (!ledger->moved[stream])
                        continue;
                stmt = ledger_sql(ledger, LEDGER_SQL_CURSOR);
                if (!stmt)
                        return;
                ledger_bind(stmt, 1, values, BUS_COUNT(values));
                run(ledger, stmt);
                ledger->moved[stream] = false;
        }
}

int ledger_commit(struct ledger *ledger)
{
        if (ledger->open) {
                write_cursors(ledger);
                if (ledger->failed == SQLITE_OK)
                        run_plain(ledger, LEDGER_SQL_COMMIT);
                ledger->open = false;
        }
        if (ledger->failed == SQLITE_OK)
                return 0;
        log_error("ledger_failed", "error=\"%s\"", sqlite3_errstr(ledger->failed));
        return -EIO;
}
