#include "libbus/base/log.h"
#include "libbus/base/require.h"
#include "services/telegram-analytics/ledger_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define QUARTER_S 900 /* no zone's offset changes within one */
#define POINT_US  (60 * BUS_US_PER_SEC)

/* Prepared for the span; NULL: ledger->failed. */
static sqlite3_stmt *ask(struct ledger *ledger, enum ledger_sql id, int64_t from_us, int64_t to_us)
{
        const int64_t values[] = { from_us, to_us, from_us / POINT_US, to_us / POINT_US };
        sqlite3_stmt *stmt = ledger_sql(ledger, id);

        if (stmt)
                ledger_bind(stmt, 1, values, id == LEDGER_SQL_CURVE ? 4 : 2);
        return stmt;
}

/* RC is what the last step said. */
static int end(struct ledger *ledger, sqlite3_stmt *stmt, int rc)
{
        if (stmt)
                sqlite3_reset(stmt);
        if (stmt && rc == SQLITE_DONE)
                return 0;
        log_error("ledger_unreadable", "error=\"%s\"", sqlite3_errmsg(ledger->db));
        return -EIO;
}

static const char *text(sqlite3_stmt *stmt, int column)
{
        const char *value = (const char *)sqlite3_column_text(stmt, column);

        return value ? value : "";
}

/* The hour in the process's zone; the last quarter's is remembered, for the next is mostly in it. */
struct hours {
        int64_t quarter;
        int hour;
};

static int hour_of(struct hours *hours, int64_t at_us)
{
        int64_t quarter = at_us / BUS_US_PER_SEC / QUARTER_S;
        time_t at = (time_t)(quarter * QUARTER_S);
        struct tm tm;

        if (quarter != hours->quarter) {
                localtime_r(&at, &tm);
                *hours = (struct hours){ quarter, tm.tm_hour };
        }
        return hours->hour;
}

static int add_closed(
        struct ledger *ledger, int64_t from_us, int64_t to_us, struct statistics *statistics)
{
        sqlite3_stmt *stmt = ask(ledger, LEDGER_SQL_CLOSED, from_us, to_us);
        struct hours hours = { .quarter = -1 };
        int rc = SQLITE_ERROR;

        while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
                statistics_add(
                        statistics, &(struct statistics_trade){
                                            .hour = hour_of(&hours, sqlite3_column_int64(stmt, 0)),
                                            .symbol = text(stmt, 1),
                                            .plugin = text(stmt, 2),
                                            .route = sqlite3_column_int(stmt, 3),
                                            .result_cents = sqlite3_column_int64(stmt, 4) });
        return end(ledger, stmt, rc);
}

static int add_opened(
        struct ledger *ledger, int64_t from_us, int64_t to_us, struct statistics *statistics)
{
        sqlite3_stmt *stmt = ask(ledger, LEDGER_SQL_OPENED, from_us, to_us);
        int rc = SQLITE_ERROR;

        while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
                int64_t alert_e8 = sqlite3_column_int64(stmt, 1);
                int64_t price_e8 = sqlite3_column_int64(stmt, 2);

                statistics->entries++;
                if (alert_e8 > 0 && price_e8 > 0)
                        statistics_slip(statistics,
                                sqlite3_column_int(stmt, 0) == PB__SIDE__SIDE_BUY, alert_e8,
                                price_e8);
        }
        return end(ledger, stmt, rc);
}

static int count_alerts(
        struct ledger *ledger, int64_t from_us, int64_t to_us, struct statistics *statistics)
{
        sqlite3_stmt *stmt = ask(ledger, LEDGER_SQL_ALERTS, from_us, to_us);
        int rc = SQLITE_ERROR;

        while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
                statistics->alerts = sqlite3_column_int64(stmt, 0);
        return end(ledger, stmt, rc);
}

int ledger_statistics(
        struct ledger *ledger, int64_t from_us, int64_t to_us, struct statistics *ret_statistics)
{
        struct statistics statistics;
        int r;

