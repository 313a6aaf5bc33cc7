#pragma once
/*
 * The book of what came of the alerts, projected from the streams into an SQLite file of its own:
 * a position a row, an alert's route, the account by the minute, the pairs that were compared.
 *
 * Invariant: the file is a fold of the streams up to its cursors, which commit with the rows. Every
 * function that takes a position leaves out what is not behind the cursor, so a message handled
 * twice counts once; and the fold does not depend on which stream is read first. So the file may be
 * deleted at any time: read again from the oldest message kept, the same rows come out.
 *
 * One thread. All of it may block on the disk.
 */
#include "libbus/base/bytes.h"
#include "libbus/wire/position.h"
#include "services/telegram-analytics/statistics.h"

#include "account.pb-c.h"
#include "comparison.pb-c.h"
#include "decision.pb-c.h"
#include "envelope.pb-c.h"
#include "signal.pb-c.h"
#include "trade.pb-c.h"

#define LEDGER_FILE "ledger.db"

enum ledger_stream {
        LEDGER_SIGNAL,
        LEDGER_DECISION,
        LEDGER_TRADE,
        LEDGER_ACCOUNT,
        LEDGER_COMPARISON,
        LEDGER_STREAMS,
};

struct ledger;

/*
 * Opens PATH or makes it. A file that is damaged or of another format is deleted and begun anew:
 * everything in it can be had again. -errno after one ERROR line.
 */
BUS_MUST int ledger_open(const char *path, struct ledger **ret_ledger);
struct ledger *ledger_free(
        struct ledger *ledger); /* what was not committed is dropped; takes NULL */
/* With all that sqlite keeps beside it. */
void ledger_delete(const char *path);

/* How far STREAM is in it; zero: nothing yet. */
struct bus_pos ledger_cursor(const struct ledger *ledger, enum ledger_stream stream);

/* One message of a stream; test alerts are counted nowhere. Errors are kept until the commit. */
void ledger_signal(struct ledger *ledger, struct bus_pos at, const Pb__Envelope *envelope,
        const Pb__Signal *signal);
void ledger_decision(struct ledger *ledger, struct bus_pos at, const Pb__Envelope *envelope,
        const Pb__Decision *decision);
void ledger_trade(struct ledger *ledger, struct bus_pos at, const Pb__Envelope *envelope,
        const Pb__Trade *trade);
void ledger_account(struct ledger *ledger, struct bus_pos at, const Pb__Account *account);
void ledger_comparison(struct ledger *ledger, struct bus_pos at, const Pb__Envelope *envelope,
        const Pb__Comparison *comparison);
/* A message there is nothing to learn from. */
void ledger_pass(struct ledger *ledger, enum ledger_stream stream, struct bus_pos at);

/* To be called before the reader's own cursors commit: so these are never behind those. -EIO after
 * one ERROR line. */
BUS_MUST int ledger_commit(struct ledger *ledger);

/* ---- what is in it; FROM_US inclusive, TO_US exclusive. -EIO ---- */

/* Positions that ended in the span, oldest first, and what was opened in it. */
BUS_MUST int ledger_statistics(
        struct ledger *ledger, int64_t from_us, int64_t to_us, struct statistics *ret_statistics);

struct ledger_point { /* of the equity curve */
        int64_t at_us, equity_cents, balance_cents;
};
typedef void (*ledger_point_fn)(void *arg, const struct ledger_point *point);
BUS_MUST int ledger_curve(
        struct ledger *ledger, int64_t from_us, int64_t to_us, ledger_point_fn fn, void *arg);

struct ledger_parity { /* one plugin of the shadow against one live one */
        const char *plugin, *against, *source;
        int64_t pairs, critical, ignored;
        int64_t classes[PB__COMPARISON_CLASS__COMPARISON_CLASS_ERROR + 1];
};
typedef void (*ledger_parity_fn)(void *arg, const struct ledger_parity *parity);
BUS_MUST int ledger_parity(
        struct ledger *ledger, int64_t from_us, int64_t to_us, ledger_parity_fn fn, void *arg);

/* Microseconds from the alert's last byte to the broker's answer, of entries filled in the span, in
 * ascending order; the caller frees. */
BUS_MUST int ledger_latencies(struct ledger *ledger, int64_t from_us, int64_t to_us,
        int64_t **ret_latencies, size_t *ret_count);