        statistics_init(&statistics);
        r = add_closed(ledger, from_us, to_us, &statistics);
        if (r == 0)
                r = add_opened(ledger, from_us, to_us, &statistics);
        if (r == 0)
                r = count_alerts(ledger, from_us, to_us, &statistics);
        if (r < 0) {
                statistics_done(&statistics);
                return r;
        }
        statistics_sort(&statistics);
        *ret_statistics = statistics;
        return 0;
}

int ledger_curve(
        struct ledger *ledger, int64_t from_us, int64_t to_us, ledger_point_fn fn, void *arg)
{
        sqlite3_stmt *stmt = ask(ledger, LEDGER_SQL_CURVE, from_us, to_us);
        int rc = SQLITE_ERROR;

        while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
                fn(arg, &(struct ledger_point){ sqlite3_column_int64(stmt, 0),
                                sqlite3_column_int64(stmt, 1), sqlite3_column_int64(stmt, 2) });
        return end(ledger, stmt, rc);
}

/* ---- parity ---- */

static const char *source_name(int64_t source)
{
        return source == PB__COMPARISON_SOURCE__COMPARISON_SOURCE_REPLAY ? "replay" : "live";
}

struct gathered {
        struct ledger_parity now;
        char plugin[STATISTICS_NAME_SIZE], against[STATISTICS_NAME_SIZE];
        ledger_parity_fn fn;
        void *arg;
};

static void hand_over(struct gathered *gathered)
{
        if (gathered->now.pairs)
                gathered->fn(gathered->arg, &gathered->now);
        gathered->now = (struct ledger_parity){ 0 };
}

static void gather(struct gathered *gathered, sqlite3_stmt *stmt)
{
        const char *plugin = text(stmt, 0), *against = text(stmt, 1);
        const char *source = source_name(sqlite3_column_int64(stmt, 2));
        struct ledger_parity *now = &gathered->now;
        int64_t class = sqlite3_column_int64(stmt, 3), count = sqlite3_column_int64(stmt, 4);

        if (now->pairs && (strcmp(now->plugin, plugin) || strcmp(now->against, against) ||
                                  now->source != source))
                hand_over(gathered);
        snprintf(gathered->plugin, sizeof(gathered->plugin), "%s", plugin);
        snprintf(gathered->against, sizeof(gathered->against), "%s", against);
        now->plugin = gathered->plugin;
        now->against = gathered->against;
        now->source = source;
        now->pairs += count;
        now->critical += sqlite3_column_int64(stmt, 5);
        now->ignored += sqlite3_column_int64(stmt, 6);
        if (class >= 0 && class < (int64_t)BUS_COUNT(now->classes))
                now->classes[class] += count;
}

int ledger_parity(
        struct ledger *ledger, int64_t from_us, int64_t to_us, ledger_parity_fn fn, void *arg)
{
        sqlite3_stmt *stmt = ask(ledger, LEDGER_SQL_PARITY, from_us, to_us);
        struct gathered gathered = { .fn = fn, .arg = arg };
        int rc = SQLITE_ERROR;

        while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
                gather(&gathered, stmt);
        hand_over(&gathered);
        return end(ledger, stmt, rc);
}

/* ---- latency ---- */

int ledger_latencies(struct ledger *ledger, int64_t from_us, int64_t to_us, int64_t **ret_latencies,
        size_t *ret_count)
{
        sqlite3_stmt *stmt = ask(ledger, LEDGER_SQL_LATENCIES, from_us, to_us);
        int64_t *latencies = NULL;
        size_t count = 0, capacity = 0;
        int rc = SQLITE_ERROR, r;

        while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
                if (count == capacity) {
                        capacity = capacity ? capacity * 2 : 64;
                        latencies = bus_xrealloc(latencies, capacity * sizeof(*latencies));
                }
                latencies[count++] = sqlite3_column_int64(stmt, 0);
        }
        r = end(ledger, stmt, rc);
        if (r < 0) {
                free(latencies);
                return r;
        }
        *ret_latencies = latencies;
        *ret_count = count;
        return 0;
}
